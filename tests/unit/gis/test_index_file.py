from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from gis.errors import IndexBeingBuilt
from gis.index import PremiseIndex
from gis.matching import Matcher
from gis.search import index_file
from gis.search.index_file import Edition, IndexDamaged
from gis.search.layout import Layout, lay_out
from gis.search.shelf import Shelf
from gis.shapes import ShapeLimits
from outage.database import Database
from outage.model import Service
from tests.unit.gis.world import LIMITS, World, geojson

EDITION = Edition(database="first", version=3)
EVERYWHERE = shapely.to_wkb(shapely.box(-180, -90, 180, 90))
Harm = Callable[[bytes], bytes]


def layout(count: int = 2_000, *, version: int = EDITION.version, seed: int = 1) -> Layout:
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(-80, -79, count), rng.uniform(40, 41, count)
    lon[::50] = np.nan
    return lay_out(
        version=version,
        keys=rng.permutation(count * 3)[:count],
        lon=lon,
        lat=lat,
        services=rng.integers(1, 4, count).astype(np.uint8),
    )


def never() -> Layout:
    raise AssertionError("it was built, although it was there")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("premises-*"))


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.index")
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.take(EDITION, layout)
    return shelf


@pytest.mark.parametrize("count", [0, 1, 2_000])
def test_an_index_is_read_as_it_was_written(tmp_path: Path, count: int) -> None:
    written = layout(count)
    index_file.write(tmp_path / "one.index", written, EDITION)
    read = index_file.read(tmp_path / "one.index", EDITION)
    assert (read.runs, read.placed, read.version) == (written.runs, written.placed, 3)
    for name in ("places", "lon", "lat", "keys", "by_key"):
        assert np.array_equal(getattr(read, name), getattr(written, name))
    found = PremiseIndex.over(read).match(EVERYWHERE)
    assert len(found) == written.placed


def test_an_index_that_is_there_is_opened_and_not_built(shelf: Shelf) -> None:
    assert np.array_equal(shelf.take(EDITION, never).keys, layout().keys)


def cut_off(whole: bytes) -> bytes:
    return whole[:-1]


def half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def hole(whole: bytes) -> bytes:
    """As a crash leaves it where the size was written before the rest."""
    return whole[: len(whole) // 2].ljust(len(whole), b"\0")


def one_bit(whole: bytes) -> bytes:
    at = 16_384 + 1_000
    return whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]


def bad_header(whole: bytes) -> bytes:
    return whole.replace(b'"version": 3', b'"version": 4', 1)


def nothing(_: bytes) -> bytes:
    return b""


def something_else(_: bytes) -> bytes:
    return b"SQLite format 3\0" * 5_000


@pytest.mark.parametrize(
    "harm", [cut_off, half, hole, one_bit, bad_header, nothing, something_else]
)
def test_a_damaged_index_is_refused_in_one_line_and_built_anew(
    shelf: Shelf, tmp_path: Path, harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    path = the_file(tmp_path)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(IndexDamaged):
        index_file.read(path, EDITION)
    assert np.array_equal(shelf.take(EDITION, layout).keys, layout().keys)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"the index {path.name} is refused and built anew"
    ]
    shelf.take(EDITION, never)


@pytest.mark.parametrize("harm", [cut_off, half, hole, bad_header, nothing, something_else])
def test_a_large_file_that_is_not_whole_is_found_by_its_samples(
    shelf: Shelf, tmp_path: Path, harm: Harm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_file, "SMALL", 0)
    path = the_file(tmp_path)
    index_file.read(path, EDITION)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(IndexDamaged):
        index_file.read(path, EDITION)


def test_a_single_wrong_bit_in_a_large_file_is_found_when_it_is_read_through(
    shelf: Shelf, tmp_path: Path
) -> None:
    path = the_file(tmp_path)
    assert shelf.check(EDITION)
    path.write_bytes(one_bit(path.read_bytes()))
    assert not shelf.check(EDITION)
    assert not path.exists()
    assert shelf.check(EDITION), "nothing is left to complain about"


def test_an_index_under_a_foreign_name_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    other = Edition(database="second", version=3)
    the_file(tmp_path).rename(tmp_path / "premises-second-3.index")
    foreign = layout(seed=2)
    assert np.array_equal(shelf.take(other, lambda: foreign).keys, foreign.keys)


