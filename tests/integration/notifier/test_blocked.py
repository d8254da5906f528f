"""Senders that only receipts tell of: a provider takes every text, and the carriers refuse it."""

from dataclasses import replace
from pathlib import Path

import pytest

from notifier.blocked import DELIVERED, heed
from notifier.channels.breaker import PATIENCE, STOPPED_REST
from notifier.kinds import Channel
from notifier.outbox import Outbox
from notifier.receipts import Receipt, apply
from notifier.routing import Routing
from outage import tables as t
from outage.database import wall_now
from outage.schema import open_embedded
from outage.settings import load
from tests.integration.notifier.sending import outbox, said
from tests.integration.notifier.world import World, phone
from workers.checkup import doctor
from workers.findings import State

FILTERED = "30007"


def told(world: World, box: Outbox, count: int = PATIENCE) -> list[int]:
    """So many texts that the provider took, by their keys."""
    for number in range(count):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(count)))
    world.plan()
    world.pass_time(seconds=60)
    assert box.drain() == count
    return keys(world)


def keys(world: World, state: str = "accepted") -> list[int]:
    m = t.messages
    with world.db.read() as conn:
        rows = conn.execute(m.select().where(m.c.state == state).order_by(m.c.key))
        return [row.key for row in rows]


def receive(world: World, keys: list[int], event: str, code: str = "") -> None:
    with world.db.read() as conn:
        rows = conn.execute(t.messages.select().where(t.messages.c.key.in_(keys))).all()
    apply(
        world.db,
        [
            Receipt(
                provider="twilio",
                message_key=row.key,
                event=event,
                provider_id=row.provider_id,
                code=code,
            )
            for row in rows
        ],
    )


def more_waits(world: World, count: int = 3) -> None:
    for number in range(100, 100 + count):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(100, 100 + count)))
    world.plan()
    world.pass_time(seconds=60)


def rest_is_over(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(t.providers.update().values(rests_until=wall_now(conn)))


def test_receipts_in_a_row_that_the_sender_is_blocked_stop_it_in_every_process(
    world: World,
) -> None:
    with outbox(world) as (box, provider):
        found = told(world, box)
        receive(world, found[:-1], "undelivered", FILTERED)
        assert Routing(world.db, box.routing.providers, second_share=0).pick(Channel.SMS)
        receive(world, found[-1:], "undelivered", FILTERED)
        more_waits(world)
        before = len(said(provider))
        assert box.drain() == 0
        assert len(said(provider)) == before
        assert Routing(world.db, box.routing.providers, second_share=0).pick(Channel.SMS) is None
    with world.db.read() as conn:
        row, now = conn.execute(t.providers.select()).one(), wall_now(conn)
    assert (row.rests_code, row.blocked) == (FILTERED, PATIENCE)
    assert row.rests_until <= now + STOPPED_REST


def test_the_second_account_takes_over_from_a_blocked_one(world: World) -> None:
    with outbox(world) as (box, _):
        receive(world, told(world, box), "undelivered", FILTERED)
    both = Routing(world.db, {Channel.SMS: ("twilio", "twilio-2")}, second_share=0)
    assert both.pick(Channel.SMS) == "twilio-2"


@pytest.mark.parametrize(("event", "code"), [("undelivered", "30003"), ("undelivered", "30005")])
def test_receipts_of_the_person_s_end_stop_nobody(world: World, event: str, code: str) -> None:
    with outbox(world) as (box, _):
        receive(world, told(world, box, 2 * PATIENCE), event, code)
        assert box.routing.pick(Channel.SMS) == "twilio"


def test_one_text_that_is_filtered_among_others_that_arrive_stops_nobody(world: World) -> None:
    with outbox(world) as (box, _):
        for number, key in enumerate(told(world, box, 4 * PATIENCE)):
            if number % PATIENCE:
                receive(world, [key], "undelivered", FILTERED)
            else:
                receive(world, [key], "delivered")
        assert box.routing.pick(Channel.SMS) == "twilio"


def test_a_doubled_receipt_counts_once(world: World) -> None:
    with outbox(world) as (box, _):
        first, *_ = told(world, box)
        for _ in range(100):
            receive(world, [first], "undelivered", FILTERED)
        assert box.routing.pick(Channel.SMS) == "twilio"


def test_after_the_rest_one_text_is_tried_and_if_it_arrives_the_others_follow(
    world: World,
) -> None:
    with outbox(world) as (box, provider):
        receive(world, told(world, box), "undelivered", FILTERED)
        more_waits(world)
        rest_is_over(world)
        before = len(said(provider))
        assert box.drain() == 1
        assert len(said(provider)) == before + 1
        assert box.routing.pick(Channel.SMS) is None
        receive(world, keys(world), "delivered")
        assert box.drain() == 2
    with world.db.read() as conn:
        assert conn.execute(t.providers.select()).one().blocked == 0


def test_if_the_one_text_does_not_arrive_it_is_stopped_anew(world: World) -> None:
    with outbox(world) as (box, _):
        receive(world, told(world, box), "undelivered", FILTERED)
        more_waits(world)
        rest_is_over(world)
        assert box.drain() == 1
        receive(world, keys(world), "undelivered", FILTERED)
        assert box.routing.pick(Channel.SMS) is None
        rest_is_over(world)
        assert box.drain() == 1


def test_where_no_receipt_tells_it_goes_on_and_one_more_stops_it(world: World) -> None:
    """Some carriers say of no text that it has arrived."""
    with outbox(world) as (box, _):
        receive(world, told(world, box), "undelivered", FILTERED)
        more_waits(world)
        rest_is_over(world)
        assert box.drain() == 1
        rest_is_over(world)
        assert box.drain() == 2
        receive(world, keys(world)[:1], "undelivered", FILTERED)
        assert box.routing.pick(Channel.SMS) is None


def test_the_doctor_says_so_from_the_first_receipt_on(tmp_path: Path) -> None:
    environ = {"OUTAGE_HOME": str(tmp_path)}
    db = open_embedded(replace(load(environ)).home / "outage.db")
    for codes, count in (([FILTERED], 1), ([DELIVERED], 0), ([FILTERED] * PATIENCE, PATIENCE)):
        with db.write() as conn:
            heed(conn, [("twilio", code) for code in codes])
        found = [check for check in doctor(environ) if check.name == "provider"]
        assert {check.state for check in found} <= {State.FAILED}
        blocked = [check.says for check in found if "blocked" in check.says]
        assert len(blocked) == bool(count)
        assert all(f"{count} receipts of twilio in a row" in says for says in blocked)
    db.close()


def test_a_trial_that_was_never_made_is_made_later(world: World) -> None:
    with outbox(world) as (box, provider):
        receive(world, told(world, box), "undelivered", FILTERED)
        more_waits(world)
        rest_is_over(world)
        before = len(said(provider))
        batch = box.waiting(queued_too=True)[0]
        assert box.send(batch.key, stopping=lambda: True) == 0
        assert len(said(provider)) == before
        assert box.drain() == 1
