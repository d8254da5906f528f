"""Nobody who writes down what became of messages waits for another who waits for them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from notifier import claiming, pacing, settling, spending
from notifier.channels.base import Outcome, Result
from notifier.receipts import Receipt, apply
from outage import tables as t
from outage.columns import EPOCH
from tests.integration.notifier.sending import outbox
from tests.integration.notifier.world import World, phone, until_it_waits

COUNT = 60
PRICE: dict[str, Any] = {"segment_price": 0.01, "spending_cap": 100.0}
ROUNDS = 12
BAD = "30005"


def both(first: Callable[[], object], second: Callable[[], object]) -> None:
    """At the same moment; whoever is chosen as the victim of a deadlock raises."""
    together = Barrier(2)

    def at_once(work: Callable[[], object]) -> None:
        together.wait(10)
        work()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(at_once, work) for work in (first, second)]:
            done.result()


def two_outages(world: World) -> None:
    for number in range(COUNT):
        world.account(f"A{number}", [f"P{number}", f"P{number}b"], phone(number))
    for which in ("", "b"):
        world.declare(*(f"P{number}{which}" for number in range(COUNT)))
    world.plan()


def forget(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().values(invalid_at=None, invalid_code=None))
        conn.execute(t.receipts.delete())


def test_receipts_of_the_same_people_come_in_any_order(world: World) -> None:
    two_outages(world)
    m = t.messages
    with world.db.write() as conn:
        conn.execute(m.update().values(state="accepted", provider="twilio", accepted_at=EPOCH))
        rows = conn.execute(m.select().order_by(m.c.endpoint_key)).all()
    one, other = {row.outage_key for row in rows}

    def of(outage_key: int, step: int) -> list[Receipt]:
        keys = [row.key for row in rows if row.outage_key == outage_key][::step]
        return [
            Receipt(
                provider="twilio", message_key=key, event="undelivered", provider_id="SM", code=BAD
            )
            for key in keys
        ]

    for _ in range(ROUNDS):
        forget(world)
        both(lambda: apply(world.db, of(one, 1)), lambda: apply(world.db, of(other, -1)))
    with world.db.read() as conn:
        marked = {row.invalid_code for row in conn.execute(t.endpoints.select())}
    assert marked == {BAD}


@pytest.mark.parametrize("result", [Result.ACCEPTED, Result.FAILED])
def test_an_answer_and_a_receipt_of_the_same_messages_do_not_wait_for_each_other(
    world: World, result: Result
) -> None:
    two_outages(world)
    m = t.messages
    with outbox(world) as (box, _):
        world.pass_time(seconds=60)
        batch = box.waiting(queued_too=True)[0]
        claimed = claiming.claim(world.db, batch.key, box.terms)
        assert claimed is not None
        keys = sorted(claimed.fences)
        code = "21211" if result is Result.FAILED else ""
        outcomes = [Outcome(message_key=key, result=result, code=code) for key in keys[::-1]]
        receipts = [
            Receipt(
                provider="twilio", message_key=key, event="undelivered", provider_id="SM", code=BAD
            )
            for key in keys
        ]
        for _ in range(ROUNDS):
            forget(world)
            with world.db.write() as conn:
                mine = m.update().where(m.c.key.in_(keys))
                conn.execute(mine.values(state="claimed", provider="twilio", provider_id=None))
            both(
                lambda: settling.settle(world.db, claimed, "twilio", outcomes),
                lambda: apply(world.db, receipts),
            )
    assert {state for _, _, state in world.messages(provider="twilio")} <= {
        "undelivered",
        "failed",
    }


def test_who_claims_and_who_gives_money_back_do_not_wait_for_each_other(world: World) -> None:
    if world.db.is_sqlite:
        pytest.skip("SQLite has one writer: nobody waits while holding anything")
    two_outages(world)
    with outbox(world, **PRICE) as (box, _):
        world.pass_time(seconds=60)
        batch = box.waiting(queued_too=True)[0]
        with ThreadPoolExecutor(1) as pool:
            # As a receipt does: the provider first, then the money.
            with world.db.write() as conn:
                pacing.locked(conn, "twilio")
                claimed = pool.submit(claiming.claim, world.db, batch.key, box.terms)
                until_it_waits(world)
                spending.give_back(conn, "2026-01", 1)
            assert claimed.result(60) is not None
