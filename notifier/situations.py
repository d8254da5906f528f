"""The situation of many endpoints at once, built set-wise in SQL.

This module only counts and packs; what follows from a situation is decided in
`notifier.policy` and nowhere else (DECISIONS 20).
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, Select, case, func, literal

from notifier.kinds import Channel, Told
from notifier.policy import ELSEWHERE, MOST_PLACES, SHIFTS
from outage import tables as t
from outage.columns import Instant
from outage.in_order import InOrder
from outage.model import Reason

TOLD_STATES = ("claimed", "unknown", "accepted", "delivered")
"""States of a message whose content its endpoint has to be taken to know."""
SHADOWED = "shadowed"
CHANNELS = {Channel.SMS: "sms", Channel.EMAIL: "email"}
"""Channels as the tables name them."""
CHANNEL_OF = {name: channel for channel, name in CHANNELS.items()}

_BACK, _LEFT = 1, 2
_BY_A_PERSON = str(Reason.MERGED)
"""Why an outage was closed that somebody merged: what it told is found among the origins."""
_MOVED = ("merged", "split")
"""Outcomes of members that another outage has instead."""
_OUT_FIRST = 1 << 48
"""Above any key of a message."""


def situations(targets: FromClause, *, count_shadowed: bool) -> Select[Any]:
    """One row per target: a pair (``outage_key``, ``endpoint_key``).

    Columns: the pair, ``account_key`` (the first account concerned), ``channel``,
    ``medical``, ``first_premise`` (lowest key of its premises in the outage),
    ``told_key`` (the message it was last told by) and ``packed``, the situation.
    A target that holds no premise of the outage any more gives no row.
    """
    whole = _endpoints(targets, count_shadowed=count_shadowed).subquery("whole")
    facts: dict[str, ColumnElement[Any]] = {
        "channel": case(
            (t.endpoints.c.kind == "phone", int(Channel.SMS)), else_=int(Channel.EMAIL)
        ),
        "wanted": whole.c.wanted,
        "opted_out": _is(t.endpoints.c.opted_out_at.is_not(None)),
        "valid": _is(t.endpoints.c.invalid_at.is_(None)),
        "told": func.coalesce(_told_code(t.messages.c.told_state), 0),
        "here": whole.c.here,
        "elsewhere": whole.c.elsewhere,
        "listed": whole.c.listed,
        "back": whole.c.back,
        "left": whole.c.left,
        "places": case((whole.c.places > MOST_PLACES, MOST_PLACES), else_=whole.c.places),
        "told_etr": case(
            (func.coalesce(t.messages.c.told_etr_version, 0) == 0, 0),
            (t.messages.c.outage_key == whole.c.outage_key, t.messages.c.told_etr_version),
            else_=sa.cast(t.messages.c.outage_key, sa.BigInteger) * ELSEWHERE
            + t.messages.c.told_etr_version,
        ),
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


def _endpoints(targets: FromClause, *, count_shadowed: bool) -> Select[Any]:
    """One row per target: its premises taken together, and the message it was last told by."""
    places = _places(targets).subquery("places")
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
    told_key = _told_key(places, count_shadowed=count_shadowed)
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
    ).group_by(places.c.outage_key, places.c.endpoint_key)


def _told_key(places: FromClause, *, count_shadowed: bool) -> ColumnElement[int]:
    """The newest message that the endpoint was told by, of the outage or of one it goes on from."""
    message, merged = t.messages.alias("told_message"), t.outages.alias("merged")
    states = (*TOLD_STATES, SHADOWED) if count_shadowed else TOLD_STATES
    # Subqueries for each row: joined, SQLite would go through all messages there are.
    to_them = sa.and_(message.c.endpoint_key == places.c.endpoint_key, message.c.state.in_(states))
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
    out = sa.cast(_is(told.c.told_state == Told.OUT.name.lower()), sa.BigInteger)
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


def _places(targets: FromClause) -> Select[Any]:
    """One row per target and premise: who wants to know, and how the premise stands.

    ``here`` and ``elsewhere`` tell whose its open interruption is. ``state`` is
    for the others: how the last interruption that this outage had a part in
    ended, or else the last one since it began; 0 is a member nothing interrupts.
    """
    i, o, m = t.interruptions, t.outages, t.memberships
    is_open = sa.and_(i.c.key.is_not(None), i.c.outcome.is_(None))
    own = sa.or_(
        i.c.outage_key == targets.c.outage_key, i.c.first_outage_key == targets.c.outage_key
    )
    ended = i.c.key * 4 + case((i.c.outcome == "voided", _LEFT), else_=_BACK)
    over = i.c.outcome.is_not(None)
    own_end = func.max(case((sa.and_(over, own), ended), else_=0))
    any_end = func.max(case((over, ended), else_=0))
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
    wants = sa.and_(t.accounts.c.outage_alerts.is_(True), t.contacts.c.topics % 2 == 1)
    return (
        sa.select(
            targets.c.outage_key,
            targets.c.endpoint_key,
            m.c.premise_key,
            func.min(t.accounts.c.key).label("account_key"),
            func.max(_is(wants)).label("wanted"),
            func.max(_is(t.accounts.c.medical.is_(True))).label("medical"),
            here.label("here"),
            elsewhere.label("elsewhere"),
            state.label("state"),
        )
        .select_from(sa.outerjoin(_held(targets), i, ours))
        .group_by(targets.c.outage_key, targets.c.endpoint_key, m.c.premise_key)
    )


def _held(targets: FromClause) -> FromClause:
    """From each target to the premises its accounts hold that the outage has or had as members.

    Those that another outage took over are for that one to tell of.
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
    joined: FromClause = targets
    for table, condition in (
        (t.outages, t.outages.c.key == targets.c.outage_key),
        (t.contacts, whose),
        (t.accounts, account),
        (t.occupancies, held),
        (t.memberships, member),
    ):
        joined = InOrder(joined, table, condition)
    return joined
