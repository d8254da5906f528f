"""E-mails: a storm's worth of them through outbox, SendGrid's SDK and the simulator.

    python -m tests.bench.mail [--sent N] [--senders K] [--plain M] [--latency MS] [--postgresql]

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
from multiprocessing.connection import Connection as Pipe
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
from tests.bench.beside import Running, Spent, used
from tests.bench.carried import SENDGRID_KEY, carrier, configured
from tests.bench.declare import somewhere
from tests.bench.shown import lines
from workers import sender

_LOOK_S = 0.005


def prepared(db: Database, home: Path, mails: int) -> None:
    """Let so many mails be planned by the notifier's own reader, and be due."""
    schema.upgrade(db)
    told.settle(db, mails, told.MAILBOXES)
    told.out(db, 1, mails)
    reader = NotifierReader(configured(home, "http://127.0.0.1:9"))
    while journal.turn(db, reader):
        pass
    told.make_due(db)


def send(url: str, home: str, base: str, share: str, pipe: Pipe) -> None:
    """Send as a worker does until nothing is left; ``share`` is like ``0/2``, one of two."""
    which, of = map(int, share.split("/"))
    db = open_database(url)
    box = Outbox(db, configured(Path(home), base), NEUTRAL)
    sender.collect_seldom()
    pipe.send("ready")
    pipe.recv()
    cpu_s, _ = used()
    done = 0
    while waiting := box.waiting(queued_too=True):
        # Queued batches go to one worker each; here they are shared out by their keys.
        ours = [batch.key for batch in waiting if batch.key % of == which]
        done += sum(box.send(key) for key in ours)
        if not ours:
            time.sleep(_LOOK_S)
    now_s, peak_mb = used()
    pipe.send(Spent(cpu_s=now_s - cpu_s, peak_mb=peak_mb, times_s=[float(done)]))
    box.close()
    db.close()


def sent(url: str, home: Path, base: str, senders: int) -> tuple[list[Spent], float]:
    """Send everything by so many workers; return what each spent, and the seconds."""
    workers = [
        Running(send, url, str(home), base, f"{which}/{senders}") for which in range(senders)
    ]
    for worker in workers:
        worker.ready()
    began = time.perf_counter()
    for worker in workers:
        worker.begin()
    return [worker.ended() for worker in workers], time.perf_counter() - began


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


def measure(url: str, mails: int, *, senders: int, some: int, latency_ms: int) -> dict[str, Any]:
    """Plan, send and count; then the plain way."""
    with TemporaryDirectory(prefix="outage-bench-") as folder:
        home = Path(folder)
        db = open_database(url)
        prepared(db, home, mails)
        # Who closes last moves the log into the database: that of planning is not measured.
        dialect = db.engine.dialect.name
        db.close()
        with carrier(home / "carrier", latency_ms) as base:
            spent, ours_s = sent(url, home, base, senders)
            taken = accepted(home / "carrier")
            plain_s = by_sdk(base, some)
    done = sum(int(each.times_s[0]) for each in spent)
    return {
        "database": dialect,
        "latency_ms": latency_ms,
        "mails_sent": done,
        "accepted_by_the_simulator": taken,
        "seconds": round(ours_s, 2),
        "mails_a_second": round(done / ours_s),
        "senders": senders,
        "senders_cpu_s": round(sum(each.cpu_s for each in spent), 2),
        "senders_memory_mb": round(max(each.peak_mb for each in spent)),
        "sdk_in_a_loop_a_second": round(some / plain_s, 1),
        "ratio": round(plain_s / some / (ours_s / max(1, done)), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sent", type=int, default=1_000_000, help="e-mails really sent")
    parser.add_argument("--senders", type=int, default=2, help="worker processes")
    parser.add_argument("--plain", type=int, default=200, help="e-mails of the SDK in a loop")
    parser.add_argument("--latency", type=int, default=0, help="of each call, in milliseconds")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        found = measure(
            url,
            options.sent,
            senders=options.senders,
            some=options.plain,
            latency_ms=options.latency,
        )
    sys.stdout.write(json.dumps(found, indent=2) if options.json else lines(found))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
