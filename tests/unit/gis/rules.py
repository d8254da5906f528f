"""Members and interruptions in a model of a few lines, and commands that it and gis follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from outage import desk, register
from outage.commands import Revise
from outage.errors import (
    EverybodyMovesError,
    InvalidCommandError,
    NobodyMovesError,
    NotAllowedNowError,
)
from outage.model import OPEN, Kind, Outage, Status
from tests.unit.gis.world import ACTOR, COLUMNS, ROWS, Rectangle, World, inside

columns = st.integers(0, COLUMNS - 1)


rows = st.integers(0, ROWS - 1)


rectangles = st.tuples(columns, columns, rows, rows).map(
    lambda r: (min(r[:2]), max(r[:2]), min(r[2:]), max(r[2:]))
)


kinds = st.sampled_from(
    [
        "declare",
        "planned",
        "predict",
        "revise",
        "part",
        "whole",
        "reopen",
        "cancel",
        "start",
        "confirm",
        "unlist",
        "merge",
        "split",
        "move",
    ]
)


EVERYWHERE = {premise: premise for premise in range(1, COLUMNS * ROWS + 1)}


commands = st.lists(
    st.tuples(kinds, st.integers(0, 2), rectangles, st.booleans()), min_size=1, max_size=14
)


Command = tuple[str, int, Rectangle, bool]


Done = tuple[str, int, int]
"""A command's name, its outage's key, and that of the other outage it concerned or made."""


@dataclass
class Model:
    """Who is a member of what, as people would say it: sets of premises, and of cells."""

    outages: list[Outage] = field(default_factory=list)
    at: dict[int, int] = field(default_factory=lambda: dict(EVERYWHERE))
    """Premise → the cell of the grid it lies in."""
    place: dict[int, set[int]] = field(default_factory=dict)
    live: dict[int, set[int]] = field(default_factory=dict)
    back: dict[int, dict[int, int]] = field(default_factory=dict)
    """Outage → premise → number of the step that restored it."""
    spared: dict[int, set[int]] = field(default_factory=dict)
    """Outage → premises that were restored before it had their ground."""
    steps: dict[int, list[int]] = field(default_factory=dict)

    def inside(self, cells: set[int]) -> set[int]:
        return {premise for premise, cell in self.at.items() if cell in cells}

    def begin(self, key: int, cells: set[int]) -> None:
        self.place[key], self.live[key] = cells, set()
        self.back[key], self.spared[key], self.steps[key] = {}, set(), []

    def match(self, key: int) -> None:
        """Let who is inside be live, but for those who are restored."""
        kept = set(self.back[key]) | self.spared[key]
        self.live[key] = self.inside(self.place[key]) - kept

    def apply(self, done: Done, rectangle: Rectangle, step: int) -> None:
        command, key, other = done
        cells = inside(rectangle)
        if command in {"declare", "planned", "predict"}:
            self.begin(key, cells)
            self.match(key)
        elif command == "revise":
            self.place[key] = cells
            self.match(key)
        elif command in {"part", "whole", "unlist"}:
            within = self.inside(cells) if command == "part" else self.live[key]
            ended = self.live[key] & within
            self.live[key] -= ended
            self.back[key] |= dict.fromkeys(ended, step)
            self.steps[key].append(step)
        elif command == "reopen" and self.steps[key]:
            last = self.steps[key].pop()
            self.back[key] = {p: number for p, number in self.back[key].items() if number != last}
            self.match(key)
        elif command == "cancel":
            self.live[key], self.back[key] = set(), {}
        elif command == "merge":
            self.merge(key, other)
        elif command == "split":
            self.split(key, other, cells)

    def merge(self, gone: int, heir: int) -> None:
        kept = set(self.back[gone]) | self.spared[gone]
        self.spared[heir] |= kept - self.live[heir] - set(self.back[heir])
        self.spared[heir] -= self.live[gone]
        self.back[heir] = {p: n for p, n in self.back[heir].items() if p not in self.live[gone]}
        self.live[heir] |= self.live[gone]
        self.live[gone] = set()
        self.place[heir] = self.place[heir] | self.place[gone]

    def split(self, left: int, part: int, cells: set[int]) -> None:
        self.begin(part, self.place[left] & cells)
        moved = self.inside(self.place[part])
        self.live[part] = self.live[left] & moved
        self.spared[part] = (set(self.back[left]) | self.spared[left]) & moved
        self.place[left] = self.place[left] - cells
        self.live[left] = self.live[left] - moved


def do(world: World, model: Model, command: Command) -> Done | None:
    """Give a command to the desk; return what was done to which outages, None if refused."""
    name, which, rectangle, early = command
    if name in {"declare", "planned", "predict"}:
        kind = Kind.PLANNED if name == "planned" else Kind.UNPLANNED
        start: dict[str, Any] = (
            {"started_at": None, "planned_start": world.now}
            if name == "planned" and early
            else {"started_at": world.now - timedelta(minutes=7 * which)}
        )
        outage = world.declare(rectangle, kind, predicted=name == "predict", **start)
        model.outages.append(outage)
        return name, outage.key, 0
    if name == "move":
        premise, cell = 1 + rectangle[0] + COLUMNS * rectangle[2], 1 + rectangle[1]
        model.at[premise] = cell
        world.move(premise, cell)
        for each in model.outages:
            if status(world, each) in OPEN:
                model.match(each.key)
        return name, 0, 0
    if not model.outages:
        return None
    outage = model.outages[which % len(model.outages)]
    try:
        return name, outage.key, regroup(world, model, outage, command)
    except (NotAllowedNowError, InvalidCommandError, NobodyMovesError, EverybodyMovesError):
        return None


def regroup(world: World, model: Model, outage: Outage, command: Command) -> int:
    """Give a command on an outage that is there; return the other outage's key, 0 for none."""
    name, _, rectangle, _ = command
    if name == "merge":
        heir = model.outages[rectangle[0] % len(model.outages)]
        world.merge(outage, heir)
        return heir.key
    if name == "split":
        part = world.split(outage, rectangle)
        model.outages.append(part)
        return part.key
    shape = world.match(rectangle).for_desk()
    with world.db.write() as conn:
        if name == "revise":
            if register.load_key(conn, outage.key).shape_digest == shape.digest:
                raise NotAllowedNowError(command=name, status="", why="it is there already")
            desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape, allow_empty=True)
        elif name in {"part", "whole"}:
            desk.restore(conn, outage.id, actor=ACTOR, shape=shape if name == "part" else None)
        elif name == "unlist":
            desk.end_unlisted(conn, outage.id, actor=ACTOR, at=world.now)
        else:
            order: Any = {
                "reopen": desk.reopen,
                "cancel": desk.cancel,
                "start": desk.start,
                "confirm": desk.confirm,
            }[name]
            order(conn, outage.id, actor=ACTOR)
    return 0


