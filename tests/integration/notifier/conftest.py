"""A world on each database."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from outage.database import Database
from outage.settings import Settings, load
from tests.integration.notifier.world import MANNERS, World
from tests.migrated import migrated


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"OUTAGE_HOME": str(tmp_path), **MANNERS})


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    return World(database, settings)


@pytest.fixture(scope="module")
def empty() -> Iterator[Path]:
    """A migrated SQLite file with nothing in it, to be copied for each of many examples."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        db = migrated(path)
        with db.engine.connect() as conn:
            conn.exec_driver_sql("ROLLBACK")
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        yield path
