"""The file of an index: written whole or not at all, checked before anybody is matched with it.

A header of fixed size says which premises of which database it holds and where each array lies;
the arrays follow as the processor reads them. Mapped, a file costs only the pages that are touched,
and these once for all processes of a host.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np

from gis.search.layout import Layout, Run
from gis.search.strips import CELLS, STRIPS

_MAGIC = b"outage premises\n"
_FORMAT = 1
_HEADER = 16_384
_ALIGNED = 64
_CHUNK = 1 << 20
_SAMPLE = 4_096
_SAMPLES = 64
SMALL = 64 * _CHUNK
"""A file up to this size is read through when it is opened: that takes some 50 ms at most."""
_ARRAYS: dict[str, np.dtype[Any]] = {
    "places": np.dtype(np.int64),
    "lon": np.dtype(np.float64),
    "lat": np.dtype(np.float64),
    "keys": np.dtype(np.int64),
    "by_key": np.dtype(np.int32),
}


class IndexDamaged(Exception):
    """The file holds no index that can be trusted, or another one than was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Which premises an index is of.

    Attributes:
        database: the name of the database's life; a restored or another one has another.
        version: the premises version.
    """

    database: str
    version: int


def write(path: Path, layout: Layout, edition: Edition) -> None:
    """Write an index; under its name it is there whole, or not at all."""
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    try:
        # Where every premise is, nobody else on this machine has to read.
        unfinished.touch(mode=0o600)
        with unfinished.open("wb+") as file:
            arrays = _write_arrays(file, layout)
            size = file.tell()
            header = {
                "format": _FORMAT,
                "order": sys.byteorder,
                "grid": [STRIPS, CELLS],
                "database": edition.database,
                "version": edition.version,
                "runs": layout.runs,
                "arrays": arrays,
                "size": size,
                "whole": _whole(file),
                "sampled": _sampled(file, size),
            }
            file.seek(0)
            file.write(_sealed(header))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_arrays(file: BinaryIO, layout: Layout) -> dict[str, tuple[int, int]]:
    """Write what follows the header; give offset and length of each array."""
    at, arrays = _HEADER, {}
    for name, kind in _ARRAYS.items():
        array = np.ascontiguousarray(getattr(layout, name), dtype=kind)
        file.seek(at)
        file.write(array.data)
        arrays[name] = (at, len(array))
        at += array.nbytes + -array.nbytes % _ALIGNED
    # The last array may be empty, or end before the border.
    file.truncate(at)
    file.seek(at)
    return arrays


def _sealed(header: dict[str, Any]) -> bytes:
    text = json.dumps(header).encode()
    page = _MAGIC + crc32(text).to_bytes(4, "big") + len(text).to_bytes(4, "big") + text
    if len(page) > _HEADER:
        raise ValueError("the header of an index has outgrown its place")
    return page.ljust(_HEADER, b"\0")


def read(path: Path, edition: Edition) -> Layout:
    """Map an index.

    A small file is read through first. Of a large one header, size and samples are checked, which
    finds what is cut off, half written or another file, but not every single bit: `check` does.

    Raises:
        IndexDamaged: it is not what it should be.
        FileNotFoundError: there is none.
    """
    with path.open("rb") as file:
        header = _header(file)
        if (header["database"], header["version"]) != (edition.database, edition.version):
            raise IndexDamaged("it is of other premises")
        if header["size"] <= SMALL:
            _expect(header["whole"] == _whole(file), "its checksum is wrong")
        else:
            _expect(header["sampled"] == _sampled(file, header["size"]), "its checksum is wrong")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    arrays = {
        name: np.frombuffer(mapped, dtype=kind, count=count, offset=at)
        for name, kind in _ARRAYS.items()
        for at, count in [header["arrays"][name]]
    }
    return Layout(
        version=edition.version,
        runs=tuple(Run(*run) for run in header["runs"]),
        placed=len(arrays["places"]),
        **arrays,
    )


def check(path: Path) -> None:
    """Read a file through. Raises IndexDamaged, and FileNotFoundError where it is gone."""
    with path.open("rb") as file:
        _expect(_header(file)["whole"] == _whole(file), "its checksum is wrong")


def _header(file: BinaryIO) -> dict[str, Any]:
    page = file.read(_HEADER)
    start = len(_MAGIC) + 8
    seal, length = page[len(_MAGIC) : start - 4], page[start - 4 : start]
    text = page[start : start + int.from_bytes(length, "big")]
    _expect(page.startswith(_MAGIC), "it is no index")
    _expect(seal == crc32(text).to_bytes(4, "big"), "its header is damaged")
    header: dict[str, Any] = json.loads(text)
    _expect(
        (header["format"], header["order"], header["grid"])
        == (_FORMAT, sys.byteorder, [STRIPS, CELLS]),
        "it was written by another release or on another machine",
    )
    _expect(os.fstat(file.fileno()).st_size == header["size"], "it has not its full size")
    return header


def _expect(truth: bool, otherwise: str) -> None:  # noqa: FBT001 - what is expected
    if not truth:
        raise IndexDamaged(otherwise)


def _whole(file: BinaryIO) -> int:
    """Checksum of everything behind the header, read as a file: mapped pages would stay."""
    seal = 0
    file.seek(_HEADER)
    for chunk in iter(lambda: file.read(_CHUNK), b""):
        seal = crc32(chunk, seal)
    return seal


def _sampled(file: BinaryIO, size: int) -> int:
    """Checksum of a few pages, the first and the last among them, evenly apart."""
    seal = 0
    for at in np.linspace(_HEADER, max(size - _SAMPLE, _HEADER), _SAMPLES).astype(int).tolist():
        seal = crc32(os.pread(file.fileno(), _SAMPLE, at), seal)
    return seal
