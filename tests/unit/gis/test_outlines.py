"""The gis reader draws what the public may see, in the transaction that appends `matched`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from gis.matching import Matcher
from gis.public import Outlines, prepare
from gis.reader import GisReader
from outage import desk, journal
from outage import tables as t
from outage.commands import Declare, Revise
from outage.database import Database
from outage.lifecycle import REOPEN_WITHIN
from outage.model import JournalKind, Kind, Outage, OutageId, OutageKey, Service
from outage.privacy import MIN_PREMISES
from tests.unit.gis.world import ACTOR, LIMITS, STEP, Rectangle, World, geojson

SIDE = 20
EVERYBODY: Rectangle = (0, SIDE, 0, SIDE)
WEST: Rectangle = (0, 7, 2, 15)
NORTH_OF_IT: Rectangle = (0, 7, 9, 15)
A_FEW: Rectangle = (3, 4, 4, 5)
GAS = 4


@pytest.fixture
def world(database: Database) -> World:
    """A town of 400 more premises; only every hundredth has gas."""
    world = World.of(database)
    with database.write() as conn:
        conn.execute(t.premises.insert(), [premise(number) for number in range(SIDE * SIDE)])
        world.new_version(conn, 2)
    return world


def premise(number: int, version: int = 2, **facts: object) -> dict[str, Any]:
    return {
        "key": 1000 + number,
        "id": f"Q{number}",
        "longitude": -100 + number % SIDE * STEP,
        "latitude": 40 + (2 + number // SIDE) * STEP,
        "services": 1 | (GAS if number % 100 == 0 else 0),
        "loaded_version": version,
        **facts,
    }


def outline(world: World, outage: Outage) -> shapely.Geometry | None:
    text: Any = world.row(outage).outline
    return None if text is None else shapely.from_geojson(text)


def inside(world: World, area: shapely.Geometry | None) -> set[int]:
    """Premises whose square is on the ground of an outline."""
    with world.db.read() as conn:
        rows = conn.execute(
            sa.select(t.premises.c.key, t.premises.c.longitude, t.premises.c.latitude)
        ).all()
    keys, lon, lat = (np.array(column) for column in zip(*rows, strict=True))
    middle = [np.floor(axis * 1024) / 1024 + 1 / 2048 for axis in (lon, lat)]
    return set(keys[shapely.contains_xy(area, *middle)].tolist()) if area is not None else set()


def partitions(db: Database) -> list[tuple[int, str]]:
    c = t.premise_cells.c
    with db.read() as conn:
        rows = conn.execute(sa.select(c.version, c.service).order_by(c.version, c.service)).all()
    return [(row[0], row[1]) for row in rows]


def revise(world: World, outage: Outage, rectangle: Rectangle) -> None:
    shape = world.match(rectangle).for_desk()
    with world.db.write() as conn:
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape)
    world.drain()


def test_members_are_inside_the_outline_and_it_is_of_this_version(world: World) -> None:
    outage = world.declare(WEST)
    world.drain()
    assert set(world.members(outage)) <= inside(world, outline(world, outage))
    assert world.row(outage).cells_version == 2
    assert partitions(world.db) == [(2, "electric")]


def test_fewer_than_may_be_shown_have_no_outline(world: World) -> None:
    outage = world.declare(A_FEW)
    world.drain()
    assert len(world.members(outage)) == MIN_PREMISES - 1
    assert outline(world, outage) is None
    revise(world, outage, WEST)
    assert outline(world, outage) is not None
    revise(world, outage, A_FEW)
    assert outline(world, outage) is None


def test_once_some_are_restored_only_the_others_are_drawn(world: World) -> None:
    outage = world.declare(WEST)
    world.drain()
    before = inside(world, outline(world, outage))
    with world.db.write() as conn:
        shape = world.match(NORTH_OF_IT).for_desk()
        desk.restore(conn, outage.id, actor=ACTOR, shape=shape)
    world.drain()
    after = inside(world, outline(world, outage))
    still_out = {key for key, outcome in world.members(outage).items() if outcome is None}
    assert still_out <= after < before
    assert len(before - after) >= MIN_PREMISES
    with world.db.write() as conn:
        desk.restore(conn, outage.id, actor=ACTOR)
    world.drain()
    assert outline(world, outage) is None


def test_planned_work_that_has_not_begun_is_drawn_too(world: World) -> None:
    outage = world.declare(
        WEST,
        Kind.PLANNED,
        planned_start=world.now + timedelta(hours=1),
        planned_end=world.now + timedelta(hours=2),
    )
    world.drain()
    assert set(world.members(outage)) <= inside(world, outline(world, outage))


def test_cells_are_of_the_premises_that_have_the_service(world: World) -> None:
    """Four homes of a town have gas: whoever knows which must not see where one is out."""
    with world.db.write() as conn:
        outage = desk.declare(
            conn,
            Declare(
                key=OutageKey(0),
                id=OutageId(""),
                service=Service.GAS,
                kind=Kind.UNPLANNED,
                started_at=world.now,
            ),
            actor=ACTOR,
            shape=world.matcher.match(geojson(EVERYBODY), Service.GAS, limits=LIMITS).for_desk(),
        )
    world.drain()
    assert len(world.members(outage)) == SIDE * SIDE // 100
    assert outline(world, outage) is None
    cells = Outlines().cells(world.db, world.matcher.index(), Service.GAS, 2)
    assert len(cells.squares) == 0


def test_an_outage_goes_on_with_its_cells_after_a_load_and_a_new_one_has_new_cells(
    world: World,
) -> None:
    first = world.declare(WEST)
    world.drain()
    before = world.row(first).outline
    with world.db.write() as conn:
        # All but the members and every third of the rest are closed.
        keep = sa.or_(t.premises.c.key.in_(list(world.members(first))), t.premises.c.key % 3 == 0)
        conn.execute(t.premises.update().where(~keep).values(closed_at=world.now))
        world.new_version(conn, 3)
        journal.append(
            conn, kind=JournalKind.PREMISES_CHANGED, actor="cli", data={"premises_version": 3}
        )
    world.drain()
    second = world.declare(WEST)
    world.drain()
    assert world.row(first).cells_version == 2
    assert world.row(second).cells_version == 3
    # Of a cell that has become too small nothing is shown, not even in an outline of old cells.
    index = world.matcher.index()
    cells = Outlines().cells(world.db, index, Service.ELECTRIC, 2)
    left = np.bincount(cells.at(*index.xy(index.everything(1))), minlength=len(cells.cut))
    drawn = inside(world, outline(world, first))
    assert drawn <= inside(world, shapely.from_geojson(before))
    with world.db.read() as conn:
        p = t.premises.c
        shown = conn.execute(
            sa.select(p.longitude, p.latitude).where(p.key.in_(drawn), p.closed_at.is_(None))
        ).all()
    lon, lat = np.array([tuple(row) for row in shown]).T
    assert (left[cells.at(lon, lat)] >= MIN_PREMISES).all()


def test_cells_are_forgotten_when_no_outage_can_be_drawn_from_them_any_more(world: World) -> None:
    outage = world.declare(WEST)
    world.drain()
    with world.db.write() as conn:
        desk.cancel(conn, outage.id, actor=ACTOR)
    world.drain()
    load(world, 3)
    assert partitions(world.db) == [(2, "electric"), (3, "electric"), (3, "gas")]
    world.now += REOPEN_WITHIN
    world.later()
    load(world, 4)
    assert {version for version, _ in partitions(world.db)} == {3, 4}


def load(world: World, version: int) -> None:
    with world.db.write() as conn:
        world.new_version(conn, version)
    prepare(world.db, world.matcher.index())


def test_making_cells_again_changes_nothing_and_every_host_reads_the_same(world: World) -> None:
    load(world, 3)
    found = contents(world.db)
    prepare(world.db, Matcher(world.db).index())
    assert contents(world.db) == found
    # What is on record counts: here somebody else has made one large cell of it all.
    with world.db.write() as conn:
        conn.execute(t.premise_cells.update().values(cells=found[3, "gas"]))
    cells = Outlines().cells(world.db, world.matcher.index(), Service.ELECTRIC, 3)
    assert cells.to_bytes() == found[3, "gas"]


def contents(db: Database) -> dict[tuple[int, str], bytes]:
    with db.read() as conn:
        rows = conn.execute(t.premise_cells.select()).all()
    return {(row.version, row.service): row.cells for row in rows}


def test_another_reader_that_goes_on_draws_the_same(world: World) -> None:
    outage = world.declare(WEST)
    world.drain()
    first = world.row(outage).outline
    world.reader = GisReader(Matcher(world.db))
    revise(world, outage, EVERYBODY)
    assert world.row(outage).outline != first
    revise(world, outage, WEST)
    assert world.row(outage).outline == first


def test_a_part_is_drawn_from_the_cells_of_the_outage_that_it_was_split_off(world: World) -> None:
    """From newer ones, the two outlines could show between them a place smaller than a cell."""
    whole = world.declare(WEST)
    world.drain()
    before = inside(world, outline(world, whole))
    load(world, 3)
    part = world.split(whole, NORTH_OF_IT)
    world.drain()
    other = world.declare(NORTH_OF_IT)
    world.drain()
    assert [world.row(each).cells_version for each in (whole, part, other)] == [2, 2, 3]
    drawn = [inside(world, outline(world, each)) for each in (whole, part)]
    assert all(drawn)
    assert drawn[0] | drawn[1] == before


def test_a_part_too_small_to_be_drawn_has_the_cells_for_when_it_has_grown(world: World) -> None:
    whole = world.declare(WEST)
    world.drain()
    part = world.split(whole, A_FEW)
    world.drain()
    assert outline(world, part) is None
    load(world, 3)
    revise(world, part, NORTH_OF_IT)
    assert outline(world, part) is not None
    assert world.row(part).cells_version == world.row(whole).cells_version == 2


def test_an_outage_that_takes_another_one_up_is_drawn_from_its_own_cells(world: World) -> None:
    old = world.declare(NORTH_OF_IT)
    world.drain()
    load(world, 3)
    new = world.declare(WEST)
    world.drain()
    world.merge(old, new)
    world.drain()
    assert world.row(new).cells_version == 3
    assert outline(world, old) is None
    assert set(world.members(new)) <= inside(world, outline(world, new))
