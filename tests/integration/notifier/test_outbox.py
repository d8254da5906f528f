import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from notifier import batches, claiming, rendering, settling
from notifier.channels.base import Outcome, Outgoing, Result
from notifier.outbox import Outbox
from notifier.rendering import Text
from outage import desk
from outage import tables as t
from outage.model import Reason
from outage.settings import SendMode, Settings
from outage.site import Site
from tests.integration.notifier.world import START, World, etr, phone
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving

A, B, C = phone(1), phone(2), phone(3)
SITE = Site(
    name="Harbor Light & Power",
    short_name="Harbor Light",
    time_zone="America/Vancouver",
)


def accepted(call: Call) -> Answer:
    if "/mail/send" in call.path:
        return Answer(202, b"", {"X-Message-Id": "mail"})
    return Answer(201, json.dumps({"sid": f"SM{call.body.hex()[-30:]}"}).encode())


def live(settings: Settings, provider: Provider) -> Settings:
    return replace(
        settings,
        send=SendMode.LIVE,
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token="made-up-token",
        twilio_messaging_service_sid="MG" + "0" * 32,
        twilio_base_url=provider.url,
        sendgrid_api_key="SG.made-up",
        sendgrid_from="outages@example.org",
        sendgrid_base_url=provider.url,
    )


@contextmanager
def outbox(
    world: World, answer: Callable[[Call], Answer] = accepted, **changes: object
) -> Iterator[tuple[Outbox, Provider]]:
    with serving(answer) as provider:
        settings = replace(live(world.settings, provider), **changes)  # type: ignore[arg-type]  # facts of one test
        yield Outbox(world.db, settings, SITE), provider


def said(provider: Provider) -> list[tuple[str, str]]:
    """(number, text) of every text the provider was asked to send."""
    found = []
    for call in provider.calls:
        if "/mail/send" not in call.path:
            form = parse_qs(call.body.decode())
            found.append((form["To"][0], form["Body"][0]))
    return found


def accepted_by_now(claimed: claiming.ClaimedBatch) -> list[Outcome]:
    return [
        Outcome(message_key=key, result=Result.ACCEPTED, provider_id="SM1")
        for key in claimed.fences
    ]


def states(world: World) -> list[tuple[str, str, str]]:
    return sorted(world.messages())


def one_out(world: World) -> str:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    world.plan()
    return outage


def tell(world: World, box: Outbox, **time: float) -> None:
    world.plan()
    world.pass_time(**(time or {"seconds": 60}))
    box.drain()


def test_nothing_goes_before_its_hold_is_over(world: World) -> None:
    one_out(world)
    with outbox(world) as (box, provider):
        assert box.drain() == 0
        world.pass_time(seconds=60)
        assert box.drain() == 1
        assert box.drain() == 0
    assert [number for number, _ in said(provider)] == [A]
    assert states(world) == [(A, "detected", "accepted")]


