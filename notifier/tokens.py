"""The token in a link of ours: which row of a table it is for, and that we made it. Pure.

It is 17 letters and digits, short enough for a text: the row's key, hidden, so that it says
nothing, and 64 bits of HMAC-SHA-256 over it and facts of the row. What a token is for is part of
both, so that a token for one purpose is none for another.
"""

import hashlib
import hmac
import string
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
_BLOCK = 64
"""Bytes that SHA-256 takes at a time."""


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
    return _in_letters(int.from_bytes(tag + hidden, "big"))


def _in_letters(number: int) -> str:
    # Two letters at a time, and the high part apart: a processor divides small numbers at once.
    high, low = divmod(number, len(_PAIRS) ** 5)
    word = ""
    for part, pairs in ((low, 5), (high, 4)):
        rest = part
        for _ in range(pairs):
            rest, pair = divmod(rest, len(_PAIRS))
            word = _PAIRS[pair] + word
    return word[1:]  # of nine pairs the first begins with a nought


def _tag(key: str, purpose: str, row: int, facts: str) -> bytes:
    return _signed(key, f"{purpose} {row} {facts}".encode())[:_TAG_BYTES]


def _masked(key: str, purpose: str, tag: bytes, row: bytes) -> bytes:
    """A row's key under a mask, or out from under it."""
    mask = _signed(key, f"{purpose} mask ".encode() + tag)[:_ROW_BYTES]
    return (int.from_bytes(row, "big") ^ int.from_bytes(mask, "big")).to_bytes(_ROW_BYTES, "big")


def _signed(key: str, words: bytes) -> bytes:
    """HMAC-SHA-256 as RFC 2104 defines it: that of the library begins anew for each."""
    inner, outer = (begun.copy() for begun in _begun(key))
    inner.update(words)
    outer.update(inner.digest())
    return outer.digest()


@cache
def _begun(key: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """What all that is signed with a key begins with, which is half of the work."""
    given = key.encode()
    block = (hashlib.sha256(given).digest() if len(given) > _BLOCK else given).ljust(_BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C))
    return hashlib.sha256(inner), hashlib.sha256(outer)
