from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.absence import Fate, Known, Listed, MassAbsence, Outcome, decide

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
LIMIT = 1_000


class Feed:
    """A feed as it lives through snapshots: remembers what was decided, and decides on."""

    def __init__(self, **shares: dict[str, float]) -> None:
        self.known: dict[str, Known] = {}
        self.now = START
        self.shares = shares

    def sees(
        self, *ids: str, after: float = 15, reviewed: bool = False, complete: bool = True
    ) -> Outcome:
        self.now += after * MINUTES
        outcome = decide(
            self.known,
            [Listed(source_id=i.partition(":")[0], digest=i, customers=10) for i in ids],
            self.now,
            ground=self._ground,
            customer_limit=LIMIT,
            reviewed=reviewed,
            complete=complete,
        )
        self.known |= {d.known.source_id: d.known for d in outcome.decisions}
        return outcome

    def _ground(self, one: str, others: Collection[str]) -> Mapping[str, float]:
        return {
            other: share for other, share in self.shares.get(one, {}).items() if other in others
        }


def fates(outcome: Outcome) -> dict[str, Fate]:
    return {d.known.source_id: d.fate for d in outcome.decisions}


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def test_a_first_row_is_new_the_same_row_unchanged_and_another_changed() -> None:
    feed = Feed()
    assert fates(feed.sees("a")) == {"a": Fate.NEW}
    assert fates(feed.sees("a")) == {"a": Fate.UNCHANGED}
    assert fates(feed.sees("a:more")) == {"a": Fate.CHANGED}


def test_it_closes_after_three_good_snapshots_and_thirty_minutes_without_it() -> None:
    feed = Feed()
    feed.sees("a", "b")
    seen = [fates(feed.sees("b"))["a"] for _ in range(3)]
    assert seen == [Fate.MISSING, Fate.MISSING, Fate.CLOSED]
    assert feed.known["a"].missing_since == START + 30 * MINUTES


def test_three_quick_snapshots_are_not_enough() -> None:
    feed = Feed()
    feed.sees("a", "b")
    seen = [fates(feed.sees("b", after=10)).get("a") for _ in range(4)]
    assert seen == [Fate.MISSING, Fate.MISSING, Fate.MISSING, Fate.CLOSED]


def test_two_slow_snapshots_are_not_enough() -> None:
    feed = Feed()
    feed.sees("a", "b")
    assert [fates(feed.sees("b", after=60))["a"] for _ in range(2)] == [Fate.MISSING] * 2


def test_it_returns_before_anything_has_ended() -> None:
    feed = Feed()
    feed.sees("a", "b")
    feed.sees("b")
    [back] = [d for d in feed.sees("a:later", "b").decisions if d.known.source_id == "a"]
    assert (back.fate, back.changed) == (Fate.RETURNED, True)
    assert back.was is not None
    assert not back.was.ended
    assert back.known.missing_since is None


def test_it_returns_after_it_was_closed() -> None:
    feed = Feed()
    feed.sees("a", "b")
    for _ in range(9):
        feed.sees("b")
    [back] = [d for d in feed.sees("a", "b").decisions if d.known.source_id == "a"]
    assert (back.fate, back.changed) == (Fate.RETURNED, False)
    assert back.was is not None
    assert back.was.ended
    assert not back.known.ended


def test_once_closed_it_is_spoken_of_no_more() -> None:
    feed = Feed()
    feed.sees("a", "b")
    for _ in range(5):
        feed.sees("b")
    assert fates(feed.sees("b")) == {"b": Fate.UNCHANGED}


@pytest.mark.parametrize(("share", "found"), [(0.3, "heir"), (0.29, None)])
def test_a_successor_covers_thirty_percent_of_the_ground(share: float, found: str | None) -> None:
    feed = Feed(a={"heir": share})
    feed.sees("a", "b")
    feed.sees("b", "heir")
    assert feed.known["a"].successor == found


def test_the_successor_with_more_of_the_ground_is_taken() -> None:
    feed = Feed(a={"little": 0.4, "much": 0.6})
    feed.sees("a", "b")
    feed.sees("b", "little", "much")
    assert feed.known["a"].successor == "much"


def test_a_successor_may_appear_within_four_snapshots_and_no_later() -> None:
    for late, found in ((4, "heir"), (5, None)):
        feed = Feed(a={"heir": 1.0})
        feed.sees("a", "b")
        for _ in range(late - 1):
            feed.sees("b", after=5)
        feed.sees("b", "heir", after=5)
        assert feed.known["a"].successor == found


def test_closing_waits_until_a_successor_found_just_now_has_taken_over() -> None:
    feed = Feed(a={"heir": 1.0})
    feed.sees("a", "b")
    feed.sees("b")
    feed.sees("b")
    assert fates(feed.sees("b", "heir"))["a"] is Fate.MISSING
    assert fates(feed.sees("b", "heir"))["a"] is Fate.CLOSED


