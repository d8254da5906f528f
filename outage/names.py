"""What people are called, word by word, so that they are found by any of their names.

The words stand beside the accounts (`account_words`): every writer of a name keeps them in the
transaction that writes it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t

LONGEST_WORD, MOST_WORDS = 40, 12
_MARKS = re.compile(r"['`\u2019\u02bc\u00b4]")
_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name as they are compared: ``O'Brien-Núñez`` is obrien and nunez."""
    plain = unicodedata.normalize("NFKD", _MARKS.sub("", name)).casefold()
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    found = dict.fromkeys(word[:LONGEST_WORD] for word in _WORD.findall(bare))
    return tuple(found)[:MOST_WORDS]


def keep(conn: Connection, names: Mapping[int, str]) -> None:
    """Keep the words of the names of these accounts, by key, in place of those they had."""
    if not names:
        return
    w = t.account_words
    had: dict[int, set[str]] = {}
    for key, word in conn.execute(
        sa.select(w.c.account_key, w.c.word).where(w.c.account_key.in_(list(names)))
    ):
        had.setdefault(key, set()).add(word)
    wanted = {key: set(words(name)) for key, name in names.items()}
    gone = [(word, key) for key, old in had.items() for word in old - wanted[key]]
    if gone:
        conn.execute(
            w.delete().where(
                w.c.word == sa.bindparam("the_word"), w.c.account_key == sa.bindparam("the_key")
            ),
            [{"the_word": word, "the_key": key} for word, key in gone],
        )
    new = [
        {"word": word, "account_key": key}
        for key, words_now in wanted.items()
        for word in sorted(words_now - had.get(key, set()))
    ]
    if new:
        conn.execute(w.insert(), new)
