"""What a claimed row states: rendered and frozen as it is told, or told again in the same words."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from notifier.facts import OutageFacts
from notifier.gathered import Ending, Fate, Gathered, Later, Look, Statement, Waiting
from notifier.kinds import Channel, Kind
from notifier.policy import Belief, Decision, Reason, belief, unpack
from notifier.rendering import Text, render, says_crew
from notifier.situations import CHANNEL_OF, zone_named
from notifier.whereabouts import ONLY, Where
from outage.columns import from_ms
from outage.settings import SendMode

_FORBIDDEN = frozenset(
    {
        Reason.NO_ALERTS_WANTED,
        Reason.OPTED_OUT,
        Reason.INVALID_ENDPOINT,
        Reason.SEND_MODE,
        Reason.NO_PROVIDER,
    }
)
_STILL_TRUE = frozenset({Reason.NOTHING_NEW, Reason.PARTLY_OUT, Reason.ETR_MOVED_LITTLE})
"""What policy says of somebody who was told what holds."""


def fate(
    work: Gathered,
    row: sa.Row[Any],
    about: OutageFacts,
    packed: int,
    decision: Decision,
    *,
    zone: str,
    where: Where = ONLY,
) -> Fate:
    """What becomes of a row that nobody has been sent; worked out once for all of one look."""
    look: Look = (
        row.outage_key,
        packed,
        decision.reason,
        zone,
        where,
        row.channel,
        row.language,
        work.links(row),
        row.kind,
        row.variant,
        row.planned_at,
        row.expires_at,
        work.terms.calls(row.address),
        _said_of(work, row),
    )
    found = work.looks.get(look)
    if found is None:
        first = _first(work, row, about, packed, decision, zone=zone, where=where)
        found = work.looks[look] = first
    return found


def state_first(work: Gathered, row: sa.Row[Any], found: Fate) -> bool:
    """Let this become of a row; says whether it is told now."""
    match found:
        case Ending(state=state, reason=reason):
            work.end(row.key, state, reason)
            return False
        case Later(kind=kind, at=at):
            _later(work, row, kind, at)
            return False
        case Waiting():
            work.waiting.append(row.key)
            return False
    channel = found.text.channel
    if found.goes and not work.can_pay(found.kind, channel, found.segments, medical=found.medical):
        work.end(row.key, "suppressed", Reason.SPENDING_CAP)
        return False
    found.keys.append(row.key)
    if found.goes:
        work.send(row, found.text, found.valid_for_s)
    return True


def _first(
    work: Gathered,
    row: sa.Row[Any],
    about: OutageFacts,
    packed: int,
    decision: Decision,
    *,
    zone: str,
    where: Where,
) -> Ending | Later | Statement:
    """What becomes of all rows that look like this one, money apart."""
    terms, kind = work.terms, decision.kind
    if kind is None:
        state = "suppressed" if decision.reason in _FORBIDDEN else "withdrawn"
        return Ending(state=state, reason=decision.reason)
    if decision.after is not None and not decision.due(work.now):
        return Later(kind=kind, at=decision.after)
    expires_at = None if kind.expires_after is None else _news_of(row) + kind.expires_after
    if expires_at is not None and expires_at <= work.now:
        return Ending(state="expired", reason=Reason.EXPIRED)
    if terms.mode is SendMode.OFF:
        return Ending(state="suppressed", reason=Reason.SEND_MODE)
    channel = CHANNEL_OF[row.channel]
    goes = terms.calls(row.address)
    if goes and channel not in terms.providers:
        return Ending(state="suppressed", reason=Reason.NO_PROVIDER)
    situation = unpack(packed)
    promised = situation.told_at(work.now) if kind is Kind.ETR_PASSED else None
    text = _text(work, about, (kind, situation.places, where, promised, zone), channel, row)
    crew_said = says_crew(text, kind, about.crew_status, terms.voice.texts)
    known = belief(kind, situation, about.policy, terms.manners, work.now, crew_said=crew_said)
    return Statement(
        kind=kind,
        text=text,
        segments=text.segments,
        medical=situation.medical,
        goes=goes,
        valid_for_s=_valid_for_s(work, expires_at),
        values={
            "state": "claimed" if goes else "shadowed",
            "kind": kind.public_name,
            "variant": kind.variant,
            "expires_at": expires_at,
            **_frozen(known, about),
            "segments": text.segments,
            "provider": terms.providers.get(channel) if goes else None,
            # Of a try before that could not be delivered:
            "provider_id": None,
            "provider_code": None,
            "accepted_at": None,
            "ended_at": None if goes else work.now,
        },
    )


def _valid_for_s(work: Gathered, expires_at: datetime | None) -> int | None:
    return None if expires_at is None else int((expires_at - work.now).total_seconds())


def _later(work: Gathered, row: sa.Row[Any], kind: Kind, at: datetime) -> None:
    """It waits on: what it was put off for has not passed, or has come up since."""
    lives = kind.expires_after
    work.later.append(
        {
            "b_key": row.key,
            "kind": kind.public_name,
            "variant": kind.variant,
            "priority": kind.urgency * 2 + row.priority % 2,
            "send_after": at,
            "expires_at": None if lives is None else at + lives,
        }
    )


def _frozen(known: Belief, about: OutageFacts) -> dict[str, Any]:
    """What the row keeps of what is believed from now on."""
    etr = known.told.out and known.time is not None and not known.update
    return {
        "told_state": known.told.name.lower(),
        "told_etr_version": about.etr_version if etr else None,
        "told_time": known.time,
        "told_update": known.update,
        "told_end": known.end,
        "told_crew": known.crew,
        "told_places": known.places,
    }


def _news_of(row: sa.Row[Any]) -> datetime:
    """When what a row says was new: as it was planned, or when an entry after that renewed it."""
    lives = Kind.of(row.kind, row.variant).expires_after
    if row.expires_at is None or lives is None:
        return from_ms(row.planned_at)
    return from_ms(row.expires_at) - lives


def _said_of(work: Gathered, row: sa.Row[Any]) -> tuple[str, int]:
    """What is said of an area: its name, and how many are out; nothing of somebody's own place."""
    watched = work.watched.get(row.key)
    return ("", 0) if watched is None else (watched.area, watched.people)


