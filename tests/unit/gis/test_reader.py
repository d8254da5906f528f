from __future__ import annotations

import json
import re
from datetime import timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from gis.membership import interruptions
from gis.membership.scratch import fill
from outage import desk, journal
from outage import tables as t
from outage.commands import Revise
from outage.database import Database
from outage.model import JournalKind, Kind, Outage, OutageKey, Service, Status
from tests.unit.gis.world import ACTOR, NOON, Rectangle, World, inside

LEFT: Rectangle = (0, 3, 0, 0)
RIGHT: Rectangle = (2, 5, 0, 0)


@pytest.fixture
def world(database: Database) -> World:
    return World.of(database)


def revise(world: World, outage: Outage, rectangle: Rectangle) -> None:
    match = world.match(rectangle)
    with world.db.write() as conn:
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=match.for_desk())


def restore(world: World, outage: Outage, rectangle: Rectangle | None = None) -> None:
    shape = None if rectangle is None else world.match(rectangle).for_desk()
    with world.db.write() as conn:
        desk.restore(conn, outage.id, actor=ACTOR, shape=shape)


def test_a_declared_outage_gets_members_interruptions_counts_and_matched(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    assert world.members(outage) == dict.fromkeys(inside(LEFT))
    assert world.out() == dict.fromkeys(inside(LEFT), outage.key)
    row = world.row(outage)
    assert (row.membership, row.members, row.premises_out, row.premises_restored) == (1, 4, 4, 0)
    assert row.matched_number == row.last_number
    assert world.last_matched()["told_added"] == 4


def test_an_outage_without_a_shape_is_matched_with_no_members(world: World) -> None:
    from outage.commands import Declare
    from outage.model import OutageId, OutageKey, Service

    with world.db.write() as conn:
        outage = desk.declare(
            conn,
            Declare(key=OutageKey(0), id=OutageId(""), service=Service.WATER, kind=Kind.UNPLANNED),
            actor=ACTOR,
        )
    world.drain()
    assert world.members(outage) == {}
    assert world.row(outage).members == 0
    assert world.last_matched()["kind"] == JournalKind.DECLARED


def test_a_revision_moves_only_what_changed_and_voids_who_falls_out(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    world.later()
    revise(world, outage, RIGHT)
    world.drain()
    assert world.members(outage) == dict.fromkeys(inside(RIGHT))
    assert world.out() == dict.fromkeys(inside(RIGHT), outage.key)
    assert [outcome for _, _, outcome in world.interruptions(1)] == ["voided"]
    matched = world.last_matched()
    assert (matched["added"], matched["removed"], matched["membership"]) == (2, 2, 2)


def test_restoring_a_part_and_then_the_rest_ends_each_at_its_time(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    world.later()
    restore(world, outage, (0, 1, 0, 0))
    world.drain()
    assert world.row(outage).status == Status.PARTIALLY_RESTORED
    assert world.row(outage).premises_out == 2
    assert world.members(outage) == {1: "restored", 2: "restored", 3: None, 4: None}
    first = world.now
    world.later()
    restore(world, outage)
    world.drain()
    row = world.row(outage)
    assert (row.status, row.premises_out, row.premises_restored) == (Status.RESTORED, 0, 4)
    assert world.interruptions(1) == [(NOON, first, "restored")]
    assert world.interruptions(4) == [(NOON, world.now, "restored")]


def test_a_reopened_restoration_lets_the_same_interruptions_go_on(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    world.later()
    restore(world, outage, (0, 1, 0, 0))
    world.drain()
    world.later()
    restore(world, outage)
    world.drain()
    world.later()
    with world.db.write() as conn:
        desk.reopen(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.members(outage) == {1: "restored", 2: "restored", 3: None, 4: None}
    assert world.interruptions(4) == [(NOON, None, None)]
    assert world.out() == {3: outage.key, 4: outage.key}


def test_the_older_outage_holds_and_the_younger_goes_on_with_the_same_interruption(
    world: World,
) -> None:
    older = world.declare(LEFT)
    world.later()
    younger = world.declare(RIGHT)
    world.drain()
    assert world.out()[3] == older.key
    world.later()
    restore(world, older)
    world.drain()
    assert world.out() == dict.fromkeys(inside(RIGHT), younger.key)
    assert world.interruptions(3) == [(NOON, None, None)]
    assert world.members(older)[3] == "restored"


def test_confirmed_unplanned_goes_before_planned_work(world: World) -> None:
    planned = world.declare(LEFT, Kind.PLANNED)
    world.later()
    unplanned = world.declare(RIGHT)
    world.drain()
    assert world.out()[1] == planned.key
    assert world.out()[3] == unplanned.key


def test_what_goes_on_under_another_after_a_revision_began_with_that_other(world: World) -> None:
    wrong = world.declare(LEFT)
    world.later()
    started = world.now
    world.declare(RIGHT)
    world.drain()
    revise(world, wrong, (0, 1, 0, 0))
    world.drain()
    assert world.interruptions(3) == [(started, None, None)]


def test_planned_work_interrupts_nobody_before_it_has_begun(world: World) -> None:
    outage = world.declare(LEFT, Kind.PLANNED, started_at=None, planned_start=NOON)
    world.drain()
    assert world.row(outage).status == Status.PREDICTED
    assert world.row(outage).members == 4
    assert world.row(outage).premises_out == 0
    assert world.out() == {}
    world.later()
    with world.db.write() as conn:
        desk.start(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.out() == dict.fromkeys(inside(LEFT), outage.key)
    assert world.interruptions(1) == [(world.now, None, None)]


def test_an_advisory_has_members_and_interrupts_nobody(world: World) -> None:
    outage = world.declare(LEFT, Kind.ADVISORY)
    world.drain()
    assert len(world.members(outage)) == 4
    assert world.out() == {}


def test_a_cancelled_outage_leaves_no_member_and_no_true_interruption(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    restore(world, outage, (0, 0, 0, 0))
    world.drain()
    with world.db.write() as conn:
        desk.cancel(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.members(outage) == {}
    assert world.out() == {}
    assert {world.interruptions(p)[0][2] for p in (1, 2, 3, 4)} == {"voided"}
    assert world.last_matched()["told_removed"] == 4


def test_an_inferred_end_ends_interruptions_and_leaves_the_outage_open(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    world.later()
    with world.db.write() as conn:
        desk.unlist(conn, outage.id, actor=ACTOR)
        desk.end_unlisted(conn, outage.id, actor=ACTOR, at=world.now)
    world.drain()
    assert world.row(outage).status == Status.CONFIRMED
    assert world.interruptions(1) == [(NOON, world.now, "inferred")]
    with world.db.write() as conn:
        desk.relist(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.interruptions(1) == [(NOON, None, None)]
    assert world.members(outage) == dict.fromkeys(inside(LEFT))


def test_a_load_that_moves_premises_is_told_apart_from_a_shape_that_moved(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    with world.db.write() as conn:
        # Premise 1 leaves the shape, premise 6 comes in.
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(longitude=-90.0))
        conn.execute(t.premises.update().where(t.premises.c.key == 6).values(longitude=-100.0))
        world.new_version(conn, 2)
        journal.append(conn, kind=JournalKind.PREMISES_CHANGED, actor="cli")
    revise(world, outage, (0, 2, 0, 0))
    world.drain()
    assert world.members(outage) == dict.fromkeys({2, 3, 6})
    with world.db.read() as conn:
        rows = conn.execute(t.memberships.select().order_by(t.memberships.c.premise_key)).all()
    assert [(r.premise_key, r.why, r.outcome) for r in rows] == [
        (1, "shape", "moved"),
        (2, "shape", None),
        (3, "shape", None),
        (4, "shape", "voided"),
        (6, "premises", None),
    ]
    assert world.out() == dict.fromkeys({2, 3, 6}, outage.key)


def test_what_ended_before_another_outage_began_and_ended_does_not_go_on(world: World) -> None:
    first = world.declare((0, 0, 0, 0))
    world.drain()
    world.later()
    restore(world, first)
    world.drain()
    first_end = world.now
    world.later()
    second = world.declare((0, 0, 0, 0), started_at=world.now)
    second_start = world.now
    world.drain()
    world.later()
    restore(world, second)
    world.drain()
    second_end = world.now
    world.later()
    with world.db.write() as conn:
        desk.reopen(conn, first.id, actor=ACTOR)
    world.drain()
    # Out three times, as far as anybody knows, and never twice at once.
    assert world.interruptions(1) == [
        (NOON, first_end, "restored"),
        (second_start, second_end, "restored"),
        (second_end, None, None),
    ]


def test_a_reopened_outage_goes_on_with_what_ended_under_another(world: World) -> None:
    older = world.declare((0, 0, 0, 0))
    world.later()
    younger = world.declare((0, 0, 0, 0))
    world.drain()
    for outage in (older, younger):
        world.later()
        restore(world, outage)
        world.drain()
    assert world.interruptions(1) == [(NOON, world.now, "restored")]
    with world.db.write() as conn:
        desk.reopen(conn, older.id, actor=ACTOR)
    world.drain()
    assert world.interruptions(1) == [(NOON, None, None)]
    assert world.out() == {1: older.key}


def test_a_corrected_start_moves_every_interruption_that_the_outage_began(world: World) -> None:
    earlier = world.declare((5, 5, 0, 0), started_at=NOON - timedelta(hours=9))
    world.drain()
    world.later()
    restore(world, earlier)
    world.drain()
    back = world.now
    world.later()
    outage = world.declare((2, 5, 0, 0), started_at=world.now)
    world.declare((2, 2, 0, 0))
    world.drain()
    world.later()
    restore(world, outage, (2, 2, 0, 0))
    world.drain()
    corrected = NOON - timedelta(hours=1)
    with world.db.write() as conn:
        desk.revise(conn, outage.id, Revise(started_at=corrected), actor=ACTOR)
    world.drain()
    # One is out under it, one goes on under another, one came back from an earlier outage.
    assert world.interruptions(4) == [(corrected, None, None)]
    assert world.interruptions(3) == [(corrected, None, None)]
    assert world.interruptions(6)[1:] == [(back, None, None)]


def test_what_goes_on_under_another_began_with_that_when_the_first_never_was(world: World) -> None:
    wrong = world.declare(LEFT)
    world.later()
    began = world.now
    true = world.declare(RIGHT)
    world.drain()
    world.later()
    restore(world, wrong, (2, 3, 0, 0))
    world.drain()
    assert world.interruptions(3) == [(NOON, None, None)]
    with world.db.write() as conn:
        desk.cancel(conn, wrong.id, actor=ACTOR)
    world.drain()
    assert world.interruptions(3) == [(began, None, None)]
    assert world.out() == dict.fromkeys(inside(RIGHT), true.key)


def test_a_step_finds_its_rows_by_their_premises_however_large_the_outage(world: World) -> None:
    if world.db.engine.dialect.name != "sqlite":
        pytest.skip("the plan is asked for in the words of SQLite")
    plans: dict[str, list[str]] = {}
    outage = world.declare(LEFT)
    world.drain()
    world.later()
    restore(world, outage, (2, 3, 0, 0))
    world.drain()

    def explain(conn: sa.Connection, _cursor: object, statement: str, *_more: object) -> None:
        if "interruptions" in statement:
            holes = statement.count("?")
            raw = conn.connection.cursor()
            found = raw.execute(f"EXPLAIN QUERY PLAN {statement}", [None] * holes).fetchall()
            plans[statement] = [row[3] for row in found]

    with world.db.write() as conn:
        fill(conn, np.array([6]))
        sa.event.listen(conn, "before_cursor_execute", explain)
        interruptions.void(conn, OutageKey(1), Service.ELECTRIC)
        interruptions.take_up(conn, OutageKey(1), None, Service.ELECTRIC)
        interruptions.take_up(conn, OutageKey(1), 1, Service.ELECTRIC)
        interruptions.move_start(conn, OutageKey(1), Service.ELECTRIC)
        interruptions.pass_on(conn, OutageKey(1), OutageKey(2))
        restored = interruptions.End(at=NOON, outcome="restored")
        voided = interruptions.End(at=NOON, outcome="voided", voided=OutageKey(1))
        # Premise 3 has had service back since the outage began, premise 6 has not.
        ways = ((restored, None, 6), (voided, None, 6), (voided, outage.key, 6))
        for end, came, premise in (*ways, (voided, outage.key, 3)):
            fill(conn, np.array([premise]))
            interruptions.settle(conn, Service.ELECTRIC, end, came)
    assert len(plans) == 18
    scanned = {line.split()[1] for plan in plans.values() for line in plan if "SCAN" in line}
    # The last three are what the step itself has just found.
    assert scanned <= {"gis_scratch", "gis_settled", "one_way", "other_way", "both_ways"}
    ours = "UPDATE interruptions"
    updates = [plan[0] for statement, plan in plans.items() if statement.startswith(ours)]
    assert len(updates) == 10
    assert [line for line in updates if not re.search(r"\((premise_key|rowid)=\?", line)] == []


def test_a_load_that_moves_nobody_in_or_out_of_an_outage_makes_no_matched(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    load(world, {12: 0.01})
    assert matched(world, outage) == [1]
    assert world.row(outage).matched_premises_version == 2


def test_a_load_that_moves_somebody_makes_a_matched(world: World) -> None:
    outage = world.declare(LEFT)
    world.drain()
    load(world, {1: 0.01})
    assert matched(world, outage) == [1, 2]
    row = world.row(outage)
    assert (row.matched_premises_version, row.members) == (2, len(inside(LEFT)) - 1)


def load(world: World, moved: dict[int, float]) -> None:
    """A nightly load that moves premises so far to the east."""
    with world.db.write() as conn:
        for key, east in moved.items():
            conn.execute(
                t.premises.update()
                .where(t.premises.c.key == key)
                .values(longitude=t.premises.c.longitude + east, loaded_version=2)
            )
        world.new_version(conn, 2)
        journal.append(conn, kind=JournalKind.PREMISES_CHANGED, actor="test")
    world.drain()


def matched(world: World, outage: Outage) -> list[int]:
    """Membership numbers that an outage's `matched` entries made current."""
    j = t.journal.c
    which = sa.and_(j.kind == JournalKind.MATCHED.value, j.outage_key == outage.key)
    with world.db.read() as conn:
        found = conn.execute(sa.select(j.data).where(which).order_by(j.number)).scalars()
        return [json.loads(data)["membership"] for data in found]
