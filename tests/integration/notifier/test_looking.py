"""Senders that do not go on where they left off wait until somebody has looked (DECISIONS 26)."""

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier import looking, stopping
from notifier.replies.owing import ANSWER
from notifier.replies.sending import Answers
from outage import schema
from outage import tables as t
from outage.columns import EPOCH, to_ms
from outage.database import Database, open_database, wall_now
from outage.model import Actor
from outage.settings import SendMode, Settings
from tests.integration.notifier.sending import SITE, A, accepted, live, one_out, outbox, said
from tests.integration.notifier.world import World
from tests.unit.notifier.channels.provider import serving

ANNA = Actor(kind="dispatcher", name="anna")


@pytest.fixture
def sending(settings: Settings) -> Settings:
    return replace(settings, send=SendMode.LIVE)


def held(db: Database) -> str:
    """Why nothing is sent; empty while something is."""
    with db.read() as conn:
        stop = stopping.standing(conn)
    return "" if stop is None else stop.why


def resume(db: Database) -> None:
    with db.write() as conn:
        stopping.resume(conn, actor=ANNA)


def seen(db: Database, ago: timedelta) -> None:
    """Let senders have been there so long ago."""
    with db.write() as conn:
        then = str(to_ms(wall_now(conn) - ago))
        conn.execute(t.facts.update().where(t.facts.c.name == "senders_seen").values(value=then))


def embedded(database: Database) -> Path:
    if not database.is_sqlite:
        pytest.skip("a copy of PostgreSQL needs another cluster; its epoch stands in below")
    return Path(str(database.engine.url.database))


def test_who_goes_on_where_they_left_off_is_not_stopped(
    database: Database, sending: Settings
) -> None:
    for ago in (timedelta(0), timedelta(minutes=5), timedelta(hours=11)):
        assert looking.look(database, sending) == ""
        seen(database, ago)
    other = open_database(database.engine.url)
    with closing(other):
        assert looking.look(other, sending) == ""
    assert held(database) == ""


def test_a_copied_file_sends_nothing_and_its_original_goes_on(
    database: Database, sending: Settings, tmp_path: Path
) -> None:
    path = embedded(database)
    looking.look(database, sending)
    with database.engine.connect() as conn:
        conn.exec_driver_sql("ROLLBACK")
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    with closing(open_database(f"sqlite:///{copy}")) as clone:
        assert looking.look(clone, sending) == looking.COPIED
        assert held(clone) == looking.COPIED
        # Once somebody has looked it is theirs.
        resume(clone)
        assert looking.look(clone, sending) == ""
        assert held(clone) == ""
    assert looking.look(database, sending) == ""
    assert held(database) == ""


def test_a_restored_backup_sends_nothing(
    database: Database, sending: Settings, tmp_path: Path
) -> None:
    path = embedded(database)
    looking.look(database, sending)
    copy = schema.backup(database, tmp_path / "backups")
    database.close()
    schema.restore(copy, path, lambda: None)
    with closing(open_database(f"sqlite:///{path}")) as restored:
        assert looking.look(restored, sending) == looking.COPIED


def test_another_life_of_a_database_sends_nothing(database: Database, sending: Settings) -> None:
    looking.look(database, sending)
    with database.write() as conn:
        schema.renew_epoch(conn, "another")
    assert looking.look(database, sending) == looking.COPIED


def test_a_journal_that_went_back_sends_nothing(world: World, sending: Settings) -> None:
    one_out(world)
    looking.look(world.db, sending)
    mark = sending.home / looking.MARK
    place, number = mark.read_text().split()
    mark.write_text(f"{place} {int(number) + 1}\n")
    assert looking.look(world.db, sending) == looking.BACK
    resume(world.db)
    assert looking.look(world.db, sending) == ""


def test_a_mark_of_another_life_or_none_or_rubbish_says_nothing(
    world: World, sending: Settings
) -> None:
    one_out(world)
    mark = sending.home / looking.MARK
    for words in ("other 99", "", "rubbish", "\udcff", "a b c"):
        looking.look(world.db, sending)
        mark.write_text(words, encoding="utf-8", errors="surrogateescape")
        seen(world.db, timedelta(minutes=5))
        assert looking.look(world.db, sending) == ""
    mark.unlink()
    mark.mkdir()  # nor does one that cannot be written
    seen(world.db, timedelta(minutes=5))
    assert looking.look(world.db, sending) == ""


