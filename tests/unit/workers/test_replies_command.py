"""`outage replies`, run on an embedded database of the test's own."""

import json
from pathlib import Path

import pytest

from notifier.inbound import InboundText, Inbox, accept
from outage.schema import open_embedded
from outage.settings import load
from outage.site import NEUTRAL
from workers import cli

ME = "+13035550101"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def receive(home: Path, *texts: str) -> None:
    db = open_embedded(home / "outage.db")
    some = [
        InboundText(provider="twilio", provider_id=f"SM{at}", address=ME, body=text)
        for at, text in enumerate(texts)
    ]
    assert accept(db, some) == len(texts)
    Inbox(db, load({"OUTAGE_HOME": str(home)}), NEUTRAL).drain()
    db.close()


def test_replies_are_listed_and_noted_as_done(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receive(home, "my freezer is full", "HELP")
    assert cli.run(["replies", "list"]) == 0
    said = capsys.readouterr().out
    assert "my freezer is full" in said
    assert "HELP" not in said
    assert cli.run(["replies", "list", "--all", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["intent"] for one in found] == ["help", "other"]
    assert found[0]["answer_state"] == "pending"
    assert cli.run(["replies", "done", "1"]) == 0
    capsys.readouterr()
    assert cli.run(["replies", "list"]) == 0
    assert capsys.readouterr().out == "No reply waits for a person.\n"


def test_a_reply_that_is_not_there_gets_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receive(home)
    assert cli.run(["replies", "done", "4711"]) == 1
    assert capsys.readouterr().err == (
        "outage: there is no reply 4711; `outage replies list --all` shows them\n"
    )
