from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from outage import tables as t
from outage.database import Database
from workers.retention import STEP, forget_idempotency_keys


def _answer(db: Database, key: str, age: timedelta) -> None:
    with db.write() as conn:
        conn.execute(
            t.idempotency.insert().values(
                actor="cli",
                route="declare",
                key=key,
                body_hash="",
                created_at=datetime.now(UTC) - age,
            )
        )


def test_answers_are_kept_for_thirty_days(database: Database) -> None:
    _answer(database, "young", timedelta(days=29))
    _answer(database, "old", timedelta(days=31))

    assert not forget_idempotency_keys(database)

    with database.read() as conn:
        assert conn.execute(sa.select(t.idempotency.c.key)).scalars().all() == ["young"]


def test_a_long_backlog_goes_in_short_steps(database: Database) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    with database.write() as conn:
        conn.execute(
            t.idempotency.insert(),
            [
                {"actor": "cli", "route": "", "key": str(n), "body_hash": "", "created_at": old}
                for n in range(STEP + 1)
            ],
        )

    assert forget_idempotency_keys(database)
    assert not forget_idempotency_keys(database)

    with database.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.idempotency)).scalar() == 0
