"""Twelve houses, the people in them, and everything that tells them what happens: in one process.

gis, planner, queue and timers are the real ones; nothing is played by hand. What went out stands
in the record as in any storm, so a checker of storms can look at it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from gis.matching import Matcher
from gis.membership.parting import part
from gis.reader import GisReader
from gis.shapes import ShapeLimits
from notifier import batches
from notifier.outbox import Outbox
from notifier.reader import NotifierReader
from outage import clock, deadlines, desk, journal, register, regrouping
from outage import commands as c
from outage import tables as t
from outage.database import Database
from outage.model import Actor, Kind, MatchedShape, Outage, OutageId, OutageKey, Service
from outage.settings import Settings
from outage.site import NEUTRAL
from workers import timers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTOR = Actor(kind="dispatcher", name="test")
HOUSES = 12
STEP = 0.001
Street = tuple[int, int]
"""From which house to which, both included."""
Readers = tuple[Any, ...]


def people(conn: sa.Connection) -> None:
    """Twelve houses in a row and who lives there; the last one has stopped texts."""
    houses = range(1, HOUSES + 1)
    conn.execute(
        t.premises.insert(),
        [
            {
                "key": key,
                "id": f"P{key}",
                "longitude": -100 + key * STEP,
                "latitude": 40.0,
                "services": 3,
                "loaded_version": 1,
            }
            for key in houses
        ],
    )
    conn.execute(
        t.premises_versions.insert().values(
            version=1, at=NOON, premises=HOUSES, unplaced=0, digest="1"
        )
    )
    # Houses 1 and 2 are one account's; 3 and 4 have a phone in common; 6 is medical.
    owner = {1: 1, 2: 1} | {key: key for key in houses if key > 2}
    names = sorted(set(owner.values()))
    conn.execute(
        t.accounts.insert(),
        [
            {"key": key, "id": f"A{key}", "medical": key == 6, "outage_alerts": key != 8}
            for key in names
        ],
    )
    conn.execute(
        t.occupancies.insert(),
        [
            {"account_key": owner[key], "premise_key": key, "since": NOON - timedelta(days=9)}
            for key in houses
        ],
    )
    phones = {key: 3 if key == 4 else key for key in names}
    conn.execute(
        t.endpoints.insert(),
        [
            {
                "key": key,
                "kind": "phone",
                "address": f"+1202555{100 + key:04}",
                "language": "es" if key == 9 else "en",
                "opted_out_at": NOON - timedelta(days=1) if key == HOUSES else None,
            }
            for key in sorted(set(phones.values()))
        ]
        + [
            {
                "key": 100 + key,
                "kind": "email",
                "address": f"p{key}@example.org",
                "language": "en",
                "opted_out_at": None,
            }
            for key in (1, 5)
        ],
    )
    contacts = [(key, phone, "sms") for key, phone in phones.items()]
    contacts += [(key, 100 + key, "email") for key in (1, 5)]
    conn.execute(
        t.contacts.insert(),
        [
            {
                "account_key": account,
                "endpoint_key": endpoint,
                "channel": channel,
                "topics": 3 if account == 10 else 1,
                "consent_at": NOON - timedelta(days=9),
            }
            for account, endpoint, channel in contacts
        ],
    )


@dataclass
class Village:
    """The record of the village, and everybody who works on it."""

    db: Database
    settings: Settings
    ids: list[str] = field(default_factory=list)
    """Outages in the order in which they were declared."""

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.db)
        self._readers: Readers = (GisReader(self.matcher), NotifierReader(self.settings))
        self.outbox = Outbox(self.db, self.settings, NEUTRAL)
        with self.db.write() as conn:
            clock.hold(conn, NOON)
            clock.move_to(conn, NOON)

    @property
    def now(self) -> datetime:
        with self.db.read() as conn:
            return clock.business_now(conn)

    def place(self, street: Street) -> MatchedShape:
        """What is drawn around some houses, matched."""
        first, last = street
        west, east = -100 + (first - 0.4) * STEP, -100 + (last + 0.4) * STEP
        ring = [[west, 39.9], [east, 39.9], [east, 40.1], [west, 40.1], [west, 39.9]]
        drawn = {"type": "Polygon", "coordinates": [ring]}
        return self.matcher.match(drawn, Service.ELECTRIC, limits=ShapeLimits()).for_desk()

    # What somebody does.

    def declare(self, street: Street, **facts: Any) -> str:  # noqa: ANN401 facts of one outage
        given: dict[str, Any] = {"service": Service.ELECTRIC, "kind": Kind.UNPLANNED} | facts
        shape = self.place(street)
        with self.db.write() as conn:
            command = c.Declare(key=OutageKey(0), id=OutageId(""), **given)
            self.ids.append(desk.declare(conn, command, actor=ACTOR, shape=shape).id)
        return self.ids[-1]

    def do(self, command: Callable[..., Any], outage_id: str, *args: Any, **facts: Any) -> Any:  # noqa: ANN401 whatever the command takes
        with self.db.write() as conn:
            return command(conn, outage_id, *args, actor=ACTOR, **facts)

    def report(self, outage_id: str, **facts: Any) -> None:  # noqa: ANN401 facts of one report
        command = c.Report(observed_at=self.now, **facts)
        self.do(desk.report_progress, outage_id, command)

    def revise(self, outage_id: str, street: Street) -> None:
        shape = self.place(street)
        self.do(desk.revise, outage_id, c.Revise(), shape=shape)

    def restore(self, outage_id: str, street: Street | None = None) -> None:
        self.do(desk.restore, outage_id, shape=None if street is None else self.place(street))

    def merge(self, outage_id: str, into: str) -> None:
        with self.db.read() as conn:
            one, heir = (register.load(conn, each) for each in (outage_id, into))
            where = regrouping.place_of_both(conn, one, heir)
        match = None if where is None else self.matcher.find(where, Service.ELECTRIC).for_desk()
        self.do(regrouping.merge, outage_id, into=into, shape=match)

    def split(self, outage_id: str, street: Street) -> None:
        parting = part(self.db, self.matcher, outage_id, self.place(street))
        with self.db.write() as conn:
            self.ids.append(regrouping.split(conn, outage_id, parting, actor=ACTOR)[1].id)

    def unlist(self, outage_id: str, *, tell: bool | None = None) -> None:
        """A feed lists it no longer; with ``tell`` that is taken for its end, told or not."""
        self.do(desk.unlist, outage_id)
        if tell is not None:
            if tell and self.outage(outage_id).interrupts:
                self.do(desk.end_unlisted, outage_id, at=self.now, tell=True)
            self.do(desk.close, outage_id)

    def stop(self, phone: int, *, again: bool = False) -> None:
        """Somebody stops texts, or wants them again."""
        e = t.endpoints
        with self.db.write() as conn:
            at = None if again else clock.business_now(conn)
            conn.execute(e.update().where(e.c.key == phone).values(opted_out_at=at))

    def outage(self, outage_id: str) -> Outage:
        with self.db.read() as conn:
            return register.load(conn, outage_id)

    # What follows by itself.

    def settle(self) -> None:
        """Let everybody do what there is to do now."""
        while True:
            timers.fire(self.db)
            for reader in self._readers:
                while journal.turn(self.db, reader):
                    pass
            with self.db.read() as conn:
                due = batches.left(conn)
            if not due or not self.outbox.drain():
                with self.db.read() as conn:
                    assert all(journal.is_idle(conn, reader.name) for reader in self._readers)
                    errors = conn.execute(sa.select(t.work_items.c.error)).scalars().all()
                assert not errors, errors
                return

    def gis_alone(self) -> None:
        """Let gis go on and nobody else."""
        while journal.turn(self.db, self._readers[0]):
            pass

    def plan_alone(self) -> None:
        """Let gis and the planner go on, and nothing be sent."""
        for reader in self._readers:
            while journal.turn(self.db, reader):
                pass

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, with a stop at everything that falls due."""
        until = self.now + span
        while True:
            with self.db.write() as conn:
                now = clock.business_now(conn)
                due = (batches.next_due(conn, now), deadlines.next_due(conn))
                stop = min([until, *(at for at in due if at is not None and at > now)])
                clock.move_to(conn, stop)
            self.settle()
            if stop == until:
                return
