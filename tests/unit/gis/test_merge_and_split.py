"""Merge and split come to the same whatever is still to be worked, and whoever works it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from outage import desk
from outage.commands import Revise
from outage.database import Database
from outage.errors import (
    EverybodyMovesError,
    InvalidCommandError,
    NobodyMovesError,
    NotAllowedNowError,
    OutageError,
)
from outage.model import Kind, Outage
from tests.unit.gis.test_relays import drain_with
from tests.unit.gis.test_rules import fresh
from tests.unit.gis.world import ACTOR, NOON, Rectangle, World, inside

LEFT: Rectangle = (0, 2, 0, 1)
RIGHT: Rectangle = (2, 5, 0, 1)
EDGE: Rectangle = (0, 0, 0, 1)

Deed = Callable[[World, list[Outage]], object]


@pytest.fixture
def world(database: Database) -> World:
    return World.of(database)


def do(world: World, outage: Outage, command: Callable[..., object], **more: Any) -> None:  # noqa: ANN401
    with world.db.write() as conn:
        command(conn, outage.id, actor=ACTOR, **more)


def part(which: int, rectangle: Rectangle) -> Deed:
    return lambda world, outages: do(
        world, outages[which], desk.restore, shape=world.match(rectangle).for_desk()
    )


def simply(which: int, command: Callable[..., object]) -> Deed:
    return lambda world, outages: do(world, outages[which], command)


def merge(which: int, into: int) -> Deed:
    return lambda world, outages: world.merge(outages[which], outages[into])


def split(which: int, rectangle: Rectangle) -> Deed:
    return lambda world, outages: outages.append(world.split(outages[which], rectangle))


def revise(which: int, rectangle: Rectangle) -> Deed:
    return lambda world, outages: do(
        world,
        outages[which],
        lambda conn, outage_id, actor: desk.revise(
            conn, outage_id, Revise(), actor=actor, shape=world.match(rectangle).for_desk()
        ),
    )


STORIES: dict[str, list[Deed]] = {
    "restored in part, then merged": [part(0, EDGE), merge(0, 1)],
    "merged, then the other restored": [merge(0, 1), simply(1, desk.restore)],
    "merged, then the other cancelled": [merge(0, 1), simply(1, desk.cancel)],
    "merged, then merged on": [merge(0, 1), merge(1, 2), simply(2, desk.restore)],
    "merged across": [merge(0, 1), split(1, EDGE), merge(1, 3)],
    "split, then the part restored": [split(0, EDGE), simply(3, desk.restore)],
    "split, then the part cancelled": [split(0, EDGE), simply(3, desk.cancel)],
    "split, then the rest cancelled": [split(0, EDGE), simply(0, desk.cancel)],
    "split, then merged back": [split(0, EDGE), merge(3, 0)],
    "restored in part, then split": [part(0, (1, 1, 0, 1)), split(0, (0, 1, 0, 1))],
    "split, then the part revised": [split(0, EDGE), revise(3, (0, 1, 0, 1))],
    "revised, then merged": [part(0, EDGE), revise(1, (2, 4, 0, 1)), merge(0, 1)],
    "restored, revised, then split": [
        part(0, (0, 0, 0, 0)),
        revise(0, (0, 4, 0, 1)),
        split(0, (0, 1, 0, 1)),
    ],
    "merged, then revised": [part(0, EDGE), merge(0, 1), revise(1, (0, 5, 0, 1))],
}


def tell(world: World, deeds: list[Deed], drain: Callable[[], object] | None) -> list[object]:
    outages = [world.declare(LEFT), world.declare(RIGHT), world.declare((4, 5, 0, 1))]
    world.drain()
    for deed in deeds:
        world.later()
        deed(world, outages)
        if drain:
            drain()
    world.drain()
    interruptions = [
        [(start, outcome) for start, _, outcome in world.interruptions(premise)]
        for premise in sorted(inside((0, 5, 0, 1)))
    ]
    rows: list[Any] = [world.row(outage) for outage in outages]
    counts = [(r.status, r.members, r.premises_out, r.premises_restored) for r in rows]
    return [[world.members(outage) for outage in outages], world.out(), interruptions, counts]


@pytest.mark.parametrize("name", STORIES)
def test_it_comes_to_the_same_when_gis_has_not_passed_in_between(name: str, tmp_path: Path) -> None:
    ends = []
    for step_by_step in (True, False):
        with contextlib.closing(fresh(tmp_path)) as db:
            world = World.of(db)
            ends.append(tell(world, STORIES[name], world.drain if step_by_step else None))
    assert ends[0] == ends[1]


def test_several_relays_hand_over_without_losing_anybody(world: World) -> None:
    outages = [world.declare(r) for r in (LEFT, RIGHT, (1, 4, 0, 0))]
    drain_with(world, 3)
    before = world.every_interruption()
    world.later()
    world.merge(outages[0], outages[1])
    outages.append(world.split(outages[2], (1, 2, 0, 0)))
    outages.append(world.split(outages[1], (3, 5, 0, 0)))
    world.merge(outages[3], outages[4])
    drain_with(world, 3)
    assert world.every_interruption() == before
    world.later()
    for outage in (outages[1], outages[2], outages[4]):
        do(world, outage, desk.restore)
    drain_with(world, 3)
    assert world.out() == {}
    assert {len(world.interruptions(premise)) for premise in inside((0, 5, 0, 1))} == {1}


def test_the_start_stays_and_a_void_claim_takes_what_was_merged_along(world: World) -> None:
    early = world.declare(LEFT, started_at=NOON - timedelta(hours=2))
    late = world.declare(RIGHT, started_at=NOON - timedelta(hours=1))
    other = world.declare(EDGE, started_at=NOON)
    world.drain()
    world.merge(early, late)
    world.drain()
    assert world.interruptions(1) == [(NOON - timedelta(hours=2), None, None)]
    assert world.out()[1] == late.key
    do(world, late, desk.cancel)
    world.drain()
    # What goes on under the other one began with that: the merged ones never were.
    assert world.interruptions(1) == [(NOON, None, None)]
    assert world.out() == dict.fromkeys(inside(EDGE), other.key)


def refused(world: World, deed: Callable[[], object], kind: type[OutageError]) -> str:
    with pytest.raises(kind) as refusal:
        deed()
    return str(refusal.value)


def test_what_makes_no_sense_is_refused_with_a_sentence(world: World) -> None:
    one, other = world.declare(LEFT), world.declare(RIGHT)
    planned = world.declare(RIGHT, Kind.PLANNED)
    predicted = world.declare(RIGHT, predicted=True)
    world.drain()
    assert "same outage" in refused(world, lambda: world.merge(one, one), InvalidCommandError)
    assert "kind" in refused(world, lambda: world.merge(one, planned), InvalidCommandError)
    said = refused(world, lambda: world.merge(one, predicted), NotAllowedNowError)
    assert "confirm it first" in said
    assert "Nobody" in refused(world, lambda: world.split(one, (5, 5, 0, 0)), NobodyMovesError)
    assert "Everybody" in refused(world, lambda: world.split(one, LEFT), EverybodyMovesError)
    world.merge(one, other)
    for deed in (
        lambda: do(world, one, desk.reopen),
        lambda: do(world, one, desk.restore),
        lambda: world.merge(one, other),
        lambda: world.split(one, EDGE),
    ):
        assert f"goes on under {other.id}" in refused(world, deed, NotAllowedNowError)
    said = refused(world, lambda: world.merge(other, one), NotAllowedNowError)
    assert "is over" in said
