"""Telling everybody: planning, claiming and settling, sending, receipts; against the plain ways.

    python -m tests.bench.notify [--accounts N] [--plain M] [--sent S] [--postgresql] [--json]

One outage over all accounts is planned by the notifier's own reader in a process of its own while
a second process writes as a dispatcher does. The plain ways get fewer accounts, messages and
receipts of the same database; what is compared is the time for each.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from notifier import batches, claiming, receipts, settling
from notifier.channels.base import Outcome, Result
from notifier.outbox import Outbox
from notifier.reader import NotifierReader
from outage import journal, schema
from outage import tables as t
from outage.database import Database, open_database
from outage.settings import Settings
from outage.site import NEUTRAL
from tests.bench import plain, queued, told
from tests.bench.beside import Running, Spent, used
from tests.bench.carried import carrier, configured, twilio
from tests.bench.declare import Timed, somewhere, write
from tests.bench.shown import lines
from tests.bench.told import ToTell
from workers import sender

_LOOK_S = 0.005
_NOBODY = "http://127.0.0.1:9"
"""A provider that is never called."""


def plan(url: str, pipe: Pipe) -> None:
    """Plan as the relay does, until told to stop; answer what it took so far."""
    db = Timed(url)
    reader = NotifierReader(configured(Path(), _NOBODY))
    cpu_s = 0.0
    while True:
        if not journal.turn(db, reader):
            time.sleep(_LOOK_S)
        if pipe.poll():
            asked, (now_s, peak_mb) = pipe.recv(), used()
            pipe.send(Spent(cpu_s=now_s - cpu_s, peak_mb=peak_mb, times_s=db.held_s))
            cpu_s, db.held_s = now_s, []
            if asked == "stop":
                return


def planning(url: str, db: Database, accounts: int, some: int) -> dict[str, Any]:
    """Plan for all accounts; and for some of them in the plain way."""
    small = told.out(db, 1, 1)
    reader, writer = Running(plan, url), Running(write, url, small.outage.id)
    _wait_for(db, small)
    time.sleep(1.0)
    reader.ask()
    writer.ask()
    began = time.perf_counter()
    everybody = told.out(db, 2, accounts)
    included_s = time.perf_counter() - began
    # The writing of who is out is not measured: gis has done it in steps.
    writer.ask()
    began = time.perf_counter()
    _wait_for(db, everybody)
    took_s = time.perf_counter() - began
    spent, waited = reader.ask("stop"), writer.ask("stop")
    few = told.out(db, 2, 1 + some)
    made, plain_s = plain.timed(lambda: plain.plan(db.engine, few.outage.key, few.number))
    messages = told.planned(db, everybody)
    steps = sorted(spent.times_s)
    return {
        "accounts": everybody.accounts,
        "messages": messages,
        "seconds": round(took_s, 2),
        "seconds_before": round(included_s, 2),
        "cpu_s": round(spent.cpu_s, 2),
        "peak_mb": round(spent.peak_mb),
        "steps": len(steps),
        "seconds_in_steps": round(sum(steps), 2),
        "longest_step_ms": round(1000 * steps[-1], 1),
        "longest_wait_of_others_ms": round(1000 * max(waited.times_s), 1),
        "plain_accounts": few.accounts,
        "plain_messages": made,
        "plain_seconds": round(plain_s, 2),
        "ratio": round(plain_s / few.accounts / (took_s / everybody.accounts), 1),
    }


def _wait_for(db: Database, wanted: ToTell) -> None:
    """Wait until the notifier has gone through an entry."""
    w = t.work_items.c
    left = sa.select(w.key).where(w.reader == "notifier", w.number <= wanted.number)
    while True:
        with db.read() as conn:
            passed = journal.cursor(conn, "notifier") >= wanted.number
            if passed and conn.execute(left.limit(1)).first() is None:
                return
            if conn.execute(sa.select(w.key).where(w.attempts > 0).limit(1)).first():
                sys.exit("the planner failed; its log says why")
        time.sleep(_LOOK_S)


def claiming_and_settling(db: Database, given: Settings, messages: int) -> dict[str, Any]:
    """Claim batches and settle them as accepted, no call between; and receipts for them."""
    box = Outbox(db, given, NEUTRAL)
    keys: list[int] = []
    began = time.perf_counter()
    while len(keys) < messages:
        for batch in box.waiting(queued_too=True):
            claimed = claiming.claim(db, batch.key, box.terms)
            if claimed is None:
                continue
            said = [
                Outcome(message_key=key, result=Result.ACCEPTED, provider_id=f"SM{key:032x}")
                for key in claimed.fences
            ]
            settling.settle(db, claimed, "twilio", said)
            settling.finish(db, claimed)
            keys += claimed.fences
    took_s = time.perf_counter() - began
    box.close()
    return {
        "claimed_and_settled": len(keys),
        "a_second": round(len(keys) / took_s),
        **_receipts(db, keys),
    }


def _receipts(db: Database, keys: list[int]) -> dict[str, Any]:
    t_keys = keys[: len(keys) // 2]
    with db.read() as conn:
        m = t.messages.c
        rows = conn.execute(
            sa.select(m.key, m.provider, m.provider_id).where(m.key.in_(t_keys))
        ).all()
    said = [
        receipts.Receipt(
            provider=row.provider,
            message_key=row.key,
            event="delivered",
            provider_id=row.provider_id,
        )
        for row in rows
    ]
    applied, ours_s = plain.timed(lambda: receipts.apply(db, said))
    events = [(key, "delivered") for key in keys[len(keys) // 2 :][:1000]]
    one_by_one, plain_s = plain.timed(lambda: plain.take_callbacks(db.engine, events))
    return {
        "receipts": applied,
        "receipts_a_second": round(applied / ours_s),
        "plain_receipts_a_second": round(one_by_one / plain_s),
        "receipts_ratio": round(plain_s / one_by_one / (ours_s / applied), 1),
    }


def _pending(db: Database, some: int) -> list[int]:
    """Texts that nobody has sent."""
    m = t.messages.c
    pending = sa.select(m.key).where(m.state == "pending", m.channel == "sms").limit(some)
    with db.read() as conn:
        keys = list(conn.execute(pending).scalars())
    return keys or sys.exit("all texts are sent: ask for more --accounts, or less --sent")


def sending(
    url: str, db: Database, home: Path, *, latency_ms: int, texts: int, some: int
) -> dict[str, Any]:
    """Send texts to the simulator by one process; some by the SDK in a loop, or by a job each."""
    with carrier(home / f"carrier-{latency_ms}", latency_ms) as base:
        box = Outbox(db, configured(home, base), NEUTRAL)
        sender.collect_seldom()  # as a worker does
        sent, began = 0, time.perf_counter()
        while sent < texts:
            waiting = [each for each in box.waiting(queued_too=True) if each.lane != "email"]
            if not waiting:
                break
            for batch in waiting:
                if sent < texts:
                    sent += box.send(batch.key)
        ours_s = time.perf_counter() - began
        box.close()
        with twilio(base) as client:
            began = time.perf_counter()
            for number in range(some):
                plain.text(client, "MG" + "0" * 32, f"+999{number:09d}", f"{base}/nowhere")
            plain_s = time.perf_counter() - began
        keys = _pending(db, some)
        with queued.valkey(home) as redis_url:
            jobs_s = queued.send(redis_url, url, base, keys)
    return {
        "latency_ms": latency_ms,
        "texts": sent,
        "texts_a_second": round(sent / ours_s),
        "sdk_in_a_loop_a_second": round(some / plain_s, 1),
        "ratio": round(plain_s / some / (ours_s / max(1, sent)), 1),
        "rq_job_each_a_second": round(len(keys) / jobs_s, 1),
        "rq_ratio": round(jobs_s / len(keys) / (ours_s / max(1, sent)), 1),
        "memory_mb": round(used()[1]),
    }


def measure(url: str, accounts: int, some: int, texts: int) -> dict[str, Any]:
    """Build the database, and measure one thing after the other."""
    db = open_database(url)
    schema.upgrade(db)
    told.settle(db, accounts)
    # Who closes last moves the log into the database: the log of the building is not measured.
    db.close()
    db = open_database(url)
    found: dict[str, Any] = {"database": db.engine.dialect.name}
    found["planning"] = planning(url, db, accounts, some)
    told.make_due(db)
    with TemporaryDirectory(prefix="outage-bench-") as folder:
        home = Path(folder)
        found["claiming"] = claiming_and_settling(db, configured(home, _NOBODY), texts)
        for latency_ms in (0, 100):
            found[f"sending at {latency_ms} ms"] = sending(
                url, db, home, latency_ms=latency_ms, texts=texts, some=50
            )
    with db.read() as conn:
        found["batches_left"] = len(batches.waiting(conn, queued_too=True))
    db.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--plain", type=int, default=10_000, help="accounts of the plain planning")
    parser.add_argument("--sent", type=int, default=10_000, help="messages sent of each kind")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        found = measure(url, options.accounts, options.plain, options.sent)
    sys.stdout.write(json.dumps(found, indent=2) if options.json else lines(found))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
