"""Prism between us and the carrier simulator: it refuses what a provider's contract does not have.

Its package comes from npm, once, into pytest's cache folder.
"""

import fcntl
import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "@stoplight/prism-cli@5.16.0"
INSTALL_S = 300
START_S = 90


def installed(cache: Path) -> Path:
    """The program, installed if it is not yet; skips where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not on PATH, and Prism comes from there")
    program = cache / "node_modules" / ".bin" / "prism"
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # processes of one test run take turns
        if not program.exists():
            try:
                subprocess.run(
                    [npm, "install", "--no-audit", "--no-fund", "--prefix", str(cache), PACKAGE],
                    check=True,
                    capture_output=True,
                    timeout=INSTALL_S,
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                pytest.skip(f"npm cannot install {PACKAGE} here")
    return program


def with_paths(contract: Path, folder: Path) -> Path:
    """A copy of Twilio's contract whose ``uri`` fields may hold a path.

    It calls them URIs, and all of its own examples are paths, which its SDK joins to the host.
    """

    def loosened(found: dict[str, Any]) -> dict[str, Any]:
        for name, field in found.items():
            if name.endswith("uri") and isinstance(field, dict) and field.get("format") == "uri":
                field["format"] = "uri-reference"
        return found

    copy = folder / contract.name
    copy.write_text(json.dumps(json.loads(contract.read_bytes(), object_hook=loosened)))
    return copy


@contextmanager
def between(program: Path, contract: Path, upstream: str, port: int) -> Iterator[str]:
    """Hand requests on to `upstream` only if they, and its answers, keep to the contract."""
    command = [str(program), "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [*command, str(contract), upstream], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", url: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        assert process.poll() is None, "Prism ended by itself"
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return  # it answers: there is nothing at its root
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"Prism did not answer within {START_S} s")
