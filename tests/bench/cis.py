"""What the HTTP connector costs for one large outage, against the embedded CIS in the same run.

`python -m tests.bench.cis --accounts 200000`: processor time of what the embedded CIS writes when
the outage is declared, of queueing all accounts, of queueing them again for an update, and of
making the calls and settling them, without the network and the CIS behind it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import orjson
import sqlalchemy as sa

from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.cis.calling import Answer, Caller, Line, Said
from outage.cis.connector import Connector
from outage.cis.queueing import ConnectorReader
from outage.cis.reader import CisReader
from outage.clock import business_now
from outage.database import Database
from outage.settings import load
from tests.cis_receiver import SECRET
from tests.migrated import migrated
from tests.unit.outage import town


class Taking(Caller):
    """Writes each body as it would be sent, and takes all of it."""

    def __init__(self) -> None:
        super().__init__(Line(url="", secret=SECRET))
        self.sent = 0
        self.octets = 0

    def call(self, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
        for body in bodies:
            self.octets += len(orjson.dumps(body))
            self.sent += sum(len(event["accounts"]) for event in body["data"]["events"])
        return [Answer(said=Said.ACCEPTED) for _ in bodies]


def seconds(work: Callable[[], bool]) -> float:
    """Processor time until there is nothing left to do."""
    begun = time.process_time()
    while work():
        pass
    return time.process_time() - begun


@click.command()
@click.option("--accounts", default=200_000, show_default=True)
def main(accounts: int) -> None:
    """Measure one outage of so many accounts."""
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        db = migrated(Path(folder) / "outage.db")
        try:
            _measure(db, accounts)
        finally:
            db.close()


def _measure(db: Database, accounts: int) -> None:
    town.settle(db, accounts)
    outage = town.declare(db)
    town.match(db, outage, 1, come=range(1, accounts + 1))
    reader, queue = CisReader(), ConnectorReader()
    embedded = seconds(lambda: journal.turn(db, reader))
    first = seconds(lambda: queue.turn(db))
    with db.write() as conn:
        command = c.Report(observed_at=business_now(conn))
        desk.report_progress(conn, outage.id, command, actor=town.CREW, note="On our way")
    seconds(lambda: journal.turn(db, reader))
    again = seconds(lambda: queue.turn(db))
    told = {"OUTAGE_CIS_URL": "https://cis.example.org", "OUTAGE_CIS_SECRET": SECRET}
    settings = load(told | {"OUTAGE_CIS_PER_S": "0", "OUTAGE_CIS_BATCH": "500"})
    caller = Taking()
    with Connector(db, settings, ZoneInfo("UTC"), caller=caller) as connector:
        sending = seconds(connector.turn)
    with db.read() as conn:
        waiting = conn.execute(
            sa.select(sa.func.count()).where(t.cis_upserts.c.settled_at.is_(None))
        ).scalar_one()
    assert (caller.sent, waiting) == (accounts, 0)
    click.echo(f"{accounts:,} accounts, processor time on SQLite:")
    for name, taken in (
        ("embedded CIS, when declared", embedded),
        ("queueing them", first),
        ("queueing them again", again),
        ("making calls, settling them", sending),
    ):
        click.echo(f"  {name:28} {taken:6.2f} s, {taken / embedded:5.2f} of the embedded CIS's")
    click.echo(f"  {caller.octets / accounts:.0f} bytes an account")


if __name__ == "__main__":
    main()
