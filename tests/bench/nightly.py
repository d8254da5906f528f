"""A nightly load while outages are open: how long until all of them are matched again."""

from __future__ import annotations

import os
import time
from typing import Any

import sqlalchemy as sa

from gis.matching import Matcher
from gis.reader import GisReader
from outage import journal, schema
from outage import tables as t
from outage.database import Database, open_database
from outage.model import JournalKind
from tests.bench import county

OUTAGES = 300
ACROSS = 20
LEAST, MOST = 50, 500
"""Premises of an outage."""

# By keys that have nothing to do with where the premises are.
_MOVED = "UPDATE premises SET latitude = latitude + 0.01, loaded_version = 2 WHERE key <= 1000"
_CLOSED = """
UPDATE premises SET closed_at = :at, loaded_version = 2 WHERE key > 1000 AND key <= 1200
"""
_NEW = """
INSERT INTO premises (key, id, address, city, longitude, latitude, services, loaded_version)
SELECT key + :premises, 'N' || key, address, city, longitude, latitude, services, 2
FROM premises WHERE key > 1200 AND key <= 1500
"""


def measure(url: str, premises: int) -> dict[str, Any]:
    """Open the outages, load, and let the reader go until it has nothing left to do."""
    db = open_database(url)
    schema.upgrade(db)
    county.build(db, premises)
    matcher = Matcher(db)
    reader = GisReader(matcher)
    _declare(db, matcher, premises)
    _drain(db, reader)
    with db.write() as conn:
        last = journal.last_number(conn)
        _load(conn, premises)
    began, cpu_s = time.perf_counter(), time.process_time()
    _drain(db, reader)
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    found = _outcome(db, last)
    db.close()
    return {
        "database": db.engine.dialect.name,
        "premises": premises,
        "load_to_all_matched_s": round(took_s, 2),
        "cpu_s": round(cpu_s, 2),
        "load_average": round(os.getloadavg()[0], 1),
        **found,
    }


def _declare(db: Database, matcher: Matcher, premises: int) -> None:
    for number in range(OUTAGES):
        inside = LEAST + (MOST - LEAST) * number // OUTAGES
        east, north = (1 + number % ACROSS) / (ACROSS + 1), (1 + number // ACROSS) / (ACROSS + 1)
        ground = county.area(inside / premises, east=east, north=north, vertices=60)
        county.declare(db, matcher, ground)


def _load(conn: sa.Connection, premises: int) -> None:
    conn.execute(sa.text(_MOVED))
    conn.execute(sa.text(_CLOSED), {"at": int(1000 * county.BEGAN.timestamp())})
    conn.execute(sa.text(_NEW), {"premises": premises})
    conn.execute(
        t.premises_versions.insert().values(
            version=2, at=county.BEGAN, premises=premises + 100, unplaced=0, digest="made up too"
        )
    )
    journal.append(conn, kind=JournalKind.PREMISES_CHANGED, actor="bench")


def _drain(db: Database, reader: GisReader) -> None:
    while journal.turn(db, reader):
        pass


def _outcome(db: Database, after: int) -> dict[str, int]:
    j, o = t.journal.c, t.outages.c
    matched = sa.select(sa.func.count()).where(
        j.number > after, j.kind == JournalKind.MATCHED.value
    )
    again = sa.select(sa.func.count()).where(o.matched_premises_version == 2)
    with db.read() as conn:
        return {
            "outages_matched_again": conn.execute(again).scalar_one(),
            "matched_entries": conn.execute(matched).scalar_one(),
        }
