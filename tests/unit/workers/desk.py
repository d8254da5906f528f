"""What tests of the desk's commands use: shapes in files, and what came of a command."""

import json
import pwd
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from gis.matching import Matcher
from gis.reader import GisReader
from outage import journal
from outage import tables as t
from outage.cis.reader import CisReader
from outage.database import Database

Run = Callable[..., str]


Refuse = Callable[..., str]


def typed_by(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As if this machine's list of users gave that name to whoever runs the tests."""
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name=name))


SQUARE = [[-98.0, 29.0], [-97.9, 29.0], [-97.9, 29.1], [-98.0, 29.1], [-98.0, 29.0]]


def drawn(folder: Path, shape: object, name: str = "shape.json") -> str:
    path = folder / name
    path.write_text(shape if isinstance(shape, str) else json.dumps(shape), encoding="utf-8")
    return str(path)


def square(folder: Path) -> str:
    return drawn(folder, {"type": "Polygon", "coordinates": [SQUARE]})


def declared(run: Run, folder: Path, *words: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(run("declare", "--shape", square(folder), *words, "--json"))
    return facts


def drain(db: Database) -> None:
    """What the relay does."""
    readers = (GisReader(Matcher(db)), CisReader())
    while any([journal.turn(db, reader) for reader in readers]):  # noqa: C419 each has its turn
        pass


def counts(db: Database) -> list[int]:
    tables = (t.outages, t.journal, t.shapes, t.notes, t.etrs, t.restorations)
    with db.read() as conn:
        return [
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in tables
        ]
