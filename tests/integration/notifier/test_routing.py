"""Two providers for a channel: who carries what, and what happens when one of them fails."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.bounces import read
from notifier.channels.breaker import PATIENCE, Breaker
from notifier.channels.marks import Marks
from notifier.channels.shares import BACK_AFTER
from notifier.kinds import Channel
from notifier.outbox import Outbox
from notifier.receipts import apply
from notifier.routing import Routing
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.settings import MailSecurity, SendMode
from outage.site import NEUTRAL
from tests.integration.notifier.world import World, phone
from tests.unit.notifier.channels.mail_server import MailServerScript, receiving
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving
from tests.unit.notifier.test_bounces import report

BOTH = {Channel.SMS: ("twilio", "twilio-2")}


def accepted(call: Call) -> Answer:
    return Answer(201, json.dumps({"sid": f"SM{call.body.hex()[-30:]}"}).encode())


@contextmanager
def two_accounts(
    world: World, first: Callable[[Call], Answer], second: Callable[[Call], Answer] = accepted
) -> Iterator[tuple[Outbox, Provider, Provider]]:
    with serving(first) as one, serving(second) as two:
        settings = replace(
            world.settings,
            send=SendMode.LIVE,
            batch_size=20,
            second_share=0,
            twilio_account_sid="AC" + "0" * 32,
            twilio_auth_token="made-up-token",
            twilio_from="+12005550100",
            twilio_base_url=one.url,
            twilio_concurrency=4,
            twilio_2_account_sid="AC" + "1" * 32,
            twilio_2_auth_token="made-up-second-token",
            twilio_2_from="+12005550101",
            twilio_2_base_url=two.url,
        )
        with closing(Outbox(world.db, settings, NEUTRAL)) as box:
            yield box, one, two


def many_out(world: World, count: int = 100) -> None:
    for number in range(count):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(count)))
    world.plan()
    world.pass_time(seconds=60)


def states(world: World) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, _, state in world.messages():
        found[state] = found.get(state, 0) + 1
    return found


def providers_of(db: Database) -> list[str]:
    with db.read() as conn:
        return sorted({row.provider for row in conn.execute(t.messages.select()) if row.provider})


def test_while_the_first_is_well_it_carries_everything(world: World) -> None:
    many_out(world, 30)
    with two_accounts(world, accepted) as (box, one, two):
        assert box.drain() == 30
    assert (len(one.calls), len(two.calls)) == (30, 0)


def test_when_the_first_account_is_stopped_the_second_takes_over_and_nobody_goes_without(
    world: World,
) -> None:
    many_out(world, 60)

    def stopped(_call: Call) -> Answer:
        return Answer(401, json.dumps({"code": 20003, "status": 401}).encode())

    with two_accounts(world, stopped) as (box, one, two):
        box.drain()
        world.pass_time(seconds=120)
        box.drain()
        assert states(world) == {"accepted": 60}
        assert len(one.calls) <= 4
        assert len(two.calls) == 60
        assert providers_of(world.db) == ["twilio-2"]
        with world.db.read() as conn:
            p = t.providers.c
            resting = t.providers.select().where(p.rests_code.is_not(None))
            row = conn.execute(resting).one()
    assert (row.name, row.rests_code) == ("twilio", "20003")


def test_a_provider_that_answers_500_is_left_alone_after_a_few_calls(world: World) -> None:
    many_out(world, 60)
    with two_accounts(world, lambda _call: Answer(500)) as (box, one, two):
        box.drain()
        world.pass_time(seconds=10)
        box.drain()
        assert len(one.calls) <= PATIENCE + 4
        assert states(world)["accepted"] == 60 - states(world).get("unknown", 0)
        assert states(world).get("unknown", 0) <= PATIENCE + 4
        assert len(two.calls) >= 60 - len(one.calls)


def test_while_all_providers_rest_nothing_is_claimed_and_the_queue_stands(world: World) -> None:
    many_out(world, 30)
    down = Answer(401, json.dumps({"code": 20003, "status": 401}).encode())
    with two_accounts(world, lambda _call: down, lambda _call: down) as (box, one, two):
        box.drain()
        calls = len(one.calls) + len(two.calls)
        world.pass_time(seconds=300)
        assert box.waiting(queued_too=True) == []
        assert box.drain() == 0
        assert len(one.calls) + len(two.calls) == calls
    assert states(world) == {"pending": 30}


def test_after_its_rest_one_message_tries_the_provider_and_the_others_follow(
    world: World,
) -> None:
    many_out(world, 20)
    well = [False]

    def answer(call: Call) -> Answer:
        return accepted(call) if well[0] else Answer(401, b'{"code": 20003, "status": 401}')

    with two_accounts(world, answer) as (box, one, _):
        only = Routing(world.db, {Channel.SMS: ("twilio",)}, second_share=0)
        box.routing = only
        box.drain()
        world.pass_time(seconds=120)
        _rest_is_over(only, world.db)
        before = len(one.calls)
        box.drain()
        assert len(one.calls) == before + 1
        well[0] = True
        world.pass_time(seconds=120)
        _rest_is_over(only, world.db)
        assert box.drain() == 20
    assert states(world) == {"accepted": 20}
    assert only.may_call("twilio")


def _rest_is_over(found: Routing, db: Database) -> None:
    """Wind the rest back, here and in the table: wall time cannot be moved."""
    breaker = found._breakers["twilio"]  # noqa: SLF001  # what a minute's wait would do
    assert breaker.until is not None
    found._breakers["twilio"] = Breaker(  # noqa: SLF001  # the same
        rests=breaker.rests, until=breaker.until - timedelta(hours=1), code=breaker.code
    )
    with db.write() as conn:
        conn.execute(t.providers.update().values(rests_until=business_now(conn)))


def test_a_rest_that_one_process_begins_holds_for_another(world: World) -> None:
    many_out(world, 10)
    stopped = Answer(401, b'{"code": 20003, "status": 401}')
    with two_accounts(world, lambda _call: stopped) as (box, _, _two):
        (batch,) = box.waiting(queued_too=True)
        box.send(batch.key)
    other = Routing(world.db, BOTH, second_share=0)
    assert other.pick(Channel.SMS) == "twilio-2"


@pytest.mark.parametrize(
    ("chance", "picked"), [(0.0, "twilio"), (0.89, "twilio"), (0.9, "twilio-2")]
)
def test_batches_are_shared_out_by_weight(world: World, chance: float, picked: str) -> None:
    found = Routing(world.db, BOTH, second_share=10, chance=lambda: chance)
    assert found.pick(Channel.SMS) == picked


def test_a_channel_without_a_provider_has_none(world: World) -> None:
    assert Routing(world.db, {}, second_share=10).pick(Channel.EMAIL) is None


def test_a_slow_first_provider_loses_ten_points_and_gets_them_back(world: World) -> None:
    many_out(world, 40)
    with two_accounts(world, accepted) as (box, _, _two):
        assert box.drain() == 40
    found = Routing(world.db, BOTH, second_share=10)
    found.weigh()
    assert _share(world.db) is None
    world.pass_time(minutes=6)  # accepted, and no word of a delivery since
    found.weigh()
    assert _share(world.db) == (80, "first_slow")
    found.weigh()
    assert _share(world.db) == (80, "first_slow")
    with world.db.write() as conn:
        long_ago = wall_now(conn) - BACK_AFTER
        conn.execute(t.providers.update().values(share_since=long_ago))
    world.pass_time(minutes=30)
    found.weigh()
    assert _share(world.db) == (90, "back")


def _share(db: Database) -> tuple[int, str] | None:
    with db.read() as conn:
        row = conn.execute(t.providers.select().where(t.providers.c.name == "twilio")).first()
    return None if row is None or row.share is None else (row.share, row.share_reason)


def test_mail_goes_through_the_utilitys_own_server_and_a_bounce_finds_its_way_back(
    world: World,
) -> None:
    world.account("one", ["P1"], "one@example.org")
    world.account("two", ["P2"], "two@example.org")
    world.declare("P1", "P2")
    world.plan()
    world.pass_time(seconds=60)
    with receiving(MailServerScript()) as server:
        settings = replace(
            world.settings,
            send=SendMode.LIVE,
            secret_key="made-up-key-of-32-characters-0001",
            smtp_host="127.0.0.1",
            smtp_port=server.port,
            smtp_security=MailSecurity.NONE,
            smtp_from="outages@example.org",
            smtp_bounces="bounces@example.org",
        )
        with closing(Outbox(world.db, settings, NEUTRAL)) as box:
            assert box.drain() == 2
    assert states(world) == {"accepted": 2}
    came_back = next(mail for mail in server.mails if mail.to == "one@example.org")
    marks = Marks(key=settings.secret_key)
    receipt = read(report(came_back.envelope_from), marks)
    assert receipt is not None
    assert [apply(world.db, [receipt]) for _ in range(3)] == [1, 0, 0]
    assert read(report(came_back.envelope_from), Marks(key="another")) is None
    assert states(world) == {"accepted": 1, "undelivered": 1}
    with world.db.read() as conn:
        e = t.endpoints
        bad = conn.execute(e.select().where(e.c.invalid_at.is_not(None))).all()
    assert [(row.address, row.invalid_code) for row in bad] == [("one@example.org", "5.1.1")]
