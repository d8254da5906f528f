"""A tiny town on a grid, and outages over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import shapely
import sqlalchemy as sa

from gis.matching import Match, Matcher, premises_version
from gis.membership.parting import part
from gis.reader import GisReader
from gis.shapes import ShapeLimits
from outage import clock, desk, journal, register, regrouping
from outage import tables as t
from outage.commands import Declare
from outage.database import Database
from outage.model import Actor, JournalKind, Kind, Outage, OutageId, OutageKey, Service

COLUMNS, ROWS = 6, 2
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTOR = Actor(kind="cli", name="test")
LIMITS = ShapeLimits()
STEP = 0.001
Rectangle = tuple[int, int, int, int]


def geojson(rectangle: Rectangle) -> dict[str, Any]:
    """Columns from..to and rows from..to of the grid, edges inclusive."""
    left, right, low, high = rectangle
    west, east = -100 + (left - 0.4) * STEP, -100 + (right + 0.4) * STEP
    south, north = 40 + (low - 0.4) * STEP, 40 + (high + 0.4) * STEP
    return dict(shapely.geometry.mapping(shapely.box(west, south, east, north)))


def inside(rectangle: Rectangle) -> set[int]:
    left, right, low, high = rectangle
    return {
        1 + column + row * COLUMNS
        for column in range(left, right + 1)
        for row in range(low, high + 1)
    }


@dataclass
class World:
    db: Database
    matcher: Matcher
    reader: GisReader
    now: datetime = NOON

    @classmethod
    def of(cls, db: Database) -> World:
        matcher = Matcher(db)
        world = cls(db=db, matcher=matcher, reader=GisReader(matcher))
        with db.write() as conn:
            clock.hold(conn, NOON)
            conn.execute(
                t.premises.insert(),
                [
                    {
                        "key": 1 + column + row * COLUMNS,
                        "id": f"P{1 + column + row * COLUMNS}",
                        "longitude": -100 + column * STEP,
                        "latitude": 40 + row * STEP,
                        "services": 1,
                        "loaded_version": 1,
                    }
                    for column in range(COLUMNS)
                    for row in range(ROWS)
                ],
            )
            world.new_version(conn, 1)
        return world

    def new_version(self, conn: sa.Connection, version: int) -> None:
        conn.execute(
            t.premises_versions.insert().values(
                version=version, at=self.now, premises=0, unplaced=0, digest=str(version)
            )
        )

    def match(self, rectangle: Rectangle) -> Match:
        return self.matcher.match(geojson(rectangle), Service.ELECTRIC, limits=LIMITS)

    def later(self, minutes: int = 10) -> None:
        self.now += timedelta(minutes=minutes)
        with self.db.write() as conn:
            clock.hold(conn, self.now)

    def declare(self, rectangle: Rectangle, kind: Kind = Kind.UNPLANNED, **more: object) -> Outage:
        facts: dict[str, Any] = {"started_at": self.now} | more
        match = self.match(rectangle)
        with self.db.write() as conn:
            return desk.declare(
                conn,
                Declare(
                    key=OutageKey(0), id=OutageId(""), service=Service.ELECTRIC, kind=kind, **facts
                ),
                actor=ACTOR,
                shape=match.for_desk(),
                allow_empty=True,
            )

    def merge(self, outage: Outage, into: Outage) -> Outage:
        with self.db.read() as conn:
            one, heir = (register.load_key(conn, each.key) for each in (outage, into))
            place = regrouping.place_of_both(conn, one, heir)
        match = None if place is None else self.matcher.find(place, Service.ELECTRIC)
        with self.db.write() as conn:
            return regrouping.merge(
                conn,
                outage.id,
                into=into.id,
                actor=ACTOR,
                shape=None if match is None else match.for_desk(),
            )

    def split(self, outage: Outage, rectangle: Rectangle) -> Outage:
        """Split off what is inside, and return the new outage."""
        place = self.match(rectangle).for_desk()
        parting = part(self.db, self.matcher, outage.id, place)
        with self.db.write() as conn:
            return regrouping.split(conn, outage.id, parting, actor=ACTOR)[1]

    def move(self, premise: int, cell: int) -> None:
        """Load base data in which a premise lies where another one was first."""
        column, row = (cell - 1) % COLUMNS, (cell - 1) // COLUMNS
        with self.db.write() as conn:
            version = premises_version(conn) + 1
            conn.execute(
                t.premises.update()
                .where(t.premises.c.key == premise)
                .values(
                    longitude=-100 + column * STEP,
                    latitude=40 + row * STEP,
                    loaded_version=version,
                )
            )
            self.new_version(conn, version)
            journal.append(conn, kind=JournalKind.PREMISES_CHANGED, actor="cli")

    def drain(self) -> None:
        while journal.turn(self.db, self.reader):
            pass
        with self.db.read() as conn:
            errors = conn.execute(
                sa.select(t.work_items.c.error).where(t.work_items.c.error.is_not(None))
            ).all()
            assert not errors

    def members(self, outage: Outage) -> dict[int, str | None]:
        """Premise → outcome, None while live, of the current members."""
        with self.db.read() as conn:
            rows = conn.execute(
                sa.select(t.memberships.c.premise_key, t.memberships.c.outcome).where(
                    t.memberships.c.outage_key == outage.key, t.memberships.c.removed.is_(None)
                )
            ).all()
        found: dict[int, str | None] = {row.premise_key: row.outcome for row in rows}
        assert len(found) == len(rows), "one row in force per premise"
        return found

    def out(self) -> dict[int, int]:
        """Premise → outage that holds its open interruption."""
        with self.db.read() as conn:
            rows = conn.execute(
                sa.select(t.interruptions.c.premise_key, t.interruptions.c.outage_key).where(
                    t.interruptions.c.outcome.is_(None)
                )
            ).all()
        return {row.premise_key: row.outage_key for row in rows}

    def interruptions(self, premise: int) -> list[tuple[datetime, datetime | None, str | None]]:
        i = t.interruptions.c
        with self.db.read() as conn:
            rows = conn.execute(
                sa.select(i.started_at, i.ended_at, i.outcome)
                .where(i.premise_key == premise)
                .order_by(i.started_at, i.key)
            ).all()
        return [(row[0], row[1], row[2]) for row in rows]

    def every_interruption(self) -> set[tuple[object, ...]]:
        """All but who holds them: merge and split change no other thing about them."""
        i = t.interruptions.c
        with self.db.read() as conn:
            return set(
                map(
                    tuple,
                    conn.execute(
                        sa.select(i.key, i.premise_key, i.started_at, i.ended_at, i.outcome)
                    ),
                )
            )

    def row(self, outage: Outage) -> sa.Row[tuple[object, ...]]:
        with self.db.read() as conn:
            return conn.execute(t.outages.select().where(t.outages.c.key == outage.key)).one()

    def last_matched(self) -> dict[str, Any]:
        with self.db.read() as conn:
            entries = journal.entries_after(conn, 0)
        return dict(next(e.data for e in reversed(entries) if e.kind == "matched"))
