"""How soon a medical customer hears of it: in a storm that begins, and behind one that is queued.

    python -m tests.bench.first_text [--accounts N] [--hold S] [--latency MS] [--postgresql]

All processes are those of `outage up`: simulator, Valkey, relay, clock, counter and workers. A
storm over all accounts is declared by the command; while its texts are queued, so is an outage
that holds one medical customer. Times run from what the journal says of `declare` to what the
simulator's own log says of the text, both by the clock of this machine; the hold is taken off. As
after the first minutes of any day the past has long been read, and a first small outage has been
through everything.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import sqlalchemy as sa

from notifier.carrier.schema import STORE_FILE
from outage import journal, schema
from outage import tables as t
from outage.database import Database, open_database
from outage.settings import load
from tests.bench import told
from tests.bench.declare import somewhere
from tests.bench.shown import lines
from workers import roster
from workers.child import of_ours
from workers.demo import stage
from workers.demo.check import free_ports
from workers.demo.house import House
from workers.relay import READERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROCESSES = ("carrier", "valkey", "relay", "clock", "counter")
WORKERS = ("worker-sms-urgent", "worker-sms", "worker-email")
MEDICAL_EVERY = 200
"""Of the made-up county every so many accounts are medical (`tests.bench.county`)."""
STORM, LATE, FIRST = "STORM", "LATE", "FIRST"
PATIENCE_S = 900.0
_MEDICAL = f"""
SELECT min(accepted_ms) FROM messages
WHERE channel = 'sms' AND CAST(substr(recipient, 5) AS INTEGER) % {MEDICAL_EVERY} = 0
"""
_ANYBODY = "SELECT min(accepted_ms) FROM messages WHERE channel = 'sms' AND recipient != ?"
_ONE = "SELECT min(accepted_ms) FROM messages WHERE recipient = ?"


class Storm:
    """The running house, and what is asked of it."""

    def __init__(self, home: Path, environment: Mapping[str, str], db: Database) -> None:
        self._home = home
        self._environment = environment
        self.db = db
        self._carrier = environment["OUTAGE_TWILIO_BASE_URL"]

    def until_listening(self, latency_ms: int) -> None:
        """Wait for all processes, and tell the simulator how slow it is."""
        body = json.dumps({"latency_ms": latency_ms}).encode()
        asked = Request(f"{self._carrier}/control", body, {"Content-Type": "application/json"})

        def ready() -> int | None:
            if not {*PROCESSES, *WORKERS} <= set(roster.pids(self._home)):
                return None
            try:
                with urlopen(asked, timeout=5):
                    return 1
            except OSError:
                return None

        _wait_for(ready, "the processes did not start")
        # A worker that has just been started still loads the SDK.
        _wait_for(self._workers_beat, "the workers did not start")

    def declared(self, circuit: str) -> tuple[int, int]:
        """Declare an outage by the command; return its key and when, in wall milliseconds."""
        child = of_ours(
            *("declare", "--devices", f"circuit:{circuit}", "--service", "electric", "--json"),
            name="outage",
            environment=self._environment,
        )
        subprocess.run(
            child.command, env=dict(child.environment), check=True, stdout=subprocess.DEVNULL
        )
        j = t.journal.c
        newest = (
            sa.select(j.outage_key, sa.type_coerce(j.wall_at, sa.BigInteger))
            .where(j.kind == "declared")
            .order_by(j.number.desc())
            .limit(1)
        )
        with self.db.read() as conn:
            key, at_ms = conn.execute(newest).one()
        return int(key), int(at_ms)

    def accepted(self, question: str, *values: object) -> int:
        """Wait until the simulator has taken such a text; return when, in wall milliseconds."""
        log = self._home / stage.CARRIER_FOLDER / STORE_FILE
        with sqlite3.connect(f"file:{log}?mode=ro", uri=True) as conn:

            def first() -> int | None:
                at_ms: int | None = conn.execute(question, values).fetchone()[0]
                return at_ms

            found = _wait_for(first, "no such text was accepted")
        conn.close()
        return found

    def queued(self, outage_key: int) -> int:
        """Texts of an outage that wait to be claimed."""
        m = t.messages.c
        waiting = sa.select(sa.func.count()).where(
            m.outage_key == outage_key, m.state == "pending", m.channel == "sms"
        )
        with self.db.read() as conn:
            return int(conn.execute(waiting).scalar_one())

    def planned_at(self, outage_key: int) -> None:
        """Wait until everybody of an outage is planned for."""
        w, o = t.work_items.c, t.outages.c
        matched = sa.select(o.matched_number).where(o.key == outage_key)
        left = sa.select(w.key).where(w.outage_key == outage_key, w.reader == "notifier")

        def done() -> int | None:
            with self.db.read() as conn:
                known = conn.execute(matched).scalar_one() is not None
                return (
                    int(known and self.queued(outage_key) > 0 and not conn.execute(left).first())
                    or None
                )

        _wait_for(done, "nobody was planned for")

    def _workers_beat(self) -> int | None:
        p = t.processes.c
        workers = sa.select(sa.func.count()).where(p.name == "worker")
        with self.db.read() as conn:
            return int(conn.execute(workers).scalar_one() >= len(WORKERS)) or None


def _wait_for(look: Any, otherwise: str) -> int:  # noqa: ANN401 - a function without arguments
    until = time.monotonic() + PATIENCE_S
    while (found := look()) is None:
        if time.monotonic() > until:
            sys.exit(otherwise)
        time.sleep(0.02)
    return int(found)


def filled(url: str, accounts: int) -> str:
    """Fill the database; the storm's circuit holds all but the last medical account, whose own
    circuit holds nobody else. Returns the number of that account's phone."""
    last = (accounts // MEDICAL_EVERY + 1) * MEDICAL_EVERY
    db = open_database(url)
    schema.upgrade(db)
    told.settle(db, last)
    p = t.premises
    with db.write() as conn:
        conn.execute(p.update().where(p.c.key <= accounts).values(circuit=STORM))
        conn.execute(p.update().where(p.c.key == last).values(circuit=LATE))
        conn.execute(p.update().where(p.c.key == last - 1).values(circuit=FIRST))
        for reader in READERS:
            journal.move_cursor(conn, reader, journal.last_number(conn))
    db.close()
    return told.NUMBERS % last


@contextmanager
def running(home: Path, url: str, hold_s: int) -> Iterator[Storm]:
    """Run the processes of `outage up` that tell anybody."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OUTAGE_")}
    environment = stage.environment(home, clean, hold_s=hold_s, ports=free_ports(stage.PORTS))
    environment |= {"OUTAGE_DATABASE_URL": url, "OUTAGE_TEST_NUMBERS": "yes"}
    environment["OUTAGE_MAX_RECIPIENTS"] = "5000000"
    module = "tests.integration.workers.some"
    some = of_ours(
        *(str(home), *PROCESSES, *WORKERS), name="some", environment=environment, module=module
    )
    db = open_database(load(environment).database)
    house = House(home, environment, some)
    house.start()
    try:
        yield Storm(home, environment, db)
    finally:
        house.stop()
        db.close()


def measure(url: str, accounts: int, hold_s: int, latency_ms: int) -> dict[str, Any]:
    """Declare the storm, then the late outage; return how long each took beyond the hold."""
    phone = filled(url, accounts)
    with TemporaryDirectory(prefix="outage-bench-") as folder:
        home = Path(folder)
        with running(home, url, hold_s) as storm:
            storm.until_listening(latency_ms)
            first, _ = storm.declared(FIRST)
            storm.planned_at(first)
            key, began_ms = storm.declared(STORM)
            storm.planned_at(key)
            planned_ms = time.time_ns() // 1_000_000
            queued = storm.queued(key)
            medical_ms = storm.accepted(_MEDICAL)
            anybody_ms = storm.accepted(_ANYBODY, told.NUMBERS % (int(phone[5:]) - 1))
            _, late_ms = storm.declared(LATE)
            overtook_ms = storm.accepted(_ONE, phone)
            left = storm.queued(key)
            dialect = storm.db.engine.dialect.name
    hold_ms = 1000 * hold_s
    return {
        "database": dialect,
        "accounts": accounts,
        "latency_ms": latency_ms,
        "hold_s": hold_s,
        "declare_to_planned_s": _s(planned_ms - began_ms),
        "texts_planned": queued,
        "first_text_beyond_hold_s": _s(anybody_ms - began_ms - hold_ms),
        "first_medical_beyond_hold_s": _s(medical_ms - began_ms - hold_ms),
        "late_medical_beyond_hold_s": _s(overtook_ms - late_ms - hold_ms),
        "texts_queued_when_it_was_accepted": left,
    }


def _s(milliseconds: int) -> float:
    return round(milliseconds / 1000, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accounts", type=int, default=200_000)
    parser.add_argument("--hold", type=int, default=60, help="OUTAGE_HOLD_S")
    parser.add_argument("--latency", type=int, default=100, help="of each call, in milliseconds")
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        found = measure(url, options.accounts, options.hold, options.latency)
    sys.stdout.write(json.dumps(found, indent=2) if options.json else lines(found))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
