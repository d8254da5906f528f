from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.shares import AWAY_AFTER, BACK_AFTER, LEAST, Health, Share

NOW = datetime(2026, 1, 4, 22, tzinfo=UTC)
WELL = Health(tried=100, late=10)
SLOW = Health(tried=100, late=40)
UNKNOWN = Health(tried=5, late=5)
LONG_AGO = timedelta(hours=1)


@pytest.mark.parametrize(
    ("share", "since", "first", "second", "expected", "reason"),
    [
        # what happens to a share   …  and why
        (90, LONG_AGO, SLOW, WELL, 80, "first_slow"),
        (90, LONG_AGO, SLOW, UNKNOWN, 80, "first_slow"),
        (90, LONG_AGO, SLOW, SLOW, 90, ""),
        (50, LONG_AGO, SLOW, SLOW, 50, ""),
        (50, LONG_AGO, WELL, SLOW, 60, "second_slow"),
        (90, LONG_AGO, WELL, SLOW, 90, ""),
        (90, LONG_AGO, WELL, WELL, 90, ""),
        (10, LONG_AGO, SLOW, WELL, 10, ""),
        (50, LONG_AGO, WELL, WELL, 60, "back"),
        (85, LONG_AGO, WELL, UNKNOWN, 90, "back"),
        (90, AWAY_AFTER / 2, SLOW, WELL, 90, ""),
        (90, AWAY_AFTER, SLOW, WELL, 80, "first_slow"),
        (50, BACK_AFTER / 2, WELL, WELL, 50, ""),
        (50, BACK_AFTER, WELL, WELL, 60, "back"),
    ],
)
def test_ten_points_at_a_time_never_when_both_are_slow_and_back_by_itself(
    *, share: int, since: timedelta, first: Health, second: Health, expected: int, reason: str
) -> None:
    found = Share(first=share, since=NOW - since).after(first, second, NOW, at_rest=90)
    assert (found.first, found.reason) == (expected, reason)


def test_a_second_provider_that_rests_at_nothing_gets_there_again() -> None:
    share = Share(first=90, since=NOW - LONG_AGO)
    assert share.after(WELL, WELL, NOW, at_rest=100).first == 100


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.sampled_from([WELL, SLOW, UNKNOWN]), st.sampled_from([WELL, SLOW]))),
)
def test_each_keeps_its_least_and_no_step_is_longer_than_ten(
    at_rest: int, minutes: list[tuple[Health, Health]]
) -> None:
    share = Share(first=at_rest, since=NOW)
    for minute, (first, second) in enumerate(minutes, 1):
        now = NOW + timedelta(minutes=minute)
        moved = share.after(first, second, now, at_rest=at_rest)
        assert moved.first == at_rest or LEAST <= moved.first <= 100 - LEAST
        assert abs(moved.first - share.first) <= 10 or share.first == at_rest
        share = moved


def test_with_both_well_it_ends_where_it_rests() -> None:
    share, now = Share(first=10, since=NOW), NOW
    for _ in range(20):
        now += BACK_AFTER
        share = share.after(WELL, WELL, now, at_rest=90)
    assert share.first == 90
