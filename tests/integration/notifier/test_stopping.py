"""The kill switch, asked when claiming and before each call."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from notifier import stopping
from notifier.errors import AlreadyStopped, NoReasonGiven, NotStopped
from notifier.replies.owing import ANSWER, PAGE
from notifier.replies.sending import Answers
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database, open_database, wall_now
from outage.model import Actor
from tests.integration.notifier.sending import (
    SITE,
    A,
    accepted,
    live,
    one_out,
    outbox,
    said,
    states,
    tell,
)
from tests.integration.notifier.world import World, phone
from tests.unit.notifier.channels.provider import Answer, Call, serving

ANNA = Actor(kind="dispatcher", name="anna")


def stop(db: Database, why: str = "wrong words") -> None:
    with db.write() as conn:
        stopping.stop(conn, actor=ANNA, why=why)


def resume(db: Database) -> None:
    with db.write() as conn:
        stopping.resume(conn, actor=ANNA)


def test_nothing_is_claimed_while_sending_is_stopped_and_the_rest_goes_on_after(
    world: World,
) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        stop(world.db)
        assert box.send(batch.key) == 0
        assert box.waiting(queued_too=True) == []
        assert box.drain() == 0
        assert states(world) == [(A, "detected", "pending")]
        assert provider.calls == []
        resume(world.db)
        assert box.drain() == 1
    assert states(world) == [(A, "detected", "accepted")]


def test_what_is_no_longer_true_when_sending_goes_on_is_not_said(world: World) -> None:
    outage = one_out(world)
    with outbox(world) as (box, provider):
        stop(world.db)
        tell(world, box)
        world.cancel(outage)
        tell(world, box)
        resume(world.db)
        box.drain()
    assert states(world) == [(A, "detected", "withdrawn")]
    assert said(provider) == []


def test_what_was_claimed_and_not_yet_called_goes_back(world: World) -> None:
    for number in range(8):
        world.account(f"a{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(8)))
    stops = threading.Lock()

    def answer(call: Call) -> Answer:
        if stops.acquire(blocking=False):
            stop(world.db)
            time.sleep(2 * stopping.ASK_S)
        return accepted(call)

    with outbox(world, answer, twilio_concurrency=1) as (box, provider):
        tell(world, box)
        assert len(provider.calls) == 1
        found = [state for _, _, state in world.messages()]
        assert sorted(found) == ["accepted"] + ["pending"] * 7
        resume(world.db)
        assert box.drain() == 7
    assert {state for _, _, state in world.messages()} == {"accepted"}


def test_who_did_it_and_why_is_on_record_and_the_reason_not_in_the_journal(
    database: Database,
) -> None:
    stop(database, "  wrong   words ")
    with database.read() as conn:
        found = stopping.standing(conn)
    assert found is not None
    assert (found.by, found.why) == ("dispatcher:anna", "wrong words")
    resume(database)
    with database.read() as conn:
        assert stopping.standing(conn) is None
        entries = conn.execute(
            sa.select(t.journal.c.kind, t.journal.c.actor, t.journal.c.data).order_by(
                t.journal.c.number
            )
        ).all()
    assert [tuple(entry) for entry in entries] == [
        ("sendingStopped", "dispatcher:anna", '{"stop": 1}'),
        ("sendingResumed", "dispatcher:anna", '{"stop": 1}'),
    ]


def test_it_is_refused_where_there_is_nothing_to_do(database: Database) -> None:
    with pytest.raises(NotStopped):
        resume(database)
    with pytest.raises(NoReasonGiven):
        stop(database, " ")
    stop(database)
    with pytest.raises(AlreadyStopped, match="stopped already by dispatcher:anna: wrong words"):
        stop(database, "again")


def test_of_two_who_stop_at_the_same_moment_one_is_told_of_the_other(
    database: Database,
) -> None:
    def attempt(number: int) -> str:
        other = open_database(database.engine.url)
        try:
            stop(other, f"reason {number}")
        except AlreadyStopped:
            return "told"
        finally:
            other.close()
        return "stopped"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == ["stopped", "told", "told", "told"]


def test_answers_wait_but_pages_and_answers_to_danger_do_not(world: World) -> None:
    rows = [("danger", PAGE), ("danger", ANSWER), ("stop", ANSWER), ("status", ANSWER)]
    with world.db.write() as conn:
        for key, (intent, role) in enumerate(rows, 1):
            conn.execute(
                t.replies.insert().values(
                    key=key,
                    provider="twilio",
                    provider_id=f"SM{key}",
                    address=A,
                    body="",
                    received_at=EPOCH,
                    intent=intent,
                )
            )
            conn.execute(
                t.answers.insert().values(
                    key=key,
                    reply_key=key,
                    role=role,
                    channel="sms",
                    address=A,
                    language="en",
                    template="x/1",
                    body=f"{intent} {role}",
                    urgency=0,
                    state="pending",
                    created_at=wall_now(conn),
                    send_after=wall_now(conn),
                )
            )
    stop(world.db)
    with serving(accepted) as provider:
        answers = Answers(world.db, live(world.settings, provider), SITE)
        # Two answers to one number go one after the other.
        while answers.turn():
            pass
        assert sorted(text for _, text in said(provider)) == [
            "danger answer",
            "danger page",
            "stop answer",
        ]
        resume(world.db)
        answers.turn()
        assert "status answer" in {text for _, text in said(provider)}
        answers.close()
