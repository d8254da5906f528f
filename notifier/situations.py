"""The situation of many endpoints at once, built set-wise in SQL.

This module only counts and packs; what follows from a situation is decided in
`notifier.policy` and nowhere else (DECISIONS 20).
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal
from sqlalchemy.engine import Connection

from notifier.kinds import COUNTED, Channel, Told
from notifier.manners import Manners
from notifier.situation import (
    AGO_STEP_MIN,
    FAR_MIN,
    MOST_PLACES,
    QUIET_STEP_MIN,
    SHIFTS,
    most,
)
from outage import tables as t
from outage.clock import business_now
from outage.columns import Instant, to_ms
from outage.in_order import InOrder
from outage.model import Reason

TOLD_STATES = ("claimed", "unknown", "accepted", "delivered")
"""States of a message whose content its endpoint has to be taken to know."""
SHADOWED = "shadowed"
CHANNELS = {Channel.SMS: "sms", Channel.EMAIL: "email"}
"""Channels as the tables name them."""
CHANNEL_OF = {name: channel for channel, name in CHANNELS.items()}
OUTAGES, HOURLY = 1, 2
"""Bits of `contacts.topics`: wants to hear of outages; in long ones once an hour."""

_BACK, _LEFT = 1, 2
_BY_A_PERSON = str(Reason.MERGED)
"""Why an outage was closed that somebody merged: what it told is found among the origins."""
_MOVED = ("merged", "split")
"""Outcomes of members that another outage has instead."""
_OUT_FIRST = 1 << 48
"""Above any key of a message."""
_MINUTE_MS = 60_000
_DAY_MIN = 24 * 60
MOST_ZONES = 60
"""More than any territory has: who names more has given something else for a zone."""
_BACKS = 1 << 20
"""Above any count of messages to one endpoint about one outage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When situations are looked at, and what counts as told.

    ``clocks`` are the minutes after midnight by zone, where premises name one of their own.
    """

    now: datetime
    manners: Manners
    count_shadowed: bool
    clocks: Mapping[str, int]

    @classmethod
    def of(
        cls,
        conn: Connection,
        manners: Manners,
        *,
        count_shadowed: bool,
        now: datetime | None = None,
    ) -> "Moment":
        """This moment; whoever decides by a situation does so by the ``now`` it was seen at."""
        now = now or business_now(conn)
        clocks = _clocks(_zones(conn), now)
        return cls(now=now, manners=manners, count_shadowed=count_shadowed, clocks=clocks)

    @property
    def form(self) -> "Form":
        """What the statement itself depends on."""
        return Form(count_shadowed=self.count_shadowed, zones=tuple(self.clocks))

    @property
    def values(self) -> dict[str, int]:
        """What the statement's parameters are at this moment."""
        now_ms, (usual_from, usual_until) = to_ms(self.now), self.manners.quiet or (0, 0)
        return {
            _NOW_MS.key: now_ms,
            _MINUTE.key: now_ms // _MINUTE_MS,
            _TODAY_MS.key: to_ms(self.manners.day(self.now)),
            _DAY_AGO_MS.key: now_ms - _DAY_MIN * _MINUTE_MS,
            _CLOCK.key: _minutes(self.now, self.manners.zone),
            _USUAL_FROM.key: usual_from,
            _USUAL_UNTIL.key: usual_until,
            **{_clock_of(place).key: minutes for place, minutes in enumerate(self.clocks.values())},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What makes one statement differ from another; all else are its parameters.

    Putting it together takes longer than asking it of a hundred people, and is done once a form.
    """

    count_shadowed: bool
    zones: tuple[str, ...]

    @property
    def told_states(self) -> tuple[str, ...]:
        """States of messages that count as told."""
        return (*TOLD_STATES, SHADOWED) if self.count_shadowed else TOLD_STATES


def _parameter(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.BigInteger)


_NOW_MS, _MINUTE, _CLOCK = _parameter("at_ms"), _parameter("at_minute"), _parameter("at_clock")
_TODAY_MS, _DAY_AGO_MS = _parameter("at_midnight_ms"), _parameter("at_day_before_ms")
_USUAL_FROM, _USUAL_UNTIL = _parameter("usual_from"), _parameter("usual_until")


def _clock_of(place: int) -> sa.BindParameter[int]:
    """Minutes after midnight in one of the form's zones."""
    return _parameter(f"at_clock_{place}")


def _minutes(now: datetime, zone: ZoneInfo) -> int:
    there = now.astimezone(zone)
    return there.hour * 60 + there.minute


def _clocks(zones: Iterable[str], now: datetime) -> dict[str, int]:
    """By zone; what a file calls a zone and is none is read as the utility's own."""
    clocks = {}
    for name in zones:
        with suppress(KeyError, ValueError, OSError):
            clocks[name] = _minutes(now, ZoneInfo(name))
    return clocks


def _zones(conn: Connection) -> list[str]:
    """The zones that premises name: one look into the index for each, however many premises."""
    zone, found = t.premises.c.time_zone, [""]
    while len(found) <= MOST_ZONES:
        more = conn.execute(sa.select(func.min(zone)).where(zone > found[-1])).scalar()
        if more is None:
            break
        found.append(more)
    return found[1:]


def situations(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target: a pair (``outage_key``, ``endpoint_key``). Asked with `Moment.values`.

    Columns: the pair, ``account_key`` (the first account concerned), ``channel``,
    ``medical``, ``first_premise`` (lowest key of its premises in the outage),
    ``told_key`` (the message it was last told by) and ``packed``, the situation.
    A target that holds no premise of the outage any more gives no row.
    """
    whole = _endpoints(targets, form).subquery("whole")
    m = t.messages.c
    told_time = _told_time()
    facts: dict[str, ColumnElement[Any]] = {
        "channel": case(
            (t.endpoints.c.kind == "phone", int(Channel.SMS)), else_=int(Channel.EMAIL)
        ),
        "wanted": whole.c.wanted,
        "opted_out": _is(t.endpoints.c.opted_out_at.is_not(None)),
        "valid": _is(t.endpoints.c.invalid_at.is_(None)),
        "told": func.coalesce(_told_code(m.told_state), 0),
        "here": whole.c.here,
        "elsewhere": whole.c.elsewhere,
        "listed": whole.c.listed,
        "back": whole.c.back,
        "left": whole.c.left,
        "places": _at_most(whole.c.places, MOST_PLACES),
        "fewer": _is(func.coalesce(m.told_places, 0) > _at_most(whole.c.places, MOST_PLACES)),
        "told_time": case(
            (told_time.is_(None), 0),
            else_=FAR_MIN + _between(1 - FAR_MIN, told_time // _MINUTE_MS - _MINUTE, FAR_MIN),
        ),
        "told_update": _is(m.told_update.is_(True)),
        "told_crew": _is(m.told_crew.is_(True)),
        "medical": whole.c.medical,
        "ago": case((whole.c.hourly == 0, 0), else_=_ago()),
        "recent": _at_most(whole.c.said % _BACKS, most("recent")),
        "backs": _at_most(whole.c.said // _BACKS, most("backs")),
        "quiet": whole.c.quiet,
    }
    packed = sum(
        (sa.cast(fact, sa.BigInteger) * (1 << SHIFTS[name]) for name, fact in facts.items()),
        literal(0, sa.BigInteger),
    )
    return (
        sa.select(
            whole.c.outage_key,
            whole.c.endpoint_key,
            whole.c.account_key,
            case((t.endpoints.c.kind == "phone", "sms"), else_="email").label("channel"),
            whole.c.medical,
            whole.c.first_premise,
            whole.c.told_key,
            packed.label("packed"),
        )
        .select_from(whole)
        .join(t.endpoints, t.endpoints.c.key == whole.c.endpoint_key)
        .outerjoin(t.messages, t.messages.c.key == whole.c.told_key)
    )


def _at_most(value: ColumnElement[Any], limit: int) -> ColumnElement[Any]:
    return case((value > limit, limit), else_=value)


def _between(least: int, value: ColumnElement[Any], beyond: int) -> ColumnElement[Any]:
    return case((value < least, least), (value >= beyond, beyond - 1), else_=value)


def _told_time() -> ColumnElement[Any]:
    """The time that a message states; one of 0.1.0 has the version of its ETR only."""
    m, e = t.messages.c, t.etrs.c
    etr = (
        sa.select(sa.type_coerce(e.latest, sa.BigInteger))
        .where(e.outage_key == m.outage_key, e.version == m.told_etr_version)
        .correlate(t.messages)
        .scalar_subquery()
    )
    return func.coalesce(sa.type_coerce(m.told_time, sa.BigInteger), etr)


def _ago() -> ColumnElement[Any]:
    """How long ago they were told anything, counted from 1 on; the most for never."""
    claimed = sa.type_coerce(t.messages.c.claimed_at, sa.BigInteger)
    steps = (_NOW_MS - claimed) // (AGO_STEP_MIN * _MINUTE_MS)
    longest = most("ago")
    return _at_most(func.coalesce(1 + sa.cast(steps, sa.BigInteger), longest), longest)


def _endpoints(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target: its premises taken together, and the message it was last told by."""
    places = _places(targets, form).subquery("places")
    wanted = func.max(places.c.wanted)

    def flag(column: ColumnElement[int]) -> ColumnElement[int]:
        # Premises of an account that wants no alerts concern nobody, unless none does.
        return case((wanted == 1, func.max(column * places.c.wanted)), else_=func.max(column))

    def number(column: ColumnElement[int]) -> ColumnElement[int]:
        return case((wanted == 1, func.sum(column * places.c.wanted)), else_=func.sum(column))

    here, back = places.c.here, _is(places.c.state == _BACK)
    counted = case(
        (flag(here) == 1, number(here)),
        (flag(back) == 1, number(back)),
        else_=number(literal(1)),
    )
    told_key = _told_key(places, form)
    return sa.select(
        places.c.outage_key,
        places.c.endpoint_key,
        func.min(places.c.account_key).label("account_key"),
        func.max(places.c.medical).label("medical"),
        func.min(places.c.premise_key).label("first_premise"),
        told_key.label("told_key"),
        wanted.label("wanted"),
        flag(here).label("here"),
        flag(places.c.elsewhere).label("elsewhere"),
        flag(_is(places.c.state == 0)).label("listed"),
        flag(back).label("back"),
        flag(_is(places.c.state == _LEFT)).label("left"),
        counted.label("places"),
        func.max(places.c.quiet).label("quiet"),
        func.max(places.c.hourly).label("hourly"),
        _said(places, form).label("said"),
    ).group_by(places.c.outage_key, places.c.endpoint_key)


def _said(places: FromClause, form: Form) -> ColumnElement[int]:
    """What was told of the outage lately: the dispensable today, and "back" within a day."""
    m = t.messages.alias("said").c
    claimed = sa.type_coerce(m.claimed_at, sa.BigInteger)
    today = sa.and_(m.kind.in_(COUNTED), claimed >= _TODAY_MS)
    back = sa.and_(m.told_state == Told.BACK.name.lower(), claimed >= _DAY_AGO_MS)
    counted: ColumnElement[int] = (
        sa.select(func.coalesce(func.sum(_is(today) + _is(back) * _BACKS), 0))
        .where(
            m.outage_key == places.c.outage_key,
            m.endpoint_key == places.c.endpoint_key,
            m.state.in_(form.told_states),
        )
        .correlate(places)
        .scalar_subquery()
    )
    return counted


def _told_key(places: FromClause, form: Form) -> ColumnElement[int]:
    """The newest message that the endpoint was told by, of the outage or of one it goes on from."""
    message, merged = t.messages.alias("told_message"), t.outages.alias("merged")
    # Subqueries for each row: joined, SQLite would go through all messages there are.
    to_them = sa.and_(
        message.c.endpoint_key == places.c.endpoint_key, message.c.state.in_(form.told_states)
    )
    newest = sa.select(func.max(message.c.key)).where(to_them)
    last = (
        sa.select(func.max(t.origins.c.number))
        .where(t.origins.c.outage_key == places.c.outage_key)
        .correlate(places)
    )
    own = newest.where(
        message.c.outage_key == places.c.outage_key,
        message.c.number > func.coalesce(last.scalar_subquery(), 0),
    ).scalar_subquery()
    of_merged = (
        newest.join_from(merged, message, message.c.outage_key == merged.c.key)
        .where(merged.c.merged_into == places.c.outage_key, merged.c.close_reason != _BY_A_PERSON)
        .scalar_subquery()
    )
    known = func.coalesce(own, _told_before(places, message, to_them))
    return case((of_merged > func.coalesce(known, 0), of_merged), else_=known)


def _told_before(
    places: FromClause, message: FromClause, to_them: ColumnElement[bool]
) -> ColumnElement[int]:
    """What was last told of the outages that were merged or split into this one, itself included.

    Where several spoke, each of its own places: whoever heard "out" of one believes that. An
    outage has no say any more once another has spoken for both.
    """
    origin, told = t.origins, t.messages.alias("told_before")
    of_it = sa.and_(
        to_them, message.c.outage_key == origin.c.origin_key, message.c.number < origin.c.number
    )
    earlier = t.origins.alias("earlier_origin")
    latest = (
        sa.select(func.max(message.c.number))
        .select_from(earlier)
        .join(message, message.c.outage_key == earlier.c.origin_key)
        .where(
            earlier.c.outage_key == places.c.outage_key,
            message.c.number < earlier.c.number,
            to_them,
        )
        .correlate(places)
        .scalar_subquery()
    )
    newest = (
        sa.select(func.max(message.c.key)).where(of_it).correlate(places, origin).scalar_subquery()
    )
    believed = [told_.name.lower() for told_ in Told if told_.out]
    out = sa.cast(_is(told.c.told_state.in_(believed)), sa.BigInteger)
    ranked = (
        sa.select(func.max(out * _OUT_FIRST + told.c.key))
        .select_from(origin)
        .join(told, told.c.key == newest)
        .where(origin.c.outage_key == places.c.outage_key, origin.c.number > latest)
        .correlate(places)
        .scalar_subquery()
    )
    return ranked % _OUT_FIRST


def _is(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _told_code(column: ColumnElement[str]) -> ColumnElement[int]:
    return case({told.name.lower(): int(told) for told in Told if told}, value=column, else_=0)


def _places(targets: FromClause, form: Form) -> Select[Any]:
    """One row per target and premise: who wants to know when, and how the premise stands.

    ``here`` and ``elsewhere`` tell whose its open interruption is. ``state`` is
    for the others: how the last interruption that this outage had a part in
    ended, or else the last one since it began; 0 is a member nothing interrupts. Nobody knows
    that it is back where another outage was just no longer listed: that one says nothing either.
    """
    i, o, m = t.interruptions, t.outages, t.memberships
    is_open = sa.and_(i.c.key.is_not(None), i.c.outcome.is_(None))
    own = sa.or_(
        i.c.outage_key == targets.c.outage_key, i.c.first_outage_key == targets.c.outage_key
    )
    ended = i.c.key * 4 + case((i.c.outcome == "voided", _LEFT), else_=_BACK)
    over = i.c.outcome.is_not(None)
    own_end = func.max(case((sa.and_(over, own), ended), else_=0))
    any_end = func.max(case((over, case((_kept_quiet(), i.c.key * 4), else_=ended)), else_=0))
    here = func.max(_is(sa.and_(is_open, i.c.outage_key == targets.c.outage_key)))
    elsewhere = func.max(_is(sa.and_(is_open, i.c.outage_key != targets.c.outage_key)))
    member = func.max(_is(m.c.removed.is_(None)))
    state = case(
        (sa.or_(here == 1, elsewhere == 1), -1),
        (own_end > 0, own_end % 4),
        (any_end % 4 == _BACK, _BACK),
        (member == 1, 0),
        else_=_LEFT,
    )
    ours = sa.and_(
        i.c.premise_key == m.c.premise_key,
        i.c.service == o.c.service,
        sa.or_(i.c.outcome.is_(None), own, sa.type_coerce(i.c.ended_at, Instant) >= o.c.started_at),
    )
    topics = t.contacts.c.topics
    wants = sa.and_(t.accounts.c.outage_alerts.is_(True), topics.bitwise_and(OUTAGES) != 0)
    first = sa.or_(t.accounts.c.medical.is_(True), t.accounts.c.critical.is_(True))
    return (
        sa.select(
            targets.c.outage_key,
            targets.c.endpoint_key,
            m.c.premise_key,
            func.min(t.accounts.c.key).label("account_key"),
            func.max(_is(wants)).label("wanted"),
            func.max(_is(first)).label("medical"),
            func.max(_is(topics.bitwise_and(HOURLY) != 0)).label("hourly"),
            func.max(_quiet(form)).label("quiet"),
            here.label("here"),
            elsewhere.label("elsewhere"),
            state.label("state"),
        )
        .select_from(sa.outerjoin(_held(targets, zones=bool(form.zones)), i, ours))
        .group_by(targets.c.outage_key, targets.c.endpoint_key, m.c.premise_key)
    )


def _kept_quiet() -> ColumnElement[bool]:
    """Whether an end was inferred, and no setting of its feed lets anybody be told."""
    i, r = t.interruptions.c, t.restorations.c
    tell = sa.select(r.tell).where(r.key == i.restoration_key).scalar_subquery()
    return case((i.outcome == "inferred", func.coalesce(tell, sa.false())), else_=sa.true()).is_(
        False
    )


def _quiet(form: Form) -> ColumnElement[int]:
    """How much is left of a contact's quiet hours on the clock of the premise, in whole steps.

    A contact without hours of its own has the utility's, if it is a phone: a mail wakes nobody.
    """
    c, usual = t.contacts.c, (_USUAL_FROM, _USUAL_UNTIL)
    texts = c.channel == CHANNELS[Channel.SMS]
    begins, ends = (
        func.coalesce(own, case((texts, each), else_=0))
        for own, each in zip((c.quiet_from, c.quiet_until), usual, strict=True)
    )
    here = t.premises.c.time_zone
    clocks = {zone: _clock_of(place) for place, zone in enumerate(form.zones)}
    clock: ColumnElement[int] = case(clocks, value=here, else_=_CLOCK) if clocks else _CLOCK
    left = (ends - clock + _DAY_MIN) % _DAY_MIN
    length = (ends - begins + _DAY_MIN) % _DAY_MIN
    steps = sa.cast((left + (QUIET_STEP_MIN - 1)) // QUIET_STEP_MIN, sa.Integer)
    return case((sa.and_(left > 0, left <= length), steps), else_=0)


def _held(targets: FromClause, *, zones: bool) -> FromClause:
    """From each target to the premises its accounts hold that the outage has or had as members.

    Those that another outage took over are for that one to tell of. The premise itself is looked
    at only where ``zones`` differ.
    """
    whose = sa.and_(
        t.contacts.c.endpoint_key == targets.c.endpoint_key, t.contacts.c.ended_at.is_(None)
    )
    account = sa.and_(
        t.accounts.c.key == t.contacts.c.account_key, t.accounts.c.closed_at.is_(None)
    )
    held = sa.and_(t.occupancies.c.account_key == t.accounts.c.key, t.occupancies.c.until.is_(None))
    member = sa.and_(
        t.memberships.c.outage_key == targets.c.outage_key,
        t.memberships.c.premise_key == t.occupancies.c.premise_key,
        func.coalesce(t.memberships.c.outcome, "").not_in(_MOVED),
    )
    steps: list[tuple[FromClause, ColumnElement[bool]]] = [
        (t.outages, t.outages.c.key == targets.c.outage_key),
        (t.contacts, whose),
        (t.accounts, account),
        (t.occupancies, held),
        (t.memberships, member),
    ]
    if zones:
        steps.append((t.premises, t.premises.c.key == t.memberships.c.premise_key))
    joined: FromClause = targets
    for table, condition in steps:
        joined = InOrder(joined, table, condition)
    return joined
