"""The token in a link of ours: which row of a table it is for, and that we made it. Pure.

It is 17 letters and digits, short enough for a text: the row's key, hidden, so that it says
nothing, and 64 bits of HMAC-SHA-256 over it and facts of the row. What a token is for is part of
both, so that a token for one purpose is none for another.
"""

import hmac
import string
from dataclasses import dataclass
from typing import Self

LENGTH = 17
MOST_ROWS = 1 << 32
"""Keys that a token has room for."""
_LETTERS = string.digits + string.ascii_letters
_ROW_BYTES, _TAG_BYTES = 4, 8
_SIZE = _TAG_BYTES + _ROW_BYTES


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
        return int.from_bytes(_masked(key, purpose, self.tag, self.hidden), "big")

    def fits(self, key: str, purpose: str, row: int, facts: str) -> bool:
        """Whether we made it, with this key, of these facts."""
        return hmac.compare_digest(self.tag, _tag(key, purpose, row, facts))


def made(key: str, purpose: str, row: int, facts: str) -> str:
    """The token of a row below `MOST_ROWS`."""
    tag = _tag(key, purpose, row, facts)
    hidden = _masked(key, purpose, tag, row.to_bytes(_ROW_BYTES, "big"))
    number, letters = int.from_bytes(tag + hidden, "big"), ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters


def _tag(key: str, purpose: str, row: int, facts: str) -> bytes:
    return hmac.digest(key.encode(), f"{purpose} {row} {facts}".encode(), "sha256")[:_TAG_BYTES]


def _masked(key: str, purpose: str, tag: bytes, row: bytes) -> bytes:
    """A row's key under a mask, or out from under it."""
    mask = hmac.digest(key.encode(), f"{purpose} mask ".encode() + tag, "sha256")
    return bytes(one ^ other for one, other in zip(row, mask, strict=False))
