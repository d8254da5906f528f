"""Claiming a batch: everything is decided again, from the state of this moment."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, facts, pacing, scratch, wording
from notifier.batches import in_flight, pass_on, steady, unsettled
from notifier.channels.base import Outgoing
from notifier.facts import OutageFacts
from notifier.kinds import Channel, Kind
from notifier.links import Links, Of
from notifier.patience import Patience
from notifier.policy import Belief, Decision, Manners, Reason, belief, decide, unpack
from notifier.rendering import Text, Voice, render, says_crew
from notifier.situation import in_place_of
from notifier.situations import CHANNEL_OF, Form, Moment, situations, zone_named
from notifier.spending import Prices, Purse
from notifier.stopping import for_claiming
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.settings import SendMode

log = logging.getLogger(__name__)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms messages are claimed: settings and site, as far as they matter here.

    ``providers`` are the channels there is a provider for; ``languages`` those
    the utility speaks, its own first.
    """

    mode: SendMode
    allowlist: frozenset[str]
    providers: Mapping[Channel, str]
    voice: Voice
    languages: tuple[str, ...]
    manners: Manners
    lease: timedelta
    patience: Patience
    rates: Mapping[str, float] = field(default_factory=dict)
    """Segments a second of the providers that have been given a speed."""
    prices: Prices | None = None
    links: Links | None = None

    def rate(self, provider: str | None) -> float:
        """Segments a second that a provider is paced to, 0 for as many as it takes."""
        return self.rates.get(provider or "", 0.0)

    @property
    def count_shadowed(self) -> bool:
        """Whether what was only shadowed counts as told (DECISIONS 23)."""
        return self.mode in {SendMode.SHADOW, SendMode.ALLOWLIST}

    def calls(self, address: str) -> bool:
        """Whether this address is really called in this mode."""
        return self.mode is SendMode.LIVE or (
            self.mode is SendMode.ALLOWLIST and address in self.allowlist
        )

    def language(self, asked: str) -> str:
        """The language an endpoint is spoken to in."""
        return asked if asked in self.languages else self.languages[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedBatch:
    """What is to be sent now. Nothing of it may be sent after ``until`` (monotonic seconds).

    It was decided at ``at`` (business time).
    ``again`` are the messages that were unknown and get another try; ``patience`` is had with
    those that become so.
    """

    key: int
    fence: int
    lane: str
    at: datetime
    until: float
    outgoing: list[Outgoing]
    fences: dict[int, int]
    again: frozenset[int]
    patience: Patience
    month: str = ""
    costs: Mapping[int, int] = field(default_factory=dict)
    """What each message costs, counted in that month."""


@dataclass(slots=True, kw_only=True)
class _Claim:
    """What becomes of the rows of one batch, gathered before anything is written."""

    terms: Terms
    now: datetime
    purse: Purse | None = None
    costs: dict[int, int] = field(default_factory=dict)
    endings: list[dict[str, Any]] = field(default_factory=list)
    frozen: list[dict[str, Any]] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    later: list[dict[str, Any]] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    texts: dict[tuple[object, ...], Text] = field(default_factory=dict)
    links: Mapping[Of, str] = field(default_factory=dict)
    """Each person's own link, for whom there is one."""

    def link(self, row: sa.Row[Any]) -> str:
        return self.links.get((row.account_key, row.endpoint_key, row.channel), "")

    def can_pay(self, kind: Kind, channel: Channel, segments: int, *, medical: bool) -> bool:
        """Whether a message may go as far as money is concerned."""
        if self.purse is None or channel is not Channel.SMS or kind.rule.beyond_cap or medical:
            return True
        return self.purse.has(segments)

    def send(self, outgoing: Outgoing) -> None:
        self.outgoing.append(outgoing)
        if self.purse is not None and outgoing.text.channel is Channel.SMS:
            self.costs[outgoing.message_key] = self.purse.take(outgoing.text.segments)

    def tells(self, key: int) -> bool:
        """Whether the row decided on last is told now."""
        first = bool(self.frozen) and self.frozen[-1]["b_key"] == key
        return first or self.repeated[-1:] == [key]

    def end(self, key: int, state: str, reason: str) -> None:
        self.endings.append({"b_key": key, "state": state, "reason": reason, "ended_at": self.now})


def claim(db: Database, batch_key: int, terms: Terms) -> ClaimedBatch | None:
    """Take a batch, if nobody else has it; None when there is nothing to send in it."""
    until = time.monotonic() + terms.lease.total_seconds()
    with db.write() as conn:
        if for_claiming(conn) is not None:
            return None
        batch = _take(conn, batch_key, terms.lease)
        if batch is None:
            return None
        # Locked in the order of their keys, as by everybody; what is most urgent goes first.
        rows = sorted(_rows(conn, batch_key), key=lambda row: (row.priority, row.key))
        provider = next(iter(terms.providers.values()), None)
        rate = terms.rate(provider)
        # After the rows: whoever waits for the provider's turn keeps no planner waiting.
        if provider and rate and not pacing.has_room(conn, provider, batch.lane):
            pass_on(conn, batch_key)
            return None
        work = _Claim(terms=terms, now=business_now(conn))
        if terms.prices is not None and batch.lane.startswith("sms"):
            if provider is not None and terms.prices.cap:
                # Always before the money: receipts take the two in this order as well.
                pacing.locked(conn, provider)
            work.purse = Purse.open(conn, terms.prices, work.now)
        if terms.links is not None and rows:
            to = {(row.account_key, row.endpoint_key, row.channel) for row in rows}
            work.links = terms.links.for_messages(conn, to)
        _sort_out(conn, rows, work)
        _write(conn, work, wall_now(conn))
        if not work.outgoing:
            conn.execute(t.batches.delete().where(t.batches.c.key == batch_key))
            return None
        if provider is not None:
            segments = sum(max(1, one.text.segments) for one in work.outgoing)
            pacing.claimed(conn, provider, segments, rate)
        warning = None if work.purse is None else work.purse.close(conn)
    if warning is not None:
        log.error("%s", warning)
    fences = {row.key: row.fence + 1 for row in rows}
    return ClaimedBatch(
        key=batch_key,
        fence=batch.fence + 1,
        lane=batch.lane,
        at=work.now,
        until=until,
        outgoing=work.outgoing,
        fences={outgoing.message_key: fences[outgoing.message_key] for outgoing in work.outgoing},
        again=frozenset(work.repeated),
        month="" if work.purse is None else work.purse.month,
        costs=work.costs,
        patience=terms.patience,
    )


def _take(conn: Connection, key: int, lease: timedelta) -> sa.Row[Any] | None:
    b = t.batches
    batch = conn.execute(
        b.select().where(b.c.key == key, b.c.state == "open").with_for_update(skip_locked=True)
    ).first()
    if batch is not None:
        conn.execute(
            b.update()
            .where(b.c.key == key)
            .values(state="claimed", fence=batch.fence + 1, lease_until=wall_now(conn) + lease)
        )
    return batch


def _rows(conn: Connection, batch_key: int) -> list[sa.Row[Any]]:
    m, e, text = t.messages, t.endpoints, t.messages.alias("text")
    # Before the rows are locked: a planner takes both in this order too.
    steady(
        conn, conn.execute(sa.select(m.c.outage_key).where(m.c.batch_key == batch_key)).scalars()
    )
    return list(
        conn.execute(
            sa.select(m, e.c.address, e.c.language, text.c.endpoint_key.label("instead_of_whom"))
            .join(e, e.c.key == m.c.endpoint_key)
            .outerjoin(text, text.c.key == m.c.instead_of)
            .where(m.c.batch_key == batch_key, m.c.state.in_(["pending", "unknown"]))
            .order_by(m.c.key)
            .with_for_update(of=m)
        )
    )


def _sort_out(conn: Connection, rows: list[sa.Row[Any]], work: _Claim) -> None:
    blocked, wait = unsettled(conn), set(approvals.held(conn, work.now))
    numbers = {row.number for row in rows}
    withdrawn = approvals.withdrawn(conn, list(numbers))
    standing = _standing(conn, rows, work)
    held = {(row.outage_key, row.endpoint_key) for row in conn.execute(in_flight(scratch.targets))}
    known = facts.load(conn, {row.outage_key for row in rows})
    frozen = wording.stored(conn, [row.text_key for row in rows if row.state == "unknown"])
    decided: dict[tuple[int, int], Decision] = {}
    goes_on_from, told = _goes_on_from(conn, rows), set[tuple[int, int]]()
    # Of a chain of outages each has one more that it goes on from than the one before it.
    for row in sorted(rows, key=lambda row: len(goes_on_from.get(row.key, ()))):
        place = standing.get((row.outage_key, row.endpoint_key))
        if row.outage_key in blocked or not held.isdisjoint(_pairs(row)):
            work.waiting.append(row.key)
            continue
        if not told.isdisjoint(goes_on_from.get(row.key, ())):
            # What they hear of that one now may be all that there is to say of this one.
            work.waiting.append(row.key)
            continue
        if row.number in wait and not _medical(row):
            work.waiting.append(row.key)
            continue
        if row.number in withdrawn and row.state == "pending":
            work.end(row.key, "withdrawn", Reason.NOT_APPROVED)
            continue
        about = known[row.outage_key]
        if place is None or any(pair not in standing for pair in _pairs(row)):
            decision = Decision(kind=None, reason=Reason.NO_LONGER_HERE)
            packed = 0
        else:
            packed = _packed(row, place, standing)
            where = (row.outage_key, packed)
            if where not in decided:
                decided[where] = decide(unpack(packed), about.policy, work.terms.manners, work.now)
            decision = decided[where]
        if row.state == "unknown":
            newest = place is not None and place.told_key == row.key
            _repeat(
                work,
                row,
                frozen[row.text_key],
                about,
                newest=newest,
                packed=packed,
                decision=decision,
            )
        else:
            zone = "" if place is None else place.zone
            _first(work, row, about, packed, decision, zone=zone)
        if work.tells(row.key):
            told.add((row.outage_key, row.endpoint_key))


def _goes_on_from(conn: Connection, rows: list[sa.Row[Any]]) -> dict[int, set[tuple[int, int]]]:
    """By row those beside it, as (outage, endpoint), that are told first.

    Of outages that its outage goes on from, or shares losses with.
    """
    o, h = t.origins.c, t.handovers.c
    here = {(row.outage_key, row.endpoint_key) for row in rows}
    outages = {outage for outage, _ in here}
    pairs = sa.union(
        sa.select(o.outage_key, o.origin_key).where(
            o.outage_key.in_(outages), o.origin_key.in_(outages), o.origin_key != o.outage_key
        ),
        sa.select(h.outage_key, h.other_key).where(
            h.outage_key.in_(outages), h.other_key.in_(outages)
        ),
    )
    known = {(row.outage_key, row.origin_key) for row in conn.execute(pairs)}
    origins: dict[int, set[int]] = {}
    for outage, origin in known:
        # Of two that share losses, or were split and merged again, the first speaks.
        if (origin, outage) not in known or origin < outage:
            origins.setdefault(outage, set()).add(origin)
    return {
        row.key: {(origin, row.endpoint_key) for origin in origins[row.outage_key]} & here
        for row in rows
        if row.outage_key in origins
    }


def _pairs(row: sa.Row[Any]) -> list[tuple[int, int]]:
    """By whose situations a row is decided: its endpoint's, and of the text it stands in for."""
    whom = (row.endpoint_key, row.instead_of_whom)
    return [(row.outage_key, key) for key in whom if key is not None]


def _packed(
    row: sa.Row[Any], place: sa.Row[Any], standing: Mapping[tuple[int, int], sa.Row[Any]]
) -> int:
    if row.instead_of_whom is None:
        return int(place.packed)
    text = standing[row.outage_key, row.instead_of_whom]
    knows_more = (place.told_key or 0) > (text.told_key or 0)
    return in_place_of(unpack(text.packed), unpack(place.packed), mail_knows_more=knows_more).pack()


def _medical(row: sa.Row[Any]) -> bool:
    return bool(row.priority % 2 == 0)


def _standing(
    conn: Connection, rows: list[sa.Row[Any]], work: _Claim
) -> dict[tuple[int, int], sa.Row[Any]]:
    scratch.prepare(conn)
    pairs = {pair for row in rows for pair in _pairs(row)}
    if pairs:
        conn.execute(
            scratch.targets.insert(),
            [{"outage_key": outage, "endpoint_key": endpoint} for outage, endpoint in pairs],
        )
        scratch.settle(conn, scratch.targets)
    terms = work.terms
    moment = Moment.of(
        conn,
        terms.manners,
        count_shadowed=terms.count_shadowed,
        outage_keys={outage for outage, _ in pairs},
        now=work.now,
    )
    found = conn.execute(_situations(moment.form), moment.values)
    return {(row.outage_key, row.endpoint_key): row for row in found}


@cache
def _situations(form: Form) -> sa.Select[Any]:
    return situations(scratch.targets, form)


def _first(
    work: _Claim,
    row: sa.Row[Any],
    about: OutageFacts,
    packed: int,
    decision: Decision,
    *,
    zone: str,
) -> None:
    terms, kind = work.terms, decision.kind
    if kind is None:
        state = "suppressed" if decision.reason in _FORBIDDEN else "withdrawn"
        work.end(row.key, state, decision.reason)
        return
    if decision.after is not None and not decision.due(work.now):
        _later(work, row, kind, decision.after)
        return
    expires_at = None if kind.expires_after is None else _news_of(row) + kind.expires_after
    if expires_at is not None and expires_at <= work.now:
        work.end(row.key, "expired", Reason.EXPIRED)
        return
    if terms.mode is SendMode.OFF:
        work.end(row.key, "suppressed", Reason.SEND_MODE)
        return
    channel = CHANNEL_OF[row.channel]
    goes = terms.calls(row.address)
    if goes and channel not in terms.providers:
        work.end(row.key, "suppressed", Reason.NO_PROVIDER)
        return
    situation = unpack(packed)
    promised = situation.told_at(work.now) if kind is Kind.ETR_PASSED else None
    text = _text(work, about, (kind, situation.places, promised, zone), channel, row)
    if goes and not work.can_pay(kind, channel, text.segments, medical=situation.medical):
        work.end(row.key, "suppressed", Reason.SPENDING_CAP)
        return
    crew_said = says_crew(text, kind, about.crew_status, terms.voice.texts)
    known = belief(kind, situation, about.policy, terms.manners, work.now, crew_said=crew_said)
    work.frozen.append(
        {
            "b_key": row.key,
            "state": "claimed" if goes else "shadowed",
            "kind": kind.public_name,
            "variant": kind.variant,
            "expires_at": expires_at,
            **_frozen(known, about),
            "text": text,
            "segments": text.segments,
            "provider": terms.providers.get(channel) if goes else None,
            # Of a try before that could not be delivered:
            "provider_id": None,
            "provider_code": None,
            "accepted_at": None,
            "ended_at": None if goes else work.now,
        }
    )
    if goes:
        work.send(_outgoing(work, row, text, expires_at))


def _later(work: _Claim, row: sa.Row[Any], kind: Kind, at: datetime) -> None:
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
    planned: datetime = row.planned_at
    return planned if row.expires_at is None or lives is None else row.expires_at - lives


def _text(
    work: _Claim,
    about: OutageFacts,
    wish: tuple[Kind, int, datetime | None, str],
    channel: Channel,
    row: sa.Row[Any],
) -> Text:
    """One rendering for all who are told the same: kind, places, what was promised, and the clock.

    Times are those of the place, on its own clock; whether there is room for a link counts too.
    """
    terms, linked = work.terms, bool(work.link(row))
    language = terms.language(row.language)
    link = terms.links.blank if terms.links is not None and linked else ""
    same = (row.outage_key, wish, channel, language, linked)
    if same not in work.texts:
        kind, places, promised, zone = wish
        notice = about.notice(kind, places, work.now, promised=promised)
        here = replace(terms.voice, zone=zone_named(zone) or terms.voice.zone)
        work.texts[same] = render(notice, channel, language, here, link=link)
    return work.texts[same]


def _repeat(
    work: _Claim,
    row: sa.Row[Any],
    text: Text,
    about: OutageFacts,
    *,
    newest: bool,
    packed: int,
    decision: Decision,
) -> None:
    """An unknown message is sent again in the same words, if they still hold."""
    situation, kind = unpack(packed), Kind.of(row.kind, row.variant)
    safety = kind.safety(advisory=about.policy.advisory)
    # What is put off is told later all the same: until then they may know what they were told.
    settled = (
        decision.reason in _STILL_TRUE if decision.kind is None else not decision.due(work.now)
    )
    holds = newest and settled
    paid = work.can_pay(kind, text.channel, text.segments, medical=situation.medical)
    stale = row.expires_at is not None and row.expires_at <= work.now
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
            return
    work.repeated.append(row.key)
    work.send(_outgoing(work, row, text, row.expires_at))


def _outgoing(work: _Claim, row: sa.Row[Any], text: Text, expires_at: datetime | None) -> Outgoing:
    return Outgoing(
        message_key=row.key,
        address=row.address,
        text=text,
        valid_for_s=None if expires_at is None else int((expires_at - work.now).total_seconds()),
        link=work.link(row),
    )


def _write(conn: Connection, work: _Claim, wall: datetime) -> None:
    m = t.messages
    one = m.c.key == sa.bindparam("b_key")
    if work.endings:
        conn.execute(m.update().where(one).values(batch_key=None), work.endings)
    if work.later:
        conn.execute(m.update().where(one).values(batch_key=None), work.later)
    if work.waiting:
        conn.execute(m.update().where(m.c.key.in_(work.waiting)).values(batch_key=None))
    claimed = {
        "fence": m.c.fence + 1,
        "sends": m.c.sends + 1,
        "claimed_at": work.now,
        "tried_at": wall,
        "lease_until": wall + work.terms.lease,
    }
    if work.frozen:
        keys = wording.store(conn, [row["text"] for row in work.frozen])
        values = [{**row, "text_key": keys[row.pop("text")]} for row in work.frozen]
        conn.execute(m.update().where(one).values(**claimed), values)
    if work.repeated:
        conn.execute(
            m.update()
            .where(m.c.key.in_(work.repeated))
            .values(
                **claimed
                | {
                    "state": "claimed",
                    # All of a batch go by one channel.
                    "provider": next(iter(work.terms.providers.values()), None),
                }
            )
        )
