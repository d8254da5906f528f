from __future__ import annotations

import lzma
import zlib
from pathlib import Path

import pytest

from intake import recording
from intake.errors import RecordingRefused


def texts(path: Path) -> list[tuple[int, bytes, str]]:
    return [(line.number, line.text, line.broken) for line in recording.lines(path)]


def test_lines_are_numbered_from_one_and_blank_ones_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(b"one\n\n  \ntwo")
    assert texts(file) == [(1, b"one\n", ""), (4, b"two", "")]


def test_xz_is_read_as_it_unfolds(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl.xz"
    file.write_bytes(lzma.compress(b"one\ntwo\n"))
    assert [text for _, text, _ in texts(file)] == [b"one\n", b"two\n"]


def test_xz_of_several_streams_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl.xz"
    file.write_bytes(
        lzma.compress(b"one\n") + bytes(8) + lzma.compress(b"") + lzma.compress(b"two\n")
    )
    assert [text for _, text, _ in texts(file)] == [b"one\n", b"two\n"]


def test_a_file_that_would_take_gigabytes_to_unpack_is_not(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl.xz"
    packer = lzma.LZMACompressor(
        filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    )
    packed = bytearray(packer.compress(b"one\n") + packer.flush())
    # The size of the dictionary stands in the block's header, then its checksum: 1.5 GB.
    packed[16] = 37
    packed[20:24] = zlib.crc32(packed[12:20]).to_bytes(4, "little")
    file.write_bytes(packed)
    assert lzma.decompress(packed) == b"one\n"
    (_, _, broken) = texts(file)[-1]
    assert broken == "To unpack the file would take more than 256 MB; nothing after is read."


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_damaged_file_ends_with_one_sentence(tmp_path: Path, keep: float) -> None:
    file = tmp_path / "r.jsonl.xz"
    packed = lzma.compress(b"".join(b"%d\n" % number for number in range(5000)))
    file.write_bytes(packed[: int(len(packed) * keep)])
    assert texts(file)[-1][2] == "The file is damaged; nothing after is read."


def test_a_line_without_end_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "MAX_LINE_BYTES", 1000)
    file = tmp_path / "r.jsonl"
    file.write_bytes(b"short\n" + b"x" * 2000)
    assert "longer than" in texts(file)[-1][2]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingRefused, match=r"gone\.xz cannot be opened: No such file"):
        texts(tmp_path / "gone.xz")
