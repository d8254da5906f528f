from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from workers import moments
from workers.errors import NotATime

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")  # 14:00 there


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("now", "2026-11-22T20:00:00+00:00"),
        ("2h", "2026-11-22T22:00:00+00:00"),
        ("+1h30m", "2026-11-22T21:30:00+00:00"),
        ("90min", "2026-11-22T21:30:00+00:00"),
        ("1d", "2026-11-23T20:00:00+00:00"),
        ("16:30", "2026-11-22T22:30:00+00:00"),
        ("9:15", "2026-11-23T15:15:00+00:00"),
        ("2026-11-23 08:00", "2026-11-23T14:00:00+00:00"),
        ("2026-11-23T08:00:00-05:00", "2026-11-23T13:00:00+00:00"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00+00:00"),
    ],
)
def test_a_time_is_read_as_people_mean_it(given: str, means: str) -> None:
    assert moments.read(given, now=NOW, zone=CHICAGO) == datetime.fromisoformat(means)


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("2h", "2026-11-22T18:00:00+00:00"),
        ("13:30", "2026-11-22T19:30:00+00:00"),
        ("14:30", "2026-11-21T20:30:00+00:00"),
    ],
)
def test_when_something_began_a_time_lies_behind_us(given: str, means: str) -> None:
    at = moments.read(given, now=NOW, zone=CHICAGO, past=True)
    assert at == datetime.fromisoformat(means)


@pytest.mark.parametrize(
    "given",
    ["", "soon", "25:00", "2026-11-23", "h", "2026-13-40 10:00", "9999-12-31T23:59:59-12:00"],
)
def test_what_is_no_time_is_refused_with_an_example(given: str) -> None:
    with pytest.raises(NotATime, match="write it like 2h"):
        moments.read(given, now=NOW, zone=CHICAGO)
