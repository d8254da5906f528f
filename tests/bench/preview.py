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
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import sqlalchemy as sa

from gis import counting
from gis.matching import Matcher
from gis.shapes import ShapeLimits
from outage import tokens
from outage.database import Database
from outage.model import Service
from outage.schema import open_embedded
from outage.tokens import Role

VERTICES, SHARE, SIDE = 2_000, 0.2, 1.0
_PATIENCE_S = 600
_COUNTS = ("accounts", "medical", "critical", "unreachable", "contacts")


def county() -> dict[str, Any]:
    """Make an area with a fifth of the square inside, rough at every scale."""
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    rough = 1 + 0.1 * np.sin(5 * angle) + 0.05 * np.sin(61 * angle) + 0.02 * np.sin(401 * angle)
    radius = rough * np.sqrt(SHARE / (np.pi * np.mean(rough**2))) * SIDE
    ring = np.column_stack([-100 + radius * np.cos(angle), 40 + radius * np.sin(angle)])
    return {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]}


def settle(db: Database, count: int) -> None:
    """Fill a database: a premise an account; every account a phone, every other one an e-mail."""
    with db.write() as conn:
        for statement in _MADE.split(";"):
            conn.execute(sa.text(statement), {"count": count} if ":count" in statement else {})


# Places are spread over the square as evenly as chance would (R2 sequence), and who lives where has
# nothing to do with who came first.
_MADE = """
CREATE TEMP TABLE n AS
    WITH RECURSIVE r(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM r WHERE k < :count)
    SELECT k, k * 0.7548776662466927 AS x, k * 0.5698402909980532 AS y FROM r;
INSERT INTO premises (key, id, longitude, latitude, services, loaded_version)
    SELECT k, 'P' || k, x - CAST(x AS INTEGER) - 100.5, y - CAST(y AS INTEGER) + 39.5, 1, 1 FROM n;
INSERT INTO accounts (key, id, medical, critical)
    SELECT k, 'A' || k, k % 50 = 0, k % 900 = 0 FROM n;
INSERT INTO occupancies (account_key, premise_key, since) SELECT k, :count + 1 - k, 0 FROM n;
INSERT INTO endpoints (key, kind, address, language, opted_out_at, invalid_at)
    SELECT 2 * k, 'phone', 'made-up-' || k, iif(k % 5 = 0, 'es', 'en'),
        iif(k % 40 = 0, 0, NULL), iif(k % 60 = 0, 0, NULL) FROM n;
INSERT INTO endpoints (key, kind, address, language)
    SELECT 2 * k + 1, 'email', 'made-up-' || k, iif(k % 5 = 0, 'es', 'en') FROM n WHERE k % 2 = 0;
INSERT INTO contacts (account_key, endpoint_key, channel, consent_at)
    SELECT key / 2, key, iif(kind = 'phone', 'sms', 'email'), 0 FROM endpoints;
INSERT INTO premises_versions (version, at, premises, unplaced, digest)
    VALUES (1, 0, :count, 0, 'x');
DROP TABLE n
"""


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
    """Ask for one preview; waits for a server that is still starting."""
    headers = {"Authorization": f"Bearer {words}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
                facts: dict[str, Any] = json.load(answer)
                return facts
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > until:
                raise
            time.sleep(0.1)


def measure(home: Path, times: int) -> dict[str, Any]:
    """Preview again and again; compare with the tables."""
    db = open_embedded(home / "outage.db")
    with db.write() as conn:
        words, _ = tokens.make(conn, role=Role.VIEWER, name="bench")
    body = json.dumps({"shape": county(), "service": "electric"}).encode()
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
    tables, tables_ms = _in_tables(db)
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


def _in_tables(db: Database) -> tuple[counting.Counts, float]:
    match = Matcher(db).match(county(), Service.ELECTRIC, limits=ShapeLimits())
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
        facts = measure(home, given.times)
    lines = [json.dumps(facts)] if given.json else [f"{k:24} {v}" for k, v in facts.items()]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
