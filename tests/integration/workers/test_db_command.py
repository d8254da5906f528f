import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import schema
from outage import tables as t
from outage.database import open_database
from workers import cli, roster

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("OUTAGE_HOME", str(home))

    def _run(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return _run


def _facts(home: Path) -> dict[str, str]:
    db = open_database(f"sqlite:///{home / 'outage.db'}")
    with db.read() as conn:
        found = {row.name: row.value for row in conn.execute(sa.select(t.facts))}
    db.close()
    return found


def test_an_upgrade_makes_the_database_and_then_has_nothing_to_do(run: Run) -> None:
    assert run("db", "upgrade")[:2] == (
        0,
        f"The schema is now {schema.needed()} (it was not there).\n",
    )
    assert run("db", "upgrade")[1] == f"The schema is up to date ({schema.needed()}).\n"


def test_a_check_says_what_is_there(run: Run) -> None:
    run("db", "upgrade")

    code, said, _ = run("db", "check", "--json")

    assert code == 0
    assert json.loads(said) == {
        "database": "sqlite",
        "schema": schema.needed(),
        "needed": schema.needed(),
    }


def test_a_check_of_a_database_without_a_schema_says_what_to_do(run: Run) -> None:
    code, _, said = run("db", "check")

    assert code == 1
    assert "Run `outage db upgrade`" in said
    assert said.count("\n") == 1


def test_a_backup_brings_back_what_it_held_in_a_new_life(run: Run, home: Path) -> None:
    run("db", "upgrade")
    db = open_database(f"sqlite:///{home / 'outage.db'}")
    with db.write() as conn:
        conn.execute(t.facts.insert().values(name="kept", value="yes"))
    copy = run("db", "backup")[1].strip()
    before = _facts(home)
    with db.write() as conn:
        conn.execute(t.facts.delete().where(t.facts.c.name == "kept"))
    db.close()

    code, said, _ = run("db", "restore", copy)

    assert code == 0
    assert "Backed up to" in said
    after = _facts(home)
    assert after["kept"] == "yes"
    assert after["epoch"] != before["epoch"]
    assert len(list((home / "backups").glob("*.db"))) == 2


def test_what_is_no_backup_of_ours_changes_nothing(run: Run, home: Path, tmp_path: Path) -> None:
    run("db", "upgrade")
    before = _facts(home)
    wrong = tmp_path / "wrong.db"
    wrong.write_text("not a database at all")

    code, _, said = run("db", "restore", str(wrong))

    assert code == 1
    assert "is not a backup of an outage database; nothing was changed" in said
    assert _facts(home) == before


def test_a_damaged_database_can_be_replaced_and_is_kept(run: Run, home: Path) -> None:
    run("db", "upgrade")
    copy = run("db", "backup")[1].strip()
    (home / "outage.db").write_bytes(b"torn" * 5_000)

    code, said, _ = run("db", "restore", copy, "--json")

    assert code == 0
    kept = Path(json.loads(said)["backup"])
    assert kept.read_bytes().startswith(b"torn")
    assert _facts(home)["epoch"]


def test_a_copy_is_never_readable_by_others(run: Run, home: Path, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        run("db", "upgrade")
        assert (home / "outage.db").stat().st_mode & 0o077 == 0
        copy = Path(json.loads(run("db", "backup", str(tmp_path / "out"), "--json")[1])["backup"])
        assert copy.stat().st_mode & 0o077 == 0
        assert run("db", "restore", str(copy))[0] == 0
        for name in home.glob("outage.db*"):
            assert name.stat().st_mode & 0o077 == 0, name
    finally:
        os.umask(before)


def test_there_is_nothing_to_copy_before_there_is_a_database(run: Run, home: Path) -> None:
    code, _, said = run("db", "backup")
    assert code == 1
    assert "`outage db upgrade` makes one" in said
    assert not (home / "outage.db").exists()


def test_a_newer_schema_is_left_as_it_is(run: Run, home: Path) -> None:
    run("db", "upgrade")
    db = open_database(f"sqlite:///{home / 'outage.db'}")
    with db.write() as conn:
        conn.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    db.close()

    code, said, _ = run("db", "upgrade")

    assert code == 0
    assert "newer than this program; nothing was changed" in said
    assert json.loads(run("db", "upgrade", "--json")[1])["schema"] == "9999"
    assert run("list")[0] == 0


def test_two_upgrades_at_once_make_one_schema(database_url: str) -> None:
    def upgrade() -> bool:
        db = open_database(database_url)
        try:
            return schema.upgrade(db)
        finally:
            db.close()

    with ThreadPoolExecutor() as pool:
        tries = [pool.submit(upgrade) for _ in range(3)]
        assert sorted(one.result(60) for one in tries) == [False, False, True]


def test_two_commands_on_a_new_home_both_find_a_database(home: Path) -> None:
    command = [sys.executable, "-m", "workers", "list"]
    environment = {**os.environ, "OUTAGE_HOME": str(home)}
    both = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [one.communicate(timeout=60)[1] for one in both] == ["", ""]
    assert [one.returncode for one in both] == [0, 0]


def test_nothing_is_restored_under_running_processes(run: Run, home: Path) -> None:
    run("db", "upgrade")
    copy = run("db", "backup")[1].strip()

    with roster.hold(home) as held:
        held.write({})
        code, _, said = run("db", "restore", copy)

    assert code == 1
    assert "stop it first" in said


def test_postgresql_is_left_to_its_own_tools(
    run: Run, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTAGE_DATABASE_URL", postgresql_url)

    assert run("db", "upgrade")[0] == 0
    assert run("db", "check")[0] == 0
    code, _, said = run("db", "backup")
    assert code == 1
    assert "pg_dump" in said
