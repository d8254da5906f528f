"""What nobody knows the fate of: the provider is asked before anything is sent again."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from notifier import batches
from notifier.channels.breaker import STOPPED_REST
from notifier.outbox import Outbox
from notifier.receipts import Receipt, apply
from notifier.reconciling import ASKED_FOR, AT_ONCE, MOST_SENDS
from outage import tables as t
from outage.database import wall_now
from outage.model import Cause, Kind
from outage.site import NEUTRAL
from tests.integration.carrier.conftest import Carrier
from tests.integration.notifier.sending import A, B, accepted, ask, listed, one_out, outbox, said
from tests.integration.notifier.test_round_trip import connected
from tests.integration.notifier.world import World, phone
from tests.unit.notifier.channels.provider import Answer, Call, Provider

BROKEN = Answer(500, b"oops")


def row(world: World, **where: object) -> Any:  # noqa: ANN401  # a row's columns are of all types
    m = t.messages
    with world.db.read() as conn:
        statement = m.select().where(*(m.c[name] == value for name, value in where.items()))
        return conn.execute(statement.order_by(m.c.key)).first()


def at_twilio(call: Call, sid: str, **more: object) -> dict[str, object]:
    """What its list shows of a text that it took, by the request for it."""
    form = parse_qs(call.body.decode())
    shown: dict[str, object] = {
        "sid": sid,
        "to": form["To"][0],
        "body": form["Body"][0],
        "direction": "outbound-api",
        "status": "sent",
        "error_code": None,
        "date_created": format_datetime(datetime.now(UTC)),
    }
    return shown | more


def lists(
    make: Callable[[Call], list[dict[str, object]]], *, first: Answer = BROKEN
) -> Callable[[Call], Answer]:
    """A provider that answers the first text with ``first`` and shows what ``make`` makes of it."""
    texts: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "GET":
            return listed(*make(texts[0]))
        texts.append(call)
        return first if len(texts) == 1 else accepted(call)

    return answer


def send(world: World, box: Outbox) -> None:
    world.pass_time(seconds=60)
    box.drain()


def awake(world: World, box: Outbox) -> None:
    """End the rests of all providers: most of this is not about them."""
    with world.db.write() as conn:
        conn.execute(t.providers.delete())
    box.routing._breakers.clear()  # noqa: SLF001  # what minutes of wall time would do


def posts(provider: Provider) -> list[Call]:
    return [call for call in provider.calls if call.method == "POST"]


def asks(provider: Provider) -> list[Call]:
    return [call for call in provider.calls if call.method == "GET"]


def test_a_text_that_the_providers_list_shows_is_accepted_with_its_sid_and_never_sent_again(
    world: World,
) -> None:
    one_out(world)
    found = lists(lambda call: [at_twilio(call, "SM1", status="delivered")])
    with outbox(world, found) as (box, provider):
        send(world, box)
        assert row(world).state == "unknown"
        ask(world, box)
        box.drain()
    assert len(said(provider)) == 1
    message = row(world)
    assert (message.state, message.provider_id, message.reason) == ("delivered", "SM1", None)
    with world.db.read() as conn:
        assert conn.execute(sa.select(t.receipts.c.event)).scalars().all() == ["delivered"]


def test_nothing_is_asked_or_sent_before_the_wait_is_over(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        box.reconciler.turn()
        world.pass_time(hours=1)
        box.drain()
        assert len(provider.calls) == 1
    message = row(world)
    assert message.ask_after - message.unknown_since == timedelta(seconds=box.settings.ask_after_s)


def test_a_text_that_the_list_surely_has_not_is_sent_again_in_the_same_words(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        ask(world, box)
        box.drain()
    first, second = said(provider)
    assert first == second
    assert (row(world).state, row(world).sends) == ("accepted", 2)


OTHERS = {
    "other words": {"body": "Your bill is due"},
    "what they texted us": {"direction": "inbound"},
    "an older one": {"date_created": format_datetime(datetime.now(UTC) - timedelta(hours=1))},
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_else_went_to_the_same_number_is_not_taken_for_it(world: World, other: str) -> None:
    one_out(world)
    found = lists(lambda call: [at_twilio(call, "SM1", **OTHERS[other])])
    with outbox(world, found) as (box, provider):
        send(world, box)
        ask(world, box)
        box.drain()
    assert len(said(provider)) == 2


def test_a_sid_that_is_another_messages_is_not_taken_for_it(world: World) -> None:
    world.account("one", ["P1", "P2"], A)
    for premise in ("P1", "P2"):
        world.declare(premise)
    world.plan()
    answers = iter([Answer(201, b'{"sid": "SM1"}'), BROKEN])
    texts: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "GET":
            return listed(*(at_twilio(texts[0], "SM1") for _ in texts))
        texts.append(call)
        return next(answers, accepted(call))

    with outbox(world, answer) as (box, provider):
        send(world, box)
        assert said(provider)[0] == said(provider)[1]
        ask(world, box)
        box.drain()
    assert len(said(provider)) == 3
    assert [state for _, _, state in world.messages()] == ["accepted", "accepted"]


def test_the_list_is_read_to_the_time_of_the_attempt_and_no_further(world: World) -> None:
    one_out(world)
    texts: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "POST":
            texts.append(call)
            return BROKEN
        number = int(parse_qs(urlsplit(call.path).query).get("Page", ["0"])[0])
        old = {} if number < 2 else {"date_created": "Thu, 01 Jan 2026 00:00:00 +0000"}
        page = [at_twilio(texts[0], f"SM{number}", body="something else", **old)]
        if number == 1:
            page.append(at_twilio(texts[0], "SM-ours"))
        following = f"{urlsplit(call.path).path}?Page={number + 1}"
        return Answer(200, json.dumps({"messages": page, "next_page_uri": following}).encode())

    with outbox(world, answer) as (box, provider):
        send(world, box)
        ask(world, box)
    assert len(asks(provider)) == 3
    assert row(world).provider_id == "SM-ours"


def test_a_callback_settles_it_and_nobody_is_asked(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        told = Receipt(
            provider="twilio", message_key=row(world).key, event="sent", provider_id="SM1"
        )
        assert apply(world.db, [told]) == 1
        ask(world, box)
        box.drain()
    assert len(provider.calls) == 1
    assert (row(world).state, row(world).provider_id) == ("accepted", "SM1")


def test_while_the_provider_does_not_say_nothing_is_sent_and_it_is_asked_ever_later(
    world: World,
) -> None:
    one_out(world)
    with outbox(world, lambda _call: BROKEN) as (box, provider):
        send(world, box)
        waits = []
        for _ in range(3):
            ask(world, box)
            box.drain()
            with world.db.read() as conn:
                waits.append(row(world).ask_after - wall_now(conn))
        with world.db.read() as conn:
            assert batches.left(conn) == 1
    assert len(posts(provider)) == 1
    assert row(world).asked == 3
    seconds = [wait.total_seconds() for wait in waits]
    assert seconds == pytest.approx([10, 20, 40], abs=8)


@pytest.mark.parametrize("bound", ["an hour", "too old"])
def test_a_provider_that_never_says_is_asked_no_more_and_the_end_has_a_name(
    world: World, bound: str
) -> None:
    one_out(world)
    with outbox(world, lambda _call: BROKEN) as (box, provider):
        send(world, box)
        ask(world, box)
        assert row(world).ended_at is None
        if bound == "an hour":
            with world.db.write() as conn:
                since = wall_now(conn) - ASKED_FOR
                conn.execute(t.messages.update().values(unknown_since=since))
        else:
            world.pass_time(hours=7)
        ask(world, box)
        box.drain()
        with world.db.read() as conn:
            assert batches.left(conn) == 0
    assert len(posts(provider)) == 1
    assert (row(world).state, row(world).reason) == ("unknown", "no_word")
    late = Receipt(provider="twilio", message_key=row(world).key, event="sent", provider_id="SM1")
    assert apply(world.db, [late]) == 1
    assert (row(world).state, row(world).reason, row(world).ended_at) == ("accepted", None, None)


def test_a_provider_that_rests_is_not_asked(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        with world.db.write() as conn:
            until = wall_now(conn) + STOPPED_REST
            conn.execute(t.providers.update().values(rests=1, rests_until=until))
        ask(world, box)
        assert len(provider.calls) == 1
        assert row(world).asked == 0
        assert row(world).ended_at is None
        with world.db.write() as conn:
            conn.execute(t.providers.delete())
        ask(world, box)
        box.drain()
    assert row(world).state == "accepted"


def test_told_to_stop_it_asks_nobody_and_leaves_everything_as_it_is(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        with world.db.write() as conn:
            conn.execute(t.messages.update().values(ask_after=wall_now(conn)))
        before = row(world)
        assert not box.reconciler.turn(lambda: True)
    assert len(provider.calls) == 1
    assert row(world) == before


def test_a_text_that_is_never_taken_is_tried_so_often_and_no_more(world: World) -> None:
    one_out(world)

    def answer(call: Call) -> Answer:
        return listed() if call.method == "GET" else BROKEN

    with outbox(world, answer) as (box, provider):
        send(world, box)
        for _ in range(MOST_SENDS + 2):
            awake(world, box)
            ask(world, box)
            box.drain()
    assert len(said(provider)) == MOST_SENDS
    assert (row(world).state, row(world).reason) == ("unknown", "tried_enough")


def test_only_so_many_are_asked_for_in_one_turn(world: World) -> None:
    count = AT_ONCE + 7
    for number in range(count):
        world.account(f"A{number}", [f"P{number}"], phone(number))
    world.declare(*(f"P{number}" for number in range(count)))
    world.plan()
    with outbox(world, lambda _call: listed(), twilio_concurrency=4) as (box, provider):
        world.pass_time(seconds=60)
        with world.db.write() as conn:
            m, at = t.messages, wall_now(conn)
            text = conn.execute(
                t.texts.insert()
                .values(digest="d", channel="sms", language="en", template="t/1", body="Out")
                .returning(t.texts.c.key)
            ).scalar_one()
            conn.execute(
                m.update().values(
                    state="unknown",
                    unknown_since=at,
                    ask_after=at,
                    text_key=text,
                    provider="twilio",
                )
            )
        assert box.reconciler.turn()
        assert len(asks(provider)) == AT_ONCE
        assert not box.reconciler.turn()
        assert len(asks(provider)) == count


MAIL = "one@example.org"


def unknown_mail(world: World, box: Outbox, *, watch: bool) -> None:
    world.account("one", ["P1"], MAIL)
    facts: dict[str, object] = {}
    if watch:
        facts = {"kind": Kind.ADVISORY, "predicted": True, "cause": Cause.WEATHER}
    world.declare("P1", **facts)
    world.plan()
    send(world, box)


@pytest.mark.parametrize(("watch", "mails"), [(False, 2), (True, 1)])
def test_an_email_of_which_no_event_comes_is_sent_again_if_its_kind_says_so(
    world: World, *, watch: bool, mails: int
) -> None:
    answers = iter([BROKEN])
    with outbox(world, lambda call: next(answers, accepted(call))) as (box, provider):
        unknown_mail(world, box, watch=watch)
        message = row(world)
        assert message.ask_after - message.unknown_since == timedelta(minutes=10)
        box.drain()
        assert len(provider.calls) == 1
        ask(world, box)
        box.drain()
    assert len(provider.calls) == mails
    found = row(world)
    assert (found.state, found.reason) == (
        ("unknown", "not_resent") if watch else ("accepted", None)
    )


def test_an_email_that_is_unknown_twice_is_given_up(world: World) -> None:
    with outbox(world, lambda _call: BROKEN) as (box, provider):
        unknown_mail(world, box, watch=False)
        for _ in range(3):
            ask(world, box)
            box.drain()
    assert len(provider.calls) == 2
    assert (row(world).state, row(world).reason) == ("unknown", "tried_enough")


def test_a_provider_that_the_settings_name_no_more_is_as_good_as_silent(world: World) -> None:
    one_out(world)
    with outbox(world, lists(lambda _call: [])) as (box, provider):
        send(world, box)
        less = replace(box.settings, twilio_account_sid="")
        with closing(Outbox(world.db, less, NEUTRAL)) as other:
            ask(world, other)
            other.drain()
    assert len(provider.calls) == 1
    assert (row(world).state, row(world).asked) == ("unknown", 1)


@pytest.mark.processes
def test_the_simulators_list_tells_what_was_taken_from_what_was_not(
    world: World, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """Two texts in three end in a 500, half of those taken before; each arrives once."""
    hooks = f"http://127.0.0.1:{free_port()}/hooks/sendgrid/events"
    carrier = Carrier(folder=tmp_path / "carrier", settings={"events_url": hooks}).start()
    try:
        count = 30
        for number in range(count):
            world.account(f"A{number}", [f"P{number}"], phone(300 + number))
        world.declare(*(f"P{number}" for number in range(count)))
        world.plan()
        with closing(Outbox(world.db, connected(world.settings, carrier), NEUTRAL)) as box:
            carrier.control(
                faults=[
                    {"kind": "server_error", "api": "sms", "status": 500, "rate": 0.34, "count": 9},
                    {
                        "kind": "server_error",
                        "api": "sms",
                        "status": 500,
                        "rate": 0.5,
                        "accepted": True,
                        "count": 9,
                    },
                ]
            )
            world.pass_time(seconds=60)
            for _ in range(30):
                awake(world, box)
                box.drain()
                ask(world, box)
        counts = carrier.json("/json/counts")
        assert (counts["sms"], counts["our_ids"], counts["doubled"]) == (count, count, 0)
        assert {state for _, _, state in world.messages()} <= {"accepted", "delivered"}
        assert len(world.messages()) == count
    finally:
        carrier.kill()


def test_two_people_are_told_apart_by_their_numbers(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    world.declare("P1", "P2")
    world.plan()
    texts: list[Call] = []

    def answer(call: Call) -> Answer:
        if call.method == "GET":
            to = parse_qs(urlsplit(call.path).query)["To"][0]
            took = [text for text in texts if parse_qs(text.body.decode())["To"] == [to] == [A]]
            return listed(*(at_twilio(text, "SM1") for text in took))
        texts.append(call)
        return BROKEN if len(texts) <= 2 else accepted(call)

    with outbox(world, answer) as (box, provider):
        send(world, box)
        ask(world, box)
        box.drain()
    assert sorted(number for number, _ in said(provider)) == [A, B, B]
