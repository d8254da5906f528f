"""A recording: snapshots of a feed, one JSON document per line, perhaps compressed with xz."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from intake.errors import RecordingRefused

MAX_LINE_BYTES = 64 * 1024 * 1024
"""What one snapshot may take; a small xz file can unfold into any length."""


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
            except (OSError, lzma.LZMAError, EOFError):
                yield Line(
                    number=number, text=b"", broken="The file is damaged; nothing after is read."
                )
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


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".xz":
        return cast("BinaryIO", lzma.open(path, "rb"))
    return path.open("rb")
