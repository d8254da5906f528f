"""What PostgreSQL knows of tables that a storm fills."""

import sqlalchemy as sa

from outage import analyzing
from outage.database import Database


def known(db: Database, name: str) -> float:
    with db.read() as conn:
        statement = sa.text("SELECT reltuples FROM pg_class WHERE oid = CAST(:name AS regclass)")
        return float(conn.execute(statement, {"name": name}).scalar_one())


def fill(db: Database, first: int, last: int) -> None:
    with db.write() as conn:
        conn.execute(sa.text("SET LOCAL session_replication_role = replica"))
        conn.execute(
            sa.text(
                "INSERT INTO memberships (outage_key, premise_key, added, since, why) "
                "SELECT 1, premise, 1, 0, 'shape' "
                "FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS premise"
            ),
            {"first": first, "last": last},
        )


def test_a_table_that_has_grown_by_much_is_looked_at_once(database: Database) -> None:
    if database.is_sqlite:
        assert analyzing.keep_up(database) == []
        return
    analyzing.keep_up(database)
    fill(database, 1, 20_000)
    assert analyzing.keep_up(database) == ["memberships"]
    assert known(database, "memberships") == 20_000
    assert analyzing.keep_up(database) == []
    fill(database, 20_001, 20_500)
    assert analyzing.keep_up(database) == []
    fill(database, 20_501, 30_000)
    assert analyzing.keep_up(database) == ["memberships"]
