"""Large sends wait: a person's for a second person, an automatic one for a few minutes."""

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from notifier import approvals, batches
from notifier.errors import NoReasonGiven, NotWaiting, SamePerson, UnknownApproval
from notifier.planned import Plan
from notifier.planner import plan_some
from notifier.reader import NotifierReader
from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.database import Database, open_database
from outage.model import Actor, Kind, OutageId, OutageKey, Service
from outage.settings import Settings
from tests.integration.notifier.sending import outbox, said, tell
from tests.integration.notifier.world import ACTOR, START, World, etr, phone

BEN = Actor(kind="dispatcher", name="ben")
FEED = Actor(kind="feed", name="oms")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, approve_above=3)


def people(world: World, count: int, *, medical: int = 0) -> list[str]:
    for number in range(count):
        world.account(f"a{number}", [f"P{number}"], phone(number), medical=number < medical)
    return [f"P{number}" for number in range(count)]


def declared_by_feed(world: World, *premises: str) -> OutageId:
    command = c.Declare(
        key=OutageKey(0), id=OutageId(""), service=Service.ELECTRIC, kind=Kind.UNPLANNED
    )
    with world.db.write() as conn:
        outage = desk.declare(conn, command, actor=FEED)
    world.include(outage.id, premises)
    return outage.id


def waiting(db: Database) -> list[int]:
    with db.read() as conn:
        return [one["number"] for one in approvals.open_(conn)]


def approve(db: Database, actor: Actor = BEN, **more: object) -> None:
    (number,) = waiting(db)
    with db.write() as conn:
        approvals.approve(conn, number, actor=actor, **more)  # type: ignore[arg-type]  # of one test


