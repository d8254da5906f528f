"""A town where gis, notifier and outbox follow what is commanded, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa

from notifier.outbox import Outbox
from notifier.reader import NotifierReader
from outage import clock, desk, journal
from outage import tables as t
from outage.commands import GivenEtr, Report
from outage.database import Database
from outage.model import Outage
from outage.settings import SendMode, load
from outage.site import NEUTRAL
from tests.integration.notifier.world import MANNERS, phone
from tests.unit.gis.world import ACTOR, COLUMNS, World


@dataclass
class Town:
    """The grid of premises, each with an account and a phone; the last phone has two of them."""

    world: World
    reader: NotifierReader
    box: Outbox

    @classmethod
    def of(cls, db: Database) -> "Town":
        settings = replace(load({"OUTAGE_HOME": "/nowhere", **MANNERS}), send=SendMode.SHADOW)
        town = cls(
            world=World.of(db), reader=NotifierReader(settings), box=Outbox(db, settings, NEUTRAL)
        )
        with db.write() as conn:
            for premise in range(1, COLUMNS + 1):
                town.account(conn, premise)
        return town

    def account(self, conn: sa.Connection, premise: int) -> None:
        address = phone(min(premise, COLUMNS - 1))
        conn.execute(t.accounts.insert().values(key=premise, id=f"A{premise}"))
        conn.execute(
            t.occupancies.insert().values(
                account_key=premise, premise_key=premise, since=self.world.now
            )
        )
        known = sa.select(t.endpoints.c.key).where(t.endpoints.c.address == address)
        key = conn.execute(known).scalar()
        if key is None:
            values = {"kind": "phone", "address": address, "language": "en"}
            key = conn.execute(
                t.endpoints.insert().values(**values).returning(t.endpoints.c.key)
            ).scalar_one()
        conn.execute(
            t.contacts.insert().values(
                account_key=premise,
                endpoint_key=key,
                channel="sms",
                consent_at=self.world.now,
            )
        )

    def settle(self, *, send: bool = True) -> list[tuple[str, str]]:
        """Let everybody follow; return who was told what by it, as (phone, kind)."""
        before = self.told()
        self.world.drain()
        while journal.turn(self.world.db, self.reader):
            pass
        with self.world.db.read() as conn:
            errors = conn.execute(sa.select(t.work_items.c.error)).scalars().all()
            assert not any(errors)
        if send:
            self.world.later(30)
            self.box.drain()
        return self.told()[len(before) :]

    def told(self) -> list[tuple[str, str]]:
        m, e = t.messages.c, t.endpoints.c
        statement = (
            sa.select(e.address, m.kind, m.variant)
            .join(t.messages, m.endpoint_key == e.key)
            .where(m.state == "shadowed")
            .order_by(m.ended_at, m.key)
        )
        with self.world.db.read() as conn:
            rows = conn.execute(statement).all()
        return [(row.address, f"{row.kind} {row.variant}".strip()) for row in rows]

    def send_state(self, before: str, after: str, outage: Outage) -> None:
        """What senders do to the messages of an outage."""
        m = t.messages
        of_outage = sa.and_(m.c.outage_key == outage.key, m.c.state == before)
        with self.world.db.write() as conn:
            told = {"state": after, "told_state": "out", "told_etr_version": 0}
            conn.execute(m.update().where(of_outage).values(told))

    def batched(self) -> list[str]:
        m, e = t.messages.c, t.endpoints.c
        statement = sa.select(e.address).join(t.messages, m.endpoint_key == e.key)
        with self.world.db.read() as conn:
            rows = conn.execute(statement.where(m.batch_key.is_not(None)).order_by(e.address))
            return list(rows.scalars())

    def do(self, what: Callable[..., object], outage: Outage, **more: object) -> None:
        with self.world.db.write() as conn:
            what(conn, outage.id, actor=ACTOR, **more)

    def etr(self, outage: Outage, hours: float) -> None:
        with self.world.db.write() as conn:
            now = clock.business_now(conn)
            etr = GivenEtr(latest=self.world.now.replace(hour=0) + timedelta(days=1, hours=hours))
            desk.report_progress(conn, outage.id, Report(observed_at=now, etr=etr), actor=ACTOR)


def everybody(kind: str, *premises: int) -> list[tuple[str, str]]:
    return [(phone(premise), kind) for premise in premises]
