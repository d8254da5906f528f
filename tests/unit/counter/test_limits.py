import time
from concurrent.futures import ThreadPoolExecutor

from counter import limits
from counter.limits import Limit
from outage.visitors import household


def test_so_many_a_minute_and_one_more_as_time_passes() -> None:
    now = [0.0]
    limit = Limit(6, lambda: now[0])
    assert [limit.allows("a") for _ in range(7)] == [True] * 6 + [False]
    assert limit.allows("b")
    now[0] = 10.0
    assert limit.allows("a", cost=0)
    assert [limit.allows("a"), limit.allows("a")] == [True, False]


def test_what_is_given_back_can_be_taken_again_and_is_no_more_than_there_was() -> None:
    limit = Limit(2, lambda: 0.0)
    limit.give_back("a")
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    limit.give_back("a")
    assert [limit.allows("a"), limit.allows("a")] == [True, False]
    for _ in range(5):
        limit.give_back("a")
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]


class Slow(str):
    """A name that is found slowly: another thread has its turn between the look and the taking."""

    __slots__ = ()

    def __hash__(self) -> int:
        time.sleep(0.001)
        return str.__hash__(self)


def test_threads_that_take_at_once_take_no_more_than_there_is() -> None:
    limit = Limit(10, lambda: 0.0)
    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(lambda _: limit.allows(Slow("a")), range(40)))
    assert taken.count(True) == 10


def test_only_so_many_names_are_kept() -> None:
    limit = Limit(1, lambda: 0.0)
    for number in range(limits.MOST_KEPT + 10):
        limit.allows(str(number))
    assert limit.allows("0")
    assert not limit.allows(str(limits.MOST_KEPT + 9))


def test_a_household_is_one_address_or_one_network() -> None:
    assert household("192.0.2.1") == "192.0.2.1"
    assert household("2001:db8::1") == household("2001:db8::ffff") == "2001:db8::/64"
    assert household("somewhere") == "somewhere"
