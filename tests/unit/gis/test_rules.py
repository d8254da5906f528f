"""Members and interruptions against a model of a few lines, and kills at every step."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from gis.membership.strides import Strides
from gis.reader import GisReader
from outage import journal, schema
from outage import tables as t
from outage.database import Database, open_database
from tests.unit.gis.rules import (
    Command,
    Model,
    commands,
    do,
    play,
)
from tests.unit.gis.world import World

# Many small worlds, each of its own database: minutes on a machine that does other things.
pytestmark = pytest.mark.timeout(600)

EXAMPLES = 25


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
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(commands)
def test_any_sequence_of_overlapping_outages_follows_the_rules(
    folder: Path, given_commands: list[Command]
) -> None:
    db = fresh(folder)
    try:
        world, model = World.of(db), Model()
        for step, command in enumerate(given_commands):
            play(world, model, command, step)
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
    ("declare", 1, (0, 2, 0, 1), False),
    ("declare", 2, (2, 4, 0, 1), False),
    ("part", 3, (0, 0, 0, 0), False),
    ("merge", 3, (4, 4, 0, 0), False),
    ("move", 0, (5, 4, 1, 1), False),
    ("split", 4, (0, 2, 0, 0), False),
    ("part", 4, (2, 2, 1, 1), False),
    ("split", 4, (2, 4, 1, 1), False),
    ("merge", 6, (5, 5, 0, 0), False),
    ("revise", 5, (0, 5, 0, 1), False),
    ("whole", 5, (0, 0, 0, 0), False),
    ("reopen", 5, (0, 0, 0, 0), False),
    ("cancel", 5, (0, 0, 0, 0), False),
]
"""Outage 0 to 2 are declared first, then 3 and 4; 5 and 6 were parts of 4."""


def test_the_story_follows_the_rules_on_both_databases(database: Database) -> None:
    world, model = World.of(database), Model()
    for step, command in enumerate(STORY):
        assert play(world, model, command, step), command


class Killed(Exception):
    pass


class Mortal(Strides):
    """Dies after its n-th step has committed; its steps are two premises each."""

    lives = 0

    def __init__(self) -> None:
        self._size = 2

    def _pace(self, done: int, took_s: float) -> None:
        del done, took_s
        self.lives -= 1
        if self.lives == 0:
            raise Killed


def drain_mortally(world: World, every: int) -> int:
    """Work all entries with a reader that dies after every n steps; return how often it died."""
    strides, deaths = Mortal(), 0
    reader = GisReader(world.matcher, strides)
    while True:
        journal.expand(world.db, reader)
        item = journal.claim(world.db, reader.name)
        if item is None:
            return deaths
        strides.lives = every
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
        for step, command in enumerate(STORY):
            world.later(5)
            done = do(world, model, command)
            assert done is not None, command
            model.apply(done, command[2], step)
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
