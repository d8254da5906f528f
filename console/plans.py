"""What a declaration would do: whom it reaches, what they would read, what that costs.

The declaration is carried out as the API carries it out, and taken back before anybody could see
it: what would be refused is refused here in the same words, and what is read here is what is true
of the outage in the database's own words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import Connection

from console import bodies, changes, wording
from console.access import Caller
from console.changes import Asked
from console.desk import Desk
from console.drafts import Draft
from console.errors import BadBody
from gis import counting
from gis.matching import Match, limits_of
from gis.preview import Previewer
from notifier import facts, foretelling
from notifier.facts import OutageFacts
from notifier.foretelling import Forecast
from notifier.kinds import Channel
from notifier.terms import Terms
from outage.clock import business_now
from outage.model import Outage
from outage.site import Site

UNREACHED_SHOWN = 50
"""Accounts without a contact that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A declaration, read and matched: what `changes.declare` takes, and words for the public."""

    asked: Asked
    public_message: str | None
    match: Match | None

    @property
    def nowhere(self) -> Wanted:
        """The same, of nobody: what is said of an outage does not hang on whom it is said to."""
        body = self.body.model_copy(update=dict.fromkeys(bodies.WAYS) | {"allow_empty": True})
        return replace(self, asked=replace(self.asked, body=body, shape=None), match=None)

    @property
    def inside(self) -> str:
        """What two declarations that reach the same premises have in common, empty for nobody."""
        return "" if self.match is None else hashlib.sha256(self.match.keys.tobytes()).hexdigest()

    @property
    def body(self) -> bodies.DeclareBody:
        """What was asked for."""
        body: bodies.DeclareBody = self.asked.body
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would come of it.

    Attributes:
        counts: who is inside, as the preview has it; None where nobody is by purpose.
        unreached: id and name of accounts nobody can be reached at, the first of them.
        takes: by channel, how long until the last is sent; None where nobody knows.
        cost: of all texts, in words; empty where a segment has no price.
    """

    wanted: Wanted
    counts: dict[str, Any] | None
    unreached: Sequence[tuple[str, str]]
    forecast: Forecast
    takes: dict[Channel, timedelta | None]
    cost: str
    at: datetime


class _NotForGood(Exception):
    """Nothing of this is kept."""


def read(desk: Desk, site: Site, caller: Caller, draft: Draft) -> Wanted:
    """Read a draft and find who is inside.

    Raises `ConsoleError` and `GisError`: one sentence that says what is wrong.
    """
    body = draft.body(site.zone)
    limits = limits_of(desk.settings)
    place = draft.asked(body, limits)
    match = None
    if place is not None:
        match = desk.matcher.ask(
            place, body.service, limits=limits, max_ids=desk.settings.list_max_ids
        )
    wanted = unmatched(caller, draft, body)
    shape = None if match is None else match.for_desk()
    return replace(wanted, asked=replace(wanted.asked, shape=shape), match=match)


def unmatched(caller: Caller, draft: Draft, body: bodies.DeclareBody) -> Wanted:
    """A declaration for which nobody has looked yet who is inside. Raises `BadBody`."""
    asked = Asked(id="", message=0, body=body, caller=caller, shape=None)
    return Wanted(asked=asked, public_message=_message(draft), match=None)


def carry_out(conn: Connection, desk: Desk, wanted: Wanted) -> Outage:
    """Declare it. Raises `OutageError` and `NoPlace`."""
    made = changes.declare(desk.settings.max_recipients)(conn, wanted.asked)
    if wanted.public_message is None:
        return made
    said = bodies.UpdateBody(public_message=wanted.public_message)
    report = Asked(id=made.id, message=0, body=said, caller=wanted.asked.caller, shape=None)
    return changes.update(conn, report).outage


def plan(desk: Desk, previewer: Previewer, terms: Terms, wanted: Wanted) -> Plan:
    """Say what would come of it; nothing is kept. Raises what `carry_out` raises."""
    about, now = tried(desk, wanted)
    counts, unreached = None, list[tuple[str, str]]()
    if wanted.match is not None:
        counts = previewer.behind(wanted.match, wanted.body.service)
    forecast = foretelling.foretell(about, counts["contacts"] if counts else {}, terms, now)
    with desk.db.read() as conn:
        if wanted.match is not None:
            keys = wanted.match.keys.tolist()
            unreached = counting.unreached(conn, keys, limit=UNREACHED_SHOWN)
        takes = foretelling.takes(conn, desk.settings, forecast.segments)
    return Plan(
        wanted=wanted,
        counts=counts,
        unreached=unreached,
        forecast=forecast,
        takes=takes,
        cost=cost(terms, forecast),
        at=now,
    )


def tried(desk: Desk, wanted: Wanted) -> tuple[OutageFacts, datetime]:
    """What is true of the outage once it is declared, and the moment of that."""
    found: list[tuple[OutageFacts, datetime]] = []
    with suppress(_NotForGood), desk.db.write() as conn:
        made = carry_out(conn, desk, wanted)
        found.append((facts.load(conn, [made.key])[made.key], business_now(conn)))
        raise _NotForGood
    return found[0]


def _message(draft: Draft) -> str | None:
    given = draft.get("public_message").strip()
    try:
        return bodies.UpdateBody(public_message=given).public_message if given else None
    except ValidationError as error:
        problem = wording.problem(error.errors(include_url=False, include_input=False)[0])
        raise BadBody([{"field": wording.LABELS["public_message"], "problem": problem}]) from error


def cost(terms: Terms, forecast: Forecast) -> str:
    """What all texts cost, in words; empty where a segment has no price."""
    prices = terms.prices
    if prices is None:
        return ""
    return prices.in_words(forecast.segments[Channel.SMS] * prices.segment)
