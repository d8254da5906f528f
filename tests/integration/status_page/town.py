"""A record, what people do to it, and the page that comes of it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from outage import clock, commands, desk, journal
from outage import tables as t
from outage.database import Database
from outage.model import Actor, JournalKind, Kind, Outage, OutageId, OutageKey, Service
from outage.site import Site
from status_page.pointer import Pointer
from status_page.publisher import NAME, Publisher
from status_page.store import POINTER, FolderStore

SOMEBODY = Actor(kind="dispatcher", name="7")


NOW = datetime(2026, 11, 22, 23, 15, tzinfo=UTC)


SITE = Site(name="Roseglen Power", short_name="Roseglen", time_zone="America/Vancouver")


class Town:
    """A record, what people do to it, and the page that comes of it."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.folder = folder
        self.publisher = self.another()
        with db.write() as conn:
            clock.hold(conn, NOW)

    def another(self, store: FolderStore | None = None, site: Site = SITE) -> Publisher:
        return Publisher(
            self.db, store or FolderStore(self.folder), site, send_mode="live", gather_s=0
        )

    def declare(self, place: str = "Kerrisdale", **facts: object) -> Outage:
        values: dict[str, object] = {
            "key": OutageKey(0),
            "id": OutageId(""),
            "service": Service.ELECTRIC,
            "kind": Kind.UNPLANNED,
            "place": place,
            "started_at": NOW - timedelta(hours=1),
            **facts,
        }
        command = commands.Declare(**values)  # type: ignore[arg-type]  # checked by the desk
        with self.db.write() as conn:
            return desk.declare(conn, command, actor=SOMEBODY)

    def report(self, outage: Outage, public_message: str | None = None, **facts: object) -> None:
        command = commands.Report(observed_at=NOW, **facts)  # type: ignore[arg-type]  # as above
        with self.db.write() as conn:
            desk.report_progress(
                conn, outage.id, command, actor=SOMEBODY, public_message=public_message, note="NOTE"
            )

    def matched(self, outage: Outage, out: int) -> None:
        """What gis does at the end of a match."""
        with self.db.write() as conn:
            number = journal.append(
                conn, kind=JournalKind.MATCHED, actor="gis", outage_key=outage.key
            )
            conn.execute(
                t.outages.update()
                .where(t.outages.c.key == outage.key)
                .values(matched_number=number, members=out, premises_out=out)
            )

    def move(self, **time_: float) -> None:
        with self.db.write() as conn:
            clock.move_to(conn, clock.business_now(conn) + timedelta(**time_))

    @property
    def pointer(self) -> Pointer:
        return Pointer.from_bytes((self.folder / POINTER).read_bytes())

    def page(self, path: str = "index.html") -> str:
        html = (self.folder / path).read_text()
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())

    @property
    def is_idle(self) -> bool:
        with self.db.read() as conn:
            return journal.is_idle(conn, NAME)
