"""`outage replay` of a small made-up recording, whole, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outage import clock
from outage import tables as t
from outage.database import Database
from tests.unit.intake.feed_rows import FETCHED, SQUARE, line, row
from workers.cli import run

Replay = Callable[..., dict[str, Any]]
ELSEWHERE = [x + 1 if x > 0 else x - 1 for x in SQUARE]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def town(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """Three premises inside the square, each with an account that has a phone."""
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OUTAGE_DATABASE_URL", database_url)
    with database.write() as conn:
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=LONG_AGO, premises=3, unplaced=0, digest="made up"
            )
        )
        for key in (1, 2, 3):
            conn.execute(
                t.premises.insert().values(
                    key=key,
                    id=f"P{key}",
                    longitude=-122.95,
                    latitude=49.02 + key / 100,
                    services=1,
                    loaded_version=1,
                )
            )
            conn.execute(t.accounts.insert().values(key=key, id=f"A{key}"))
            conn.execute(
                t.occupancies.insert().values(account_key=key, premise_key=key, since=LONG_AGO)
            )
            conn.execute(
                t.endpoints.insert().values(key=key, kind="phone", address=f"+1604555010{key}")
            )
            conn.execute(
                t.contacts.insert().values(
                    account_key=key, endpoint_key=key, channel="sms", consent_at=LONG_AGO
                )
            )
    return database


@pytest.fixture
def replay(town: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Replay:
    """Replays lines a quarter of an hour apart and gives the facts of `--json`."""

    def of(
        *lines: list[dict[str, Any]] | bytes, options: tuple[str, ...] = (), code: int = 0
    ) -> dict[str, Any]:
        file = tmp_path / "storm.jsonl"
        texts = [
            rows if isinstance(rows, bytes) else line(*rows, fetched=FETCHED + 900 * number)
            for number, rows in enumerate(lines)
        ]
        file.write_bytes(b"\n".join(texts))
        assert run(["replay", str(file), "--json", *options]) == code
        facts: dict[str, Any] = json.loads(capsys.readouterr().out) if code == 0 else {}
        return facts

    return of


def detected(db: Database) -> list[tuple[int, int]]:
    """Outage and endpoint of every `detected` that somebody was told, or would be told yet."""
    with db.read() as conn:
        rows = conn.execute(
            sa.select(t.messages.c.outage_key, t.messages.c.endpoint_key).where(
                t.messages.c.kind == "detected",
                t.messages.c.state.not_in(("withdrawn", "superseded", "suppressed")),
            )
        )
        return [(row.outage_key, row.endpoint_key) for row in rows]


def test_an_outage_comes_goes_and_returns_and_is_one(replay: Replay, town: Database) -> None:
    other = row(2, polygon=ELSEWHERE)
    gone = [[{**other, "numCustomersOut": number}] for number in range(4)]
    facts = replay([other], [row(1), other], *gone, [row(1), other])
    assert (facts["outages"], facts["outages_touching"]) == (2, 1)
    assert (facts["premises"], facts["memberships"], facts["returns"]) == (3, 3, 1)
    assert facts["mapping"] == "bchydro"
    assert facts["interruptions"] == {"open": 3}
    assert facts["outages_by_status"] == {"confirmed": 2}
    assert facts["problems"] == []
    assert sorted(detected(town)) == [(2, 1), (2, 2), (2, 3)]
    assert "restored" not in facts["messages_by_kind"]


def test_an_outage_that_stays_away_ends_inferred_and_nobody_hears_of_it(
    replay: Replay, town: Database
) -> None:
    other = row(2, polygon=ELSEWHERE)
    gone = [[{**other, "numCustomersOut": number}] for number in range(4)]
    facts = replay([other], [row(1), other], *gone)
    assert facts["outages_by_status"] == {"closed": 1, "confirmed": 1}
    assert facts["interruptions"] == {"inferred": 3}
    assert set(facts["messages_by_kind"]) == {"detected"}
    with town.read() as conn:
        ends = conn.execute(sa.select(t.interruptions.c.ended_at).distinct()).scalars().all()
    assert ends == [datetime.fromtimestamp(FETCHED + 2 * 900, UTC)]


def test_a_successor_takes_over_who_is_inside_and_nobody_is_told_restored(
    replay: Replay, town: Database
) -> None:
    other = row(2, polygon=ELSEWHERE)
    gone = [[row(3), {**other, "numCustomersOut": number}] for number in range(5)]
    facts = replay([other], [row(1), other], *gone)
    assert facts["successors"] == 1
    assert facts["interruptions"] == {"open": 3}
    with town.read() as conn:
        held = conn.execute(
            sa.select(t.interruptions.c.outage_key, t.interruptions.c.first_outage_key).distinct()
        ).all()
    assert held == [(3, 2)]
    assert sorted(detected(town)) == [(2, 1), (2, 2), (2, 3)]
    assert facts["messages_by_kind"] == {"detected": 3}


def test_who_was_told_of_an_outage_hears_of_its_successor_only_what_is_new(
    replay: Replay, town: Database
) -> None:
    other = row(2, polygon=ELSEWHERE)
    later = {"crewEtr": (FETCHED + 86_400) * 1000, "showEtr": True}
    gone = [[row(3), {**other, "numCustomersOut": number}] for number in range(5)]
    facts = replay([other], [row(1), other], *gone, [row(3, **later), other])
    assert facts["messages_by_kind"] == {"detected": 3, "etr": 3}
    assert {outage for outage, _ in detected(town)} == {2}


def test_an_outage_that_returns_after_its_successor_took_over_is_its_own_again(
    replay: Replay, town: Database
) -> None:
    other = row(2, polygon=ELSEWHERE)
    gone = [[row(3), {**other, "numCustomersOut": number}] for number in range(5)]
    back = [[row(1), {**other, "numCustomersOut": number}] for number in range(5)]
    facts = replay([other], [row(1), other], *gone, *back)
    assert facts["returns"] == 1
    assert facts["messages_by_kind"] == {"detected": 3}
    with town.read() as conn:
        merged = conn.execute(sa.select(t.outages.c.key, t.outages.c.merged_into)).all()
    assert sorted(merged) == [(1, None), (2, None), (3, 2)]


def test_the_first_snapshot_tells_nobody_unless_asked_to(replay: Replay) -> None:
    assert replay([row(1)])["messages"] == {}


def test_the_first_snapshot_can_be_told(replay: Replay) -> None:
    assert replay([row(1)], options=("--tell-first",))["messages_by_kind"] == {"detected": 3}


def test_what_was_wrong_is_said_with_its_line(replay: Replay) -> None:
    doubled = [row(1), row(1, cause="Fire"), row(2, polygon=[0, 0] * 4)]
    facts = replay([row(1)], [], b'{"fetched": 17', doubled, b"not json")
    assert [(p["line"], p["sentence"]) for p in facts["problems"]] == [
        (2, "The list is empty; nothing was changed by it."),
        (3, "The line is torn: its JSON stops in the middle."),
        (
            4,
            "Outage 2, field 'polygon': it has a point at 0, 0; the shape was left as it was.",
        ),
        (4, "Outage 1 is listed more than once; the last row counts."),
        (5, "It is not JSON."),
    ]
    assert facts["snapshots"] == {"empty": 1, "good": 2, "unreadable": 2}


def test_business_time_is_the_wall_clock_again_afterwards(replay: Replay, town: Database) -> None:
    replay([row(1)])
    with town.read() as conn:
        assert not clock.is_held(conn)
        assert clock.business_now(conn).year > 2025


@pytest.mark.processes
def test_a_replay_that_is_asked_to_end_gives_the_clock_back(town: Database, tmp_path: Path) -> None:
    file = tmp_path / "storm.jsonl"
    file.write_bytes(line(row(1)) + b"\n" + line(row(1, cause="Tree"), fetched=FETCHED + 9_000))
    words = [sys.executable, "-m", "workers", "replay", str(file), "--speed", "1"]
    with (tmp_path / "said.txt").open("w") as said:
        replaying = subprocess.Popen(words, stderr=said)
    try:
        deadline = time.monotonic() + 60
        while not is_held(town) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert is_held(town)
        replaying.terminate()
        assert replaying.wait(20) == 130, (tmp_path / "said.txt").read_text()
    finally:
        replaying.kill()
        replaying.wait()
    assert not is_held(town)


def is_held(db: Database) -> bool:
    with db.read() as conn:
        return clock.is_held(conn)


def test_a_database_with_open_outages_is_refused(
    replay: Replay, town: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replay([row(1)])
    before = detected(town)
    assert run(["replay", str(tmp_path / "storm.jsonl")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("outage: The database holds 1 open outages")
    assert said.err.count("\n") == 1
    assert detected(town) == before


def test_live_goes_to_a_provider_on_this_machine_only(
    town: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "storm.jsonl"
    file.write_bytes(line(row(1)))
    for name, value in {
        "SEND": "live",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "made-up-token",
        "TWILIO_FROM": "+16045550100",
    }.items():
        monkeypatch.setenv(f"OUTAGE_{name}", value)
    assert run(["replay", str(file)]) == 1
    assert "Twilio would send this recording to real people" in capsys.readouterr().err
    with town.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.outages)).scalar() == 0


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--speed", "0"), 2, "neither 'max' nor a number above 0"),
        (("--mapping", "nowhere"), 1, "There is no mapping named 'nowhere'"),
    ],
)
def test_a_wrong_option_is_one_clear_line(
    replay: Replay,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    sentence: str,
) -> None:
    replay([row(1)], options=options, code=code)
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_clear_line(
    town: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["replay", str(tmp_path / "gone.jsonl.xz")]) == 1
    assert "gone.jsonl.xz cannot be opened" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--mapping", "bchydro")])
def test_a_file_of_no_snapshots_is_one_clear_line(
    replay: Replay, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    replay(b"not json", options=options, code=1)
    said = capsys.readouterr().err
    assert "(line 1: It is not JSON)." in said
    assert said.count("\n") == 1
