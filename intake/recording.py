"""A recording: snapshots of a feed, one JSON document per line, perhaps compressed with xz."""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from intake.errors import RecordingRefused

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_LINE_BYTES = 64 * 1024 * 1024
"""What one snapshot may take; a small xz file can unfold into any length."""
MAX_UNPACKING_BYTES = 256 * 1024 * 1024
"""What unpacking may take: more than ``xz -9`` asks for; a header can ask for gigabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, from 1. ``broken`` is a sentence when the file cannot be read beyond here."""

    number: int
    text: bytes
    broken: str = ""


def lines(path: Path) -> Iterator[Line]:
    """Every line that is not blank, in order; a damaged file ends with a broken line.

    Raises RecordingRefused when the file cannot be opened at all.
    """
    try:
        file = _open(path)
    except OSError as error:
        raise RecordingRefused(f"{path.name} cannot be opened: {error.strerror}.") from None
    with file:
        number = 0
        while True:
            number += 1
            try:
                text = file.readline(MAX_LINE_BYTES + 1)
            except (OSError, lzma.LZMAError, EOFError) as error:
                yield Line(number=number, text=b"", broken=_why(error))
                return
            if not text:
                return
            if len(text) > MAX_LINE_BYTES:
                limit = MAX_LINE_BYTES // 1024 // 1024
                yield Line(
                    number=number,
                    text=b"",
                    broken=f"The line is longer than {limit} MB; nothing after is read.",
                )
                return
            if text.strip():
                yield Line(number=number, text=text)


def _why(error: Exception) -> str:
    if "limit" in str(error):
        limit = MAX_UNPACKING_BYTES // 1024 // 1024
        return f"To unpack the file would take more than {limit} MB; nothing after is read."
    return "The file is damaged; nothing after is read."


def _open(path: Path) -> BinaryIO:
    packed = path.open("rb")
    return io.BufferedReader(_Unpacked(packed)) if path.suffix == ".xz" else packed


class _Unpacked(io.RawIOBase):
    """What an xz file holds, unpacked as it is read, in bounded memory.

    The standard library's own reader takes whatever memory the file's header asks for.
    """

    def __init__(self, packed: BinaryIO) -> None:
        self._packed = packed
        self._xz = _unpacker()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        data = b""
        while not data:
            given = b""
            if self._xz.eof:
                given = self._next_stream()
                if not given:
                    return 0
                self._xz = _unpacker()
            elif self._xz.needs_input:
                given = self._packed.read(io.DEFAULT_BUFFER_SIZE)
                if not given:
                    raise EOFError
            data = self._xz.decompress(given, len(into))
        into[: len(data)] = data
        return len(data)

    def _next_stream(self) -> bytes:
        """Whatever follows a stream and the padding behind it; nothing at the end of the file."""
        given = self._xz.unused_data
        while not given.lstrip(b"\0"):
            given = self._packed.read(io.DEFAULT_BUFFER_SIZE)
            if not given:
                break
        return given.lstrip(b"\0")

    def close(self) -> None:
        self._packed.close()
        super().close()


def _unpacker() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_UNPACKING_BYTES)