def status(world: World, outage: Outage) -> Status:
    with world.db.read() as conn:
        return register.load_key(conn, outage.key).status


def play(world: World, model: Model, command: Command, step: int) -> bool:
    """Give a command, let gis and the model follow it, and compare; return whether it was done."""
    world.later(5)
    before = world.every_interruption()
    predicted = {o.key for o in model.outages if status(world, o) is Status.PREDICTED}
    done = do(world, model, command)
    if done is not None:
        model.apply(done, command[2], step)
        world.drain()
        if done[0] in {"merge", "split"} and done[1] not in predicted:
            assert world.every_interruption() == before, "the same interruptions go on"
    check(world, model)
    return done is not None


def check(world: World, model: Model) -> None:
    """Members are the model's; interruptions follow from them by the rules of DECISIONS 10."""
    now = {outage.key: world.row(outage) for outage in model.outages}
    holders: dict[int, list[tuple[int, Any, int]]] = {}
    for outage in model.outages:
        row: Any = now[outage.key]
        members = world.members(outage)
        assert {p for p, outcome in members.items() if outcome is None} == model.live[outage.key]
        assert {p for p, outcome in members.items() if outcome} == set(model.back[outage.key])
        interrupts = row.status in {"confirmed", "partiallyRestored"}
        out = len(model.live[outage.key]) if interrupts else 0
        assert (row.members, row.premises_out) == (len(members), out)
        assert row.premises_restored == len(model.back[outage.key])
        for premise in model.live[outage.key] if interrupts else ():
            rank = 0 if row.kind == "unplanned" else 1
            holders.setdefault(premise, []).append((rank, row.started_at, outage.key))
    assert world.out() == {premise: min(held)[2] for premise, held in holders.items()}
    for premise in range(1, COLUMNS * ROWS + 1):
        true_ones = [i for i in world.interruptions(premise) if i[2] != "voided"]
        for earlier, later in pairwise(true_ones):
            assert earlier[1] is not None
            assert earlier[1] <= later[0], "interruptions of one premise never overlap"
