import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from notifier.planned import Plan
from notifier.planner import kept_out, plan_some
from notifier.reader import NotifierReader
from outage import desk, journal
from outage import tables as t
from outage.model import Kind
from tests.integration.notifier.sending import outbox, tell
from tests.integration.notifier.world import START, World, etr, phone

A, B = phone(1), phone(2)


def plan_of(world: World, number: int) -> Plan:
    reader = NotifierReader(world.settings)
    return Plan(
        number=number,
        outage_key=1,
        manners=reader.manners,
        count_shadowed=False,
    )


def test_everybody_who_is_out_is_planned_for_and_nobody_else(world: World) -> None:
    world.account("one", ["P1"], A, "one@example.org")
    world.account("two", ["P2"], B)
    world.declare("P1")
    world.plan()
    assert sorted(world.messages()) == [
        (A, "detected", "pending"),
        ("one@example.org", "detected", "pending"),
    ]


def test_an_account_with_several_premises_gets_one_message(world: World) -> None:
    world.account("farm", ["P1", "P2", "P3"], A)
    world.declare("P1", "P2", "P3")
    world.plan()
    assert world.messages() == [(A, "detected", "pending")]


def test_a_phone_that_several_accounts_share_gets_one_message(world: World) -> None:
    world.account("mother", ["P1"], A)
    world.account("daughter", ["P2"], A)
    outage = world.declare("P1", "P2")
    world.plan()
    assert world.messages() == [(A, "detected", "pending")]
    assert world.reasons(outage) == [{"detected": 1}]


def test_who_wants_no_alerts_gets_none_and_is_counted(world: World) -> None:
    world.account("quiet", ["P1"], A, alerts=False)
    outage = world.declare("P1")
    world.plan()
    assert world.messages() == []
    assert world.reasons(outage) == [{"no_alerts_wanted": 1}]


def test_a_shared_phone_hears_of_the_account_that_wants_to_know_only(world: World) -> None:
    world.account("quiet", ["P1"], A, alerts=False)
    world.account("keen", ["P2"], A)
    outage = world.declare("P1")
    world.plan()
    assert world.reasons(outage) == [{"no_alerts_wanted": 1}]
    world.include(outage, ["P1", "P2"])
    world.plan()
    assert world.messages() == [(A, "detected", "pending")]


