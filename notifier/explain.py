"""Why an account was told what it was told, or was not told, in sentences."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import facts
from notifier.following import Follow
from notifier.kinds import Kind
from notifier.manners import Manners
from notifier.policy import Reason, decide, unpack
from notifier.situations import Form, Moment, situations
from outage import tables as t

SAID = {
    Kind.REPORTED: "that we have their report",
    Kind.DETECTED: "that service is out",
    Kind.NO_ETR_YET: "that there is no time of return yet",
    Kind.ETR: "when service should be back",
    Kind.ETR_LATER: "that service will be back later than they were told",
    Kind.ETR_PASSED: "in an apology, that the time they were given has passed",
    Kind.CREW: "that a crew is on site",
    Kind.PARTLY_RESTORED: "that service should be back at some of their places",
    Kind.RESTORED: "that service should be back",
    Kind.STILL_OUT_RECEIVED: "that we have their word that service is still out",
    Kind.CANCELLED: "that the notice is withdrawn",
    Kind.CORRECTION_OUT: "in a correction, that service is out after all",
    Kind.CORRECTION_INTERMITTENT: "in a correction, that service comes and goes",
    Kind.CORRECTION_UNAFFECTED: "in a correction, that it does not include them",
    Kind.PLANNED_NOTICE: "that work is planned",
    Kind.PLANNED_REMINDER: "that planned work is near",
    Kind.PLANNED_STARTED: "that planned work has begun",
    Kind.PLANNED_CHANGED: "that planned work has another time",
    Kind.PLANNED_CANCELLED: "that planned work will not take place",
    Kind.PLANNED_DONE: "that planned work is done",
    Kind.ADVISORY: "of the advisory",
    Kind.ADVISORY_LIFTED: "that the advisory is lifted",
    Kind.STORM_WATCH: "that a storm may come",
    Kind.AREA_OUT: "that service is out in an area that they watch",
    Kind.AREA_ETR: "when service should be back there",
    Kind.AREA_OVER: "that the outage there should be over",
    Kind.AREA_AGAIN: "in a correction, that service is out there after all",
    Kind.AREA_WITHDRAWN: "in a correction, that what they were told of an area is taken back",
}
"""What each kind says, after "was to be told"; `docs/messages.md` shows it."""
_ENDED = {
    "pending": "waits to be sent",
    "claimed": "is being sent",
    "unknown": "may or may not have reached the provider",
    "accepted": "was accepted by the provider",
    "delivered": "was delivered",
    "undelivered": "could not be delivered",
    "failed": "was refused by the provider",
    "superseded": "was not sent: something newer took its place",
    "withdrawn": "was not sent",
    "expired": "was not sent: it had become too old",
    "suppressed": "was not sent",
    "shadowed": "was not sent: the send mode does everything but the call",
}
_FOLLOWED = {
    Follow.BY_EMAIL: " An e-mail takes its place.",
    Follow.HAS_EMAIL: " Their e-mail takes outage alerts as well.",
    Follow.AGAIN: " It was tried once more, ten minutes later.",
    Follow.NOTHING: " Nothing else could take its place.",
}
_SECOND = 2
WHY = {
    Reason.NOTHING_NEW: "what they were last told still holds",
    Reason.NEVER_TOLD: "they were never told of this outage, and it no longer concerns them",
    Reason.ETR_MOVED_LITTLE: "the estimated time moved by too little",
    Reason.ETR_OVER: "the estimated time has passed, and they were never told it",
    Reason.PARTLY_OUT: "some of their places are back, and some are still out",
    Reason.OUT_IN_OTHER_OUTAGE: "another outage still keeps the place without service",
    Reason.NOT_SETTLED: "it is still being worked out who is affected",
    Reason.NO_LONGER_HERE: "the account no longer holds a place in this outage",
    Reason.PREDICTED: "the outage is only predicted",
    Reason.PLANNED_NOT_STARTED: "the planned work has not begun",
    Reason.SILENT: "the outage was already there when its source was first read",
    Reason.NO_LONGER_LISTED: "the source no longer lists the outage, which is no proof of power",
    Reason.FEW_IN_AREA: "too few are out for who watches the area to be told",
    Reason.NOT_IN_AREA: "most of the outage lies elsewhere by now, and how it ends is told",
    Reason.TOLD_OF_THEIRS: "they were told of a place of their own",
    Reason.NOT_OF_AREAS: "advisories are not told to who watches an area",
    Reason.NO_ALERTS_WANTED: "the account wants no outage alerts",
    Reason.OPTED_OUT: "this number or address has opted out",
    Reason.INVALID_ENDPOINT: "this number or address is known to be bad",
    Reason.SEND_MODE: "sending is off",
    Reason.NO_PROVIDER: "no provider is set up for this channel",
    Reason.NEWER_DECISION: "something newer took its place",
    Reason.EXPIRED: "it had become too old",
    Reason.NOT_RESENT: "what it said is not sent twice",
    Reason.TRIED_ENOUGH: "it was tried as often as it may be",
    Reason.NO_WORD: "the provider did not say in time whether it has it",
}
_WAITS = {
    Reason.QUIET_HOURS: "their quiet hours are over",
    Reason.ENOUGH_TODAY: "the next day begins: today has brought as many messages as a day may",
    Reason.ONCE_AN_HOUR: "an hour has passed since the last one, as they asked",
    Reason.NOT_DUE: "the time is near enough for it to matter, or what they were told has passed",
}


def explain(
    conn: Connection,
    account_key: int,
    outage_key: int,
    *,
    zone: ZoneInfo,
    manners: Manners,
    count_shadowed: bool,
) -> list[str]:
    """One sentence for each message of an account about an outage, and how things stand now.

    Numbers and addresses are shown by their last characters only. Works in a
    read-only transaction. ``count_shadowed`` says whether what was only shadowed counts as told.
    """
    was_inside = _was_inside(conn, account_key, outage_key)
    found = [
        _membership(conn, account_key, outage_key)
        if was_inside
        else "No place of the account was ever inside this outage."
    ]
    found += _elsewhere(conn, outage_key)
    endpoints = _endpoints(conn, account_key)
    if not endpoints:
        return [*found, "The account has no phone number or e-mail address, so nobody can be told."]
    known = facts.load(conn, [outage_key])[outage_key]
    moment = Moment.of(conn, manners, count_shadowed=count_shadowed, outage_keys=[outage_key])
    for endpoint in endpoints:
        name = masked(endpoint.kind, endpoint.address)
        messages = _messages(conn, endpoint.key, outage_key)
        found += [became(name, message, zone) for message in messages]
        if messages or was_inside:
            who = _standing(conn, endpoint.key, outage_key, moment)
            found.append(_now(name, who, known, moment))
    return found


def standings(
    conn: Connection,
    account_key: int,
    outage_keys: Sequence[int],
    *,
    manners: Manners,
    count_shadowed: bool,
    most: int,
) -> dict[int, list[str]]:
    """What the numbers and addresses of an account are told now of these outages, and why.

    The same sentences as the last ones of `explain`, for ``most`` of them, in as many statements
    for many outages as for one. Works in a read-only transaction.
    """
    found: dict[int, list[str]] = {key: [] for key in outage_keys}
    endpoints = _endpoints(conn, account_key)
    more, endpoints = len(endpoints) - most, endpoints[:most]
    if not found or not endpoints:
        return found
    known = facts.load(conn, found)
    moment = Moment.of(conn, manners, count_shadowed=count_shadowed, outage_keys=found)
    pairs = {"outages": list(found), "endpoints": [endpoint.key for endpoint in endpoints]}
    asked = conn.execute(_of_pairs(moment.form), {**moment.values, **pairs})
    rows = {(row.outage_key, row.endpoint_key): row for row in asked}
    for key, sentences in found.items():
        sentences += [
            _now(
                masked(endpoint.kind, endpoint.address),
                rows.get((key, endpoint.key)),
                known[key],
                moment,
            )
            for endpoint in endpoints
        ]
        if more > 0:
            sentences.append(f"{more} further numbers and addresses are not shown here.")
    return found


def became(name: str, message: sa.Row[Any], zone: ZoneInfo) -> str:
    """Say what a message was to tell, because of what, and what became of it and why.

    ``name`` begins the sentence; ``message`` is a row of ``messages``.
    """
    said = SAID[Kind.of(message.kind, message.variant)]
    ended = _ENDED[message.state]
    why = (
        _why(message.reason)
        if message.state in {"withdrawn", "suppressed", "unknown", "failed"}
        else ""
    )
    code = f" (code {message.provider_code})" if message.provider_code else ""
    return (
        f"{name} was to be told {said}, because of journal entry {message.number} "
        f"at {_time(message.planned_at, zone)}; the message {ended}{why}{code}."
        f"{_again(message)}{_followed(message)}{_unknown(message, zone)}"
    )


@cache
def _of_pairs(form: Form) -> sa.Select[Any]:
    """How each of these ``endpoints`` stands with each of these ``outages``; built once a form."""
    o, e = t.outages.c.key, t.endpoints.c.key
    target = (
        sa.select(o.label("outage_key"), e.label("endpoint_key"))
        .select_from(t.outages.join(t.endpoints, sa.true()))
        .where(
            o.in_(sa.bindparam("outages", expanding=True)),
            e.in_(sa.bindparam("endpoints", expanding=True)),
        )
    )
    return situations(target.subquery("target"), form)


def _elsewhere(conn: Connection, outage_key: int) -> list[str]:
    """Where the outage went on, and what it was a part of: what was told there counts."""
    o, heir, whole = t.outages, t.outages.alias("heir"), t.outages.alias("whole")
    row = conn.execute(
        sa.select(heir.c.id.label("heir"), whole.c.id.label("whole"))
        .select_from(
            o.outerjoin(heir, heir.c.key == o.c.merged_into).outerjoin(
                whole, whole.c.key == o.c.split_from
            )
        )
        .where(o.c.key == outage_key)
    ).one()
    found = []
    if row.heir:
        found.append(f"The outage goes on under {row.heir}: who was told of it counts as told.")
    if row.whole:
        found.append(
            f"The outage was a part of {row.whole}: who was told of that before counts as told."
        )
    return found


def _membership(conn: Connection, account_key: int, outage_key: int) -> str:
    m, o, i = t.memberships, t.occupancies, t.interruptions
    held = sa.select(o.c.premise_key).where(o.c.account_key == account_key, o.c.until.is_(None))
    members = conn.execute(
        sa.select(sa.func.count(m.c.premise_key.distinct())).where(
            m.c.outage_key == outage_key, m.c.removed.is_(None), m.c.premise_key.in_(held)
        )
    ).scalar_one()
    out = conn.execute(
        sa.select(sa.func.count()).where(
            i.c.outage_key == outage_key, i.c.outcome.is_(None), i.c.premise_key.in_(held)
        )
    ).scalar_one()
    places = "place" if members == 1 else "places"
    return f"The account holds {members} {places} in this outage, {out} without service now."


def _was_inside(conn: Connection, account_key: int, outage_key: int) -> bool:
    m, o = t.memberships, t.occupancies
    ever = sa.select(o.c.premise_key).where(o.c.account_key == account_key)
    stay = sa.select(m.c.premise_key).where(m.c.outage_key == outage_key, m.c.premise_key.in_(ever))
    return conn.execute(stay.limit(1)).first() is not None


def _endpoints(conn: Connection, account_key: int) -> list[sa.Row[Any]]:
    c, e = t.contacts, t.endpoints
    return list(
        conn.execute(
            sa.select(e)
            .join(c, c.c.endpoint_key == e.c.key)
            .where(c.c.account_key == account_key, c.c.ended_at.is_(None))
            .order_by(e.c.key)
        )
    )


def masked(kind: str, address: str) -> str:
    """Begin a sentence about a phone or a mailbox: as much of it as tells which one it is."""
    if kind == "phone":
        return f"The phone ending in {address[-4:]}"
    return f"The mailbox at {address.rpartition('@')[2]}"


def _messages(conn: Connection, endpoint_key: int, outage_key: int) -> list[sa.Row[Any]]:
    m = t.messages
    return list(
        conn.execute(
            m.select()
            .where(m.c.endpoint_key == endpoint_key, m.c.outage_key == outage_key)
            .order_by(m.c.key)
        )
    )


def _again(message: sa.Row[Any]) -> str:
    return "" if message.sends < _SECOND else f" It was tried {message.sends} times."


def _followed(message: sa.Row[Any]) -> str:
    """Whose place it took, or what was done since it could not be delivered."""
    place = " It takes the place of a text that could not be delivered."
    undelivered = message.state in {"failed", "undelivered"} and message.followed is not None
    after = _FOLLOWED[Follow(message.followed)] if undelivered else ""
    return (place if message.instead_of is not None else "") + after


def _unknown(message: sa.Row[Any], zone: ZoneInfo) -> str:
    """What is done about a message that nobody knows the fate of; wall time."""
    if message.state != "unknown" or message.ended_at is not None:
        return ""
    if message.ask_after is None:
        return " Nobody has a trace of it: it is sent again if its kind is, and it still holds."
    since, at = _time(message.unknown_since, zone), _time(message.ask_after, zone)
    silent = ", which has not answered so far," if message.asked else ""
    return (
        f" Nobody has known since {since}. If no receipt tells, the provider{silent} is asked "
        f"after {at}; until then it is not sent again."
    )


def _why(reason: str | None) -> str:
    found = WHY.get(Reason(reason)) if reason in set(Reason) else None
    return f": {found}" if found else ""


def _standing(
    conn: Connection, endpoint_key: int, outage_key: int, moment: Moment
) -> sa.Row[Any] | None:
    pair = {"outages": [outage_key], "endpoints": [endpoint_key]}
    return conn.execute(_of_pairs(moment.form), {**moment.values, **pair}).first()


def _now(name: str, row: sa.Row[Any] | None, known: facts.OutageFacts, moment: Moment) -> str:
    if row is None:
        return f"{name} is told nothing now: {WHY[Reason.NO_LONGER_HERE]}."
    decision = decide(unpack(row.packed), known.policy, moment.manners, moment.now)
    if decision.kind is None:
        return f"{name} is told nothing now: {WHY[decision.reason]}."
    said = f"{name} is to be told {SAID[decision.kind]}"
    if decision.wait is None or decision.after is None:
        return f"{said}."
    at = _time(decision.after, moment.manners.zone)
    return f"{said} when {_WAITS[decision.wait]} (at {at}), if it still holds."


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
