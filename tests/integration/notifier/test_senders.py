"""Providers that say no, or nothing; senders that die, stop, or meet."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from notifier import claiming, rendering, settling, stating
from notifier.channels.base import Finding, MaySend, Outcome, Outgoing, Result, Sought
from notifier.outbox import Outbox
from notifier.rendering import Text
from notifier.settling import LONGEST_BACK_OFF, MOST_PUT_OFF
from notifier.stopping import ASK_S
from outage import clock
from outage import tables as t
from outage.errors import DatabaseError
from outage.settings import SendMode
from tests.integration.notifier.sending import (
    SITE,
    A,
    B,
    accepted,
    accepted_by_now,
    ask,
    one_out,
    outbox,
    said,
    states,
    tell,
)
from tests.integration.notifier.world import START, World, etr, phone
from tests.unit.notifier.channels.provider import Answer, Call


def test_what_a_provider_has_said_is_kept_when_the_next_call_breaks(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    world.plan()
    world.pass_time(seconds=60)

    def breaking(batch: Sequence[Outgoing]) -> Iterator[Outcome]:
        yield taken(batch[0])
        raise RuntimeError

    with scripted(world, breaking) as box:
        (batch,) = box.waiting(queued_too=True)
        with pytest.raises(RuntimeError):
            box.send(batch.key)
    assert sorted(state for _, _, state in states(world)) == ["accepted", "claimed"]


def test_what_a_provider_has_said_is_on_record_while_the_next_call_is_under_way(
    world: World,
) -> None:
    """Whoever is killed in a call that hangs leaves only that one's message unknown."""
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    world.plan()
    world.pass_time(seconds=60)
    took: list[float] = []

    def slow(batch: Sequence[Outgoing]) -> Iterator[Outcome]:
        yield taken(batch[0])
        began = time.monotonic()
        while time.monotonic() < began + 5:
            if sorted(state for _, _, state in states(world)) == ["accepted", "claimed"]:
                took.append(time.monotonic() - began)
                break
            time.sleep(0.005)
        yield taken(batch[1])

    with scripted(world, slow) as box:
        (batch,) = box.waiting(queued_too=True)
        assert box.send(batch.key) == 2
    assert [state for _, _, state in states(world)] == ["accepted", "accepted"]
    # 50 ms where the machine has nothing else to do.
    assert took
    assert took[0] < 2


def test_once_what_was_said_cannot_be_recorded_nobody_else_is_called(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(40)))
    world.plan()
    world.pass_time(seconds=60)

    def broken(*_: object) -> None:
        raise DatabaseError(why="it is away")

    def slowly(call: Call) -> Answer:
        time.sleep(0.02)
        return accepted(call)

    with outbox(world, slowly, twilio_concurrency=1) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        with monkeypatch.context() as patch:
            patch.setattr(settling, "settle", broken)
            with pytest.raises(DatabaseError):
                box.send(batch.key)
    assert 1 <= len(provider.calls) < 40


def taken(outgoing: Outgoing) -> Outcome:
    return Outcome(
        message_key=outgoing.message_key,
        result=Result.ACCEPTED,
        provider_id=f"SM{outgoing.message_key}",
    )


@contextmanager
def scripted(
    world: World, script: Callable[[Sequence[Outgoing]], Iterator[Outcome]]
) -> Iterator[Outbox]:
    """An outbox whose channel does with a batch what the script does."""

    class Scripted:
        provider = "twilio"

        def send(self, batch: Sequence[Outgoing], _may: MaySend) -> Iterator[Outcome]:
            return script(batch)

        def find(self, sought: Sequence[Sought], _may: Callable[[], bool]) -> Iterator[Finding]:
            raise NotImplementedError

        def close(self) -> None:
            pass

    class Box(Outbox):
        def _channel(self, _provider: str) -> Scripted:
            return Scripted()

    with outbox(world) as (sound, _), closing(Box(world.db, sound.settings, SITE)) as box:
        yield box


def test_too_many_requests_wait_and_go_later(world: World) -> None:
    answers = iter([Answer(429, json.dumps({"code": 20429}).encode())])
    one_out(world)
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        tell(world, box)
        assert states(world) == [(A, "detected", "pending")]
        world.pass_time(seconds=5)
        box.drain()
    assert len(provider.calls) == 2
    with world.db.read() as conn:
        row = conn.execute(t.messages.select()).one()
    assert (row.state, row.sends) == ("accepted", 1)


def put_off(world: World, box: Outbox) -> list[float]:
    """Try for as long as anything waits; the seconds of each wait."""
    m, waits = t.messages, []
    for _ in range(3 * MOST_PUT_OFF):
        box.drain()
        with world.db.read() as conn:
            now = clock.business_now(conn)
            row = conn.execute(m.select().order_by(m.c.key.desc()).limit(1)).one()
        if row.state != "pending":
            break
        waits.append((row.send_after - now).total_seconds())
        world.pass_time(seconds=waits[-1])
    return waits


