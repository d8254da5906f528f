"""An outbox over a small utility, and a provider that answers as told."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

from notifier import claiming
from notifier.channels.base import Outcome, Result
from notifier.outbox import Outbox
from outage import tables as t
from outage.database import wall_now
from outage.settings import SendMode, Settings
from outage.site import Site
from tests.integration.notifier.world import World, phone
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving

A, B, C = phone(1), phone(2), phone(3)


SITE = Site(
    name="Harbor Light & Power",
    short_name="Harbor Light",
    time_zone="America/Vancouver",
)


def listed(*messages: dict[str, object]) -> Answer:
    """A list of Twilio's that holds these messages, newest first, on one page."""
    return Answer(200, json.dumps({"messages": messages, "next_page_uri": None}).encode())


def accepted(call: Call) -> Answer:
    if call.method == "GET":
        return listed()
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
        with closing(Outbox(world.db, settings, SITE)) as box:
            yield box, provider


def said(provider: Provider) -> list[tuple[str, str]]:
    """(number, text) of every text the provider was asked to send."""
    found = []
    for call in provider.calls:
        if "/mail/send" not in call.path and call.method == "POST":
            form = parse_qs(call.body.decode())
            found.append((form["To"][0], form["Body"][0]))
    return found


def accepted_by_now(claimed: claiming.ClaimedBatch) -> list[Outcome]:
    return [
        Outcome(message_key=key, result=Result.ACCEPTED, provider_id="SM1")
        for key in claimed.fences
    ]


def ask(world: World, box: Outbox) -> None:
    """Ask providers for whatever is unknown, without the wait before that."""
    with world.db.write() as conn:
        long_ago = wall_now(conn) - timedelta(hours=1)
        m = t.messages
        conn.execute(m.update().where(m.c.ask_after.is_not(None)).values(ask_after=long_ago))
    box.reconciler.turn()


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