def test_only_a_time_later_than_the_one_they_were_told_is_called_a_delay(world: World) -> None:
    world.account("one", ["P1"], A)
    with outbox(world) as (box, provider):
        outage = world.declare("P1")
        tell(world, box)
        for hours in (5, 8, 6):
            world.report(outage, etr=etr(hours, reason=Reason.PARTS))
            tell(world, box)
    texts = [text for _, text in said(provider)]
    assert [("delayed" in text, "Reason: waiting for parts" in text) for text in texts] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_what_a_provider_has_said_is_kept_when_the_next_call_breaks(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    world.plan()
    world.pass_time(seconds=60)

    class Breaking:
        provider = "twilio"

        def send(self, batch: Sequence[Outgoing], _may: Callable[[], bool]) -> Iterator[Outcome]:
            yield Outcome(
                message_key=batch[0].message_key, result=Result.ACCEPTED, provider_id="SM1"
            )
            raise RuntimeError

        def close(self) -> None:
            pass

    class Box(Outbox):
        def _channel(self, _lane: str) -> Breaking:
            return Breaking()

    with outbox(world) as (sound, _):
        box = Box(world.db, sound.settings, SITE)
        (batch,) = box.waiting(queued_too=True)
        with pytest.raises(RuntimeError):
            box.send(batch.key)
    assert sorted(state for _, _, state in states(world)) == ["accepted", "claimed"]


def test_a_storm_of_news_is_told_once_and_true(world: World) -> None:
    world.account("one", ["P1"], A, "one@example.org", language="es")
    with outbox(world) as (box, provider):
        outage = world.declare("P1", etr=etr(3))
        tell(world, box)
        world.report(outage, etr=etr(3.4))
        tell(world, box)
        world.report(outage, etr=etr(5))
        tell(world, box)
        world.restore(outage)
        tell(world, box)
        world.reopen(outage)
        tell(world, box)
    kinds = [kind for address, kind, _ in world.messages() if address == A]
    assert kinds == ["detected", "etr", "restored", "correction out"]
    texts = [text for _, text in said(provider)]
    assert texts[0] == (
        "Harbor Light: Corte de luz en su direccion desde dom 14:00. "
        "Regreso est. dom 17:00. Info: dom 14:01. No toque cables caidos."
    )
    assert {state for _, _, state in world.messages()} == {"accepted"}


def test_news_that_come_while_a_message_waits_keep_it_from_expiring(world: World) -> None:
    outage = one_out(world)
    with outbox(world) as (box, provider):
        tell(world, box)
        world.report(outage, etr=etr(5))
        world.plan()
        world.pass_time(minutes=110)
        world.report(outage, etr=etr(7))
        tell(world, box, minutes=20)
        assert "est. back Sun 9:00PM" in said(provider)[-1][1]
    assert world.messages() == [(A, "detected", "accepted"), (A, "etr", "accepted")]


def test_what_is_stated_is_frozen_on_the_row(world: World) -> None:
    world.account("one", ["P1"], A)
    world.declare("P1", etr=etr(3))
    with outbox(world) as (box, provider):
        tell(world, box)
    m = t.messages
    with world.db.read() as conn:
        row = conn.execute(
            sa.select(m, t.texts.c.body).join(t.texts, t.texts.c.key == m.c.text_key)
        ).one()
        assert conn.execute(sa.select(t.batches.c.key)).all() == []
    assert (row.told_state, row.told_etr_version, row.segments) == ("out", 1, 1)
    assert said(provider) == [(A, row.body)]
    assert (row.provider, row.sends, row.batch_key) == ("twilio", 1, None)
    assert row.provider_id.startswith("SM")


def test_claiming_decides_again(world: World) -> None:
    outage = one_out(world)
    with outbox(world) as (box, provider):
        tell(world, box)
        world.report(outage, etr=etr(3))
        world.plan()
        waiting = box.waiting(queued_too=True)
        world.restore(outage)
        world.plan()
        assert [box.send(batch.key) for batch in waiting] == [0]
        box.drain()
    assert [kind for _, kind, _ in world.messages()] == ["detected", "etr", "restored"]
    assert [state for _, _, state in world.messages()] == ["accepted", "superseded", "accepted"]
    assert len(said(provider)) == 2


def test_nobody_is_told_while_gis_still_counts(world: World) -> None:
    outage = one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        world.do(desk.cancel, outage)
        assert box.drain() == 0
        assert states(world) == [(A, "detected", "pending")]
        world.gis_has_passed()
        world.plan()
        assert box.drain() == 0
    assert said(provider) == []
    assert states(world) == [(A, "detected", "withdrawn")]


def test_a_batch_whose_outage_changes_after_it_was_made_waits(world: World) -> None:
    outage = one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        world.do(desk.cancel, outage)
        assert box.send(batch.key) == 0
        assert states(world) == [(A, "detected", "pending")]
    assert said(provider) == []


def test_who_opts_out_between_planning_and_claim_is_left_alone(world: World) -> None:
    one_out(world)
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().values(opted_out_at=START))
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        box.drain()
    assert said(provider) == []
    assert states(world) == [(A, "detected", "suppressed")]


