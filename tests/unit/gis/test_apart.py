"""The process apart that reads premises: it ends, whatever becomes of it or of who asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gis.errors import FileRefused
from gis.formats import confined
from gis.formats.apart import Apart
from gis.formats.files import FileLimits, opened
from gis.importing.batches import Batches, opened_apart
from gis.importing.rows import Rows, Wanted
from gis.premises import FIELDS, ReadOptions, read_premises
from tests.unit.gis import drawers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")
LIMITS = FileLimits(max_bytes=1_000_000_000, max_unpacked_bytes=1_000_000_000)
ENDLESS = (
    "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more)"
    " SELECT n AS fid, 'P' || n AS premise_id, (SELECT geom FROM zone) AS geom FROM more"
)
SILENT = f"{ENDLESS} WHERE n < 0"


def table(path: Path, rows: int = 100_000) -> Path:
    ids = pa.array([f"P{n}" for n in range(rows)])
    places = {"longitude": pa.array([-123.1] * rows), "latitude": pa.array([49.2] * rows)}
    pq.write_table(pa.table({"premise_id": ids, **places}), path)
    return path


@contextmanager
def reading(path: Path, *, layer: str | None = None, stall_s: float = 60.0) -> Iterator[Batches]:
    wanted = Wanted(file=path.name, fields=FIELDS, mapping={})
    with (
        opened(path, LIMITS) as file,
        opened_apart(file, wanted, layer=layer, max_bytes=10**9, stall_s=stall_s) as read,
    ):
        yield read


def rows_of(read: Batches) -> Iterator[Rows]:
    return read.read(lambda _: None)


def apart_from(pid: int) -> list[int]:
    """Processes apart of a process, which may have others: a database, say."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for one in found for child in one.read_text().split()]
    return [child for child in children if b"gis.importing.streaming" in command_of(child)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(pid: int, within_s: float = 20.0) -> bool:
    until = time.monotonic() + within_s
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def test_a_view_without_end_is_refused(tmp_path: Path) -> None:
    path = drawers.geopackage_with_view(tmp_path / "a.gpkg", ENDLESS)
    with pytest.raises(FileRefused, match=r"unpacks to more than|too much memory or time"):
        read_premises(path, ReadOptions(mapping={}, layer="view"))


def test_a_view_that_seeks_without_end_and_finds_nothing_is_given_up(tmp_path: Path) -> None:
    path = drawers.geopackage_with_view(tmp_path / "a.gpkg", SILENT)
    with (
        pytest.raises(FileRefused, match=r"takes too long|too much memory or time"),
        reading(path, layer="view", stall_s=2.0) as read,
    ):
        list(rows_of(read))
    assert apart_from(os.getpid()) == []


BOMB = """
import re, resource, sys
from pathlib import Path
from gis.errors import GisError
from gis.premises import ReadOptions, read_premises
try:
    read_premises(Path(sys.argv[1]), ReadOptions(mapping={}))
except GisError as refusal:
    print(refusal)
# Not ru_maxrss, which begins with that of whoever started this process.
own = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
print(int(own[1]) // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


@pytest.mark.parametrize(("letters", "rows"), [(1_000_000, 100_000), (5_000, 1_000_000)])
def test_a_small_parquet_of_one_long_text_again_and_again_is_refused_in_little_memory(
    tmp_path: Path, letters: int, rows: int
) -> None:
    path = tmp_path / "a.parquet"
    city = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * letters])
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["P"])
    zeros = pa.array([0.0] * rows)
    made = pa.table({"premise_id": ids, "city": city, "longitude": zeros, "latitude": zeros})
    pq.write_table(made, path, compression="zstd")
    assert path.stat().st_size < 100_000
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    sentence, peaks = done.stdout.splitlines()
    assert sentence.startswith("a.parquet: ")
    ours_mb, apart_mb = map(int, peaks.split())
    assert ours_mb < 500
    assert apart_mb * 1024 * 1024 < max(confined.MEMORY_BYTES, ours_mb * 1024 * 1024)


@pytest.mark.parametrize("after", [0, 1])
def test_a_process_that_is_killed_ends_as_a_sentence(tmp_path: Path, after: int) -> None:
    path = table(tmp_path / "a.parquet", rows=2_000_000)
    with reading(path) as read:
        rows = rows_of(read)
        for _ in range(after):
            next(rows)
        (child,) = apart_from(os.getpid())
        os.kill(child, signal.SIGKILL)
        with pytest.raises(FileRefused, match="damaged, or reading it takes too much"):
            list(rows)


def test_a_stream_that_is_cut_off_anywhere_is_no_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(tmp_path / "a.parquet", rows=20_000)
    whole = Apart.read
    sent: list[int] = []

    def counted(self: Apart, size: int) -> memoryview:
        sent.append(size)
        return whole(self, size)

    monkeypatch.setattr(Apart, "read", counted)
    with reading(path) as read:
        assert sum(len(rows.lines) for rows in rows_of(read)) == 20_000
    total = sum(sent)
    for keep in (0, 7, 100, 2_000, total // 2, total - 20, total - 1):
        left = [keep]

        def cut(self: Apart, size: int, left: list[int] = left) -> memoryview:
            size = min(size, left[0])
            left[0] -= size
            return whole(self, size)

        monkeypatch.setattr(Apart, "read", cut)
        with pytest.raises(FileRefused, match="damaged"), reading(path) as read:
            list(rows_of(read))


def test_a_reader_that_stops_early_ends_the_process(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", rows=2_000_000)
    with reading(path) as read:
        next(rows_of(read))
        (child,) = apart_from(os.getpid())
    assert not is_alive(child)


PARENT = """
import sys
from pathlib import Path
from gis.premises import ReadOptions, read_premises
read_premises(Path(sys.argv[1]), ReadOptions(mapping={}, layer="view"))
"""


def test_the_process_ends_when_who_asked_is_killed(tmp_path: Path) -> None:
    path = drawers.geopackage_with_view(tmp_path / "a.gpkg", SILENT)
    with subprocess.Popen([sys.executable, "-c", PARENT, str(path)]) as parent:
        until = time.monotonic() + 60
        while not (found := apart_from(parent.pid)) and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)
        parent.kill()
    (child,) = found
    assert ends(child)


def test_the_process_has_no_settings_and_no_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTAGE_SECRET_KEY", "made up")
    with reading(table(tmp_path / "a.parquet")) as read:
        (child,) = apart_from(os.getpid())
        environment = Path(f"/proc/{child}/environ").read_text()
        limits = Path(f"/proc/{child}/limits").read_text()
        assert len(list(rows_of(read))) > 1
    assert "OUTAGE" not in environment
    assert f"{confined.MEMORY_BYTES}" in limits.partition("Max address space")[2].split("\n")[0]


LOADED = """
import sys
from pathlib import Path
from gis.premises import ReadOptions, read_premises
from gis.shapes import ShapeLimits, accept_file
for name in sys.argv[2:]:
    read_premises(Path(name), ReadOptions(mapping={"premise_id": "name"}))
accept_file(Path(sys.argv[1]), limits=ShapeLimits())
print("pyogrio" in sys.modules, "pyarrow.parquet" in sys.modules)
import os
print("OGR_SKIP" in os.environ)
"""


def test_nothing_of_gdal_or_parquet_comes_into_the_own_process(tmp_path: Path) -> None:
    names = [
        str(drawers.write(tmp_path / f"a{end}", drawers.AREA)) for end in (".gpkg", ".parquet")
    ]
    done = subprocess.run(
        [sys.executable, "-c", LOADED, names[0], *names],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False", "False"]
