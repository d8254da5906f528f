"""`outage user`, `token` and `audit`, and what `outage doctor` says of the audit log."""

import ast
import json
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from outage import audit, settings, staff
from outage import tables as t
from outage.database import Database
from outage.model import Actor
from tests.unit.workers.desk import Refuse, Run, typed_by
from workers import access_checks
from workers.commands.up import FIRST_LINK, let_first_in
from workers.findings import State
from workers.session import acting

COMMANDS = Path(__file__).parents[3] / "workers" / "commands"


@pytest.fixture(autouse=True)
def _anna(monkeypatch: pytest.MonkeyPatch) -> None:
    typed_by(monkeypatch, "anna")


def log(db: Database) -> list[tuple[str, str, str]]:
    with db.read() as conn:
        return [(each.actor, each.action, each.about) for each in reversed(audit.newest(conn))]


def test_people_come_in_change_and_go(town: Database, run: Run, refuse: Refuse) -> None:
    made = json.loads(run("user", "add", "Bob", "--role", "dispatcher", "--json"))
    assert made["link"].startswith("http://127.0.0.1:8001/welcome/")
    assert (made["name"], made["ready"]) == ("bob", False)
    assert "already" in refuse("user", "add", "bob", "--role", "viewer")
    assert "small letters" in refuse("user", "add", "Bob Ray", "--role", "viewer")
    assert "bob is supervisor" in run("user", "role", "bob", "supervisor")
    first = run("user", "link", "bob").split()[0].rpartition("/")[2]
    with town.read() as conn:
        assert staff.welcome(conn, first) is not None
    run("user", "disable", "bob")
    with town.read() as conn:
        assert staff.welcome(conn, first) is None
    assert "disabled" in run("user", "list")
    run("user", "enable", "bob")
    run("user", "end-sessions", "bob")
    assert "Nobody of the staff is 'eve'" in refuse("user", "role", "eve", "viewer")
    assert [entry[1] for entry in log(town)] == [
        "user add",
        "user role",
        "user link",
        "user disable",
        "user enable",
        "user end-sessions",
    ]
    assert {entry[0] for entry in log(town)} == {"cli:anna"}
    assert {entry[2] for entry in log(town)} == {"staff:1"}


def test_tokens_and_the_switch_are_on_the_log_and_what_was_refused_is_not(
    town: Database, run: Run, refuse: Refuse
) -> None:
    run("token", "add", "--scope", "ivr", "--name", "hotline", "--days", "30")
    run("token", "revoke", "1")
    refuse("token", "revoke", "9")
    run("sending", "stop", "--why", "smoke")
    refuse("sending", "stop", "--why", "smoke")
    run("sending", "resume")
    assert log(town) == [
        ("cli:anna", "token add", "token:1"),
        ("cli:anna", "token revoke", "token:1"),
        ("cli:anna", "sending stop", ""),
        ("cli:anna", "sending resume", ""),
    ]
    with town.read() as conn:
        newest = audit.newest(conn, limit=1)[0]
        kinds = conn.execute(sa.select(t.journal.c.kind, t.journal.c.number)).all()
        assert newest.detail == {"journal": kinds[-1].number}
        assert "smoke" not in str(conn.execute(sa.select(t.audit)).all())
    assert "token revoke" in run("audit", "list")
    assert len(json.loads(run("audit", "list", "--json", "--limit", "2"))) == 2


def test_the_doctor_names_the_entry_that_somebody_has_been_at(
    town: Database, run: Run, refuse: Refuse
) -> None:
    assert "0 entries" in run("audit", "verify")
    for name in ("a", "b", "c"):
        run("token", "add", "--role", "viewer", "--name", name)
    noted = run("audit", "verify").split()[-1]
    run("audit", "verify", "--expect", noted)
    with town.read() as conn:
        (check,) = access_checks.checks(conn)
    assert (check.state, check.says[:9]) == (State.OK, "3 entries")
    with town.write() as conn:
        audit.erase(conn, Actor(kind="cli", name="anna"))
    run("audit", "verify", "--expect", noted)
    with town.write() as conn:
        conn.execute(sa.text("DROP TRIGGER audit_no_update"))
        conn.execute(sa.text("UPDATE audit SET about = 'token:9' WHERE number = 2"))
    with town.read() as conn:
        (check,) = access_checks.checks(conn)
    assert check.state is State.FAILED
    assert check.says.startswith("entry 2 is not what was written")
    assert "entry 2 of the audit log" in refuse("audit", "verify")


def test_no_command_writes_past_the_audit_log() -> None:
    """What a command of the staff writes goes through `Session.write`, `deed` or `audit.deed`."""
    past = [
        f"{path.name}:{node.lineno}"
        for path in sorted(COMMANDS.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "write"
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == "db"
    ]
    assert past == []


def test_who_types_is_told_by_the_user_id_and_not_by_a_name_they_gave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = {0: "root", 1001: "anna", 1002: "ben"}
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: SimpleNamespace(pw_name=users[uid]))
    for name in ("SUDO_USER", "LOGNAME", "USER"):
        monkeypatch.setenv(name, "ben")

    def typed(uid: int, sudo_uid: str) -> str:
        monkeypatch.setattr(os, "getuid", lambda: uid)
        monkeypatch.setenv("SUDO_UID", sudo_uid)
        return acting().name

    assert typed(1001, "1002") == "anna"
    assert typed(0, "1001") == "anna"
    assert typed(0, "") == typed(0, "x") == "root"
    assert typed(4711, "1001") == "4711"


def test_the_first_link_is_no_line_of_a_log(
    town: Database, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = settings.load({"OUTAGE_HOME": str(home)})
    let_first_in(told)
    kept = home / FIRST_LINK
    words = kept.read_text(encoding="utf-8").strip().rpartition("/")[2]
    said = capsys.readouterr().out
    assert str(kept) in said
    assert words not in said
    assert kept.stat().st_mode & 0o777 == 0o600
    with town.write() as conn:
        opened = staff.welcome(conn, words)
        assert opened is not None
        staff.settle(conn, opened, password_hash="x", step=1)
    let_first_in(told)
    assert not kept.exists()
    assert capsys.readouterr().out == ""
