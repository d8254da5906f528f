"""Texts that come in: on record before the provider is answered, applied afterwards, each once.

`accept` is all that happens inside the provider's request. `Inbox.turn` applies the next text in
one transaction: what it asks for, the answer, the pages; killed anywhere, it begins anew.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from notifier.links import Links
from notifier.replies import applying
from notifier.replies.intents import Context, Intent
from notifier.replies.lexicon import lexicons
from notifier.replies.owing import URGENT, USUAL
from notifier.replies.understanding import understand
from outage import tables as t
from outage.database import APPENDED, Database, wall_now
from outage.errors import DatabaseError
from outage.settings import Settings
from outage.site import Site

log = logging.getLogger(__name__)

ATTEMPTS = 5
"""A text that fails so often is passed to staff as it is; the ones behind it go on."""
MOST_CHARACTERS = 4000
_OVERTAKES = frozenset({Intent.DANGER, Intent.STOP, Intent.WRONG})


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundText:
    """One text as a provider hands it over. ``provider_id`` is its id of the message."""

    provider: str
    provider_id: str
    address: str
    body: str
    media: int = 0
    opt_out_type: str | None = None


def accept(db: Database, texts: Sequence[InboundText]) -> int:
    """Put texts on record; return how many were new. The same one again changes nothing."""
    if not texts:
        return 0
    # Reading them takes its time: not under the write lock.
    rows = [
        {
            "provider": one.provider,
            "provider_id": one.provider_id,
            "address": _clean(one.address)[:64],
            "body": _clean(one.body)[:MOST_CHARACTERS],
            "media": one.media,
            "opt_out_type": one.opt_out_type,
            "urgency": _urgency(one),
        }
        for one in texts
    ]
    with db.write() as conn:
        dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
        now = wall_now(conn)
        kept = (
            dialect.insert(t.replies)
            .on_conflict_do_nothing(index_elements=["provider", "provider_id"])
            .returning(t.replies.c.key)
        )
        new = sum(len(conn.execute(kept, row | {"received_at": now}).all()) for row in rows)
        # Whoever applies them looks at once.
        conn.info[APPENDED] = bool(new)
    return new


def _urgency(one: InboundText) -> int:
    """Whether it overtakes others: danger, or a wish to hear no more."""
    try:
        found = understand(one.body, Context(opt_out_type=one.opt_out_type))
    except Exception:  # noqa: BLE001  # whatever it holds, it goes on record
        return USUAL
    return URGENT if found.intent in _OVERTAKES else USUAL


def _clean(text: str) -> str:
    """A text as PostgreSQL takes it: no zero characters, no halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


class Inbox:
    """Applies what came in: danger and STOP before all else, each number's texts in their order."""

    def __init__(self, db: Database, settings: Settings, site: Site) -> None:
        lexicons()  # read now, and not while the first text holds the write lock
        self._db, links = db, Links.of(settings)
        self.terms = applying.Terms(
            site=site,
            mode=settings.send,
            allowlist=settings.allowlist,
            test_numbers=settings.test_numbers,
            link=links.blank if links else "",
        )

    def turn(self) -> bool:
        """Apply the next text; whether there was one."""
        with self._db.read() as conn:
            key: int | None = conn.execute(_next()).scalar()
        if key is None:
            return False
        try:
            with self._db.write() as conn:
                row = _take(conn, key)
                if row is not None:
                    applying.apply(conn, row, self.terms)
                    # The answer is owed now, and whoever sends it looks at once.
                    conn.info[APPENDED] = True
        except (DatabaseError, OperationalError):
            raise  # not the text's fault: the loop tries again, ever more slowly
        except Exception as error:  # noqa: BLE001  # one text must not hold up all others
            # Neither its words nor its number.
            log.error("reply %d failed with %s", key, type(error).__name__)  # noqa: TRY400
            self._failed(key)
        return True

    def drain(self) -> int:
        """Apply everything there is; return how many texts."""
        count = 0
        while self.turn():
            count += 1
        return count

    def _failed(self, key: int) -> None:
        with self._db.write() as conn:
            row = _take(conn, key)
            if row is None:
                return
            attempts = row.attempts + 1
            conn.execute(t.replies.update().where(t.replies.c.key == key).values(attempts=attempts))
            if attempts >= ATTEMPTS:
                applying.give_up(conn, row, self.terms)


def _next() -> sa.Select[Any]:
    """The oldest text of the number whose text is the most urgent.

    What a number wrote before goes before: START, then STOP, ends texts.
    """
    r, one = t.replies.c, t.replies.alias().c
    first = (
        sa.select(one.address)
        .where(one.applied_at.is_(None))
        .order_by(one.urgency, one.key)
        .limit(1)
        .scalar_subquery()
    )
    mine = sa.and_(r.applied_at.is_(None), r.address == first)
    return sa.select(r.key).where(mine).order_by(r.key).limit(1)


def _take(conn: Connection, key: int) -> sa.Row[Any] | None:
    """The text, unless somebody else has applied it: whoever waits for the row sees that."""
    r = t.replies
    return conn.execute(
        r.select().where(r.c.key == key, r.c.applied_at.is_(None)).with_for_update()
    ).first()
