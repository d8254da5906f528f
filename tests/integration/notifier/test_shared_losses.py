"""Two outages over the same homes: nobody hears from both what one of them has said."""

from datetime import timedelta

import pytest

from outage import desk
from outage.commands import Revise
from outage.database import Database
from outage.model import Outage
from tests.integration.notifier.town import Town, everybody
from tests.unit.gis.world import ACTOR, NOON

WIDE, INNER = (0, 3, 0, 0), (1, 2, 0, 0)


@pytest.fixture
def town(database: Database) -> Town:
    return Town.of(database)


@pytest.fixture
def wide(town: Town) -> Outage:
    found = town.world.declare(WIDE)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3, 4)
    return found


def older(town: Town) -> Outage:
    """One inside the wide one that began before it, so that the losses are its own."""
    return town.world.declare(INNER, started_at=NOON - timedelta(hours=1))


def test_an_older_outage_found_later_says_again_nothing_that_was_told(
    town: Town, wide: Outage
) -> None:
    inner = older(town)
    assert town.settle() == []
    assert town.world.out()[2] == inner.key != wide.key
    town.etr(inner, 6)
    assert sorted(town.settle()) == everybody("etr", 2, 3)


def test_what_went_over_and_back_is_told_of_once_at_each_end(town: Town, wide: Outage) -> None:
    inner = older(town)
    town.settle()
    town.do(desk.restore, inner)
    assert town.settle() == []
    assert town.world.out()[2] == wide.key
    town.do(desk.restore, wide)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3, 4)


def test_what_ends_under_the_other_is_told_of_once(town: Town, wide: Outage) -> None:
    inner = older(town)
    town.settle()
    town.do(desk.restore, wide)
    assert sorted(town.settle()) == everybody("restored", 1, 4)
    town.do(desk.restore, inner)
    assert sorted(town.settle()) == everybody("restored", 2, 3)


def test_a_start_that_moves_the_losses_over_is_no_news(town: Town) -> None:
    """A feed corrects the start of the wider of two that were listed together."""
    inner = town.world.declare(INNER)
    assert sorted(town.settle()) == everybody("detected", 2, 3)
    town.world.later(5)
    wide = town.world.declare(WIDE)
    assert sorted(town.settle()) == everybody("detected", 1, 4)
    town.do(desk.revise, wide, command=Revise(started_at=NOON - timedelta(hours=1)))
    assert town.settle() == []
    assert town.world.out()[2] == wide.key != inner.key


def test_a_place_that_nobody_was_told_of_is_news_with_the_one_beside_it(town: Town) -> None:
    """Premises 5 and 6 share a phone."""
    town.world.declare((4, 4, 0, 0))
    assert town.settle() == everybody("detected", 5)
    town.world.declare((4, 5, 0, 0), started_at=NOON - timedelta(hours=1))
    assert town.settle() == everybody("detected", 5)


def test_a_loss_after_the_one_that_was_told_of_is_news(town: Town, wide: Outage) -> None:
    inner = older(town)
    town.settle()
    town.do(desk.restore, inner)
    town.do(desk.restore, wide)
    town.settle()
    town.world.declare(INNER)
    assert sorted(town.settle()) == everybody("detected", 2, 3)


def test_two_ends_at_once_are_told_as_one(town: Town, wide: Outage) -> None:
    inner = older(town)
    town.settle()
    with town.world.db.write() as conn:
        for outage in (wide, inner):
            desk.restore(conn, outage.id, actor=ACTOR)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3, 4)


def test_what_ended_under_one_and_goes_on_under_the_other_is_taken_back(
    town: Town, wide: Outage
) -> None:
    inner = older(town)
    town.settle()
    town.do(desk.restore, wide)
    town.do(desk.restore, inner)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3, 4)
    town.do(desk.reopen, wide)
    assert sorted(town.settle()) == everybody("correction out", 1, 2, 3, 4)


def test_an_end_that_nobody_knows_is_told_in_no_others_name(town: Town, wide: Outage) -> None:
    """The older one is restored, and its losses end under the other, which is just not listed."""
    town.world.later(10)
    listed = town.world.declare(WIDE, source="feed", source_id="1")
    assert town.settle() == []
    town.do(desk.restore, wide)
    assert town.settle() == []
    assert town.world.out()[2] == listed.key
    town.do(desk.unlist, listed)
    assert town.settle() == []
    town.do(desk.end_unlisted, listed, at=town.world.now)
    assert town.settle() == []
    assert town.world.out() == {}
