"""Quiet hours in SQL: what is left of them, as `moment.quiet_left` reckons."""

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from notifier.moment import DAY_MIN, quiet_left
from notifier.places import left_of
from notifier.situation import QUIET_STEP_MIN

minutes = st.integers(0, DAY_MIN - 1)
engine = sa.create_engine("sqlite://")


@given(clock=minutes, begins=minutes, ends=minutes)
def test_both_ways_to_reckon_agree(clock: int, begins: int, ends: int) -> None:
    with engine.connect() as conn:
        statement = sa.select(left_of(*map(sa.literal, (clock, begins, ends))))
        assert conn.execute(statement).scalar() == quiet_left(clock, begins, ends)


def test_what_is_left_ends_with_the_quiet_hours() -> None:
    night = (22 * 60, 7 * 60)
    assert quiet_left(21 * 60 + 59, *night) == 0
    assert quiet_left(22 * 60, *night) == 9 * 60 / QUIET_STEP_MIN
    assert quiet_left(6 * 60 + 59, *night) == 1
    assert quiet_left(7 * 60, *night) == 0
    assert quiet_left(3 * 60, 0, 0) == 0
