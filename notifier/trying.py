"""One message to one address, to see whether a provider takes what we send and what becomes of it.

It is of no outage, and not on record: what a provider says of it later changes nothing.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.channels.base import (
    Finding,
    Found,
    Outcome,
    Outgoing,
    Sought,
    Trace,
    Unknowable,
)
from notifier.channels.providers import configured, opened
from notifier.errors import NoProviderForTest, StoppedForTest
from notifier.kinds import Channel
from notifier.rendering import Text
from outage import tables as t
from outage.settings import Settings
from outage.site import Site

NO_MESSAGE = 0
"""A key that no message has: receipts for it are of nothing."""
LOOK_S = 1.0
VALID_S = 600
_ENDS = frozenset({"delivered", "undelivered", "failed", "canceled", "read"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What became of it. ``event`` is the provider's newest word for how far it has got."""

    provider: str
    outcome: Outcome
    event: str = ""
    code: str = ""


def provider_of(settings: Settings, channel: Channel, name: str | None) -> str:
    """The provider to test: the named one, or the preferred. Raises `NoProviderForTest`."""
    names = configured(settings).get(channel, ())
    if not names or (name is not None and name not in names):
        raise NoProviderForTest(
            channel="texts" if channel is Channel.SMS else "e-mail",
            names=" and ".join(names) or "none",
        )
    return names[0] if name is None else name


def refuse_if_stopped(conn: Connection, kind: str, address: str) -> None:
    """Nobody who said STOP is sent anything. Raises `StoppedForTest`."""
    e = t.endpoints.c
    mine = sa.select(e.opted_out_at).where(e.kind == kind, e.address == address)
    if conn.execute(mine).scalar() is not None:
        raise StoppedForTest


def text_of(site: Site, channel: Channel, now: datetime) -> Text:
    """What it says: that it is a test, of whom, and when it was sent."""
    at = f"{now.astimezone(site.zone):%Y-%m-%d %H:%M:%S}"
    said = f"{site.short_name}: this is a test, sent at {at}. There is nothing you have to do."
    subject = f"{site.short_name}: test" if channel is Channel.EMAIL else ""
    return Text(channel=channel, language="en", template="test/1", subject=subject, body=said)


def send(
    settings: Settings,
    site: Site,
    *,
    provider: str,
    address: str,
    text: Text,
    wait_s: float,
    waits: Callable[[str], None] = lambda _event: None,
) -> Tested:
    """Send it, and ask the provider for as long as ``wait_s`` how far it has got.

    ``waits`` is told each new word. Of what no list is kept, nothing is asked.
    """
    since = datetime.now(UTC) - timedelta(minutes=1)
    with closing(opened(provider, settings, site)) as channel:
        outgoing = Outgoing(message_key=NO_MESSAGE, address=address, text=text, valid_for_s=VALID_S)
        (outcome,) = channel.send([outgoing], lambda _outgoing: True)
        tested = Tested(provider=provider, outcome=outcome, code=outcome.code)
        until = time.monotonic() + (wait_s if outcome.provider_id else 0)
        sought = Sought(message_key=NO_MESSAGE, address=address, text=text, since=since)
        while time.monotonic() < until and tested.event not in _ENDS:
            (finding,) = channel.find([sought], lambda: True)
            if isinstance(finding, Unknowable):
                break
            trace = _trace(finding, outcome.provider_id)
            if trace is not None and trace.event != tested.event:
                waits(trace.event)
                tested = replace(tested, event=trace.event, code=trace.code)
            if tested.event not in _ENDS:
                time.sleep(LOOK_S)
        return tested


def _trace(finding: Finding, provider_id: str) -> Trace | None:
    """What a provider's list says of just this message."""
    traces = finding.traces if isinstance(finding, Found) else ()
    return next((trace for trace in traces if trace.provider_id == provider_id), None)
