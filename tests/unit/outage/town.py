"""A made-up town for tests: premises, who holds them, and what gis would write about them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from outage import commands as c
from outage import desk, journal
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.model import Actor, JournalKind, Kind, Outage, OutageId, OutageKey, Service

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DISPATCHER = Actor(kind="dispatcher", name="dana")
CREW = Actor(kind="crew", name="truck-7")


def settle(db: Database, premises: int, *, per_account: int = 1) -> None:
    """Build ``premises`` premises P1…, held by accounts A1…, ``per_account`` each."""
    with db.write() as conn:
        conn.execute(
            t.premises.insert(),
            [
                {"key": n, "id": f"P{n}", "services": 1, "loaded_version": 1}
                for n in range(1, premises + 1)
            ],
        )
        accounts = (premises + per_account - 1) // per_account
        conn.execute(
            t.accounts.insert(),
            [{"key": n, "id": f"A{n}", "name": f"Customer {n}"} for n in range(1, accounts + 1)],
        )
        conn.execute(
            t.occupancies.insert(),
            [
                {
                    "account_key": (n - 1) // per_account + 1,
                    "premise_key": n,
                    "since": LONG_AGO,
                }
                for n in range(1, premises + 1)
            ],
        )


def declare(db: Database, **facts: object) -> Outage:
    told: dict[str, object] = {"service": Service.ELECTRIC, "kind": Kind.UNPLANNED} | facts
    command = c.Declare(key=OutageKey(0), id=OutageId(""), **told)  # type: ignore[arg-type]  # facts of a test
    with db.write() as conn:
        return desk.declare(conn, command, actor=DISPATCHER)


def match(
    db: Database,
    outage: Outage,
    number: int,
    *,
    come: Sequence[int] = (),
    go: Sequence[int] = (),
    of: int | None = None,
) -> int:
    """Write what gis writes at its last step: memberships, the number, `matched`."""
    with db.write() as conn:
        now = business_now(conn)
        if come:
            conn.execute(
                t.memberships.insert(),
                [
                    {
                        "outage_key": outage.key,
                        "premise_key": key,
                        "added": number,
                        "since": now,
                        "why": "shape",
                    }
                    for key in come
                ],
            )
        if go:
            conn.execute(
                t.memberships.update()
                .where(
                    t.memberships.c.outage_key == outage.key,
                    t.memberships.c.premise_key.in_(go),
                    t.memberships.c.removed.is_(None),
                )
                .values(removed=number, until=now, outcome="voided")
            )
        conn.execute(
            t.outages.update().where(t.outages.c.key == outage.key).values(membership=number)
        )
        if of is None:
            of = conn.execute(
                sa.select(sa.func.max(t.journal.c.number)).where(
                    t.journal.c.outage_key == outage.key
                )
            ).scalar_one()
        return journal.append(
            conn,
            kind=JournalKind.MATCHED,
            actor="gis",
            outage_key=outage.key,
            data={"of": of, "membership": number},
        )
