"""Compressed twins of published files, made once by the publisher for all who ever ask.

Always all of them, however short a file is: a twin that were left out where it does not pay would
leave the one of an earlier, longer content in its place.
"""

import functools
import gzip
from collections.abc import Iterable, Iterator

import brotli
import zstandard

from status_page.media import has_twins

_LARGE = 256 * 1024
"""Bytes above which brotli at its better levels takes longer than a change may take in all."""


def with_twins(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield files, each followed by its twins; equal content gives equal bytes."""
    for name, content in files:
        yield name, content
        if has_twins(name):
            for end, twin in _twins(name, content):
                yield name + end, twin


def _twins(name: str, content: bytes) -> Iterable[tuple[str, bytes]]:
    if name.startswith("static/"):
        return _fetched_by_everyone(content)
    large = len(content) > _LARGE
    # The best levels take many times as long for a few hundredths less. zstd keeps, up to its
    # ninth, to a window that every browser must take (RFC 9659).
    return _packed(content, *((1, 3, 4) if large else (6, 6, 5)))


@functools.lru_cache(maxsize=32)
def _fetched_by_everyone(content: bytes) -> tuple[tuple[str, bytes], ...]:
    """Style and script: worth the best there is, once per process; a map takes too long at it."""
    return _packed(content, 9, 9, 11) if len(content) <= _LARGE else _packed(content, 6, 9, 5)


def _packed(content: bytes, gz: int, zst: int, br: int) -> tuple[tuple[str, bytes], ...]:
    return (
        # No time stamp inside.
        (".gz", gzip.compress(content, compresslevel=gz, mtime=0)),
        (".zst", zstandard.ZstdCompressor(level=zst).compress(content)),
        (".br", brotli.compress(content, quality=br)),
    )
