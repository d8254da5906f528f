"""`outage bounces`: what a mail server is told by the exit code."""

import json
from pathlib import Path

import pytest

from notifier.channels.marks import Marks
from outage.database import Database
from tests.unit.notifier.test_bounces import report
from tests.unit.workers.desk import Refuse, Run
from workers import cli

KEY = "made-up-key-of-32-characters-0001"


@pytest.fixture(autouse=True)
def _mail_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTAGE_SMTP_HOST", "mail.example.org")
    monkeypatch.setenv("OUTAGE_SMTP_FROM", "outages@example.org")
    monkeypatch.setenv("OUTAGE_SECRET_KEY", KEY)


@pytest.fixture
def ours(tmp_path: Path) -> str:
    """A report about a mail of ours."""
    came_back = Marks(key=KEY).envelope("bounces@example.org", 4711)
    (tmp_path / "ours.eml").write_bytes(report(came_back))
    return str(tmp_path / "ours.eml")


@pytest.fixture
def holiday(tmp_path: Path) -> str:
    (tmp_path / "holiday.eml").write_text("Subject: On holiday\n\nBack on Monday.\n")
    return str(tmp_path / "holiday.eml")


def test_a_mail_that_is_no_report_of_ours_is_passed_over_and_not_sent_back(
    town: Database, run: Run, holiday: str, ours: str
) -> None:
    assert run("bounces", holiday) == "1 mails, 0 reports about ours, 0 messages changed\n"
    found = json.loads(run("bounces", "--json", holiday, ours))
    assert found == {"mails": 2, "reports": 1, "changed": 0}


def test_while_the_database_cannot_be_used_the_mail_server_is_to_try_again(
    town: Database, ours: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with town.write() as conn:
        conn.exec_driver_sql("ALTER TABLE messages RENAME TO messages_away")
    assert cli.run(["bounces", ours]) == 75
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("outage: the database cannot be used")
    assert said.err.count("\n") == 1
    monkeypatch.setenv("OUTAGE_DATABASE_URL", "postgresql://127.0.0.1:9/nobody")
    assert cli.run(["bounces", ours]) == 75


def test_without_a_mail_server_it_is_refused(
    town: Database, refuse: Refuse, ours: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OUTAGE_SMTP_HOST", "OUTAGE_SMTP_FROM"):
        monkeypatch.delenv(name)
    assert "OUTAGE_SMTP_HOST is not set" in refuse("bounces", ours)