def test_a_message_that_is_put_off_again_and_again_waits_ever_longer_and_comes_to_an_end(
    world: World,
) -> None:
    full = Answer(400, json.dumps({"code": 30001, "status": 400}).encode())
    outage = one_out(world)
    with outbox(world) as (box, _):
        tell(world, box)
    world.restore(outage)
    world.plan()
    with outbox(world, lambda _call: full) as (box, provider):
        waits = put_off(world, box)
    assert len(said(provider)) == MOST_PUT_OFF
    assert waits == sorted(waits)
    assert (waits[0], waits[1], waits[-1]) == (5, 10, LONGEST_BACK_OFF.total_seconds())
    assert ("failed", "tried_enough", "30001") in ends(world)


def test_a_message_that_is_put_off_is_given_up_when_it_is_too_old(world: World) -> None:
    full = Answer(400, json.dumps({"code": 30001, "status": 400}).encode())
    one_out(world)
    with outbox(world, lambda _call: full) as (box, _):
        for _ in range(8):
            tell(world, box, hours=1)
    assert [(state, reason) for state, reason, _ in ends(world)] == [("expired", "expired")]


def test_while_a_provider_has_too_much_to_do_or_cannot_be_reached_nothing_is_given_up(
    world: World,
) -> None:
    one_out(world)
    busy = Answer(429, json.dumps({"code": 20429, "status": 429}).encode())
    with outbox(world, lambda _call: busy) as (box, provider):
        tell(world, box)
        for _ in range(MOST_PUT_OFF + 5):
            world.pass_time(seconds=5)
            box.drain()
    assert len(said(provider)) > MOST_PUT_OFF
    assert [state for state, _, _ in ends(world)] == ["pending"]


def ends(world: World) -> list[tuple[str, str | None, str | None]]:
    m = t.messages.c
    with world.db.read() as conn:
        rows = conn.execute(sa.select(m.state, m.reason, m.provider_code).order_by(m.key))
        return [tuple(row) for row in rows]


def test_a_bad_number_is_remembered_and_not_tried_again(world: World) -> None:
    outage = one_out(world)
    refusal = Answer(400, json.dumps({"code": 21211, "message": "no", "status": 400}).encode())
    with outbox(world, lambda _call: refusal) as (box, provider):
        tell(world, box)
        world.report(outage, etr=etr(3))
        tell(world, box)
    assert len(provider.calls) == 1
    assert states(world) == [(A, "detected", "failed")]
    assert world.reasons(outage)[-1] == {"invalid_endpoint": 1}


@pytest.mark.parametrize(
    ("allowlist", "opted_out", "reason"),
    [({A}, None, None), ({A}, START, "opted_out"), (set(), None, "send_mode")],
)
def test_a_second_try_goes_where_a_first_one_would(
    world: World,
    allowlist: set[str],
    opted_out: datetime | None,
    reason: str | None,
) -> None:
    one_out(world)
    answers = iter([Answer(500)])
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        world.pass_time(seconds=60)
        (batch,) = box.waiting(queued_too=True)
        box.send(batch.key)
        ask(world, box)
        with world.db.write() as conn:
            conn.execute(t.endpoints.update().values(opted_out_at=opted_out))
        chosen = replace(box.settings, send=SendMode.ALLOWLIST, allowlist=frozenset(allowlist))
        Outbox(world.db, chosen, SITE).drain()
    assert len(said(provider)) == (2 if reason is None else 1)
    with world.db.read() as conn:
        assert conn.execute(sa.select(t.messages.c.reason)).scalar_one() == reason


def test_an_unknown_message_that_no_longer_holds_is_not_repeated(world: World) -> None:
    outage = one_out(world)
    answers = iter([Answer(500)])
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        world.pass_time(seconds=60)
        (batch,) = box.waiting(queued_too=True)
        box.send(batch.key)
        ask(world, box)
        world.restore(outage)
        world.plan()
        box.drain()
    texts = [text for _, text in said(provider)]
    assert len(texts) == 2
    assert "should be back" in texts[1]
    assert world.messages() == [(A, "detected", "unknown"), (A, "restored", "accepted")]


def test_what_a_dead_sender_held_becomes_unknown_and_is_sent_when_the_provider_has_it_not(
    world: World,
) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        assert claiming.claim(world.db, batch.key, box.terms) is not None
        # It dies here.
        assert box.expire() == 0
        with world.db.write() as conn:
            conn.execute(t.messages.update().values(lease_until=START))
            conn.execute(t.batches.update().values(lease_until=START))
        assert box.expire() == 1
        assert states(world) == [(A, "detected", "unknown")]
        box.drain()
        assert said(provider) == []
        ask(world, box)
        box.drain()
    assert len(said(provider)) == 1
    assert states(world) == [(A, "detected", "accepted")]