def test_the_index_before_stays_for_who_is_about_to_open_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    (tmp_path / "premises-first-0.77.part").write_bytes(b"left by a kill")
    for version in (1, 2, 3):
        shelf.take(Edition(database="first", version=version), lambda: layout(10))
    assert files(tmp_path) == ["premises-first-2.index", "premises-first-3.index"]


def test_two_databases_with_one_folder_keep_their_indexes(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    one, other = EDITION, Edition(database="second", version=7)
    for edition in (one, other):
        shelf.take(edition, lambda: layout(10))
    for edition in (one, other):
        shelf.take(edition, never)
    assert len(files(tmp_path)) == 2


def test_the_index_of_a_database_that_nobody_opens_goes_after_a_day(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.take(EDITION, lambda: layout(10))
    two_days_ago = time.time() - 2 * 86_400
    os.utime(the_file(tmp_path), (two_days_ago, two_days_ago))
    shelf.take(EDITION, never)
    shelf.take(Edition(database="restored", version=3), lambda: layout(10))
    assert len(files(tmp_path)) == 2, "it has just been opened"
    os.utime(tmp_path / "premises-first-3.index", (two_days_ago, two_days_ago))
    shelf.take(Edition(database="restored", version=4), lambda: layout(10))
    assert files(tmp_path) == ["premises-restored-3.index", "premises-restored-4.index"]


def test_who_builds_an_older_version_late_leaves_the_newer_one(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for version in (9, 6):
        shelf.take(Edition(database="first", version=version), lambda: layout(10))
    shelf.take(Edition(database="first", version=9), never)


def test_an_index_goes_on_answering_when_its_file_is_gone(shelf: Shelf, tmp_path: Path) -> None:
    index = PremiseIndex.over(shelf.take(EDITION, never))
    the_file(tmp_path).unlink()
    assert len(index.match(EVERYWHERE)) == layout().placed


def test_where_nothing_can_be_written_the_index_stays_in_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    built = Shelf(tmp_path / "taken").take(EDITION, layout)
    assert np.array_equal(built.keys, layout().keys)
    assert "stays in memory" in caplog.text


def build_slowly(folder: Path) -> int:
    def build() -> Layout:
        (folder / f"built-{multiprocessing.current_process().pid}").touch()
        time.sleep(0.5)
        return layout()

    return len(Shelf(folder).take(EDITION, build).keys)


def test_of_two_processes_one_builds_and_the_other_waits_for_it(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(build_slowly, [tmp_path, tmp_path], chunksize=1) == [2_000, 2_000]
    assert len(list(tmp_path.glob("built-*"))) == 1
    assert len(files(tmp_path)) == 1


def test_who_has_no_patience_does_not_wait_while_another_process_builds(tmp_path: Path) -> None:
    with (tmp_path / "building.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(IndexBeingBuilt):
            Shelf(tmp_path).take(EDITION, never, 0.1)
    assert len(Shelf(tmp_path).take(EDITION, layout, 0.1).keys) == 2_000


def test_nobody_else_reads_where_the_premises_are(shelf: Shelf, tmp_path: Path) -> None:
    assert shelf.check(EDITION)
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


def test_matchers_of_a_host_share_one_file_until_the_premises_change(
    database: Database, tmp_path: Path
) -> None:
    world = World.of(database)
    first, second = Matcher(database, tmp_path), Matcher(database, tmp_path)
    box = geojson((0, 2, 0, 1))
    assert len(first.match(box, Service.ELECTRIC, limits=LIMITS).inside) == 6
    written = the_file(tmp_path).stat().st_ino
    assert len(second.match(box, Service.ELECTRIC, limits=ShapeLimits()).inside) == 6
    assert the_file(tmp_path).stat().st_ino == written
    with database.write() as conn:
        world.new_version(conn, 2)
    assert first.index().version == 2
    assert len(files(tmp_path)) == 2


def test_a_matcher_that_finds_its_open_file_damaged_builds_it_anew(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    World.of(database)
    matcher = Matcher(database, tmp_path)
    matcher.index()
    path = the_file(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(one_bit(whole) if len(whole) > 20_000 else whole[:-3] + b"abc")
    with caplog.at_level(logging.WARNING):
        again = Matcher(database, tmp_path).index()
    assert "is refused and built anew" in caplog.text
    assert len(again) == 12
