"""An account that has been through something: for tests of its screen."""

from pathlib import Path

import sqlalchemy as sa

from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.cis.reader import CisReader
from outage.database import Database
from outage.model import JournalKind
from outage.settings import load
from tests.integration.notifier.sending import outbox, tell
from tests.integration.notifier.world import MANNERS, START, World, etr, phone

A = phone(1)


def settled(db: Database, home: Path) -> World:
    """Two accounts, before anything happens."""
    world = World(db, load({"OUTAGE_HOME": str(home), **MANNERS}))
    # Keys of premises, accounts and numbers that differ, so that none passes for another.
    world.account("other", ["P8", "P9"], phone(9))
    world.account("one", ["P1", "P2"], A, "anna.b@example.org", medical=True)
    return world


def record(world: World) -> None:
    """Let what happened be on the accounts; gis names who came, which the world leaves out."""
    o, j = t.outages.c, t.journal.c
    declared = sa.select(o.key, o.membership, sa.func.min(j.number).label("of")).join(
        t.journal, j.outage_key == o.key
    )
    with world.db.write() as conn:
        for row in conn.execute(declared.group_by(o.key, o.membership)).all():
            data = {"of": row.of, "membership": row.membership}
            journal.append(
                conn, kind=JournalKind.MATCHED, actor="gis", outage_key=row.key, data=data
            )
    reader = CisReader()
    while journal.turn(world.db, reader):
        pass


def lived(world: World) -> str:
    outage = world.declare("P1", "P9", etr=etr(3), cause="tree")
    with outbox(world) as (box, _):
        tell(world, box)
        progress = c.Report(observed_at=START, etr=etr(8))
        world.do(desk.report_progress, outage, progress, note="pole down")
        world.gis_has_passed()
        tell(world, box)
    record(world)
    with world.db.write() as conn:
        m = t.messages
        first = sa.select(sa.func.min(m.c.key)).where(
            m.c.channel == "sms", m.c.account_key == world.ids["account one"]
        )
        one = conn.execute(first).scalar_one()
        conn.execute(m.update().where(m.c.channel == "sms").values(state="delivered"))
        received = {"message_key": one, "event": "delivered", "at": START, "received_at": START}
        conn.execute(t.receipts.insert(), received)
    return outage
