"""Somebody who was told "restored" is still out: their premise goes on, and no other."""

from typing import Any

import sqlalchemy as sa

from outage import desk, reports, still_out
from outage import tables as t
from outage.database import Database
from outage.model import Actor, Outage, Service, Status
from outage.reports import CustomerReport, ReportKind
from tests.unit.gis.world import ACTOR, NOON, World

ROW = (0, 3, 0, 0)
WRITER = Actor(kind="reply", name="1")


def restored(database: Database) -> tuple[World, Outage]:
    """Four premises that went out at noon and were told "restored" ten minutes later."""
    world = World.of(database)
    outage = world.declare(ROW)
    world.drain()
    world.later()
    with database.write() as conn:
        conn.execute(t.premises.update().values(transformer="T1"))
        desk.restore(conn, outage.id, actor=ACTOR)
    world.drain()
    world.later()
    return world, outage


def report(outage: Outage, premise: int, number: int, kind: ReportKind) -> CustomerReport:
    return CustomerReport(
        kind=kind,
        source=f"reply:{number}",
        premise_key=premise,
        service=Service.ELECTRIC,
        outage_key=outage.key,
    )


def still(world: World, outage: Outage, premise: int, number: int) -> int | None:
    with world.db.write() as conn:
        step = conn.execute(
            sa.select(t.memberships.c.restoration_key).where(
                t.memberships.c.outage_key == outage.key, t.memberships.c.premise_key == premise
            )
        ).scalar_one()
        key = still_out.take(
            conn, report(outage, premise, number, ReportKind.STILL_OUT), step, actor=WRITER
        )
    world.drain()
    return key


def back(world: World, outage: Outage, premise: int, number: int) -> None:
    with world.db.write() as conn:
        open_ = reports.open_reports(conn, premises=[premise], since=NOON)
        still_out.take_back(
            conn,
            report(outage, premise, number, ReportKind.ON),
            [one.key for one in open_],
            actor=WRITER,
        )
    world.drain()


def proposals(world: World) -> list[Any]:
    with world.db.read() as conn:
        return list(
            conn.execute(
                t.outages.select().where(t.outages.c.source == "replies").order_by(t.outages.c.key)
            )
        )


def test_one_premise_goes_on_and_the_others_stay_restored(database: Database) -> None:
    world, outage = restored(database)
    assert still(world, outage, 2, 1) is None
    assert world.out() == {2: outage.key}
    assert world.interruptions(2) == [(NOON, None, None)], "it was never back"
    assert world.members(outage) == {1: "restored", 2: None, 3: "restored", 4: "restored"}
    row = world.row(outage)
    assert (row.status, row.premises_out) == (Status.PARTIALLY_RESTORED, 1)
    assert proposals(world) == []


def test_it_is_restored_again_like_any_other(database: Database) -> None:
    world, outage = restored(database)
    still(world, outage, 2, 1)
    world.later()
    with database.write() as conn:
        desk.restore(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.row(outage).status == Status.RESTORED
    assert world.interruptions(2) == [(NOON, world.now, "restored")]


def test_who_says_that_it_is_back_ends_only_what_they_began(database: Database) -> None:
    world, outage = restored(database)
    still(world, outage, 2, 1)
    still(world, outage, 3, 2)
    world.later()
    back(world, outage, 2, 3)
    assert world.out() == {3: outage.key}
    assert world.row(outage).status == Status.PARTIALLY_RESTORED
    back(world, outage, 3, 4)
    assert world.row(outage).status == Status.RESTORED


def test_a_premise_of_two_phones_is_back_when_both_say_so(database: Database) -> None:
    world, outage = restored(database)
    still(world, outage, 2, 1)
    with database.write() as conn:
        reports.write_down(conn, report(outage, 2, 2, ReportKind.STILL_OUT))
        first = reports.open_reports(conn, premises=[2], since=NOON)[0]
        still_out.take_back(conn, report(outage, 2, 3, ReportKind.ON), [first.key], actor=WRITER)
    world.drain()
    assert world.out() == {2: outage.key}
    back(world, outage, 2, 4)
    assert world.out() == {}


def test_neighbours_are_proposed_as_a_nested_outage_that_interrupts_nobody(
    database: Database,
) -> None:
    world, outage = restored(database)
    still(world, outage, 2, 1)
    assert still(world, outage, 3, 2) is not None
    [proposal] = proposals(world)
    assert (proposal.status, proposal.members, proposal.premises_out) == (Status.PREDICTED, 2, 0)
    assert world.out() == {2: outage.key, 3: outage.key}
    still(world, outage, 4, 3)
    [proposal] = proposals(world)
    assert proposal.members == 3
    with database.read() as conn:
        r = t.reports.c
        assert set(conn.execute(sa.select(r.proposal_key)).scalars()) == {proposal.key}


def test_a_proposal_shrinks_and_is_dropped_with_those_who_are_back(database: Database) -> None:
    world, outage = restored(database)
    for number, premise in enumerate((2, 3, 4), 1):
        still(world, outage, premise, number)
    back(world, outage, 4, 4)
    assert [row.members for row in proposals(world)] == [2]
    back(world, outage, 3, 5)
    assert [row.status for row in proposals(world)] == [Status.CANCELLED]
    # Another neighbour, another proposal.
    still(world, outage, 4, 6)
    assert [row.status for row in proposals(world)] == [Status.CANCELLED, Status.PREDICTED]


def test_a_confirmed_proposal_takes_over_when_the_outage_is_restored(database: Database) -> None:
    world, outage = restored(database)
    still(world, outage, 2, 1)
    still(world, outage, 3, 2)
    [proposal] = proposals(world)
    with database.write() as conn:
        desk.confirm(conn, proposal.id, actor=ACTOR)
    world.drain()
    world.later()
    with database.write() as conn:
        desk.restore(conn, outage.id, actor=ACTOR)
    world.drain()
    assert world.out() == {2: proposal.key, 3: proposal.key}
    assert world.interruptions(2) == [(NOON, None, None)]


def test_those_on_another_transformer_are_no_neighbours(database: Database) -> None:
    world, outage = restored(database)
    with database.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key > 2).values(transformer="T2"))
    still(world, outage, 2, 1)
    assert still(world, outage, 3, 2) is None
    assert proposals(world) == []
