"""E-mails: a storm's worth of them through outbox, SendGrid's SDK and the simulator.

    python -m tests.bench.mail [--sent N] [--plain M] [--latency MS] [--postgresql] [--json]

Every account has a mailbox and all of them are out. What is measured begins when all are due and
ends when the simulator has the last of them on disk; each has its own personal link, as in
production. The plain way is SendGrid's SDK in a loop, one call for each person.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sendgrid import SendGridAPIClient

from notifier.carrier.schema import STORE_FILE
from notifier.outbox import Outbox
from notifier.reader import NotifierReader
from outage import journal, schema
from outage.database import Database, open_database
from outage.site import NEUTRAL
from tests.bench import plain, told
from tests.bench.carried import SENDGRID_KEY, carrier, configured
from tests.bench.declare import somewhere, used
from tests.bench.shown import lines


def prepared(db: Database, home: Path, mails: int) -> None:
    """Let so many mails be planned by the notifier's own reader, and be due."""
    schema.upgrade(db)
    told.settle(db, mails, told.MAILBOXES)
    told.out(db, 1, mails)
    reader = NotifierReader(configured(home, "http://127.0.0.1:9"))
    while journal.turn(db, reader):
        pass
    told.make_due(db)


def sent(db: Database, home: Path, base: str, mails: int) -> tuple[int, float]:
    """Send them by one process, as a worker does; return how many, and the seconds."""
    box = Outbox(db, configured(home, base), NEUTRAL)
    began, done = time.perf_counter(), 0
    while done < mails and (waiting := box.waiting(queued_too=True)):
        done += sum(box.send(batch.key) for batch in waiting)
    took_s = time.perf_counter() - began
    box.close()
    return done, took_s


def by_sdk(base: str, some: int) -> float:
    """Send some by the SDK in a loop; return the seconds."""
    client = SendGridAPIClient(SENDGRID_KEY, host=base)
    began = time.perf_counter()
    for number in range(some):
        plain.mail(client, "outages@example.org", f"plain{number}@example.org")
    return time.perf_counter() - began


def accepted(folder: Path) -> int:
    """How many e-mails the simulator has on disk."""
    store = sqlite3.connect(folder / STORE_FILE)
    try:
        (count,) = store.execute("SELECT count(*) FROM messages WHERE channel = 'email'").fetchone()
    finally:
        store.close()
    return int(count)


def measure(url: str, mails: int, some: int, latency_ms: int) -> dict[str, Any]:
    """Plan, send and count; then the plain way."""
    with TemporaryDirectory(prefix="outage-bench-") as folder:
        home = Path(folder)
        db = open_database(url)
        prepared(db, home, mails)
        # Who closes last moves the log into the database: that of planning is not measured.
        db.close()
        db = open_database(url)
        with carrier(home / "carrier", latency_ms) as base:
            cpu_s, _ = used()
            done, ours_s = sent(db, home, base, mails)
            cpu_s = used()[0] - cpu_s
            taken = accepted(home / "carrier")
            plain_s = by_sdk(base, some)
        dialect = db.engine.dialect.name
        db.close()
    return {
        "database": dialect,
        "latency_ms": latency_ms,
        "mails_sent": done,
        "accepted_by_the_simulator": taken,
        "seconds": round(ours_s, 2),
        "mails_a_second": round(done / ours_s),
        "sender_cpu_s": round(cpu_s, 2),
        "sdk_in_a_loop_a_second": round(some / plain_s, 1),
        "ratio": round(plain_s / some / (ours_s / max(1, done)), 1),
        "memory_mb": round(used()[1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sent", type=int, default=1_000_000, help="e-mails really sent")
    parser.add_argument("--plain", type=int, default=200, help="e-mails of the SDK in a loop")
    parser.add_argument("--latency", type=int, default=0, help="of each call, in milliseconds")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        found = measure(url, options.sent, options.plain, options.latency)
    sys.stdout.write(json.dumps(found, indent=2) if options.json else lines(found))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