def test_a_successor_that_comes_after_the_end_recalls_it_until_it_has_taken_over() -> None:
    feed = Feed(a={"heir": 1.0})
    feed.sees("a", "b")
    for _ in range(3):
        feed.sees("b")
    assert feed.known["a"].ended
    assert fates(feed.sees("b", "heir"))["a"] is Fate.RECALLED
    assert fates(feed.sees("b", "heir"))["a"] is Fate.CLOSED


def test_an_outage_inside_one_that_stays_goes_on_under_it() -> None:
    feed = Feed(a={"b": 0.95, "c": 0.5})
    feed.sees("a", "b", "c")
    feed.sees("b", "c")
    assert feed.known["a"].successor == "b"


def test_half_inside_one_that_stays_is_not_inside() -> None:
    feed = Feed(a={"c": 0.5})
    feed.sees("a", "c")
    feed.sees("c")
    assert feed.known["a"].successor is None


def test_more_than_sixty_percent_and_more_than_five_gone_at_once_ends_nothing() -> None:
    feed = Feed()
    feed.sees(*names(10))
    outcome = feed.sees(*names(3))
    assert outcome.mass == MassAbsence(vanished=7, of=10, customers=70)
    for _ in range(10):
        assert Fate.CLOSED not in fates(feed.sees(*names(3))).values()
    assert all(feed.known[one].held for one in names(10)[3:])


@pytest.mark.parametrize(("before", "after"), [(10, 4), (5, 0), (6, 1)])
def test_sixty_percent_or_five_is_not_too_many(before: int, after: int) -> None:
    feed = Feed()
    feed.sees(*names(before))
    assert feed.sees(*names(after), "other").mass is None


def test_too_many_customers_gone_at_once_ends_nothing() -> None:
    feed = Feed()
    feed.sees(*names(300))
    outcome = feed.sees(*names(199))
    assert outcome.mass == MassAbsence(vanished=101, of=300, customers=1_010)


def test_when_a_person_has_looked_they_end_like_others() -> None:
    feed = Feed()
    feed.sees(*names(10))
    feed.sees("n0")
    seen = [fates(feed.sees("n0", reviewed=True))["n9"] for _ in range(3)]
    assert seen == [Fate.MISSING, Fate.MISSING, Fate.CLOSED]


def test_rows_apply_while_nothing_ends() -> None:
    feed = Feed()
    feed.sees(*names(10))
    seen = fates(feed.sees("n0:changed", "fresh"))
    assert (seen["n0"], seen["fresh"], seen["n9"]) == (Fate.CHANGED, Fate.NEW, Fate.HELD)


def test_when_most_come_back_the_vanishing_was_a_fault_and_the_rest_are_counted_from_there() -> (
    None
):
    feed = Feed()
    feed.sees(*names(10))
    feed.sees("n0")
    seen = fates(feed.sees(*names(9)))
    assert seen["n1"] is Fate.UNCHANGED
    assert seen["n9"] is Fate.MISSING
    assert feed.known["n9"].missing_since == feed.now


def test_a_list_that_lost_rows_proves_nobodys_absence() -> None:
    feed = Feed()
    feed.sees("a", "b")
    assert fates(feed.sees("b", complete=False)) == {"b": Fate.UNCHANGED}


snapshots = st.lists(
    st.tuples(st.frozensets(st.sampled_from(names(12))), st.integers(1, 45)), max_size=25
)


@given(snapshots)
def test_nothing_ends_that_is_listed_or_was_listed_in_the_last_three_or_thirty_minutes(
    story: Iterable[tuple[frozenset[str], int]],
) -> None:
    feed = Feed()
    told: list[tuple[frozenset[str], datetime]] = []
    for listed, minutes in story:
        outcome = feed.sees(*sorted(listed), after=minutes)
        told.append((listed, feed.now))
        for decision in outcome.decisions:
            if decision.fate is Fate.CLOSED:
                one, since = decision.known.source_id, decision.known.missing_since
                assert since is not None
                assert all(one not in ids for ids, at in told if at >= since)
                assert len([at for _, at in told if at >= since]) >= 3
                assert feed.now - since >= timedelta(minutes=30)


@given(snapshots)
def test_whoever_is_listed_goes_on_and_nobody_is_forgotten(
    story: Iterable[tuple[frozenset[str], int]],
) -> None:
    feed = Feed()
    ever: set[str] = set()
    for listed, minutes in story:
        feed.sees(*sorted(listed), after=minutes)
        ever |= listed
        assert ever == set(feed.known)
        assert all(feed.known[one].counts_as_listed for one in listed)
        assert not any(feed.known[one].counts_as_listed for one in ever - listed)
