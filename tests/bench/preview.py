"""Previews of a county polygon by the real web process, against counting in the tables.

`python -m tests.bench.preview [--premises N] [--json]`: makes a utility with as many accounts and
one and a half times as many contacts in an SQLite file, starts `outage web`, posts a polygon of
2,000 vertices with a fifth of all premises inside, and prints what the server says it took.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import shapely
import sqlalchemy as sa

from gis import counting
from gis.matching import Matcher
from gis.shapes import ShapeLimits
from outage import tokens
from outage.database import Database
from outage.model import Service
from outage.rights import Role
from outage.schema import open_embedded
from tests.bench import county

_SHARE = 5
_PATIENCE_S = 600
_COUNTS = ("accounts", "medical", "critical", "unreachable", "contacts")


_REACHED = """
UPDATE accounts SET critical = true WHERE key % 900 = 0;
INSERT INTO endpoints (key, kind, address, language, opted_out_at, invalid_at)
    SELECT 2 * key, 'phone', 'made-up-' || key, iif(key % 5 = 0, 'es', 'en'),
        iif(key % 39 = 0, 0, NULL), iif(key % 60 = 0, 0, NULL) FROM accounts;
INSERT INTO endpoints (key, kind, address, language)
    SELECT 2 * key + 1, 'email', 'made-up-' || key, iif(key % 5 = 0, 'es', 'en') FROM accounts
    WHERE key % 2 = 0;
INSERT INTO contacts (account_key, endpoint_key, channel, consent_at)
    SELECT key / 2, key, iif(kind = 'phone', 'sms', 'email'), 0 FROM endpoints
"""


def settle(db: Database, premises: int) -> None:
    """Fill a database: every account has a phone, every other one an e-mail address."""
    county.build(db, premises)
    with db.write() as conn:
        for statement in _REACHED.split(";"):
            conn.execute(sa.text(statement))


@contextmanager
def web(home: Path) -> Iterator[tuple[str, int]]:
    """Run `outage web` on a home; gives its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = os.environ | {"OUTAGE_HOME": str(home), "OUTAGE_WEB_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "workers", "web"], env=environ)
    try:
        yield f"http://127.0.0.1:{port}/api/v1/match", process.pid
    finally:
        process.terminate()
        process.wait(30)


def post(url: str, words: str, body: bytes) -> dict[str, Any]:
    """Ask for one preview; waits for a server that is still starting and asks to come again."""
    headers = {"Authorization": f"Bearer {words}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
                facts: dict[str, Any] = json.load(answer)
                return facts
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > until:
                raise
            time.sleep(0.5)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def measure(home: Path, premises: int, times: int) -> dict[str, Any]:
    """Preview again and again; compare with the tables."""
    db = open_embedded(home / "outage.db")
    with db.write() as conn:
        words, _ = tokens.make(conn, role=Role.VIEWER, name="bench")
    ground = shapely.to_geojson(county.county(premises, premises // _SHARE))
    body = json.dumps({"shape": json.loads(ground), "service": "electric"}).encode()
    began = time.perf_counter()
    with web(home) as (url, pid):
        facts = post(url, words, body)
        first_s = time.perf_counter() - began
        while not facts["prepared"]:
            time.sleep(0.5)
            facts = post(url, words, body)
        prepared_s = time.perf_counter() - began
        answers, walls = [], []
        for _ in range(times):
            began = time.perf_counter()
            answers.append(post(url, words, body))
            walls.append((time.perf_counter() - began) * 1000)
        memory_mb = _memory_mb(pid)
    tables, tables_ms = _in_tables(db, ground)
    db.close()
    assert all(facts[name] == getattr(tables, name) for name in _COUNTS), "the counts differ"
    counted = _spread([one["counting_ms"] for one in answers])
    return {
        "premises": facts["premises"],
        **{name: facts[name] for name in _COUNTS},
        "server_ms": _spread([one["milliseconds"] for one in answers]),
        "matching_ms": _spread([one["matching_ms"] for one in answers]),
        "counting_ms": counted,
        "wall_ms": _spread(walls),
        "counting_in_tables_ms": round(tables_ms),
        "ratio": round(tables_ms / counted["median"]),
        "first_answer_s": round(first_s, 1),
        "prepared_s": round(prepared_s, 1),
        "web_memory_mb": memory_mb,
    }


def _in_tables(db: Database, ground: str) -> tuple[counting.Counts, float]:
    match = Matcher(db).match(ground, Service.ELECTRIC, limits=ShapeLimits())
    keys = match.keys.tolist()
    with db.read() as conn:
        began = time.perf_counter()
        counts = counting.count(conn, keys)
        return counts, (time.perf_counter() - began) * 1000


def _spread(figures: list[float]) -> dict[str, float]:
    return {
        "median": round(median(figures), 1),
        "p95": round(float(np.percentile(figures, 95)), 1),
        "least": round(min(figures), 1),
    }


def _memory_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    (resident,) = [line for line in status if line.startswith("VmRSS")]
    return int(resident.split()[1]) // 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--home", type=Path, help="keep the made-up utility here and use it again")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        if not (home / "outage.db").exists():
            home.mkdir(parents=True, exist_ok=True)
            db = open_embedded(home / "outage.db")
            settle(db, given.premises)
            db.close()
        facts = measure(home, given.premises, given.times)
    lines = [json.dumps(facts)] if given.json else [f"{k:24} {v}" for k, v in facts.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
