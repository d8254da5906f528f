"""A load of premises under an outage that is named by its devices."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from gis import asked
from gis.importing.loading import load_premises
from gis.matching import Matcher
from gis.premises import ReadOptions, read_premises
from gis.reader import GisReader
from gis.shapes import ShapeLimits
from notifier.reader import NotifierReader
from outage import commands as c
from outage import desk, journal, settings
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.loading import LoadOptions
from outage.model import Actor, Kind, OutageId, OutageKey, Service

ACTOR = Actor(kind="cli", name="test")


def load(db: Database, folder: Path, circuits: dict[str, str]) -> None:
    file = folder / "premises.csv"
    rows = [f"{name},-100.0,40.0,electric,{circuit}" for name, circuit in circuits.items()]
    file.write_text("\n".join(["premise_id,longitude,latitude,services,circuit", *rows]))
    found = read_premises(file, ReadOptions(mapping={}))
    load_premises(db, found, LoadOptions(), actor=ACTOR)


def reach(db: Database, premises: list[str]) -> None:
    """Give each premise an account with a phone."""
    with db.write() as conn:
        for number, name in enumerate(premises, 1):
            key = conn.execute(
                sa.select(t.premises.c.key).where(t.premises.c.id == name)
            ).scalar_one()
            conn.execute(t.accounts.insert().values(key=number, id=f"A{number}"))
            holds = {"account_key": number, "premise_key": key, "since": EPOCH}
            conn.execute(t.occupancies.insert().values(**holds))
            phone = {"key": number, "kind": "phone", "address": f"+1512555010{number}"}
            conn.execute(t.endpoints.insert().values(**phone))
            contact = {"account_key": number, "endpoint_key": number, "channel": "sms"}
            conn.execute(t.contacts.insert().values(**contact, consent_at=EPOCH))


def test_who_moves_to_a_circuit_that_is_out_comes_in_and_nobody_is_texted(
    database: Database, tmp_path: Path
) -> None:
    matcher = Matcher(database)
    readers = (GisReader(matcher), NotifierReader(settings.load({})))

    def drain() -> None:
        while any([journal.turn(database, reader) for reader in readers]):  # noqa: C419 in turn
            pass

    def texts() -> int:
        with database.read() as conn:
            count = sa.select(sa.func.count()).select_from(t.messages)
            return int(conn.execute(count).scalar_one())

    load(database, tmp_path, {"P1": "F1", "P2": "F2", "P3": "F2"})
    reach(database, ["P1", "P2", "P3"])
    wanted = asked.devices(["circuit:F1"])
    match = matcher.ask(wanted, Service.ELECTRIC, limits=ShapeLimits(), max_ids=10)
    command = c.Declare(
        key=OutageKey(0), id=OutageId(""), service=Service.ELECTRIC, kind=Kind.UNPLANNED
    )
    with database.write() as conn:
        desk.declare(conn, command, actor=ACTOR, shape=match.for_desk())
    drain()
    assert texts() == 1
    load(database, tmp_path, {"P1": "F1", "P2": "F1", "P3": "F2"})
    drain()
    members = (
        sa.select(t.premises.c.id, t.memberships.c.why)
        .join(t.memberships, t.memberships.c.premise_key == t.premises.c.key)
        .order_by(t.premises.c.id)
    )
    with database.read() as conn:
        assert conn.execute(members).all() == [("P1", "shape"), ("P2", "premises")]
        assert conn.execute(sa.select(t.outages.c.premises_out)).scalar_one() == 2
    assert texts() == 1
