"""What one changed outage costs the publisher among few and among many, and how soon it is public.

    python -m tests.bench.publish [--outages N]... [--within SECONDS]

Makes up a storm in a record of its own (SQLite) and publishes it. Then one outage at a time is
updated as the desk does it, and a turn of the publisher follows: processor time and bytes of the
turn (``new_ms``, ``new_bytes``) and, apart, of the files that hold every outage, which follow at
their slower beat (``whole_ms``, ``whole_bytes``, ``whole_s``). The other way, in the same run: a
publisher that reads everything and writes every file with each change (``all_ms``,
``all_bytes``); ``ratio`` is the one against the other. ``growth`` at the end says how many times
as much the turn costs among the most as among the fewest. ``start_s`` is how long a publisher that
begins anew on what another has published takes until it waits for changes, ``first_s`` from the
first update after that to its pointer.

``p95_s``: from the commit of an update to the pointer that names it, with the publisher in a loop
of its own as in `relay`, woken as the bell wakes it, and updates at random moments.
"""

import json
import random
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import click

from outage import commands, desk, journal
from outage import tables as t
from outage.database import Database, wall_now
from outage.model import Actor, JournalKind, Kind, OutageId, OutageKey, Service
from outage.site import Site
from status_page import publisher as publishing
from status_page.pointer import Pointer
from status_page.publisher import Publisher
from status_page.store import POINTER, FolderStore
from tests.migrated import migrated
from workers.loops import Loop, follow

CHANGES = 7
PATIENCE_S = 900.0
SITE = Site(name="Roseglen Power", short_name="Roseglen", time_zone="America/Vancouver")
SOMEBODY = Actor(kind="dispatcher", name="7")


