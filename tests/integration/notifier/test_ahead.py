"""Looking ahead while a step is written changes nothing of what is planned."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import ahead, reader
from notifier.planned import Plan
from notifier.planner import Found, StaleError, find, plan_some
from outage import journal
from outage import tables as t
from outage.database import Ahead
from outage.model import OutageId
from tests.integration.notifier.sending import outbox
from tests.integration.notifier.test_planner import plan_of
from tests.integration.notifier.world import START, World, phone

NAMES = [f"P{number:02}" for number in range(24)]


def people(world: World) -> OutageId:
    """One place each, but for some who have two far apart, or share a phone."""
    for number, name in enumerate(NAMES[:20]):
        world.account(f"A{number}", [name], phone(number), medical=number % 7 == 0)
    world.account("farm", [NAMES[20], NAMES[23]], phone(30))
    world.account("daughter", [NAMES[21]], phone(3))
    world.account("quiet", [NAMES[22]], phone(31), alerts=False)
    return world.declare(*NAMES)


def test_everybody_is_told_once_and_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_STEP", "LEAST_STEP", "MOST_STEP"):
        monkeypatch.setattr(reader, name, 4)
    seen: list[Found | None] = []

    def noted(conn: Connection, plan: Plan, after: int, premises: int) -> Found | None:
        seen.append(find(conn, plan, after, premises))
        return seen[-1]

    monkeypatch.setattr(ahead, "find", noted)
    outage = people(world)
    world.plan()
    # Of six steps the first looks for itself; the last finds that nobody is left.
    assert len([one for one in seen if one is not None]) == 6
    told = [phone(number) for number in (*range(20), 30)]
    assert sorted(world.messages()) == sorted((one, "detected", "pending") for one in told)
    assert world.reasons(outage) == [{"detected": 21, "no_alerts_wanted": 1}]


@contextmanager
def found(world: World) -> Iterator[tuple[Plan, Ahead, Found]]:
    """What is found ahead of a step over everybody."""
    with world.db.read() as conn:
        plan = plan_of(world, journal.last_number(conn))
    with world.db.ahead() as by:
        with by.look() as conn:
            who = find(conn, plan, 0, len(NAMES))
        assert who is not None
        yield plan, by, who


def test_who_was_told_meanwhile_is_not_counted_twice(world: World) -> None:
    """A load moves somebody who was told a moment ago to a place that is looked at next."""
    outage = people(world)
    with found(world) as (plan, by, who):
        with world.db.write() as conn:
            conn.execute(
                t.messages.insert().values(
                    number=plan.number,
                    outage_key=plan.outage_key,
                    endpoint_key=world.ids[phone(0)],
                    account_key=world.ids["account A0"],
                    channel="sms",
                    kind="detected",
                    state="pending",
                    priority=1,
                    planned_at=START,
                    send_after=START,
                )
            )
        with pytest.raises(StaleError), by.bulk() as conn:
            plan_some(conn, plan, 0, len(NAMES), who)
    assert world.messages() == [(phone(0), "detected", "pending")]
    assert world.reasons(outage) == []


def test_a_step_looks_for_itself_where_its_outage_goes_on_from_another_by_now(world: World) -> None:
    outage = people(world)
    with found(world) as (plan, by, who):
        with world.db.write() as conn:
            other = {"outage_key": plan.outage_key, "origin_key": plan.outage_key, "number": 1}
            conn.execute(t.origins.insert().values(**other))
        with pytest.raises(StaleError), by.bulk() as conn:
            plan_some(conn, plan, 0, len(NAMES), who)
    assert world.reasons(outage) == []


def test_who_stops_between_the_look_and_the_step_is_told_nothing(world: World) -> None:
    people(world)
    with found(world) as (plan, by, who):
        with world.db.write() as conn:
            e = t.endpoints
            conn.execute(e.update().where(e.c.address == phone(5)).values(opted_out_at=START))
        with by.bulk() as conn:
            plan_some(conn, plan, 0, len(NAMES), who)
            conn.execute(sa.delete(t.work_items))
            journal.move_cursor(conn, "notifier", plan.number)
    world.pass_time(minutes=2)
    with outbox(world) as (box, _):
        box.drain()
    states = {address: state for address, _, state in world.messages()}
    assert states[phone(5)] == "suppressed"
    assert states[phone(6)] == "accepted"


def test_a_look_that_is_under_way_when_a_step_fails_keeps_no_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(world, 1)
    waits = threading.Event()

    def slow(conn: Connection, plan: Plan, after: int, premises: int) -> Found | None:
        waits.wait(0.2)
        return find(conn, plan, after, premises)

    monkeypatch.setattr(ahead, "find", slow)
    with ExitStack() as stack:
        ahead.LookingAhead(world.db, plan, stack).begin(0, 4)
    assert world.db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pool in use
    with world.db.bulk() as conn:
        assert journal.last_number(conn) == 0