def _text(
    work: Gathered,
    about: OutageFacts,
    wish: tuple[Kind, int, Where, datetime | None, str],
    channel: Channel,
    row: sa.Row[Any],
) -> Text:
    """One rendering for all who are told the same: kind, places, what was promised, and the clock.

    Times are those of the place, on its own clock; whether there is room for a link counts too.
    """
    terms, linked = work.terms, work.links(row)
    language = terms.language(row.language)
    link = terms.links.blank if terms.links is not None and linked else ""
    area, people = _said_of(work, row)
    same = (row.outage_key, wish, channel, language, linked, area, people)
    if same not in work.texts:
        kind, places, where, promised, zone = wish
        notice = about.notice(kind, places, work.now, promised=promised, where=where)
        if kind.by_area:
            notice = replace(notice, area=area, people=people, place="", public_message="")
        here = replace(terms.voice, zone=zone_named(zone) or terms.voice.zone)
        work.texts[same] = render(notice, channel, language, here, link=link)
    return work.texts[same]


def state_again(
    work: Gathered,
    row: sa.Row[Any],
    text: Text,
    about: OutageFacts,
    *,
    newest: bool,
    packed: int,
    decision: Decision,
) -> bool:
    """An unknown message is sent again in the same words, if they still hold; says whether."""
    situation, kind = unpack(packed), Kind.of(row.kind, row.variant)
    safety = kind.safety(advisory=about.policy.advisory)
    # What is put off is told later all the same: until then they may know what they were told.
    settled = (
        decision.reason in _STILL_TRUE if decision.kind is None else not decision.due(work.now)
    )
    holds = newest and settled
    paid = work.can_pay(kind, text.channel, text.segments, medical=situation.medical)
    expires_at = None if row.expires_at is None else from_ms(row.expires_at)
    stale = expires_at is not None and expires_at <= work.now
    for against, reason in (
        (not holds, Reason.NEWER_DECISION),
        (not situation.wanted and not safety, Reason.NO_ALERTS_WANTED),
        (situation.opted_out, Reason.OPTED_OUT),
        (not situation.valid, Reason.INVALID_ENDPOINT),
        (not kind.rule.resent, Reason.NOT_RESENT),
        (not work.terms.calls(row.address), Reason.SEND_MODE),
        (stale, Reason.EXPIRED),
        (not paid, Reason.SPENDING_CAP),
    ):
        if against:
            work.end(row.key, "unknown", reason)
            return False
    work.repeated.append(row.key)
    work.send(row, text, _valid_for_s(work, expires_at))
    return True