def test_a_first_word_that_is_hours_late_is_not_sent(world: World) -> None:
    one_out(world)
    world.pass_time(hours=7)
    with outbox(world) as (box, provider):
        box.drain()
    assert said(provider) == []
    assert states(world) == [(A, "detected", "expired")]


@pytest.mark.parametrize(
    ("mode", "state", "asked"),
    [(SendMode.OFF, "suppressed", 0), (SendMode.SHADOW, "shadowed", 0)],
)
def test_off_and_shadow_call_nobody(world: World, mode: SendMode, state: str, asked: int) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world, send=mode) as (box, provider):
        assert box.drain() == 0
    assert len(provider.calls) == asked
    assert states(world) == [(A, "detected", state)]


def test_a_shadow_run_goes_on_as_if_it_had_told(world: World) -> None:
    world.settings = replace(world.settings, send=SendMode.SHADOW)
    outage = one_out(world)
    with outbox(world, send=SendMode.SHADOW) as (box, _):
        tell(world, box)
        world.restore(outage)
        tell(world, box)
    assert world.messages() == [(A, "detected", "shadowed"), (A, "restored", "shadowed")]


def test_what_was_only_shadowed_is_not_told_once_it_counts(world: World) -> None:
    outage = one_out(world)
    with outbox(world, send=SendMode.SHADOW) as (box, _):
        tell(world, box)
    with outbox(world) as (box, _):
        world.report(outage, etr=etr(3))
        tell(world, box)
    assert world.messages() == [(A, "detected", "shadowed"), (A, "detected", "accepted")]


def test_an_allowlist_sends_to_it_and_shadows_the_rest(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    with outbox(world, send=SendMode.ALLOWLIST, allowlist=frozenset({B})) as (box, provider):
        tell(world, box)
    assert [number for number, _ in said(provider)] == [B]
    assert states(world) == [(A, "detected", "shadowed"), (B, "detected", "accepted")]


def test_a_channel_without_a_provider_says_so(world: World) -> None:
    world.account("one", ["P1"], "one@example.org")
    world.declare("P1")
    with outbox(world, sendgrid_api_key="") as (box, _):
        tell(world, box)
    with world.db.read() as conn:
        row = conn.execute(t.messages.select()).one()
    assert (row.state, row.reason) == ("suppressed", "no_provider")


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


def test_an_answer_that_never_came_is_tried_once_more_in_the_same_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "GRACE", timedelta(0))
    one_out(world)
    with outbox(world, lambda _call: Answer(500)) as (box, provider):
        tell(world, box)
        box.drain()
        box.drain()
    texts = said(provider)
    assert len(texts) == 2
    assert texts[0] == texts[1]
    with world.db.read() as conn:
        row = conn.execute(t.messages.select()).one()
        assert batches.left(conn) == 0
    assert (row.state, row.sends) == ("unknown", 2)
    assert row.ended_at is not None


@pytest.mark.parametrize(
    ("allowlist", "opted_out", "reason"),
    [({A}, None, None), ({A}, START, "opted_out"), (set(), None, "send_mode")],
)
def test_a_second_try_goes_where_a_first_one_would(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    allowlist: set[str],
    opted_out: datetime | None,
    reason: str | None,
) -> None:
    monkeypatch.setattr(batches, "GRACE", timedelta(0))
    one_out(world)
    answers = iter([Answer(500)])
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        world.pass_time(seconds=60)
        (batch,) = box.waiting(queued_too=True)
        box.send(batch.key)
        with world.db.write() as conn:
            conn.execute(t.endpoints.update().values(opted_out_at=opted_out))
        chosen = replace(box.settings, send=SendMode.ALLOWLIST, allowlist=frozenset(allowlist))
        Outbox(world.db, chosen, SITE).drain()
    assert len(provider.calls) == (2 if reason is None else 1)
    with world.db.read() as conn:
        assert conn.execute(sa.select(t.messages.c.reason)).scalar_one() == reason


