from __future__ import annotations

import lzma
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intake import catalogue
from intake.errors import MappingUndecided, RecordingRefused
from intake.replay import Barrier, barriers, fitting_mapping, snapshots
from intake.snapshot import Problem, Snapshot, Unusable
from tests.unit.intake.feed_rows import FETCHED, line, row

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MAPPING = catalogue.load("bchydro")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def snapshot(minutes: float) -> Snapshot:
    return Snapshot(line=1, fetched=at(minutes), rows=(), digest="")


class Timers:
    """Timers that fall due at fixed times, or come to be set while barriers are passed."""

    def __init__(self, *minutes: float) -> None:
        self.due = [at(m) for m in minutes]

    def __call__(self, after: datetime) -> datetime | None:
        return min((due for due in self.due if due > after), default=None)


def stops(*seen: Snapshot | Unusable, timers: Timers, last: Timers) -> list[Barrier]:
    return list(barriers(seen, timer=timers, last_timer=last))


def test_business_time_stops_at_snapshots_and_at_timers_between_them() -> None:
    found = stops(snapshot(0), snapshot(10), timers=Timers(-5, 4, 6, 30), last=Timers())
    assert [barrier.at for barrier in found] == [at(0), at(4), at(6), at(10)]
    assert [barrier.snapshot is None for barrier in found] == [False, True, True, False]


def test_a_timer_that_is_due_with_a_snapshot_needs_no_barrier_of_its_own() -> None:
    found = stops(snapshot(0), snapshot(10), timers=Timers(10), last=Timers())
    assert [barrier.at for barrier in found] == [at(0), at(10)]


def test_after_the_last_snapshot_only_what_is_still_to_be_sent_counts() -> None:
    found = stops(snapshot(0), timers=Timers(5), last=Timers(1, 2))
    assert [barrier.at for barrier in found] == [at(0), at(1), at(2)]


def test_a_timer_set_at_a_barrier_is_seen_before_the_next() -> None:
    timers = Timers()
    found = barriers([snapshot(0), snapshot(10)], timer=timers, last_timer=Timers())
    assert next(found).at == at(0)
    timers.due.append(at(1))
    assert next(found).at == at(1)


def test_business_time_never_goes_back() -> None:
    found = stops(snapshot(10), snapshot(0), snapshot(20), timers=Timers(), last=Timers())
    assert [barrier.at for barrier in found] == [at(10), at(10), at(20)]


def test_a_line_that_says_no_time_moves_nothing() -> None:
    torn = Unusable(line=2, problem=Problem(line=2, sentence="torn"))
    found = stops(torn, snapshot(0), torn, timers=Timers(), last=Timers())
    assert [barrier.at for barrier in found] == [None, at(0), None]


def test_every_line_of_a_recording_is_a_snapshot_or_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "storm.jsonl.xz"
    file.write_bytes(lzma.compress(line(row(1)) + b"\n\ntorn\n" + line(row(2))))
    found = list(snapshots(file, MAPPING))
    assert [(one.line, type(one)) for one in found] == [
        (1, Snapshot),
        (3, Unusable),
        (4, Snapshot),
    ]


def test_the_mapping_that_fits_is_found_by_the_first_readable_snapshot(tmp_path: Path) -> None:
    file = tmp_path / "storm.jsonl"
    file.write_bytes(b"torn\n" + line(row(1)))
    assert fitting_mapping(file).name == "bchydro"


def test_a_recording_of_an_unknown_feed_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "storm.jsonl"
    file.write_bytes(b'{"fetched": %d, "outages": [{"id": 1}]}' % FETCHED)
    with pytest.raises(MappingUndecided, match="rows without the field 'area'"):
        fitting_mapping(file)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"torn\nnothing\n", "line 1: It is not JSON"),
    ],
)
def test_a_file_without_any_snapshot_is_refused(tmp_path: Path, text: bytes, why: str) -> None:
    file = tmp_path / "storm.jsonl"
    file.write_bytes(text)
    with pytest.raises(RecordingRefused) as refused:
        fitting_mapping(file)
    assert str(refused.value) == f"storm.jsonl holds no snapshot that can be read ({why})."