def states(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, _, state in world.messages():
        found[state] = found.get(state, 0) + 1
    return found


def test_a_large_send_waits_for_a_second_person(world: World) -> None:
    world.declare(*people(world, 5))
    with outbox(world) as (box, provider):
        tell(world, box)
        assert states(world) == {"pending": 5}
        with world.db.read() as conn:
            (found,) = approvals.open_(conn)
            assert batches.left(conn) == 0
        assert (found["messages"], found["asked_by"]) == (5, str(ACTOR))
        with pytest.raises(SamePerson, match="somebody else has to approve it"):
            approve(world.db, ACTOR)
        approve(world.db)
        assert box.drain() == 5
    assert len(said(provider)) == 5


def test_a_small_one_and_the_medical_do_not_wait(world: World) -> None:
    names = people(world, 8, medical=2)
    world.declare(*names[:5])
    with outbox(world) as (box, _):
        tell(world, box)
        assert states(world) == {"accepted": 5}  # three of them are not medical
        world.declare(*names)
        tell(world, box)
    assert waiting(world.db) == []


def test_of_a_large_one_the_medical_go_at_once(world: World) -> None:
    world.declare(*people(world, 6, medical=2))
    with outbox(world) as (box, provider):
        tell(world, box)
    assert {number for number, _ in said(provider)} == {phone(0), phone(1)}
    assert states(world) == {"accepted": 2, "pending": 4}


def test_alone_it_goes_by_breaking_the_glass_and_everybody_hears_of_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.declare(*people(world, 5))
    with outbox(world) as (box, _):
        tell(world, box)
        with pytest.raises(NoReasonGiven):
            approve(world.db, ACTOR, break_glass=True)
        caplog.set_level(logging.ERROR)
        approve(world.db, ACTOR, break_glass=True, why="nobody else on shift")
        assert box.drain() == 5
    assert "alone" in caplog.text
    with world.db.read() as conn:
        (found,) = approvals.alone_since(conn, START)
    assert (found["decided_by"], found["why"]) == (str(ACTOR), "nobody else on shift")


def test_what_is_withdrawn_is_not_sent_and_counted(world: World) -> None:
    world.declare(*people(world, 5))
    with outbox(world) as (box, provider):
        tell(world, box)
        (number,) = waiting(world.db)
        with world.db.write() as conn:
            approvals.withdraw(conn, number, actor=ACTOR, why="wrong county")
        box.drain()
        assert states(world) == {"withdrawn": 5}
        with pytest.raises(NotWaiting, match="withdrawn"), world.db.write() as conn:
            approvals.approve(conn, number, actor=BEN)
    assert said(provider) == []


def test_an_edit_that_supersedes_what_waits_asks_anew_if_it_is_large(world: World) -> None:
    outage = world.declare(*people(world, 5))
    with outbox(world) as (box, provider):
        tell(world, box)
        first = waiting(world.db)
        approve(world.db)
        box.drain()
        world.report(outage, etr=etr(3))
        tell(world, box)
        second = waiting(world.db)
        assert second != first
        assert len(said(provider)) == 5
        world.report(outage, etr=etr(8))  # the same kind: what waits will say the newer time
        tell(world, box)
        assert waiting(world.db) == second
        world.restore(outage)
        tell(world, box)
        assert waiting(world.db) != second
        with world.db.read() as conn:
            found = approvals.listing(conn)
        assert [one["state"] for one in found] == ["approved", "lapsed", "waiting"]
        approve(world.db)
        box.drain()
    assert [kind for _, kind, state in world.messages() if state == "accepted"] == [
        *["detected"] * 5,
        *["restored"] * 5,
    ]


def test_an_automatic_one_goes_by_itself_after_a_warning(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    declared_by_feed(world, *people(world, 5))
    with outbox(world) as (box, provider):
        tell(world, box, minutes=4)
        assert said(provider) == []
        assert "5 messages go by themselves at" in caplog.text
        with world.db.read() as conn:
            due = batches.next_due(conn)
            assert batches.left(conn) == 0
        assert due is not None
        world.pass_time(seconds=60)
        assert box.drain() == 5


def test_an_automatic_one_that_is_held_waits_for_a_person(world: World) -> None:
    declared_by_feed(world, *people(world, 5))
    with outbox(world) as (box, provider):
        tell(world, box, minutes=1)
        (number,) = waiting(world.db)
        with world.db.write() as conn:
            approvals.hold(conn, number, actor=BEN)
        tell(world, box, minutes=30)
        assert said(provider) == []
        approve(world.db)
        assert box.drain() == 5


def test_one_that_is_approved_early_does_not_wait(world: World) -> None:
    declared_by_feed(world, *people(world, 5))
    with outbox(world) as (box, _):
        tell(world, box, minutes=1)
        approve(world.db)
        assert box.drain() == 5


def test_what_there_is_not_or_has_gone_is_refused(world: World) -> None:
    with pytest.raises(UnknownApproval), world.db.write() as conn:
        approvals.approve(conn, 4711, actor=BEN)
    declared_by_feed(world, *people(world, 5))
    world.plan()
    (number,) = waiting(world.db)
    world.pass_time(minutes=6)
    with pytest.raises(NotWaiting, match="gone by itself"), world.db.write() as conn:
        approvals.hold(conn, number, actor=BEN)


def test_who_claims_and_who_withdraws_at_the_same_moment_do_not_cross(world: World) -> None:
    """Each message goes, or ends as withdrawn: what was claimed was claimed before."""
    declared_by_feed(world, *people(world, 30))
    with outbox(world, batch_size=2) as (box, provider):
        world.plan()
        (number,) = waiting(world.db)
        world.pass_time(minutes=2)
        approve(world.db)
        found = box.waiting(queued_too=True)
        # As if it had not been decided yet.
        with world.db.write() as conn:
            conn.execute(t.approvals.update().values(state="waiting"))

        def decide(_: int) -> int:
            other = open_database(world.db.engine.url)
            try:
                with other.write() as conn:
                    approvals.withdraw(conn, number, actor=BEN, why="wrong")
            finally:
                other.close()
            return 0

        with ThreadPoolExecutor(2) as pool:
            deciding = pool.submit(decide, 0)
            sent = sum(box.send(batch.key) for batch in found)
            deciding.result()
        box.drain()
    assert states(world).get("withdrawn", 0) + sent == 30
    assert len(said(provider)) == sent


def test_without_a_size_nothing_waits(world: World) -> None:
    world.settings = replace(world.settings, approve_above=0)
    world.declare(*people(world, 5))
    with outbox(world) as (box, _):
        tell(world, box)
    assert states(world) == {"accepted": 5}


def test_a_planner_that_was_killed_before_it_asked_asks_when_it_goes_on(world: World) -> None:
    world.declare(*people(world, 5))
    reader = NotifierReader(world.settings)
    journal.expand(world.db, reader)
    item = journal.claim(world.db, reader.name)
    assert item is not None

    plan = Plan(
        number=item.entry.number,
        outage_key=item.outage_key,
        manners=reader.manners,
        count_shadowed=False,
    )
    with world.db.write() as conn:
        # Everything is planned, and then it is killed.
        assert plan_some(conn, plan, 0, 1000) is None
        journal.advance(conn, item, {"premise": None})
        conn.execute(t.work_items.update().values(lease_until=None))
    with outbox(world) as (box, provider):
        world.pass_time(seconds=60)
        box.drain()
        assert said(provider) == []
        world.plan()
        box.drain()
        assert said(provider) == []
    assert len(waiting(world.db)) == 1