def test_an_unknown_message_that_no_longer_holds_is_not_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "GRACE", timedelta(0))
    outage = one_out(world)
    answers = iter([Answer(500)])
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        world.pass_time(seconds=60)
        (batch,) = box.waiting(queued_too=True)
        box.send(batch.key)
        world.restore(outage)
        world.plan()
        box.drain()
    texts = [text for _, text in said(provider)]
    assert len(texts) == 2
    assert "should be back" in texts[1]
    assert world.messages() == [(A, "detected", "unknown"), (A, "restored", "accepted")]


def test_what_a_dead_sender_held_becomes_unknown_and_is_sent_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "GRACE", timedelta(0))
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
    assert len(provider.calls) == 1
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

    def slowly(*args: Any) -> Text:  # noqa: ANN401  # handed on as they are
        deciding.set()
        time.sleep(0.5)
        return rendering.render(*args)

    monkeypatch.setattr(claiming, "render", slowly)
    with outbox(world) as (box, _), ThreadPoolExecutor(1) as sender:
        (batch,) = box.waiting(queued_too=True)
        claimed = sender.submit(claiming.claim, world.db, batch.key, box.terms)
        assert deciding.wait(5)
        world.report(outage, etr=etr(3))
        world.plan()
        assert claimed.result() is not None
    assert world.messages() == [(A, "detected", "claimed"), (A, "etr", "pending")]


def test_two_senders_that_are_given_the_same_batch_send_it_once(world: World) -> None:
    one_out(world)
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        assert [box.send(batch.key), box.send(batch.key)] == [1, 0]
    assert len(provider.calls) == 1


def test_a_sender_told_to_stop_leaves_the_rest_for_the_next(world: World) -> None:
    for number in range(60):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(60)))
    world.plan()
    world.pass_time(seconds=60)
    with outbox(world) as (box, provider):
        (batch,) = box.waiting(queued_too=True)
        sent = box.send(batch.key, stopping=lambda: len(provider.calls) >= 5)
        assert 5 <= sent < 60
        assert box.drain() == 60 - sent
    assert len(said(provider)) == len(set(said(provider))) == 60


def test_medical_customers_have_a_lane_of_their_own(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("ill", ["P2"], B, medical=True)
    world.account("mail", ["P3"], "one@example.org")
    world.declare("P1", "P2", "P3")
    world.plan()
    world.pass_time(seconds=60)
    with outbox(world) as (box, _):
        found = box.waiting(queued_too=False)
        assert [batch.lane for batch in found] == ["sms-urgent", "sms", "email"]
        box.queued(batch.key for batch in found)
        assert box.waiting(queued_too=False) == []
        assert len(box.waiting(queued_too=True)) == 3


def test_held_by_another_outage_nobody_hears_restored_until_it_is(world: World) -> None:
    world.account("one", ["P1"], A)
    with outbox(world) as (box, _):
        first = world.declare("P1")
        tell(world, box)
        second = world.declare("P1")
        tell(world, box)
        world.restore(first)
        tell(world, box)
        assert world.reasons(first)[-1] == {"out_in_other_outage": 1}
        world.restore(second)
        tell(world, box)
    assert [kind for _, kind, _ in world.messages()][-1] == "restored"
    assert [kind for _, kind, _ in world.messages()].count("restored") == 1


def test_the_next_due_time_is_there_for_whoever_moves_the_clock(world: World) -> None:
    with world.db.read() as conn:
        assert batches.next_due(conn) is None
    one_out(world)
    with world.db.read() as conn:
        assert batches.next_due(conn) == START + timedelta(seconds=60)