def test_after_a_long_gap_somebody_looks_first(database: Database, sending: Settings) -> None:
    looking.look(database, sending)
    seen(database, timedelta(hours=30))
    never = replace(sending, hold_after_h=0)
    assert looking.look(database, never) == ""
    seen(database, timedelta(hours=30, minutes=5))
    assert looking.look(database, sending) == looking.ALONE.format(hours=30)
    assert looking.look(database, sending) == ""
    assert held(database) == looking.ALONE.format(hours=30)


def test_where_nothing_is_really_sent_nothing_is_noted(
    database: Database, settings: Settings
) -> None:
    for mode in (SendMode.OFF, SendMode.SHADOW):
        looking.look(database, replace(settings, send=mode))
    with database.read() as conn:
        names = set(conn.execute(sa.select(t.facts.c.name)).scalars())
    assert not {name for name in names if name.startswith("senders")}
    assert not (settings.home / looking.MARK).exists()


def test_a_stop_that_somebody_made_is_kept_in_the_reason(
    database: Database, sending: Settings
) -> None:
    looking.look(database, sending)
    with database.write() as conn:
        stopping.stop(conn, actor=ANNA, why="wrong words")
        schema.renew_epoch(conn, "another")
    assert looking.look(database, sending) == looking.COPIED
    assert held(database) == f"{looking.COPIED}; before that dispatcher:anna: wrong words"
    with database.read() as conn:
        stop = stopping.standing(conn)
    assert stop is not None
    assert stop.held


def test_a_held_outbox_hands_nothing_over_until_somebody_lets_it(world: World) -> None:
    one_out(world)
    world.pass_time(seconds=120)
    with outbox(world) as (box, provider):
        looking.look(world.db, replace(box.settings, send=SendMode.LIVE))
        with world.db.write() as conn:
            schema.renew_epoch(conn, "another")
        looking.look(world.db, replace(box.settings, send=SendMode.LIVE))
        assert box.drain() == 0
        assert provider.calls == []
        resume(world.db)
        assert box.drain() == 1


def owe(world: World, key: int) -> None:
    """An answer to somebody's STOP that is to go out."""
    with world.db.write() as conn:
        conn.execute(
            t.replies.insert().values(
                key=key,
                provider="twilio",
                provider_id=f"SM{key}",
                address=A,
                body="",
                received_at=EPOCH,
                intent="stop",
            )
        )
        conn.execute(
            t.answers.insert().values(
                key=key,
                reply_key=key,
                role=ANSWER,
                channel="sms",
                address=A,
                language="en",
                template="x/1",
                body=f"answer {key}",
                urgency=0,
                state="pending",
                created_at=wall_now(conn),
                send_after=wall_now(conn),
            )
        )


def test_what_was_to_be_answered_waits_and_what_comes_in_since_is_answered(world: World) -> None:
    with serving(accepted) as provider:
        settings = live(world.settings, provider)
        looking.look(world.db, settings)
        owe(world, 1)
        with world.db.write() as conn:
            schema.renew_epoch(conn, "another")
        looking.look(world.db, settings)
        owe(world, 2)
        answers = Answers(world.db, settings, SITE)
        while answers.turn():
            pass
        assert [text for _, text in said(provider)] == ["answer 2"]
        resume(world.db)
        while answers.turn():
            pass
        assert [text for _, text in said(provider)] == ["answer 2", "answer 1"]
        answers.close()


def test_of_what_a_stop_let_by_before_nothing_goes_from_a_copy(world: World) -> None:
    """A stop that somebody made lets answers to STOP by; the copy's are its original's to send."""
    with serving(accepted) as provider:
        settings = live(world.settings, provider)
        looking.look(world.db, settings)
        with world.db.write() as conn:
            stopping.stop(conn, actor=ANNA, why="wrong words")
        owe(world, 1)
        with world.db.write() as conn:
            schema.renew_epoch(conn, "another")
        looking.look(world.db, settings)
        owe(world, 2)
        answers = Answers(world.db, settings, SITE)
        while answers.turn():
            pass
        assert [text for _, text in said(provider)] == ["answer 2"]
        answers.close()


def test_a_machine_without_an_id_is_told_apart_by_the_file(
    database: Database, sending: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_MACHINE_IDS", ())
    assert looking.look(database, sending) == ""
    seen(database, timedelta(minutes=5))
    assert looking.look(database, sending) == ""
