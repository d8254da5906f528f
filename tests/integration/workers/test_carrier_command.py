import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.workers.conftest import eventually

pytestmark = pytest.mark.processes

ACCOUNT = {
    "OUTAGE_TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
    "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
    "OUTAGE_TWILIO_FROM": "+15005550006",
    "OUTAGE_SENDGRID_API_KEY": "SG.made-up",
    "OUTAGE_SENDGRID_FROM": "outages@example.org",
}


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_the_simulator_shows_its_page_and_stops_promptly(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    told = {**os.environ, **ACCOUNT, "OUTAGE_HOME": str(tmp_path)}
    told["OUTAGE_CARRIER_PORT"] = str(port)
    process = subprocess.Popen([sys.executable, "-m", "workers", "carrier"], env=told)
    try:
        eventually(lambda: _answers(port), within_s=20)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        assert time.monotonic() - began < 3
    finally:
        process.kill()
        process.wait()


def test_a_simulator_without_an_account_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers", "carrier"],
        env={**os.environ, "OUTAGE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "OUTAGE_TWILIO_ACCOUNT_SID" in done.stderr
    assert done.stderr.count("\n") == 1
