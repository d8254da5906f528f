"""The spending cap: counted at the claim, warned of once, and never in the way of what must go."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from notifier import batches, spending
from notifier.channels.base import Outcome, Result
from notifier.claiming import claim
from notifier.settling import settle
from outage import tables as t
from outage.database import open_database
from outage.model import Kind
from tests.integration.notifier.sending import A, B, ask, listed, outbox, said, states, tell
from tests.integration.notifier.test_reconciling import at_twilio
from tests.integration.notifier.world import World, etr, phone
from tests.unit.notifier.channels.provider import Answer, Call

PRICE: dict[str, Any] = {"segment_price": 0.01, "spending_cap": 0.02}


def spent(world: World, month: str = "2026-01") -> float:
    with world.db.read() as conn:
        return spending.spent(conn, month) / spending.UNIT


def reasons(world: World) -> list[tuple[str, str, str | None]]:
    m = t.messages.c
    with world.db.read() as conn:
        rows = conn.execute(sa.select(m.kind, m.state, m.reason).order_by(m.key))
        return [tuple(row) for row in rows]


def many(world: World, count: int, *, medical: int = 0) -> str:
    for number in range(count):
        world.account(f"a{number}", [f"P{number}"], phone(number), medical=number < medical)
    return world.declare(*(f"P{number}" for number in range(count)))


def test_what_is_beyond_the_cap_ends_with_that_reason(world: World) -> None:
    many(world, 5)
    with outbox(world, **PRICE) as (box, provider):
        tell(world, box)
    assert len(said(provider)) == 2
    assert spent(world) == pytest.approx(0.02)
    assert sorted(reasons(world)) == [
        *[("detected", "accepted", None)] * 2,
        *[("detected", "suppressed", "spending_cap")] * 3,
    ]


def test_restored_corrections_and_the_medical_go_on(world: World) -> None:
    outage = many(world, 2)
    with outbox(world, **PRICE) as (box, provider):
        tell(world, box)
        assert spent(world) == pytest.approx(0.02)
        world.restore(outage)
        tell(world, box)
        world.reopen(outage)
        tell(world, box)
        world.account("ill", ["P9"], B, medical=True)
        world.declare("P9")
        tell(world, box)
        world.account("well", ["P8"], phone(8))
        world.declare("P8")
        tell(world, box)
    kinds = [kind for kind, state, _ in reasons(world) if state == "accepted"]
    assert kinds == [*["detected"] * 2, *["restored"] * 2, *["correction"] * 2, "detected"]
    assert reasons(world)[-1] == ("detected", "suppressed", "spending_cap")
    assert spent(world) == pytest.approx(0.07)
    assert len(said(provider)) == 7


def test_an_advisory_goes_whatever_it_costs(world: World) -> None:
    world.account("one", ["P1"], A)
    world.declare("P1", kind=Kind.ADVISORY)
    with outbox(world, segment_price=1.0, spending_cap=0.5) as (box, provider):
        tell(world, box)
    assert len(said(provider)) == 1


def test_once_the_cap_is_raised_what_is_not_known_yet_is_told(world: World) -> None:
    outage = many(world, 3)
    with outbox(world, **PRICE) as (box, _):
        tell(world, box)
    with outbox(world, **PRICE | {"spending_cap": 1.0}) as (box, provider):
        world.report(outage, etr=etr(3))
        tell(world, box)
    assert len(said(provider)) == 3
    assert sorted(kind for kind, state, _ in reasons(world) if state == "accepted") == [
        "detected",
        "detected",
        "detected",
        "etr",
        "etr",
    ]


def test_a_new_month_begins_with_nothing_spent_where_the_utility_is(world: World) -> None:
    many(world, 2)
    with outbox(world, **PRICE) as (box, _):
        tell(world, box)
        # The site's clock is eight hours behind: still January there.
        world.pass_time(days=27, hours=9)
        world.account("next", ["P5"], phone(5))
        world.declare("P5")
        tell(world, box)
        assert reasons(world)[-1] == ("detected", "suppressed", "spending_cap")
        world.pass_time(hours=2)
        world.account("last", ["P6"], phone(6))
        world.declare("P6")
        tell(world, box)
    assert reasons(world)[-1][1] == "accepted"
    assert (spent(world), spent(world, "2026-02")) == pytest.approx((0.02, 0.01))


def test_what_the_provider_did_not_take_is_not_paid_for(world: World) -> None:
    def away(call: Call) -> Answer:
        del call
        return Answer(429, b'{"code": 20429, "message": "busy", "status": 429}')

    many(world, 2)
    with outbox(world, away, **PRICE) as (box, _):
        tell(world, box)
    assert {state for _, _, state in states(world)} == {"pending"}
    assert spent(world) == 0


def test_what_the_provider_says_later_that_it_never_took_is_not_paid_for(world: World) -> None:
    """Nobody knew whether it had it; once asked, it had one of the two."""
    texts: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "GET":
            to = parse_qs(urlsplit(call.path).query)["To"][0]
            took = [text for text in texts if parse_qs(text.body.decode())["To"] == [to] == [A]]
            return listed(*(at_twilio(text, "SM1") for text in took))
        texts.append(call)
        return Answer(500, b"oops")

    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    with outbox(world, answer, **PRICE) as (box, _):
        tell(world, box)
        assert spent(world) == pytest.approx(0.02)
        ask(world, box)
        assert spent(world) == pytest.approx(0.01)
        ask(world, box)
        assert spent(world) == pytest.approx(0.01)


def test_a_try_that_is_not_known_of_stays_paid_for(world: World) -> None:
    many(world, 2)
    with outbox(world, lambda _call: Answer(500, b"oops"), **PRICE) as (box, _):
        tell(world, box)
        ask(world, box)
    assert spent(world) == pytest.approx(0.02)


def test_eighty_per_cent_is_warned_of_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    many(world, 12)
    caplog.set_level(logging.ERROR)
    with outbox(world, segment_price=0.01, spending_cap=0.1, batch_size=1) as (box, _):
        tell(world, box)
    warned = [record.getMessage() for record in caplog.records if "spent" in record.getMessage()]
    assert warned == [
        (
            "0.08 USD of 0.10 USD are spent on texts in 2026-01, more than 80 per cent; "
            "see `outage queue`"
        ),
        (
            "0.10 USD of 0.10 USD are spent on texts in 2026-01, more than 100 per cent; "
            "see `outage queue`"
        ),
    ]


def test_several_processes_do_not_spend_the_same_money(world: World) -> None:
    many(world, 20)
    world.plan()
    world.pass_time(seconds=60)
    with outbox(world, **PRICE) as (box, _):
        terms = box.terms
    for _ in range(3):
        batches.assign(world.db, 1)
    with world.db.read() as conn:
        keys = [batch.key for batch in batches.waiting(conn, queued_too=True)]

    def attempt(key: int) -> int:
        other = open_database(world.db.engine.url)
        try:
            found = claim(other, key, terms)
        finally:
            other.close()
        return 0 if found is None else len(found.outgoing)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, keys)) == 2
    assert spent(world) == pytest.approx(0.02)


def test_what_was_not_sent_is_given_back_once(world: World) -> None:
    many(world, 2)
    world.plan()
    world.pass_time(seconds=60)
    with outbox(world, **PRICE) as (box, _):
        batch = box.waiting(queued_too=True)[0]
        claimed = claim(world.db, batch.key, box.terms)
        assert claimed is not None
        one, other = sorted(claimed.fences)
        refused = Outcome(message_key=one, result=Result.FAILED, code="21211")
        busy = Outcome(message_key=other, result=Result.RETRY, code="20429")
        settle(world.db, claimed, "twilio", [refused])
        assert spent(world) == pytest.approx(0.01)
        settle(world.db, claimed, "twilio", [refused, busy])
        assert spent(world) == 0
        settle(world.db, claimed, "twilio", [busy])
    assert spent(world) == 0
