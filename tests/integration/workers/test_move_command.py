"""`outage db move`: from the embedded database to PostgreSQL, all of it or nothing."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier import looking
from outage import desk, regrouping, schema
from outage import tables as t
from outage.commands import Declare
from outage.database import Database, open_database
from outage.model import Actor, Kind, OutageId, OutageKey, Service
from outage.settings import SendMode, Settings, load
from tests.integration.notifier.world import World, phone
from workers import cli, roster

Run = Callable[..., tuple[int, str, str]]
ANNA = Actor(kind="dispatcher", name="anna")


def live(home: Path) -> Settings:
    return replace(load({"OUTAGE_HOME": str(home)}), send=SendMode.LIVE)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(
    home: Path,
    postgresql_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    monkeypatch.setenv("OUTAGE_HOME", str(home))
    monkeypatch.setenv("OUTAGE_DATABASE_URL", postgresql_url)

    def _run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return _run


@pytest.fixture
def embedded(home: Path) -> Path:
    """A database in which something has happened: outages, one merged, people told."""
    path = home / "outage.db"
    schema.open_embedded(path).close()
    with closing(open_database(f"sqlite:///{path}")) as db:
        world = World(db, load({"OUTAGE_HOME": str(home)}))
        for number in range(3):
            world.account(f"a{number}", [f"P{number}"], phone(number), medical=number == 1)
        first, second = world.declare("P0", "P1"), world.declare("P2")
        world.plan()
        with db.write() as conn:
            regrouping.merge(conn, first, into=second, actor=ANNA, shape=None)
        looking.look(db, live(home))
    return path


def everything(db: Database) -> dict[str, list[tuple[object, ...]]]:
    """Each table's rows, but the name of the database's life."""
    with db.read() as conn:
        return {
            table.name: sorted(
                (tuple(row) for row in conn.execute(table.select()) if row[0] != "epoch"), key=repr
            )
            for table in t.outages.metadata.sorted_tables
        }


def test_every_row_arrives_and_new_ones_get_new_keys(
    embedded: Path, home: Path, postgresql_url: str, run: Run
) -> None:
    with closing(open_database(f"sqlite:///{embedded}")) as db:
        before = everything(db)
        with db.read() as conn:
            epoch = schema.epoch(conn)
    code, said, err = run("db", "move")
    assert (code, err) == (0, "")
    assert "rows of" in said
    assert not embedded.exists()
    (kept,) = (home / "backups").glob("outage-moved-*.db")
    assert str(kept) in said
    with closing(open_database(postgresql_url)) as db:
        assert everything(db) == before
        assert any(row[0] for row in before["messages"])
        with db.read() as conn:
            assert schema.epoch(conn) != epoch
            merged = conn.execute(
                sa.select(sa.func.count()).where(t.outages.c.merged_into.is_not(None))
            ).scalar_one()
        assert merged == 1
        known = {row[0] for row in before["outages"]}
        with db.write() as conn:
            made = desk.declare(
                conn,
                Declare(
                    key=OutageKey(0),
                    id=OutageId(""),
                    service=Service.ELECTRIC,
                    kind=Kind.UNPLANNED,
                ),
                actor=ANNA,
            )
            key = conn.execute(
                sa.select(t.outages.c.key).where(t.outages.c.id == made.id)
            ).scalar_one()
        assert key not in known
        # Somebody looks before anything is sent from the new place.
        assert looking.look(db, live(home)) == looking.COPIED


def test_a_database_in_use_is_not_written_over(
    embedded: Path, home: Path, postgresql_url: str, run: Run
) -> None:
    with closing(open_database(postgresql_url)) as db:
        schema.upgrade(db)
        World(db, load({"OUTAGE_HOME": str(home)})).account("theirs", ["P9"])
        before = everything(db)
        code, _, err = run("db", "move")
        assert code == 1
        assert "rows in premises, accounts" in err
        assert everything(db) == before
    assert embedded.exists()


def test_what_a_later_release_has_written_is_not_left_behind(embedded: Path, run: Run) -> None:
    with closing(open_database(f"sqlite:///{embedded}")) as db, db.write() as conn:
        conn.execute(sa.text("ALTER TABLE outages ADD COLUMN later TEXT DEFAULT 'kept'"))
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    code, _, err = run("db", "move")
    assert code == 1
    assert "a later release's" in err
    assert embedded.exists()


def test_what_postgresql_cannot_hold_moves_nothing(
    embedded: Path, postgresql_url: str, run: Run
) -> None:
    with closing(open_database(f"sqlite:///{embedded}")) as db, db.write() as conn:
        conn.execute(t.premises.update().values(address="nul \0 sign"))
    code, _, err = run("db", "move")
    assert code == 1
    assert "table premises cannot be copied" in err
    assert "nul" not in err
    assert embedded.exists()
    with closing(open_database(postgresql_url)) as db, db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.accounts)).scalar() == 0
    with closing(open_database(f"sqlite:///{embedded}")) as db, db.write() as conn:
        conn.execute(t.premises.update().values(address=""))
    assert run("db", "move")[0] == 0


def test_it_says_what_is_missing(
    home: Path, run: Run, monkeypatch: pytest.MonkeyPatch, embedded: Path
) -> None:
    with roster.hold(home):
        assert "stop it first" in run("db", "move")[2]
    facts = json.loads(run("db", "move", "--json")[1])
    assert facts["tables"]["outages"] == 2
    assert "there is no database in" in run("db", "move")[2]
    monkeypatch.delenv("OUTAGE_DATABASE_URL")
    assert "set OUTAGE_DATABASE_URL" in run("db", "move")[2]
