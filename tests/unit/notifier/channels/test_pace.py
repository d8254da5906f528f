from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.pace import MEMORY_S, REST_S, Pace


def after(pace: Pace, answers: int, *, load: int | None = None, now: float = 10.0) -> Pace:
    for _ in range(answers):
        pace = pace.answered(load=load, now=now)
    return pace


def test_it_begins_at_the_most_there_may_be_and_stays_there_while_all_goes_well() -> None:
    assert after(Pace.of(40), 1000).calls == 40


def test_a_refusal_halves_it() -> None:
    assert Pace.of(40).refused(load=None, now=10).calls == 20


def test_refusals_that_were_under_way_together_count_as_one() -> None:
    pace = Pace.of(40).refused(load=None, now=10)
    assert pace.refused(load=None, now=10 + REST_S / 2).calls == 20
    assert pace.refused(load=None, now=10 + REST_S).calls == 10


def test_a_round_of_answers_adds_one() -> None:
    pace = Pace.of(40).refused(load=None, now=10)
    assert after(pace, 21).calls == 21
    assert after(pace, 10).calls == 20


def test_it_never_falls_below_one_call() -> None:
    pace = Pace.of(4)
    for second in range(10):
        pace = pace.refused(load=None, now=second * REST_S)
    assert pace.calls == 1


def test_near_the_load_that_was_refused_nothing_is_added() -> None:
    pace = Pace.of(40).refused(load=100, now=10)
    assert after(pace, 200, load=90, now=11).calls == 20
    assert after(pace, 200, load=50, now=11).calls > 25


def test_after_a_minute_it_tries_again_beyond_that_load() -> None:
    pace = Pace.of(40).refused(load=100, now=10)
    assert after(pace, 200, load=95, now=10 + MEMORY_S + 1).calls > 25


@given(
    st.integers(1, 200),
    st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 500), st.floats(0, 5))),
)
def test_whatever_is_answered_it_stays_between_one_and_the_most(
    most: int, answers: list[tuple[bool, int | None, float]]
) -> None:
    pace, now = Pace.of(most), 0.0
    for good, load, wait in answers:
        now += wait
        pace = (pace.answered if good else pace.refused)(load=load, now=now)
        assert 1 <= pace.calls <= most
