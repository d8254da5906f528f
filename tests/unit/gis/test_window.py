"""A command that comes while gis is at work ends as if it had come just before or just after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gis.membership.strides import Strides
from gis.membership.task import Task
from gis.reader import GisReader
from outage import desk, journal
from outage import tables as t
from outage.database import Database
from outage.model import Outage
from tests.migrated import migrated
from tests.unit.gis.world import ACTOR, World

MOVED, CELL = 12, 2
"""A premise that a load moves to ground which both outages have."""
Order = Callable[[World, Sequence[Outage]], object]


def _desk(command: Any, which: int) -> Order:  # noqa: ANN401 - one of the desk's commands
    def give(world: World, outages: Sequence[Outage]) -> None:
        with world.db.write() as conn:
            command(conn, outages[which].id, actor=ACTOR)

    return give


MERGE: dict[str, Order] = {
    "merge the first": lambda world, outages: world.merge(outages[0], outages[1]),
    "merge the second": lambda world, outages: world.merge(outages[1], outages[0]),
}
CANCEL = {
    f"cancel the {which}": _desk(desk.cancel, n) for n, which in enumerate(("first", "second"))
}
CASES = {
    **{name: (False, order) for name, order in (MERGE | CANCEL).items()},
    # One that was predicted and begins to interrupt, over a premise that has just come to it.
    "confirm the first": (True, _desk(desk.confirm, 0)),
    "merge the prediction": (True, MERGE["merge the first"]),
}


class Interrupted(Strides):
    """Lets the desk do something in front of its n-th run over premises that come."""

    def __init__(self, before: int, order: Callable[[], object]) -> None:
        super().__init__()
        self.left, self.order = before, order

    def run(self, db: Database, task: Task, moved: Any, *rest: Any, **more: Any) -> None:  # noqa: ANN401 - passed on
        if more.get("came") is not None and any(len(keys) for keys, _ in moved):
            self.left -= 1
            if self.left == 0:
                self.order()
        super().run(db, task, moved, *rest, **more)


def play(path: Path, predicted: bool, order: Order, when: str) -> list[Any]:
    """Load a premise into two outages, give an order before, amid or after it; say how it ends."""
    db = migrated(path)
    world = World.of(db)
    earlier = world.now - timedelta(minutes=30)
    older = world.declare((0, 3, 0, 0), predicted=predicted, started_at=earlier)
    outages = [older, world.declare((0, 3, 0, 0))]
    world.drain()
    world.later(5)
    if when == "before":
        order(world, outages)
        world.drain()
    world.move(MOVED, CELL)
    if when.isdigit():
        strides = Interrupted(int(when), lambda: order(world, outages))
        reader = GisReader(world.matcher, strides)
        while journal.turn(db, reader):
            pass
        assert strides.left <= 0, "the order came in the midst of it"
    world.drain()
    if when == "after":
        order(world, outages)
        world.drain()
    ends = [world.members(outage) for outage in outages] + [_interruptions(db)]
    db.close()
    return ends


def _interruptions(db: Database) -> list[tuple[object, ...]]:
    i = t.interruptions.c
    facts = (i.premise_key, i.outage_key, i.first_outage_key, i.started_at, i.ended_at, i.outcome)
    with db.read() as conn:
        return sorted(map(tuple, conn.execute(sa.select(*facts))), key=repr)


@pytest.mark.parametrize("case", CASES)
def test_what_the_desk_does_amid_a_load_ends_as_just_before_or_after_it(
    tmp_path: Path, case: str
) -> None:
    predicted, order = CASES[case]
    before, first, second, after = (
        play(tmp_path / f"{when}.db", predicted, order, when)
        for when in ("before", "1", "2", "after")
    )
    for found in (first, second):
        for what, earlier, later in zip(found, before, after, strict=True):
            assert what in (earlier, later)
