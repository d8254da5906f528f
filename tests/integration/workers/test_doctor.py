"""What the doctor finds, and what it tells the operator to do."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outage import clock, schema
from outage import tables as t
from outage.columns import EPOCH
from outage.database import open_database, wall_now
from outage.settings import load
from outage.site import example
from tests.integration.notifier.world import MANNERS, World
from tests.migrated import migrated
from workers.checkup import doctor
from workers.cli import run
from workers.findings import Check, State

REAL = {
    "OUTAGE_TWILIO_ACCOUNT_SID": "AC-made-up",
    "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
    "OUTAGE_TWILIO_FROM": "+12025550100",
    "OUTAGE_SENDGRID_API_KEY": "SG.made-up-key",
    "OUTAGE_SENDGRID_FROM": "alerts@example.org",
}


def examine(home: Path, **given: str) -> dict[str, Check]:
    environ = {f"OUTAGE_{name}": value for name, value in given.items()}
    return {check.name: check for check in doctor({"OUTAGE_HOME": str(home), **environ})}


def test_a_fresh_machine_has_notes_but_nothing_failed(short_path: Path) -> None:
    found = examine(short_path)
    assert [check for check in found.values() if check.state is State.FAILED] == []
    assert "neutral" in found["site"].says
    assert "shadow" in found["send"].says
    assert "`outage up` starts it" in found["redis"].says
    assert found["work"].says == "0 waiting, none parked"
    assert found["processes"].state is State.NOTE


def test_every_problem_of_the_settings_is_a_finding_of_its_own(tmp_path: Path) -> None:
    checks = doctor({"OUTAGE_HOME": str(tmp_path), "OUTAGE_SEND": "loud", "OUTAGE_HOLD_S": "x"})
    assert [(check.name, check.state) for check in checks] == [("settings", State.FAILED)] * 2


def test_a_bad_site_file_is_told_by_its_fields(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text('name = "Example Light"\nshort_name = "ExLight"\n')
    assert examine(tmp_path)["site"] == Check(
        name="site", state=State.FAILED, says="time_zone is missing."
    )


def test_a_map_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(example() + '[map]\ntiles = "town.pmtiles"\n')
    path = tmp_path / "published/tiles/town.pmtiles"
    missing = examine(tmp_path)["map"]
    assert missing.state is State.FAILED
    assert f"{path} of the site file cannot be read: No such file" in missing.says
    path.parent.mkdir(parents=True)
    path.write_text("<html>Not found</html>")
    assert "is no PMTiles file of version 3; until" in examine(tmp_path)["map"].says
    path.write_bytes(b"PMTiles\x03 and so on")
    assert "map" not in examine(tmp_path)


def test_whether_anybody_is_paged_is_told_as_the_send_mode_has_it(tmp_path: Path) -> None:
    assert "pages no one" in examine(tmp_path)["on call"].says
    (tmp_path / "site.toml").write_text(example())
    on_call = examine(tmp_path)["on call"]
    assert (on_call.state, on_call.says) == (
        State.NOTE,
        "nobody is paged while OUTAGE_SEND is shadow",
    )
    found = doctor({"OUTAGE_HOME": str(tmp_path), **REAL, "OUTAGE_SEND": "live"})
    assert [check.state for check in found if check.name == "on call"] == [State.OK]
    listed = {**REAL, "OUTAGE_SEND": "allowlist", "OUTAGE_ALLOWLIST": "+12025550177"}
    found = doctor({"OUTAGE_HOME": str(tmp_path), **listed})
    assert [check.state for check in found if check.name == "on call"] == [State.FAILED]


def test_a_counter_elsewhere_that_cannot_tell_visitors_apart_fails(tmp_path: Path) -> None:
    assert "edge" not in examine(tmp_path)
    elsewhere = {"COUNTER_URL": "https://counter.example.org"}
    found = examine(tmp_path, **elsewhere)["edge"]
    assert found.state is State.FAILED
    assert "OUTAGE_EDGE_KEY is not" in found.says
    assert "edge" not in examine(tmp_path, **elsewhere, EDGE_KEY="made-up-key-of-16")


def test_redis_that_was_named_has_to_answer(tmp_path: Path, valkey: str) -> None:
    assert examine(tmp_path, REDIS_URL=valkey)["redis"].state is State.OK
    gone = examine(tmp_path, REDIS_URL=f"unix://{tmp_path}/none")["redis"]
    assert gone.state is State.FAILED


def test_parked_work_fails_and_is_named(database_url: str, tmp_path: Path) -> None:
    db = open_database(database_url)
    schema.upgrade(db)
    with db.write() as conn:
        conn.execute(
            t.work_items.insert().values(
                reader="notifier", number=7, outage_key=0, priority=1, parked_at=wall_now(conn)
            )
        )
        conn.execute(
            t.processes.insert().values(
                name="relay", host="here", pid=1, started_at=wall_now(conn), seen_at=wall_now(conn)
            )
        )
        clock.hold(conn, datetime(2022, 11, 30, tzinfo=UTC))
    db.close()
    found = examine(tmp_path, DATABASE_URL=database_url)
    assert found["work"].state is State.FAILED
    assert "notifier at entry 7 of no outage" in found["work"].says
    assert found["clock"].says.startswith("business time is held at 2022-11-30T00:00:00+00:00")
    assert found["processes"].says == "running: relay"


def test_an_old_schema_and_an_absent_server_are_told_apart(
    tmp_path: Path, database_url: str
) -> None:
    old = examine(tmp_path, DATABASE_URL=database_url)["database"]
    assert old.state is State.FAILED
    assert "outage db upgrade" in old.says
    absent = examine(tmp_path, DATABASE_URL="postgresql://u:made-up@127.0.0.1:1/x")["database"]
    assert absent.state is State.FAILED
    assert "made-up" not in absent.says


def test_receipts_need_an_address_that_providers_can_reach(tmp_path: Path) -> None:
    real = {name.removeprefix("OUTAGE_"): value for name, value in REAL.items()}
    assert "providers cannot reach" in str(
        [check.says for check in doctor({"OUTAGE_HOME": str(tmp_path), **REAL})]
    )
    found = examine(
        tmp_path,
        **real,
        HOOKS_URL="https://hooks.example.org",
        SENDGRID_WEBHOOK_PUBLIC_KEY="made-up",
    )
    assert found["hooks"].state is State.OK
    assert found["texts"].says == "Twilio"


def test_no_secret_reaches_what_the_doctor_says(tmp_path: Path) -> None:
    said = str(doctor({"OUTAGE_HOME": str(tmp_path), **REAL}))
    assert "made-up-token" not in said
    assert "SG.made-up-key" not in said


def test_the_command_prints_json_and_exits_1_when_something_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path))
    assert run(["doctor", "--json"]) == 0
    assert {item["name"] for item in json.loads(capsys.readouterr().out)} >= {"site", "database"}
    monkeypatch.setenv("OUTAGE_REDIS_URL", f"unix://{tmp_path}/none")
    assert run(["doctor"]) == 1
    said = capsys.readouterr()
    assert "failed  redis " in said.out
    assert said.err == "outage: the doctor found 1 failed check(s), listed above\n"


def test_parked_work_is_tried_again_when_the_doctor_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path))
    db = migrated(tmp_path / "outage.db")
    with db.write() as conn:
        conn.execute(
            t.work_items.insert().values(
                reader="cis", number=7, outage_key=0, priority=1, attempts=5, parked_at=EPOCH
            )
        )
    assert run(["doctor"]) == 1
    assert "outage doctor --retry-parked" in capsys.readouterr().out
    assert run(["doctor", "--retry-parked"]) == 0
    assert "1 waiting, none parked" in capsys.readouterr().out
    db.close()


def test_a_clock_that_a_killed_replay_left_standing_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path))
    db = migrated(tmp_path / "outage.db")
    with db.write() as conn:
        clock.hold(conn, datetime(2022, 11, 30, tzinfo=UTC))
    assert run(["doctor"]) == 0
    assert "outage doctor --release-clock" in capsys.readouterr().out
    assert run(["doctor", "--release-clock"]) == 0
    with db.read() as conn:
        assert not clock.is_held(conn)
    db.close()


def test_a_page_that_can_be_published_nowhere_is_a_finding(tmp_path: Path) -> None:
    assert "publish" not in examine(tmp_path)
    (tmp_path / "published").touch()
    found = examine(tmp_path)["publish"]
    assert found.state is State.FAILED
    assert "is no folder" in found.says


def test_the_month_s_money_is_told_as_it_runs_out(short_path: Path) -> None:
    db = migrated(short_path / "outage.db")
    with db.write() as conn:
        month = clock.business_now(conn).strftime("%Y-%m")
    prices = {"SEGMENT_PRICE": "0.01", "SPENDING_CAP": "10"}
    for dollars, state in ((1, State.OK), (8, State.NOTE), (10, State.FAILED)):
        with db.write() as conn:
            conn.execute(t.counters.delete())
            spent = {"name": f"spent {month}", "value": dollars * 1_000_000}
            conn.execute(t.counters.insert().values(**spent))
        found = examine(short_path, **prices)["spending"]
        assert (found.state, f"{dollars}.00 USD of 10.00 USD" in found.says) == (state, True)
    db.close()
    assert "spending" not in examine(short_path)


def test_a_lost_message_and_one_that_nobody_asks_for_are_failures(tmp_path: Path) -> None:
    db = migrated(tmp_path / "outage.db")
    with db.write() as conn:
        clock.hold(conn, datetime.now(UTC))
    found = World(db, load({"OUTAGE_HOME": str(tmp_path), **MANNERS}))
    for number in range(3):
        found.account(f"A{number}", [f"P{number}"])
    outage = found.declare("P0", "P1", "P2")
    found.plan()
    m = t.messages
    assert examine(tmp_path)["messages"].says == "3 decided on, and as many on record"
    assert examine(tmp_path)["unknown"].says == "no message; none has stayed so"
    with db.write() as conn:
        now = wall_now(conn)
        for key, since in ((1, 90), (2, 600)):
            at = now - timedelta(seconds=since)
            conn.execute(
                m.update()
                .where(m.c.key == key)
                .values(state="unknown", unknown_since=at, ask_after=now)
            )
        conn.execute(
            m.update()
            .where(m.c.key == 3)
            .values(state="unknown", reason="no_word", ended_at=clock.business_now(conn))
        )
    unknown = examine(tmp_path)["unknown"]
    assert unknown.state is State.NOTE
    assert unknown.says == (
        "2 messages may or may not have reached their provider, the oldest for 10 min; "
        "1 have stayed so since a day ago"
    )
    with db.write() as conn:
        conn.execute(m.update().values(ask_after=wall_now(conn) - timedelta(minutes=3)))
        conn.execute(m.delete().where(m.c.key == 3))
    db.close()
    checks = examine(tmp_path)
    assert checks["unknown"].state is State.FAILED
    assert "is `outage clock` running?" in checks["unknown"].says
    assert checks["messages"].state is State.FAILED
    assert f"{outage} 3 and 2" in checks["messages"].says


def test_a_bucket_that_cannot_be_read_is_told(
    short_path: Path, free_port: Callable[[], int]
) -> None:
    url = f"s3://page?endpoint=http://127.0.0.1:{free_port()}"
    check = examine(short_path, PUBLISH_URL=url)["publish"]
    assert check.state is State.FAILED
    assert check.says.startswith("the bucket of OUTAGE_PUBLISH_URL cannot be read: ")
