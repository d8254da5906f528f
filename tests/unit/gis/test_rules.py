"""Members and interruptions against a model of a few lines, and kills at every step."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis.reader import GisReader
from outage import desk, journal, register, schema
from outage import tables as t
from outage.commands import Revise
from outage.database import Database, open_database
from outage.errors import NotAllowedNowError
from outage.model import Kind, Outage
from tests.unit.gis.world import ACTOR, COLUMNS, ROWS, Rectangle, World, inside

columns = st.integers(0, COLUMNS - 1)
rows = st.integers(0, ROWS - 1)
rectangles = st.tuples(columns, columns, rows, rows).map(
    lambda r: (min(r[:2]), max(r[:2]), min(r[2:]), max(r[2:]))
)
kinds = st.sampled_from(
    ["declare", "planned", "revise", "part", "whole", "reopen", "cancel", "start", "unlist"]
)
commands = st.lists(
    st.tuples(kinds, st.integers(0, 2), rectangles, st.booleans()), min_size=1, max_size=14
)
Command = tuple[str, int, Rectangle, bool]


@dataclass
class Model:
    """Who is a member of what, as people would say it."""

    outages: list[Outage] = field(default_factory=list)
    live: dict[int, set[int]] = field(default_factory=dict)
    back: dict[int, dict[int, int]] = field(default_factory=dict)
    """Outage → premise → number of the step that restored it."""
    steps: dict[int, list[int]] = field(default_factory=dict)

    def apply(self, command: str, key: int, rectangle: Rectangle, step: int) -> None:
        ground = inside(rectangle)
        live, back = self.live.setdefault(key, set()), self.back.setdefault(key, {})
        steps = self.steps.setdefault(key, [])
        if command in {"declare", "planned"}:
            live |= ground
        elif command == "revise":
            live.clear()
            live |= ground - set(back)
        elif command in {"part", "whole", "unlist"}:
            ended = live & ground if command == "part" else set(live)
            live -= ended
            back |= dict.fromkeys(ended, step)
            steps.append(step)
        elif command == "reopen" and steps:
            last = steps.pop()
            again = {premise for premise, number in back.items() if number == last}
            for premise in again:
                del back[premise]
            live |= again
        elif command == "cancel":
            live.clear()
            back.clear()


def do(world: World, model: Model, command: Command) -> tuple[str, int] | None:
    """Give a command to the desk; return what was done to which outage, None if refused."""
    name, which, rectangle, early = command
    if name in {"declare", "planned"}:
        kind = Kind.PLANNED if name == "planned" else Kind.UNPLANNED
        start: dict[str, Any] = (
            {"started_at": None, "planned_start": world.now}
            if name == "planned" and early
            else {"started_at": world.now - timedelta(minutes=7 * which)}
        )
        outage = world.declare(rectangle, kind, **start)
        model.outages.append(outage)
        return name, outage.key
    if not model.outages:
        return None
    outage = model.outages[which % len(model.outages)]
    shape = world.match(rectangle).for_desk()
    try:
        with world.db.write() as conn:
            if name == "revise":
                if register.load_key(conn, outage.key).shape_digest == shape.digest:
                    return None
                desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape, allow_empty=True)
            elif name in {"part", "whole"}:
                part = shape if name == "part" else None
                desk.restore(conn, outage.id, actor=ACTOR, shape=part)
            elif name == "unlist":
                desk.end_unlisted(conn, outage.id, actor=ACTOR, at=world.now)
            else:
                order: Any = {"reopen": desk.reopen, "cancel": desk.cancel, "start": desk.start}[
                    name
                ]
                order(conn, outage.id, actor=ACTOR)
    except NotAllowedNowError:
        return None
    return name, outage.key


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


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="outage-rules-") as path:
        yield Path(path)


def fresh(folder: Path) -> Database:
    """An empty database with the schema, copied from the first one made."""
    template = folder / "template.db"
    if not template.exists():
        made = open_database(f"sqlite:///{template}")
        schema.upgrade(made)
        made.close()
    path = folder / "world.db"
    for stale in folder.glob("world.db*"):
        stale.unlink()
    with (
        contextlib.closing(sqlite3.connect(template)) as source,
        contextlib.closing(sqlite3.connect(path)) as copy,
    ):
        source.backup(copy)
    return open_database(f"sqlite:///{path}")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(commands)
def test_any_sequence_of_overlapping_outages_follows_the_rules(
    folder: Path, given_commands: list[Command]
) -> None:
    db = fresh(folder)
    try:
        world, model = World.of(db), Model()
        for step, command in enumerate(given_commands):
            world.later(5)
            done = do(world, model, command)
            if done is not None:
                model.apply(done[0], done[1], command[2], step)
            world.drain()
            check(world, model)
    finally:
        db.close()


STORY: list[Command] = [
    ("declare", 0, (0, 3, 0, 1), False),
    ("declare", 0, (2, 5, 0, 1), False),
    ("planned", 0, (1, 4, 0, 0), True),
    ("start", 2, (0, 0, 0, 0), False),
    ("revise", 0, (1, 5, 0, 1), False),
    ("part", 0, (2, 3, 0, 1), False),
    ("whole", 0, (0, 0, 0, 0), False),
    ("reopen", 0, (0, 0, 0, 0), False),
    ("unlist", 1, (0, 0, 0, 0), False),
    ("cancel", 2, (0, 0, 0, 0), False),
]


def test_the_story_follows_the_rules_on_both_databases(database: Database) -> None:
    world, model = World.of(database), Model()
    for step, command in enumerate(STORY):
        world.later(5)
        done = do(world, model, command)
        assert done is not None, command
        model.apply(done[0], done[1], command[2], step)
        world.drain()
        check(world, model)


class Killed(Exception):
    pass


class Mortal(GisReader):
    """Dies after its n-th step has committed; its steps are two premises each."""

    lives = 0

    def _pace(self, done: int, took_s: float) -> None:
        del done, took_s
        self._size = 2
        self.lives -= 1
        if self.lives == 0:
            raise Killed


def drain_mortally(world: World, every: int) -> int:
    """Work all entries with a reader that dies after every n steps; return how often it died."""
    reader, deaths = Mortal(world.matcher), 0
    reader._size = 2  # noqa: SLF001 - steps small enough to die between
    while True:
        journal.expand(world.db, reader)
        item = journal.claim(world.db, reader.name)
        if item is None:
            return deaths
        reader.lives = every
        try:
            reader.work(world.db, item)
        except Killed:
            deaths += 1
            with world.db.write() as conn:  # the lease of the dead runs out
                conn.execute(t.work_items.update().values(lease_until=None))


def state(world: World) -> list[Any]:
    """What must not depend on kills: every column but generated keys."""
    m, i, o = t.memberships.c, t.interruptions.c, t.outages.c
    questions = [
        sa.select(*(column for column in t.memberships.c if column.name != "key")).order_by(
            m.outage_key, m.premise_key, m.added
        ),
        sa.select(*(column for column in t.interruptions.c if column.name != "key")).order_by(
            i.premise_key, i.started_at, i.outage_key, i.ended_at
        ),
        t.outages.select().with_only_columns(
            o.key, o.status, o.membership, o.members, o.premises_out, o.premises_restored
        ),
        sa.select(t.journal.c.kind, t.journal.c.outage_key, t.journal.c.data),
    ]
    with world.db.read() as conn:
        return [
            sorted(map(tuple, conn.execute(question).all()), key=repr) for question in questions
        ]


@pytest.mark.parametrize("every", [1, 2, 3])
def test_killed_after_any_step_the_reader_comes_to_the_same_rows(
    sqlite_url: str, database_url: str, every: int, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'second.db'}" if database_url == sqlite_url else database_url
    ends, deaths = [], 0
    for where, mortal in ((sqlite_url, False), (url, True)):
        db = open_database(where)
        schema.upgrade(db)
        world, model = World.of(db), Model()
        for command in STORY:
            world.later(5)
            assert do(world, model, command) is not None
            if mortal:
                deaths += drain_mortally(world, every)
            else:
                world.drain()
        found = state(world)
        # Ids are made up; everything else is equal.
        ends.append(found)
        db.close()
    assert deaths >= 5
    assert ends[0] == ends[1]
