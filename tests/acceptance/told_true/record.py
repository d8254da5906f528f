"""What is on record after a storm, read by plain SQL; times are milliseconds since 1970 UTC."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

CARRIER_FILE = "carrier.sqlite3"
SQLITE_SLACK_MS, SLACK_MS = 0, 250
"""How long before it noted the time a claim may have looked: SQLite has one writer at a time."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the journal."""

    number: int
    kind: str
    outage: int | None
    at: int
    wall: int
    data: Row
    state: Row


@dataclass(frozen=True, kw_only=True)
class Record:
    """Every row that a claim can be held against."""

    entries: tuple[Entry, ...]
    barriers: tuple[Row, ...]
    outages: Mapping[int, Row]
    etrs: Mapping[tuple[int, int], Row]
    memberships: tuple[Row, ...]
    interruptions: tuple[Row, ...]
    restorations: Mapping[int, Row]
    shapes: Mapping[str, Row]
    premises: Mapping[int, Row]
    accounts: Mapping[int, Row]
    occupancies: tuple[Row, ...]
    contacts: tuple[Row, ...]
    endpoints: Mapping[int, Row]
    messages: tuple[Row, ...]
    texts: Mapping[int, Row]
    decisions: tuple[Row, ...]
    replies: tuple[Row, ...]
    origins: tuple[Row, ...]
    watches: tuple[Row, ...]
    acceptances: tuple[Row, ...] | None
    """What the simulator took, in its own order; None where there was none."""
    slack_ms: int

    @cached_property
    def _walls(self) -> list[int]:
        """Wall times of the entries, never going back: numbers are given out in order."""
        found: list[int] = []
        for entry in self.entries:
            found.append(max(entry.wall, found[-1] if found else 0))
        return found

    @cached_property
    def _barrier_walls(self) -> list[int]:
        return [row["wall_at"] for row in self.barriers]

    def positions(self, message: Row) -> range:
        """How many entries may have been on record when a message was claimed: each possibility."""
        wall = message["tried_at"]
        if wall is None:  # an answer, owed when the reply was applied
            times = [entry.at for entry in self.entries]
            at = message["claimed_at"]
            return range(bisect_left(times, at), bisect_right(times, at) + 1)
        early = bisect_left(self._walls, wall - self.slack_ms)
        return range(early, bisect_right(self._walls, wall) + 1)

    def business_at(self, wall: int) -> int | None:
        """Business time at a wall time, by the barriers; None before the first of them."""
        place = bisect_right(self._barrier_walls, wall)
        return None if not place else int(self.barriers[place - 1]["business_at"])


def read(url: str, carrier: Path | None = None) -> Record:
    """Read the record at a database's URL, and the log of the simulator in a folder."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as conn:
            return _read(conn, None if carrier is None else _acceptances(carrier))
    finally:
        engine.dispose()


def _read(conn: sa.Connection, acceptances: tuple[Row, ...] | None) -> Record:
    def rows(statement: str) -> tuple[Row, ...]:
        return tuple(dict(row) for row in conn.execute(sa.text(statement)).mappings())

    def by_key(table: str, key: str = "key") -> dict[Any, Row]:
        return {row[key]: row for row in rows(f"SELECT * FROM {table}")}

    return Record(
        entries=tuple(
            Entry(
                number=row["number"],
                kind=row["kind"],
                outage=row["outage_key"],
                at=row["at"],
                wall=row["wall_at"],
                data=json.loads(row["data"]),
                state=json.loads(row["state"]),
            )
            for row in rows("SELECT * FROM journal ORDER BY number")
        ),
        barriers=rows("SELECT * FROM barriers ORDER BY number"),
        outages=by_key("outages"),
        etrs={(row["outage_key"], row["version"]): row for row in rows("SELECT * FROM etrs")},
        memberships=rows("SELECT * FROM memberships ORDER BY key"),
        interruptions=rows("SELECT * FROM interruptions ORDER BY key"),
        restorations=by_key("restorations"),
        shapes=by_key("shapes", "digest"),
        premises=by_key("premises"),
        accounts=by_key("accounts"),
        occupancies=rows("SELECT * FROM occupancies"),
        contacts=rows("SELECT * FROM contacts"),
        endpoints=by_key("endpoints"),
        messages=rows("SELECT * FROM messages ORDER BY key"),
        texts=by_key("texts"),
        decisions=rows("SELECT * FROM decisions"),
        replies=rows("SELECT * FROM replies ORDER BY key"),
        origins=rows("SELECT * FROM origins"),
        watches=rows("SELECT * FROM watches"),
        acceptances=acceptances,
        slack_ms=SQLITE_SLACK_MS if conn.dialect.name == "sqlite" else SLACK_MS,
    )


def _acceptances(folder: Path) -> tuple[Row, ...]:
    log = sqlite3.connect(f"file:{folder / CARRIER_FILE}?mode=ro", uri=True)
    try:
        log.row_factory = sqlite3.Row
        return tuple(dict(row) for row in log.execute("SELECT * FROM messages ORDER BY number"))
    finally:
        log.close()
