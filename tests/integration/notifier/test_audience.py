"""Whoever was to be told has a message, and every message comes to an end that is counted."""

import logging

import pytest
import sqlalchemy as sa

from notifier.audience import Audit, sums
from outage import desk
from outage import tables as t
from tests.integration.notifier.sending import A, B, outbox, tell
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import World, etr

ME = "+13035550101"
"""In an area that there is: whoever writes from none is not answered."""


def agree(world: World) -> list[tuple[int, int]]:
    with world.db.read() as conn:
        return [(one.planned, one.messages) for one in sums(conn)]


def test_what_was_decided_is_what_is_on_record_through_the_whole_life_of_an_outage(
    world: World,
) -> None:
    world.account("one", ["P1", "P2"], A, "one@example.org")
    world.account("two", ["P3"], B)
    world.account("none", ["P4"], alerts=False)
    outage = world.declare("P1", "P2", "P3", "P4")
    with outbox(world) as (box, _):
        for change in (
            lambda: world.report(outage, etr=etr(-1), lenient=True),
            lambda: world.report(outage, etr=etr(5)),
            lambda: world.report(outage, etr=etr(9)),
            lambda: world.include(outage, ["P1", "P4"]),
            lambda: world.restore(outage),
            lambda: world.reopen(outage),
            lambda: world.do(desk.cancel, outage),
        ):
            change()
            world.gis_has_passed()
            world.plan()  # what was planned and not sent gives way
            change_again = world.messages()
            tell(world, box)
            assert len(change_again) <= len(world.messages())
            ((planned, found),) = agree(world)
            assert planned == found == len(world.messages())
    assert len(world.messages()) >= 8


def test_an_answer_that_says_how_an_outage_stands_is_counted_too(talk_one: Talk) -> None:
    world = talk_one.world
    outage = world.declare("P1")
    with outbox(world) as (box, _):
        tell(world, box)
        talk_one.end(outage, "P1")
        tell(world, box)
    talk_one.say(ME, "OFF")
    kinds = [kind for _, kind, _ in world.messages()]
    assert "still_out_received" in kinds
    with world.db.read() as conn:
        assert all(one.agree for one in sums(conn))


@pytest.fixture
def talk_one(world: World) -> Talk:
    talk = Talk(world)
    world.account("one", ["P1"], ME)
    talk.address("P1", "12 Oak St", postal_code="77002")
    return talk


def test_a_message_that_is_gone_raises_an_alarm_each_time_while_the_outage_is_open(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    outage = world.declare("P1", "P2")
    world.plan()
    audit = Audit(world.db)
    with caplog.at_level(logging.ERROR, logger="notifier.audience"):
        assert not audit.turn()
        assert caplog.records == []
        with world.db.write() as conn:
            lost = sa.select(sa.func.min(t.messages.c.key)).scalar_subquery()
            conn.execute(t.messages.delete().where(t.messages.c.key == lost))
        audit.turn()
        audit.turn()
    said = f"{outage}: 2 messages were decided on and 1 are on record; see `outage doctor`"
    assert [record.getMessage() for record in caplog.records] == [said] * 2


def test_an_outage_that_has_ended_is_looked_at_once_more(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    world.plan()
    world.cancel(outage)
    world.plan()
    with world.db.write() as conn:
        conn.execute(t.messages.delete())
    audit = Audit(world.db)
    with caplog.at_level(logging.ERROR, logger="notifier.audience"):
        audit.turn()
        audit.turn()
    assert len(caplog.records) == 1


def test_one_entry_that_ends_two_other_outages_for_somebody_tells_them_once_and_counts_one(
    world: World,
) -> None:
    world.account("one", ["P1", "P2"], A)
    with outbox(world) as (box, _):
        first, second = world.declare("P1"), world.declare("P2")
        tell(world, box)
        whole = world.declare("P1", "P2")
        world.plan()
        for restored in (first, second, whole):  # of the whole nothing was told yet
            world.restore(restored)
            world.plan()
        assert world.reasons(second)[-1] == {"told_for_other_outage": 1}
        tell(world, box)
    with world.db.read() as conn:
        found = sums(conn)
    assert all(one.agree for one in found), found
    told = [kind for _, kind, state in world.messages() if state == "accepted"]
    assert told.count("restored") == 1
