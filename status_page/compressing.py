"""Compressed twins of published files, made once by the publisher for all who ever ask.

Always all of them, however short a file is: a twin that were left out where it does not pay would
leave the one of an earlier, longer content in its place.
"""

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


def _twins(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    # No time stamp inside.
    large = len(content) > _LARGE
    yield ".gz", gzip.compress(content, compresslevel=1 if large else 6, mtime=0)
    # Level 9 keeps to a window that every browser must take (RFC 9659).
    zstd = zstandard.ZstdCompressor(level=3 if large else 9)
    yield ".zst", zstd.compress(content)
    # Style and script are written once and fetched by everyone.
    quality = 4 if large else 11 if name.startswith("static/") else 7
    yield ".br", brotli.compress(content, quality=quality)
