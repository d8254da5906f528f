"""The audit log grows with the deeds, and shows where anybody has been at it."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from outage import audit
from outage import tables as t
from outage.database import Database
from outage.model import Actor

ANN = Actor(kind="cli", name="ann")


def fill(db: Database, entries: int, actor: Actor = ANN) -> None:
    with db.write() as conn:
        for number in range(entries):
            audit.append(conn, actor=actor, action="close", about=f"O-{number}", detail={"n": 1})


def verdict(db: Database, **more: tuple[int, str]) -> audit.Verdict:
    with db.read() as conn:
        return audit.verify(conn, **more)


def by_hand(db: Database, statement: str) -> None:
    """Change the log as somebody would who owns the database."""
    with db.write() as conn:
        if db.is_sqlite:
            conn.execute(sa.text("DROP TRIGGER audit_no_update"))
            conn.execute(sa.text("DROP TRIGGER audit_no_delete"))
        else:
            conn.execute(sa.text("ALTER TABLE audit DISABLE TRIGGER audit_only_grows"))
        conn.execute(sa.text(statement))


def test_an_entry_says_who_did_what_to_what(database: Database) -> None:
    fill(database, 3)
    with database.read() as conn:
        found = audit.newest(conn, limit=2)
        older = audit.newest(conn, before=found[-1].number)
    assert [(each.number, each.actor, each.action, each.about) for each in found] == [
        (3, "cli:ann", "close", "O-2"),
        (2, "cli:ann", "close", "O-1"),
    ]
    assert found[0].detail == {"n": 1}
    assert [each.number for each in older] == [1]
    whole = verdict(database)
    assert (whole.entries, whole.broken) == (3, None)
    assert verdict(database, expect=(3, whole.head)).broken is None


def test_a_deed_that_is_rolled_back_leaves_no_gap(database: Database) -> None:
    fill(database, 1)
    refused = audit.deed(database, actor=ANN, action="close")
    with pytest.raises(RuntimeError, match="refused"), refused:
        raise RuntimeError("refused")
    fill(database, 1)
    assert verdict(database).entries == 2
    assert verdict(database).broken is None


@pytest.mark.parametrize("statement", ["UPDATE audit SET action = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_an_entry(database: Database, statement: str) -> None:
    fill(database, 2)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as conn:
        conn.execute(sa.text(statement))
    assert verdict(database).entries == 2


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET about = 'O-9' WHERE number = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", 1),
        ("UPDATE audit SET actor_key = (SELECT min(key) FROM audit_actors) WHERE number = 4", 4),
        ("UPDATE audit SET detail = '{}' WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("DELETE FROM audit WHERE number >= 3", 3),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = number + 10 WHERE number = 4", 4),
    ],
)
def test_the_first_entry_that_somebody_has_been_at_is_named(
    database: Database, statement: str, broken: int
) -> None:
    fill(database, 3)
    fill(database, 1, Actor(kind="cli", name="bob"))
    fill(database, 1)
    by_hand(database, statement)
    assert verdict(database).broken == broken


def test_a_chain_made_anew_is_not_the_one_whose_head_was_noted(database: Database) -> None:
    fill(database, 3)
    noted = verdict(database).head
    by_hand(database, "DELETE FROM audit")
    with database.write() as conn:
        conn.execute(t.counters.delete().where(t.counters.c.name == "audit"))
    fill(database, 3, Actor(kind="cli", name="bob"))
    assert verdict(database).broken is None
    assert verdict(database, expect=(3, noted)).broken == 3
    assert verdict(database, expect=(9, noted)).broken == 4


def test_erasing_a_person_leaves_the_chain_whole(database: Database) -> None:
    fill(database, 2)
    with database.write() as conn:
        assert audit.erase(conn, ANN)
        assert not audit.erase(conn, Actor(kind="cli", name="nobody"))
    with database.read() as conn:
        assert [each.actor for each in audit.newest(conn)] == ["cli:erased-1"] * 2
        assert "ann" not in str(conn.execute(sa.select(t.audit_actors)).all())
    assert verdict(database).broken is None


def test_writers_at_once_make_one_chain(database: Database) -> None:
    def write(name: str) -> None:
        for _ in range(25):
            fill(database, 1, Actor(kind="cli", name=name))

    writers = [threading.Thread(target=write, args=[name]) for name in ("ann", "bob", "ann", "eve")]
    for each in writers:
        each.start()
    for each in writers:
        each.join(timedelta(seconds=60).total_seconds())
    assert verdict(database).entries == 100
    assert verdict(database).broken is None
