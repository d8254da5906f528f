# ruff: noqa: ANN401  # a test passes on whatever facts it has
"""A small utility to tell people things in; it plays the part of gis by hand."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.reader import NotifierReader
from outage import clock, desk, journal
from outage import commands as c
from outage import tables as t
from outage.database import Database
from outage.model import (
    INTERRUPTING,
    Actor,
    JournalKind,
    Kind,
    Outage,
    OutageId,
    OutageKey,
    Service,
)
from outage.settings import Settings

START = datetime(2026, 1, 4, 22, 0, tzinfo=UTC)
MANNERS = {
    "OUTAGE_HOLD_S": "60",
    "OUTAGE_RESTORED_HOLD_S": "0",
    "OUTAGE_QUIET_HOURS": "none",
}
"""Settings under which only the first word waits; tests of the others say so."""
ACTOR = Actor(kind="dispatcher", name="test")


def etr(hours: float, **more: Any) -> c.GivenEtr:
    return c.GivenEtr(latest=START + timedelta(hours=hours), **more)


@dataclass(slots=True)
class World:
    db: Database
    settings: Settings
    ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.db.write() as conn:
            clock.hold(conn, START)

    # Who there is.

    def account(
        self,
        name: str,
        premises: Sequence[str],
        *addresses: str,
        alerts: bool = True,
        medical: bool = False,
        language: str = "en",
    ) -> None:
        with self.db.write() as conn:
            account = self._add(
                conn, t.accounts, f"account {name}", id=name, outage_alerts=alerts, medical=medical
            )
            for premise in premises:
                self._hold(conn, account, premise)
            for address in addresses or (phone(len(self.ids)),):
                self._contact(conn, account, address, language)

    def premise(self, conn: Connection, name: str) -> None:
        if name not in self.ids:
            self._add(conn, t.premises, name, id=name, services=7, loaded_version=1)

    def key(self, conn: Connection, outage_id: str) -> int:
        return int(self._row(conn, outage_id).key)

    def _hold(self, conn: Connection, account: int, premise: str) -> None:
        self.premise(conn, premise)
        conn.execute(
            t.occupancies.insert().values(
                account_key=account, premise_key=self.ids[premise], since=START
            )
        )

    def _contact(self, conn: Connection, account: int, address: str, language: str) -> None:
        kind = "email" if "@" in address else "phone"
        if address not in self.ids:
            self._add(conn, t.endpoints, address, kind=kind, address=address, language=language)
        conn.execute(
            t.contacts.insert().values(
                account_key=account,
                endpoint_key=self.ids[address],
                channel="email" if kind == "email" else "sms",
                consent_at=START,
            )
        )

    def _add(self, conn: Connection, table: sa.Table, name: str, **values: Any) -> int:
        key: int = conn.execute(table.insert().values(**values).returning(table.c.key)).scalar_one()
        self.ids[name] = key
        return key

    # What happens.

    def declare(self, *premises: str, **facts: Any) -> OutageId:
        given: dict[str, Any] = {"service": Service.ELECTRIC, "kind": Kind.UNPLANNED} | facts
        with self.db.write() as conn:
            declared = desk.declare(
                conn, c.Declare(key=OutageKey(0), id=OutageId(""), **given), actor=ACTOR
            )
        self.include(declared.id, premises)
        return declared.id

    def do(self, command: Any, outage_id: str, *args: Any, **kwargs: Any) -> Outage:
        with self.db.write() as conn:
            done: Outage = command(conn, outage_id, *args, actor=ACTOR, **kwargs)
            return done

    def report(self, outage_id: str, **facts: Any) -> None:
        with self.db.write() as conn:
            command = c.Report(observed_at=clock.business_now(conn), **facts)
            desk.report_progress(conn, outage_id, command, actor=ACTOR)
        self.gis_has_passed()

    def revise(self, outage_id: str, **facts: Any) -> None:
        """Change declared facts; gis counts again."""
        with self.db.write() as conn:
            desk.revise(conn, outage_id, c.Revise(**facts), actor=ACTOR)
            self._matched(conn, self._row(conn, outage_id).key)

    def lift(self, outage_id: str) -> None:
        with self.db.write() as conn:
            desk.lift(conn, outage_id, actor=ACTOR, reference="Laboratory 4711")
            self._matched(conn, self._row(conn, outage_id).key)

    def pass_time(self, **more: float) -> None:
        with self.db.write() as conn:
            clock.move_to(conn, clock.business_now(conn) + timedelta(**more))

    # What gis would do.

    def include(self, outage_id: str, premises: Iterable[str]) -> None:
        """Make these the members, exactly."""
        with self.db.write() as conn:
            outage = self._row(conn, outage_id)
            now = clock.business_now(conn)
            wanted = {self.ids[name] for name in premises}
            m = t.memberships
            current = set(
                conn.execute(
                    sa.select(m.c.premise_key).where(
                        m.c.outage_key == outage.key, m.c.removed.is_(None)
                    )
                ).scalars()
            )
            number = outage.membership + 1
            for premise in sorted(current - wanted):
                conn.execute(
                    m.update()
                    .where(
                        m.c.outage_key == outage.key,
                        m.c.premise_key == premise,
                        m.c.removed.is_(None),
                    )
                    .values(removed=number, until=now, outcome="voided")
                )
                self._end(conn, outage.key, premise, "voided", now)
            for premise in sorted(wanted - current):
                conn.execute(
                    m.insert().values(
                        outage_key=outage.key,
                        premise_key=premise,
                        added=number,
                        since=now,
                        why="shape",
                    )
                )
                if outage.kind != Kind.ADVISORY and outage.status in INTERRUPTING:
                    self._interrupt(conn, outage, premise, now)
            conn.execute(
                t.outages.update().where(t.outages.c.key == outage.key).values(membership=number)
            )
            self._matched(conn, outage.key)

    def begin(self, outage_id: str) -> None:
        """Interrupt the members of planned work that has started, or a prediction confirmed."""
        with self.db.write() as conn:
            outage = self._row(conn, outage_id)
            for premise in self._members(conn, outage.key):
                self._interrupt(conn, outage, premise, clock.business_now(conn))
            self._matched(conn, outage.key)

    def restore(self, outage_id: str, *premises: str) -> None:
        with self.db.write() as conn:
            desk.restore(conn, outage_id, actor=ACTOR)
        self._conclude(outage_id, premises, "restored")

    def end_unlisted(self, outage_id: str, *, tell: bool = False) -> None:
        with self.db.write() as conn:
            desk.unlist(conn, outage_id, actor=ACTOR)
            desk.end_unlisted(conn, outage_id, actor=ACTOR, at=clock.business_now(conn), tell=tell)
        self._conclude(outage_id, (), "inferred")

    def _conclude(self, outage_id: str, premises: Sequence[str], outcome: str) -> None:
        with self.db.write() as conn:
            outage = self._row(conn, outage_id)
            now = clock.business_now(conn)
            step = conn.execute(
                sa.select(sa.func.max(t.restorations.c.key)).where(
                    t.restorations.c.outage_key == outage.key
                )
            ).scalar_one()
            if premises:
                # What a shape would have said: a part only.
                conn.execute(t.shapes.insert().values(digest=f"step {step}", wkb=b"", vertices=0))
                conn.execute(
                    t.restorations.update()
                    .where(t.restorations.c.key == step)
                    .values(shape_digest=f"step {step}")
                )
            chosen = {self.ids[name] for name in premises} or self._members(conn, outage.key)
            for premise in sorted(chosen):
                self._end(conn, outage.key, premise, outcome, now)
            i = t.interruptions
            out = conn.execute(
                sa.select(sa.func.count()).where(
                    i.c.outage_key == outage.key, i.c.outcome.is_(None)
                )
            ).scalar_one()
            desk.conclude(conn, step, out=out, premises=len(chosen))
            self._matched(conn, outage.key)

    def reopen(self, outage_id: str) -> None:
        with self.db.write() as conn:
            desk.reopen(conn, outage_id, actor=ACTOR)
            outage = self._row(conn, outage_id)
            i = t.interruptions
            held = sa.select(i.c.premise_key).where(i.c.outcome.is_(None))
            newest = sa.select(sa.func.max(i.c.key)).group_by(i.c.premise_key)
            conn.execute(
                i.update()
                .where(
                    i.c.outage_key == outage.key,
                    i.c.outcome != "voided",
                    i.c.key.in_(newest),
                    i.c.premise_key.not_in(held),
                )
                .values(outcome=None, ended_at=None)
            )
            self._matched(conn, outage.key)

    def cancel(self, outage_id: str) -> None:
        self._over(outage_id, desk.cancel)

    def close_unlisted(self, outage_id: str) -> None:
        self._over(outage_id, desk.unlist, desk.close)

    def close(self, outage_id: str) -> None:
        self._over(outage_id, desk.close)

    def _over(self, outage_id: str, *commands: Callable[..., object]) -> None:
        with self.db.write() as conn:
            for command in commands:
                command(conn, outage_id, actor=ACTOR)
            outage = self._row(conn, outage_id)
            for premise in self._members(conn, outage.key):
                self._end(conn, outage.key, premise, "voided", clock.business_now(conn))
            self._matched(conn, outage.key)

    def _interrupt(self, conn: Connection, outage: Any, premise: int, now: datetime) -> None:
        i = t.interruptions
        taken = conn.execute(
            sa.select(i.c.key).where(
                i.c.premise_key == premise, i.c.service == outage.service, i.c.outcome.is_(None)
            )
        ).first()
        if taken is None:
            conn.execute(
                i.insert().values(
                    premise_key=premise,
                    service=outage.service,
                    outage_key=outage.key,
                    first_outage_key=outage.key,
                    started_at=now,
                )
            )

    def _end(
        self, conn: Connection, outage_key: int, premise: int, outcome: str, now: datetime
    ) -> None:
        """End a premise's interruption, or hand it to another outage that holds the premise."""
        i, m, o = t.interruptions, t.memberships, t.outages
        heir = conn.execute(
            sa.select(o.c.key)
            .join(m, m.c.outage_key == o.c.key)
            .where(
                m.c.premise_key == premise,
                m.c.removed.is_(None),
                o.c.key != outage_key,
                o.c.status.in_([str(status) for status in INTERRUPTING]),
            )
            .order_by(o.c.key)
        ).scalar()
        values = {"outcome": outcome, "ended_at": now} if heir is None else {"outage_key": heir}
        conn.execute(
            i.update()
            .where(i.c.outage_key == outage_key, i.c.premise_key == premise, i.c.outcome.is_(None))
            .values(**values)
        )

    def _matched(self, conn: Connection, outage_key: int) -> None:
        last = sa.select(sa.func.max(t.journal.c.number)).where(
            t.journal.c.outage_key == outage_key, t.journal.c.kind != "matched"
        )
        of = conn.execute(last).scalar() or 0
        journal.append(
            conn, kind=JournalKind.MATCHED, actor="gis", outage_key=outage_key, data={"of": of}
        )
        journal.move_cursor(conn, "gis", journal.last_number(conn))

    def matched(self, outage_id: str) -> None:
        """Gis has counted."""
        with self.db.write() as conn:
            self._matched(conn, self._row(conn, outage_id).key)

    def gis_has_passed(self) -> None:
        with self.db.write() as conn:
            journal.move_cursor(conn, "gis", journal.last_number(conn))

    def members(self, outage_id: str) -> set[str]:
        names = {key: name for name, key in self.ids.items() if name.startswith("P")}
        with self.db.read() as conn:
            return {names[key] for key in self._members(conn, self._row(conn, outage_id).key)}

    def _members(self, conn: Connection, outage_key: int) -> set[int]:
        m = t.memberships
        return set(
            conn.execute(
                sa.select(m.c.premise_key).where(
                    m.c.outage_key == outage_key, m.c.removed.is_(None)
                )
            ).scalars()
        )

    @staticmethod
    def _row(conn: Connection, outage_id: str) -> Any:
        return conn.execute(t.outages.select().where(t.outages.c.id == outage_id)).one()

    # What comes of it.

    def plan(self) -> None:
        reader = NotifierReader(self.settings)
        while journal.turn(self.db, reader):
            pass
        with self.db.read() as conn:
            assert journal.is_idle(conn, reader.name)
            assert conn.execute(sa.select(t.work_items.c.error)).scalars().all() == []

    def messages(self, **where: Any) -> list[tuple[str, str, str]]:
        """(address, kind, state) in the order they were planned."""
        m = t.messages
        statement = (
            sa.select(t.endpoints.c.address, m.c.kind, m.c.variant, m.c.state)
            .join(t.endpoints, t.endpoints.c.key == m.c.endpoint_key)
            .order_by(m.c.key)
        )
        for name, value in where.items():
            statement = statement.where(m.c[name] == value)
        with self.db.read() as conn:
            return [
                (row.address, f"{row.kind} {row.variant}".strip(), row.state)
                for row in conn.execute(statement)
            ]

    def reasons(self, outage_id: str) -> list[dict[str, int]]:
        """What was decided at each entry: decision → how many endpoints."""
        d = t.decisions
        with self.db.read() as conn:
            outage = self._row(conn, outage_id)
            found: dict[int, dict[str, int]] = {}
            rows = conn.execute(
                d.select().where(d.c.outage_key == outage.key).order_by(d.c.number)
            ).mappings()
            for row in rows:
                found.setdefault(row["number"], {})[row["decision"]] = row["count"]
            return list(found.values())


def phone(number: int) -> str:
    """A number nobody has: NPA-555-01XX."""
    return f"+1{200 + number // 100:03}5550{100 + number % 100}"


def until_it_waits(world: World) -> None:
    """Wait until another transaction waits for a lock; only PostgreSQL has several that write."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(600):
        with world.db.read() as conn:
            if conn.execute(waiting).scalar():
                return
        time.sleep(0.05)
    pytest.fail("nobody waits")