def test_a_first_word_waits_out_the_hold_and_a_medical_one_goes_first(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("ill", ["P2"], B, medical=True)
    world.declare("P1", "P2")
    world.plan()
    m = t.messages
    with world.db.read() as conn:
        rows = conn.execute(sa.select(m).order_by(m.c.priority)).all()
    assert [row.endpoint_key for row in rows] == [world.ids[B], world.ids[A]]
    assert {(row.send_after - row.planned_at).total_seconds() for row in rows} == {60}
    assert {(row.expires_at - row.planned_at).total_seconds() for row in rows} == {6 * 3600}


def test_how_long_matching_and_planning_take_is_no_part_of_a_hold(world: World) -> None:
    world.account("one", ["P1"], A)
    world.declare("P1")
    world.pass_time(seconds=20)
    world.plan()
    assert send_after(world) == {A: START + timedelta(seconds=60)}


def test_who_comes_by_a_revision_has_the_hold_of_the_revision(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    outage = world.declare("P1")
    world.plan()
    world.pass_time(seconds=50)
    world.revise(outage, cause="tree")
    world.include(outage, ["P1", "P2"])
    world.pass_time(seconds=5)
    world.plan()
    assert send_after(world) == {
        A: START + timedelta(seconds=60),
        B: START + timedelta(seconds=110),
    }


def test_back_is_held_from_when_it_was_said_however_late_it_is_planned(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    with outbox(world) as (box, _):
        tell(world, box, minutes=2)
    world.restore(outage)
    world.pass_time(minutes=3)
    world.plan()
    held = world.settings.restored_hold_s
    assert send_after(world, "restored") == {A: START + timedelta(minutes=2, seconds=held)}


def send_after(world: World, kind: str = "detected") -> dict[str, datetime]:
    m, e = t.messages.c, t.endpoints.c
    statement = sa.select(e.address, m.send_after).join(t.endpoints, e.key == m.endpoint_key)
    with world.db.read() as conn:
        return {
            row.address: row.send_after for row in conn.execute(statement.where(m.kind == kind))
        }


def test_more_news_before_the_hold_is_over_neither_doubles_nor_postpones(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    world.plan()
    world.pass_time(seconds=30)
    world.report(outage, etr=etr(3))
    world.plan()
    assert world.messages() == [(A, "detected", "pending")]
    assert world.reasons(outage) == [{"detected": 1}, {"already_pending": 1}]


def test_back_before_the_hold_is_over_tells_nobody_and_says_so(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    world.plan()
    world.restore(outage)
    world.plan()
    assert world.messages() == [(A, "detected", "withdrawn")]
    assert world.reasons(outage) == [{"detected": 1}, {"never_told": 1}]


def test_planned_work_is_told_when_it_starts(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=START)
    world.plan()
    assert world.messages() == []
    assert world.reasons(outage) == [{"planned_not_started": 1}]
    world.do(desk.start, outage)
    world.begin(outage)
    world.plan()
    assert world.messages() == [(A, "planned_started", "pending")]


def test_a_silent_baseline_tells_nobody(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", silent=True)
    world.plan()
    assert world.reasons(outage) == [{"silent_baseline": 1}]


def test_planning_step_by_step_is_planning_at_once(world: World) -> None:
    names = [f"P{number:02}" for number in range(30)]
    for number in range(10):
        # Every account holds premises far apart: each is in several steps, and told in one.
        world.account(f"A{number}", names[number::10], phone(number))
    outage = world.declare(*names)
    with world.db.read() as conn:
        number = journal.last_number(conn)
    plan = plan_of(world, number)
    after: int | None = 0
    steps = 0
    while after is not None:
        with world.db.bulk() as conn:
            after = plan_some(conn, plan, after, premises=4)
        steps += 1
    assert steps == 8
    assert len(world.messages()) == 10
    assert world.reasons(outage) == [{"detected": 10}]


def test_a_step_that_is_cut_off_leaves_no_trace_and_the_rest_is_the_same(world: World) -> None:
    names = [f"P{number:02}" for number in range(20)]
    for name in names:
        world.account(name, [name], phone(int(name[1:])))
    outage = world.declare(*names)
    plan = plan_of(world, 2)
    after: int | None = 0
    while after is not None:
        with contextlib.suppress(KeyboardInterrupt), world.db.bulk() as conn:
            plan_some(conn, plan, after, premises=6)
            raise KeyboardInterrupt
        with world.db.bulk() as conn:
            after = plan_some(conn, plan, after, premises=6)
    assert len(world.messages()) == 20
    assert world.reasons(outage) == [{"detected": 20}]


def test_an_end_that_is_kept_quiet_is_not_told_in_another_outage_s_name(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    named, other = world.declare("P1", "P2"), world.declare("P1")
    with outbox(world) as (box, _):
        tell(world, box)
        # The base data moves it out of the outage it was told of; the other is listed no more.
        world.include(named, ["P2"])
        with world.db.write() as conn:
            i = t.interruptions
            conn.execute(i.update().values(first_outage_key=i.c.outage_key))
        world.end_unlisted(other)
        world.report(named, etr=etr(3))
        tell(world, box)
    assert "restored" not in {kind for _, kind, _ in world.messages()}
    assert (A, "correction unaffected", "accepted") in world.messages()


def test_of_outages_that_another_one_kept_quiet_only_those_of_the_same_places_are_looked_at(
    world: World,
) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    for place in ("P1", "P2"):
        first, second = world.declare(place), world.declare(place)
        world.plan()
        world.restore(first)
        world.plan()
        assert world.reasons(second)[0] == {"out_in_other_outage": 1}
    with world.db.read() as conn:
        found = {
            key: kept_out(conn, replace(plan_of(world, 1), outage_key=key), 0, None)
            for key in (1, 2, 3, 4)
        }
    assert found == {1: [2], 2: [1], 3: [4], 4: [3]}
