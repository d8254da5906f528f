from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from notifier import batches
from outage import desk
from outage import tables as t
from outage.model import Reason
from outage.settings import SendMode
from tests.integration.notifier.sending import A, B, one_out, outbox, said, states, tell
from tests.integration.notifier.world import START, World, etr


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
        for hours in (5, 8, 4):
            world.report(outage, etr=etr(hours, reason=Reason.PARTS))
            tell(world, box)
    texts = [text for _, text in said(provider)]
    assert [("delayed" in text, "Why: waiting for parts" in text) for text in texts] == [
        (False, False),
        (False, False),
        (True, True),
        (False, False),
    ]


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
    assert kinds == ["detected", "etr_later", "restored", "correction out"]
    texts = [text for _, text in said(provider)]
    assert texts[0] == (
        "Harbor Light: Corte de luz en su direccion desde dom 14:00. "
        "Fin est. dom 17:00. Info: dom 14:01. Evite cables."
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