def test_a_sender_that_was_overtaken_changes_nothing(world: World) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, _):
        (batch,) = box.waiting(queued_too=True)
        claimed = claiming.claim(world.db, batch.key, box.terms)
        assert claimed is not None
        with world.db.write() as conn:
            conn.execute(t.messages.update().values(fence=t.messages.c.fence + 1))
        late = [Outcome(message_key=key, result=Result.FAILED) for key in claimed.fences]
        settling.settle(world.db, claimed, "twilio", late)
    assert states(world) == [(A, "detected", "claimed")]


def test_a_newer_message_waits_while_a_sender_still_holds_the_older_one(world: World) -> None:
    outage = one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        claimed = claiming.claim(world.db, batch.key, box.terms)
        assert claimed is not None
        world.restore(outage)
        world.plan()
        assert box.drain() == 0
        settling.settle(world.db, claimed, "twilio", accepted_by_now(claimed))
        settling.finish(world.db, claimed)
        assert box.drain() == 1
    assert world.messages() == [(A, "detected", "accepted"), (A, "restored", "accepted")]
    assert len(provider.calls) == 1


def test_a_newer_message_in_a_batch_waits_for_the_older_one_too(world: World) -> None:
    outage = one_out(world)
    world.pass_time(seconds=60)
    m = t.messages
    with outbox(world) as (box, _):
        (batch,) = box.waiting(queued_too=True)
        claimed = claiming.claim(world.db, batch.key, box.terms)
        assert claimed is not None
        world.restore(outage)
        world.plan()
        # As if the older one had been claimed between the making of the batch and this.
        for state in ("accepted", "claimed"):
            with world.db.write() as conn:
                conn.execute(m.update().where(m.c.kind == "detected").values(state=state))
            found = box.waiting(queued_too=True)
        (newer,) = found
        assert box.send(newer.key) == 0
        assert world.messages(kind="restored") == [(A, "restored", "pending")]
        settling.settle(world.db, claimed, "twilio", accepted_by_now(claimed))
        assert box.drain() == 1


def test_what_changes_while_a_sender_decides_is_told_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = one_out(world)
    world.pass_time(seconds=60)
    deciding = threading.Event()

    def slowly(*args: Any, **more: Any) -> Text:  # noqa: ANN401  # handed on as they are
        deciding.set()
        time.sleep(0.5)
        return rendering.render(*args, **more)

    monkeypatch.setattr(stating, "render", slowly)
    with outbox(world) as (box, _), ThreadPoolExecutor(1) as sender:
        (batch,) = box.waiting(queued_too=True)
        claimed = sender.submit(claiming.claim, world.db, batch.key, box.terms)
        assert deciding.wait(5)
        world.report(outage, etr=etr(3))
        world.plan()
        assert claimed.result() is not None
    assert world.messages() == [(A, "detected", "claimed"), (A, "etr", "pending")]


def test_who_says_stop_between_claim_and_call_is_not_called(world: World) -> None:
    for number in range(1, 4):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare("P1", "P2", "P3")
    world.plan()
    world.pass_time(seconds=60)

    def says_stop(call: Call) -> Answer:
        e = t.endpoints
        told = parse_qs(call.body.decode())["To"][0]
        with world.db.write() as conn:
            at = clock.business_now(conn)
            conn.execute(e.update().where(e.c.address != told).values(opted_out_at=at))
        time.sleep(2 * ASK_S)
        return accepted(call)

    with outbox(world, says_stop, twilio_concurrency=1) as (box, provider):
        box.drain()
    assert len(said(provider)) == 1
    with world.db.read() as conn:
        ends = conn.execute(sa.select(t.messages.c.state, t.messages.c.reason)).all()
    assert sorted(ends, key=str) == [("accepted", None), *[("suppressed", "opted_out")] * 2]


def test_two_senders_that_are_given_the_same_batch_send_it_once(world: World) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        assert [box.send(batch.key), box.send(batch.key)] == [1, 0]
    assert len(provider.calls) == 1


def test_a_sender_told_to_stop_leaves_the_rest_for_the_next(world: World) -> None:
    for number in range(160):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(160)))
    world.plan()
    world.pass_time(seconds=60)
    with outbox(world, twilio_concurrency=20) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        sent = box.send(batch.key, stopping=lambda: len(provider.calls) >= 5)
        assert 5 <= sent < 160
        assert box.drain() == 160 - sent
    assert len(said(provider)) == len(set(said(provider))) == 160
