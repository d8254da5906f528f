"""What the shared fixtures promise to every other test."""

import os
from collections.abc import Callable

import psycopg
import pytest
import redis
import sqlalchemy as sa

from outage.database import Database


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_postgresql_database_of_its_own(postgresql_url: str, turn: int) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as conn:
        conn.execute("CREATE TABLE here (turn int)")
        conn.execute("INSERT INTO here VALUES (%s)", [turn])
        assert conn.execute("SELECT turn FROM here").fetchall() == [(turn,)]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_begins_with_an_empty_valkey(valkey: str, turn: int) -> None:
    with redis.Redis.from_url(valkey) as client:
        assert client.dbsize() == 0
        client.set("turn", turn)


def test_free_ports_differ_and_settings_from_outside_are_gone(
    free_port: Callable[[], int],
) -> None:
    assert free_port() > 1023
    assert not [name for name in os.environ if name.startswith("OUTAGE_")]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_whole_database_of_its_own(database: Database, turn: int) -> None:
    with database.write() as conn:
        statement = sa.text("INSERT INTO facts (name, value) VALUES ('turn', :turn)")
        conn.execute(statement, {"turn": str(turn)})
    with database.read() as conn:
        found = conn.execute(sa.text("SELECT value FROM facts WHERE name = 'turn'")).scalar_one()
    assert found == str(turn)
