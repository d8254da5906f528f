"""`outage up` with every process for real."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from tests.integration.workers.conftest import eventually, is_alive
from workers import roster

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

EVERYBODY = frozenset(
    {
        "supervisor",
        "valkey",
        "carrier",
        "relay",
        "clock",
        "counter",
        "web",
        "worker-sms-urgent",
        "worker-sms",
        "worker-email",
        "page",
    }
)


class Up:
    """One `outage up` on a home, startable more than once."""

    def __init__(self, home: Path, ports: dict[str, int]) -> None:
        self.home = home
        self.ports = ports
        self.process: subprocess.Popen[bytes] | None = None
        self.seen: set[int] = set()
        self._output = home.with_suffix(".output")

    @property
    def environment(self) -> dict[str, str]:
        carrier = f"http://127.0.0.1:{self.ports['CARRIER']}"
        return {
            **os.environ,
            **{f"OUTAGE_{name}_PORT": str(port) for name, port in self.ports.items()},
            "OUTAGE_HOME": str(self.home),
            "OUTAGE_SECRET_KEY": "s" * 32,
            "OUTAGE_TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
            "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
            "OUTAGE_TWILIO_FROM": "+15005550006",
            "OUTAGE_TWILIO_BASE_URL": carrier,
            "OUTAGE_SENDGRID_API_KEY": "SG.made-up",
            "OUTAGE_SENDGRID_FROM": "outages@example.org",
            "OUTAGE_SENDGRID_BASE_URL": carrier,
        }

    @property
    def pids(self) -> dict[str, int]:
        found = roster.pids(self.home)
        self.seen |= set(found.values())
        return found

    @property
    def output(self) -> str:
        return self._output.read_text()

    def start(self) -> None:
        with self._output.open("ab") as target:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "workers", "up"],
                env=self.environment,
                stdout=target,
                stderr=subprocess.STDOUT,
            )
        eventually(lambda: set(self.pids) == EVERYBODY, within_s=30)

    def wait_until_it_serves(self) -> None:
        for name in ("PAGE", "WEB", "COUNTER"):
            eventually(partial(self.get, name, "/healthz"), within_s=60)
        eventually(lambda: self.get("CARRIER", "/"), within_s=30)

    def get(self, name: str, path: str) -> bytes | None:
        try:
            url = f"http://127.0.0.1:{self.ports[name]}{path}"
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            return None

    def stop(self, number: signal.Signals = signal.SIGINT) -> float:
        """Stop it; returns the seconds it took."""
        assert self.process is not None
        everybody = self.pids
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(15) == 0
        assert not [name for name, pid in everybody.items() if is_alive(pid)]
        return time.monotonic() - began


@pytest.fixture
def up(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Up]:
    ports = {name: free_port() for name in ("PAGE", "WEB", "COUNTER", "CARRIER")}
    found = Up(tmp_path / "home", ports)
    yield found
    left = found.pids
    if found.process is not None:
        found.process.kill()
        found.process.wait()
    for pid in filter(is_alive, {*found.seen, *left.values()}):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_everything_starts_serves_and_ends_at_once(up: Up) -> None:
    up.start()
    up.wait_until_it_serves()

    assert up.stop() < 10
    assert "Traceback" not in up.output


def test_the_next_start_carries_on_after_a_kill_with_the_same_data(up: Up) -> None:
    up.start()
    up.wait_until_it_serves()
    with closing(sqlite3.connect(up.home / "outage.db")) as db:
        before = db.execute("SELECT value FROM facts WHERE name = 'epoch'").fetchone()
    assert up.process is not None
    everybody = up.pids
    up.process.kill()
    up.process.wait()
    eventually(lambda: not any(map(is_alive, everybody.values())), within_s=5)

    up.start()
    up.wait_until_it_serves()

    with closing(sqlite3.connect(up.home / "outage.db")) as db:
        assert db.execute("SELECT value FROM facts WHERE name = 'epoch'").fetchone() == before
    assert up.stop(signal.SIGTERM) < 10


def test_the_page_has_no_credentials_and_serves_without_database_and_valkey(up: Up) -> None:
    up.start()
    up.wait_until_it_serves()
    names = {
        entry.partition("=")[0]
        for entry in Path(f"/proc/{up.pids['page']}/environ").read_text().split("\0")
    }
    assert "OUTAGE_HOME" in names
    assert not [name for name in names if "DATABASE" in name or "SECRET" in name]
    assert not [name for name in names if "TWILIO" in name or "SENDGRID" in name]
    eventually(lambda: up.get("PAGE", "/status.json"), within_s=30)

    for file in up.home.glob("outage.db*"):
        file.rename(file.with_name(f"away-{file.name}"))
    os.kill(up.pids["valkey"], signal.SIGKILL)

    pointer = up.get("PAGE", "/status.json")
    assert pointer is not None
    assert json.loads(pointer)
    assert up.get("PAGE", "/")


def test_a_second_start_is_refused_in_one_line_and_changes_nothing(up: Up) -> None:
    up.start()
    before = up.pids

    second = subprocess.run(
        [sys.executable, "-m", "workers", "up"],
        env=up.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert second.returncode == 1
    assert f"already running on {up.home} (process {before['supervisor']})" in second.stderr
    assert second.stderr.count("\n") == 1
    assert {name: up.pids[name] for name in ("supervisor", "valkey")} == {
        name: before[name] for name in ("supervisor", "valkey")
    }


def test_a_taken_port_is_named_with_its_setting(up: Up) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", up.ports["WEB"]))
        other.listen()
        refused = subprocess.run(
            [sys.executable, "-m", "workers", "up"],
            env=up.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert refused.returncode == 1
    assert f"port {up.ports['WEB']}" in refused.stderr
    assert "OUTAGE_WEB_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1
