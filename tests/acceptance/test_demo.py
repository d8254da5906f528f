"""The whole product by one command: as people see it, and as the check proves it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from workers import roster
from workers.demo.house import is_alive

KILLED_ONCE_EACH = (
    "relay@6+120",
    "worker@13+120",
    "clock@20+40",
    "web@27",
    "counter@34+120",
    "page@41",
    "valkey@48+40",
    "carrier@55+120",
    "supervisor@62+120",
    "valkey-data@69+40",
)
COMMAND = (sys.executable, "-P", "-m", "workers", "demo")


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTAGE_")}
    return {**kept, "PYTHONPATH": str(Path.cwd()), **more}


def _check(*kills: str) -> dict[str, int]:
    options = [part for kill in kills for part in ("--kill", kill)]
    done = subprocess.run(
        [*COMMAND, "--check", "--quiet", *options],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    figures: dict[str, int] = json.loads(lines[0])
    assert all(isinstance(value, int) for value in figures.values())
    return figures


@pytest.mark.timeout(1200)
def test_a_storm_in_which_every_process_is_killed_comes_to_the_same_as_a_quiet_one() -> None:
    quiet, killed = _check(), _check(*KILLED_ONCE_EACH)
    assert quiet["outages"] == 60
    assert quiet["doubled_acceptances"] == 0
    same = ("outages", "premises_matched", "memberships", "interruptions", "account_records")
    assert {name: killed[name] for name in same} == {name: quiet[name] for name in same}
    assert killed["fingerprint"] == quiet["fingerprint"]
    for figures in (quiet, killed):
        ends = sum(
            count
            for name, count in figures.items()
            if name.startswith("messages_") and name != "messages_planned"
        )
        assert ends == figures["messages_planned"]


@pytest.fixture
def ports(free_port: Callable[[], int]) -> dict[str, str]:
    names = ("PAGE", "WEB", "COUNTER", "CARRIER")
    return {f"OUTAGE_{name}_PORT": str(free_port()) for name in names}


class Demo:
    """`outage demo` on a home of its own."""

    def __init__(self, home: Path, ports: Mapping[str, str]) -> None:
        self.home = home
        self.page = f"http://127.0.0.1:{ports['OUTAGE_PAGE_PORT']}"
        self._environment = _environment(OUTAGE_HOME=str(home), **ports)
        self._process: subprocess.Popen[bytes] | None = None
        self.pids: dict[str, int] = {}

    def start(self) -> None:
        with (self.home.parent / "demo.log").open("ab") as log:
            self._process = subprocess.Popen(
                COMMAND, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def listed(self) -> int:
        """How many outages the page's pointer counts; waits until there is one."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urlopen(f"{self.page}/status.json", timeout=5) as answer:
                    counts = json.load(answer)["counts"]
            except (URLError, OSError):
                counts = {"outages": 0}
            if counts["outages"]:
                self.pids = roster.pids(self.home)
                return int(counts["outages"])
            time.sleep(0.2)
        raise AssertionError((self.home.parent / "demo.log").read_text())

    def ctrl_c(self) -> float:
        """Press Ctrl+C; return after how many seconds nothing was left."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        while any(map(is_alive, self.pids.values())) and time.monotonic() < begun + 30:
            time.sleep(0.05)
        return time.monotonic() - begun

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def demo(tmp_path: Path, ports: Mapping[str, str]) -> Iterator[Demo]:
    demo = Demo(tmp_path / "a home", ports)
    yield demo
    demo.kill()


@pytest.mark.timeout(300)
def test_the_demo_shows_outages_ends_at_ctrl_c_and_carries_on_with_the_same_data(
    demo: Demo,
) -> None:
    demo.start()
    before = demo.listed()
    assert {"page", "relay", "clock", "carrier", "valkey", "storm"} <= set(demo.pids)
    assert demo.ctrl_c() < 10
    demo.start()
    assert demo.listed() >= before
    assert demo.ctrl_c() < 10
