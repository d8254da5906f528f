"""Homes with the shared premises in them, and recordings replayed there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outage.database import open_database
from tests.acceptance.storms import Replayed, outage, replay


@pytest.fixture(scope="session")
def homes(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Each call gives a home of its own with the shared premises and accounts loaded."""
    folder = tmp_path_factory.mktemp("homes")
    outage(folder / "loaded", "import", "premises", str(shared / "data" / "premises.csv"))
    outage(folder / "loaded", "import", "accounts", str(shared / "data" / "accounts.csv"))
    numbers = iter(range(100))

    def fresh() -> Path:
        return Path(shutil.copytree(folder / "loaded", folder / f"home-{next(numbers)}"))

    return fresh


@pytest.fixture(scope="module")
def replayed(homes: Callable[[], Path]) -> Iterator[Callable[..., Replayed]]:
    """Replays a recording on a fresh database, once each; a reviewed one is really sent."""
    known: dict[tuple[object, ...], Replayed] = {}

    def once(file: Path, *options: str) -> Replayed:
        if (file, options) not in known:
            home = homes()
            sent = "--assume-reviewed" in options
            facts, finding = replay(home, file, *options, sent=sent)
            db = open_database(f"sqlite:///{home / 'outage.db'}")
            known[file, options] = Replayed(facts=facts, db=db, finding=finding)
        return known[file, options]

    yield once
    for one in known.values():
        one.db.close()
