"""A world on each database."""

from pathlib import Path

import pytest

from outage.database import Database
from outage.settings import Settings, load
from tests.integration.notifier.world import World


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"OUTAGE_HOME": str(tmp_path), "OUTAGE_HOLD_S": "60"})


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    return World(database, settings)
