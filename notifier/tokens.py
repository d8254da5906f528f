"""The token in a link of ours: which row of a table it is for, and that we made it. Pure.

It is 17 letters and digits, short enough for a text: the row's key, hidden, so that it says
nothing, and 64 bits of keyed BLAKE2b (RFC 7693) over it and facts of the row. What a token is for
is part of both, so that a token for one purpose is none for another.
"""

import hashlib
import hmac
import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Self

LENGTH = 17
MOST_ROWS = 1 << 32
"""Keys that a token has room for."""
_LETTERS = string.digits + string.ascii_letters
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_ROW_BYTES, _TAG_BYTES = 4, 8
_SIZE = _TAG_BYTES + _ROW_BYTES
_MOST_PAIRS = len(_PAIRS)
_FIVE_PAIRS = _MOST_PAIRS**5


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as somebody brings it: ours only if it `fits` the row that it names."""

    tag: bytes
    hidden: bytes

    @classmethod
    def read(cls, written: str) -> Self | None:
        """Take a token apart; None for what is none."""
        if len(written) != LENGTH or not set(written) <= set(_LETTERS):
            return None
        number = 0
        for letter in written:
            number = number * len(_LETTERS) + _LETTERS.index(letter)
        if number >= 1 << 8 * _SIZE:
            return None
        whole = number.to_bytes(_SIZE, "big")
        return cls(tag=whole[:_TAG_BYTES], hidden=whole[_TAG_BYTES:])

    def row(self, key: str, purpose: str) -> int:
        """Which row it names, if it was made with this key."""
        mask = _masks(key, purpose)
        mask.update(self.tag)
        return int.from_bytes(self.hidden, "big") ^ int.from_bytes(mask.digest(), "big")

    def fits(self, key: str, purpose: str, row: int, facts: str) -> bool:
        """Whether we made it, with this key, of these facts."""
        tag = _tags(key, purpose)
        tag.update(f"{row} {facts}".encode())
        return hmac.compare_digest(self.tag, tag.digest())


def made(key: str, purpose: str, row: int, facts: str) -> str:
    """The token of a row below `MOST_ROWS`."""
    return made_all(key, purpose, [(row, facts)])[0]


def made_all(key: str, purpose: str, rows: Iterable[tuple[int, object]]) -> list[str]:
    """The tokens of rows below `MOST_ROWS`, each given with its facts.

    What all of them begin with is hashed once: one is made for each e-mail of a storm.
    """
    tags, masks = _tags(key, purpose), _masks(key, purpose)
    made: list[str] = []
    for row, facts in rows:
        tagged = tags.copy()
        tagged.update(f"{row} {facts}".encode())
        tag = tagged.digest()
        masked = masks.copy()
        masked.update(tag)
        hidden = row ^ int.from_bytes(masked.digest(), "big")
        made.append(_in_letters(int.from_bytes(tag, "big") << 8 * _ROW_BYTES | hidden))
    return made


def _in_letters(number: int) -> str:
    # Two letters at a time, and the high part apart: a processor divides small numbers at once.
    high, low = divmod(number, _FIVE_PAIRS)
    low, last = divmod(low, _MOST_PAIRS)
    low, eighth = divmod(low, _MOST_PAIRS)
    low, seventh = divmod(low, _MOST_PAIRS)
    fifth, sixth = divmod(low, _MOST_PAIRS)
    high, fourth = divmod(high, _MOST_PAIRS)
    high, third = divmod(high, _MOST_PAIRS)
    first, second = divmod(high, _MOST_PAIRS)
    head = f"{_PAIRS[first]}{_PAIRS[second]}{_PAIRS[third]}{_PAIRS[fourth]}"
    tail = f"{_PAIRS[fifth]}{_PAIRS[sixth]}{_PAIRS[seventh]}{_PAIRS[eighth]}{_PAIRS[last]}"
    return (head + tail)[1:]  # of nine pairs the first begins with a nought


def _tags(key: str, purpose: str) -> hashlib.blake2b:
    """What a tag begins with; a row and its facts follow."""
    return hashlib.blake2b(f"{purpose} ".encode(), digest_size=_TAG_BYTES, key=_short(key))


def _masks(key: str, purpose: str) -> hashlib.blake2b:
    """What the mask over a row's key begins with; the tag follows."""
    return hashlib.blake2b(f"{purpose} mask ".encode(), digest_size=_ROW_BYTES, key=_short(key))


@cache
def _short(key: str) -> bytes:
    """A key as long as BLAKE2b takes one."""
    return hashlib.blake2b(key.encode(), person=b"outage token").digest()