class Counted(FolderStore):
    """Counts what is written."""

    count = 0

    def put(
        self, files: Iterable[tuple[str, bytes]], still_held: Callable[[], None] = lambda: None
    ) -> None:
        super().put(self._counted(files), still_held)

    def _counted(self, files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        for name, content in files:
            self.count += len(content)
            yield name, content


class Town:
    """A record of so many outages, and what somebody does to one of them."""

    def __init__(self, folder: Path, count: int) -> None:
        self.db: Database = migrated(folder / "record.db")
        self.store = Counted(folder / "published")
        self.ids: list[str] = []
        self._chance = random.Random(count)
        with self.db.write() as conn:
            now = wall_now(conn)
            first = desk.declare(
                conn,
                commands.Declare(
                    key=OutageKey(0),
                    id=OutageId(""),
                    service=Service.ELECTRIC,
                    kind=Kind.UNPLANNED,
                    place="Kerrisdale",
                    started_at=now - timedelta(hours=1),
                ),
                actor=SOMEBODY,
            )
            row = dict(
                conn.execute(t.outages.select().where(t.outages.c.key == first.key))
                .mappings()
                .one()
            )
            made = [
                {
                    **row,
                    "key": first.key + number,
                    "id": f"O-{number:06X}",
                    "place": f"{number * 7919 % 9973} Street, district {number % 23}",
                    "members": 5 + number % 900,
                    "premises_out": 5 + number % 900,
                    "matched_number": row["last_number"],
                }
                for number in range(1, count)
            ]
            if made:
                conn.execute(t.outages.insert(), made)
            self.ids = [row["id"], *(each["id"] for each in made)]
            number = journal.append(
                conn, kind=JournalKind.MATCHED, actor="gis", outage_key=first.key
            )
            journal.move_cursor(conn, "gis", number)

    def publisher(self, **settings: float) -> Publisher:
        return Publisher(self.db, self.store, SITE, send_mode="live", **settings)  # type: ignore[arg-type]  # gather_s

    def update(self) -> int:
        """Change one outage as the desk does; return the number of its entry."""
        with self.db.write() as conn:
            now = wall_now(conn)
            later = timedelta(minutes=self._chance.randint(60, 600))
            command = commands.Report(observed_at=now, etr=commands.GivenEtr(latest=now + later))
            which = OutageId(self._chance.choice(self.ids))
            desk.report_progress(conn, which, command, actor=SOMEBODY)
            return journal.last_number(conn)

    def published(self) -> int:
        """Return up to which entry the pointer's generation goes."""
        pointer = Pointer.from_bytes(self.store.read(POINTER) or b"")
        manifest = json.loads(self.store.read(pointer.manifest) or b"{}")
        return int(manifest["journal_number"])


def cost(town: Town, publisher: Publisher) -> tuple[float, float]:
    """Return processor milliseconds and bytes of the turn after one update, the middle of some."""
    took, wrote = [], []
    for _ in range(CHANGES):
        town.update()
        before, began = town.store.count, time.process_time()
        publisher.turn()
        took.append((time.process_time() - began) * 1e3)
        wrote.append(town.store.count - before)
    return statistics.median(took), statistics.median(wrote)


def settle(publisher: Publisher) -> None:
    """Take turns until nothing is made beside them any more."""
    while True:
        began = time.process_time()
        publisher.turn()
        time.sleep(0.5)
        if time.process_time() - began < 0.02:  # Nothing but this loop.
            return


@contextmanager
def beat(seconds: float) -> Iterator[None]:
    """Let files of every outage be due after so long."""
    with mock.patch.object(publishing, "WHOLE_S", seconds):
        yield


def measure(count: int, within_s: float) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        town = Town(Path(folder), count)
        publisher = town.publisher(gather_s=1e-9)
        with beat(PATIENCE_S):
            began = time.process_time()
            publisher.turn()
            anew_ms = (time.process_time() - began) * 1e3
            # The first beat is at once; from there on the next one is far away.
            town.update()
            publisher.turn()
            settle(publisher)
            new_ms, new_bytes = cost(town, publisher)
            before, began, began_s = town.store.count, time.process_time(), time.monotonic()
            # Brings up what is behind.
            publisher.close()
        whole_ms = (time.process_time() - began) * 1e3
        whole_s, whole_bytes = time.monotonic() - began_s, town.store.count - before
        start_s, first_s = restarted(town)
        found = soon(town, within_s) if within_s else {}
        with mock.patch.object(publishing, "READ_S", 0.0):
            other = town.publisher(gather_s=0)
            other.turn()
            all_ms, all_bytes = cost(town, other)
            other.close()
        town.db.close()
    return {
        "outages": count,
        "anew_ms": round(anew_ms),
        "new_ms": round(new_ms, 1),
        "all_ms": round(all_ms, 1),
        "ratio": round(new_ms / all_ms, 4),
        "new_bytes": round(new_bytes),
        "all_bytes": round(all_bytes),
        "whole_ms": round(whole_ms, 1),
        "whole_bytes": round(whole_bytes),
        "whole_s": round(whole_s, 2),
        "start_s": round(start_s, 2),
        "first_s": round(first_s, 2),
        **found,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def restarted(town: Town) -> tuple[float, float]:
    """Return the seconds that a new publisher takes to begin, and for the first change after."""
    began_s = time.monotonic()
    publisher = town.publisher()
    publisher.turn()
    start_s = time.monotonic() - began_s
    number = town.update()
    began_s = time.monotonic()
    while town.published() < number:
        publisher.turn()
    first_s = time.monotonic() - began_s
    publisher.close()
    return start_s, first_s


def soon(town: Town, within_s: float) -> dict[str, float]:
    """Return how long updates took to be public, at random moments for so long."""
    publisher = town.publisher()
    publisher.turn()
    wake, stop = threading.Event(), threading.Event()
    loop = Loop(name="publisher", turn=publisher.turn, close=publisher.close)
    thread = threading.Thread(target=follow, args=(loop, wake, stop))
    thread.start()
    chance, took = random.Random(1), []
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.05, 1.0))
        number = town.update()
        committed_s = time.monotonic()
        wake.set()
        while town.published() < number:
            if time.monotonic() - committed_s > PATIENCE_S:
                raise SystemExit("An update was not published.")
            time.sleep(0.01)
        took.append(time.monotonic() - committed_s)
    stop.set()
    wake.set()
    thread.join()
    ordered = sorted(took)
    return {
        "updates": len(took),
        "median_s": round(statistics.median(took), 3),
        "p95_s": round(ordered[int(len(ordered) * 0.95)], 3),
        "most_s": round(ordered[-1], 3),
    }


@click.command()
@click.option("--outages", "counts", multiple=True, type=int, default=(300, 2_000, 20_000))
@click.option("--within", "within_s", type=float, default=30.0, help="Seconds of updates; 0: none.")
def main(counts: tuple[int, ...], within_s: float) -> None:
    """Measure what one changed outage costs among many, and how soon it is public."""
    found = []
    for count in counts:
        found.append(measure(count, within_s))
        click.echo(json.dumps(found[-1]))
    growth = found[-1]["new_ms"] / found[0]["new_ms"]
    click.echo(json.dumps({"growth": round(growth, 1)}))


if __name__ == "__main__":
    main()
