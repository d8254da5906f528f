from workers.post import LONGEST_WAIT_S, wait_after


def test_a_first_death_is_answered_at_once_and_many_deaths_slowly() -> None:
    waits = [wait_after(deaths) for deaths in range(1, 12)]

    assert waits[0] == 0.1
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S


def test_a_thousand_deaths_wait_no_longer_than_the_longest_wait() -> None:
    assert wait_after(1000) == LONGEST_WAIT_S
