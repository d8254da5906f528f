"""Who was out, and since when, does not depend on the order in which work was done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from outage import desk
from outage import tables as t
from outage.commands import Report, Revise
from outage.database import Database
from outage.errors import InvalidCommandError, NotAllowedNowError
from outage.model import Outage, Reason
from tests.unit.gis.world import ACTOR, NOON, Rectangle, World, inside

WEST, EAST, MIDDLE = (0, 1, 0, 0), (2, 3, 0, 0), (1, 3, 0, 0)
ALL = (0, 3, 0, 0)
_MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: Database) -> World:
    return World.of(database)


def do(world: World, outage: Outage, command: Any, **more: Any) -> Any:  # noqa: ANN401 - any of the desk's
    with world.db.write() as conn:
        return command(conn, outage.id, actor=ACTOR, **more)


def revise(world: World, outage: Outage, ground: Rectangle) -> None:
    with world.db.write() as conn:
        shape = world.match(ground).for_desk()
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape)


def restore(world: World, outage: Outage, ground: Rectangle | None = None, **more: Any) -> None:  # noqa: ANN401 - passed on
    shape = None if ground is None else world.match(ground).for_desk()
    do(world, outage, desk.restore, shape=shape, **more)


def true(world: World, premise: int) -> list[tuple[datetime, datetime | None]]:
    """When a premise was really out."""
    return [(began, ended) for began, ended, how in world.interruptions(premise) if how != "voided"]


@pytest.mark.parametrize("between", [True, False])
def test_a_restoration_that_overtakes_a_load_ends_no_interruption_that_goes_on(
    world: World, between: bool
) -> None:
    older = world.declare(WEST, started_at=NOON - 60 * _MINUTE)
    younger = world.declare(MIDDLE, started_at=NOON - 30 * _MINUTE)
    world.drain()
    world.later(5)
    world.move(1, 2)
    if between:
        world.drain()
    world.later(5)
    restore(world, older)
    world.drain()
    assert true(world, 1) == [(NOON - 60 * _MINUTE, None)]
    assert world.out()[1] == younger.key


@pytest.mark.parametrize("between", [True, False])
def test_a_restoration_that_overtakes_a_revision_ends_no_interruption_that_goes_on(
    world: World, between: bool
) -> None:
    older = world.declare(WEST, started_at=NOON - 60 * _MINUTE)
    younger = world.declare(EAST, started_at=NOON - 30 * _MINUTE)
    world.drain()
    world.later(5)
    revise(world, younger, MIDDLE)
    if between:
        world.drain()
    restore(world, older)
    world.drain()
    assert true(world, 2) == [(NOON - 60 * _MINUTE, None)]
    assert world.out() == dict.fromkeys(inside(MIDDLE), younger.key)


@pytest.mark.parametrize("how", ["cancel", "revise"])
def test_what_was_restored_under_a_false_outage_is_on_record_all_the_same(
    world: World, how: str
) -> None:
    real = world.declare(WEST, started_at=NOON - 120 * _MINUTE)
    world.drain()
    world.later(5)
    false = world.declare(ALL)
    world.drain()
    world.later(5)
    restore(world, real)
    world.drain()
    back = world.now
    world.later(30)
    if how == "cancel":
        do(world, false, desk.cancel)
    else:
        revise(world, false, EAST)
    world.drain()
    assert true(world, 1) == [(NOON - 120 * _MINUTE, back)]
    assert world.members(real) == dict.fromkeys(inside(WEST), "restored")


@pytest.mark.parametrize("between", [True, False])
def test_a_load_and_a_split_that_follow_each_other_closely_make_nobody_a_member_twice(
    world: World, between: bool
) -> None:
    outage = world.declare(ALL, started_at=NOON - 60 * _MINUTE)
    world.drain()
    world.later(5)
    restore(world, outage, (0, 0, 0, 0))
    world.drain()
    world.later(5)
    world.move(12, 11)
    if between:
        world.drain()
    part = world.split(outage, WEST)
    world.drain()
    assert world.members(part) == {2: None}
    assert world.members(outage) == dict.fromkeys(inside(EAST)) | {1: "restored"}
    assert world.out() == {2: part.key} | dict.fromkeys(inside(EAST), outage.key)


def test_an_outage_declared_after_a_load_is_first_matched_of_its_own_entry(world: World) -> None:
    world.move(12, 11)
    outage = world.declare(WEST)
    world.drain()
    j = t.journal.c
    with world.db.read() as conn:
        matched = sa.select(j.data).where(j.outage_key == outage.key, j.kind == "matched")
        assert '"kind": "declared"' in conn.execute(matched).scalar_one()


def test_service_between_two_outages_is_seen_when_the_first_is_restored_late(world: World) -> None:
    began, back = NOON - 180 * _MINUTE, NOON - 120 * _MINUTE
    again = NOON - 60 * _MINUTE
    first, second = world.declare(WEST, started_at=began), world.declare(WEST, started_at=again)
    world.drain()
    world.later(5)
    restore(world, first, at=back)
    world.drain()
    assert true(world, 1) == [(began, back), (again, None)]
    assert world.out()[1] == second.key


def test_while_all_of_it_is_being_restored_nothing_changes_whom_that_is(world: World) -> None:
    outage, other = world.declare(WEST), world.declare(EAST)
    world.drain()
    world.later(5)
    restore(world, outage)
    orders: list[Callable[[], object]] = [
        lambda: restore(world, outage),
        lambda: revise(world, outage, ALL),
        lambda: world.merge(other, outage),
        lambda: world.split(outage, (0, 0, 0, 0)),
    ]
    for order in orders:
        with pytest.raises(NotAllowedNowError, match="just being restored"):
            order()
    world.drain()
    assert world.row(outage).status == "restored"
    do(world, outage, desk.reopen)
    world.drain()
    assert set(inside(WEST)) <= set(world.out())


def test_a_part_that_was_everybody_is_not_all_of_it_when_more_are_to_come(world: World) -> None:
    outage = world.declare(WEST)
    world.drain()
    world.later(5)
    restore(world, outage, WEST)
    revise(world, outage, ALL)
    world.drain()
    assert world.out() == dict.fromkeys(inside(EAST), outage.key)
    assert world.row(outage).status == "partiallyRestored"


def test_a_merged_outage_comes_back_with_its_heir_from_where_that_was_led(world: World) -> None:
    merged, heir, successor = (world.declare(ground) for ground in (WEST, EAST, (2, 5, 0, 0)))
    world.drain()
    world.later(5)
    world.merge(merged, heir)
    world.drain()
    with world.db.write() as conn:
        desk.unlist(conn, heir.id, actor=ACTOR, since=world.now)
    world.later(40)
    reason = Reason.NO_LONGER_LISTED
    do(world, heir, desk.close, reason=reason, successor=successor.key)
    world.drain()
    assert world.row(merged).merged_into == successor.key
    do(world, heir, desk.relist)
    world.drain()
    assert world.row(merged).merged_into == heir.key


def test_reopening_after_parts_keeps_the_parts_restored(world: World) -> None:
    outage = world.declare(ALL)
    world.drain()
    for ground in (WEST, None):
        world.later(5)
        restore(world, outage, ground)
        world.drain()
    do(world, outage, desk.reopen)
    world.drain()
    row = world.row(outage)
    assert (row.status, row.premises_out, row.premises_restored) == ("partiallyRestored", 2, 2)
    assert world.out() == dict.fromkeys(inside(EAST), outage.key)
    do(world, outage, desk.reopen)
    world.drain()
    row = world.row(outage)
    assert (row.status, row.premises_out, row.premises_restored) == ("confirmed", 4, 0)
    with pytest.raises(NotAllowedNowError):
        do(world, outage, desk.reopen)


@pytest.mark.parametrize("place", ["1 Alexander St", "near P00001", "at A-0001, behind the hill"])
def test_a_place_in_words_leads_to_nobody(world: World, place: str) -> None:
    with world.db.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(id="P00001"))
        conn.execute(t.accounts.insert().values(id="A-0001"))
    with pytest.raises(InvalidCommandError, match=r"house number|the id of"):
        world.declare(WEST, place=place)
    assert world.declare(WEST, place="Main St, 1200 block, since 10:30").id


def test_what_stands_in_a_public_message_leads_to_nobody(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(id="P00001"))
    outage = world.declare(WEST)

    def tell() -> None:
        with world.db.write() as conn:
            desk.report_progress(
                conn,
                outage.id,
                Report(observed_at=world.now),
                actor=ACTOR,
                public_message="A pole is down at P00001.",
            )

    with pytest.raises(InvalidCommandError, match="the id of a premise"):
        tell()
