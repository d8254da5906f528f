"""What endpoints were last told, and how much of late, in SQL.

Subqueries for each row: joined, SQLite would go through all messages there are.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, FromClause, case, func

from notifier.as_numbers import MINUTE_MS, at_most, is_
from notifier.kinds import COUNTED, Told
from notifier.moment import DAY_AGO_MS, NOW_MS, TODAY_MS, Form
from notifier.situation import AGO_STEP_MIN, most
from outage import tables as t
from outage.larger import Larger
from outage.model import Kind, Reason

BACKS = 1 << 20
"""Above any count of messages to one endpoint about one outage."""
_BY_A_PERSON = str(Reason.MERGED)
"""Why an outage was closed that somebody merged: what it told is found among the origins."""
_OUT_FIRST = 1 << 48
"""Above any key of a message."""


def told_key(places: FromClause, form: Form) -> ColumnElement[int]:
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
        *((message.c.number > func.coalesce(last.scalar_subquery(), 0),) if form.goes_on else ()),
    ).scalar_subquery()
    of_merged = (
        newest.join_from(merged, message, message.c.outage_key == merged.c.key)
        .where(merged.c.merged_into == places.c.outage_key, merged.c.close_reason != _BY_A_PERSON)
        .scalar_subquery()
    )
    known: list[ColumnElement[int]] = [own]
    if form.goes_on:
        known = [func.coalesce(own, _told_before(places, message, to_them)), of_merged]
    if form.shares:
        known.append(_shared(places))
    # Named once each: a subquery that stands in a statement twice is carried out twice.
    newest_of = known.pop()
    if not known:
        return newest_of
    newest_of = func.coalesce(newest_of, 0)
    for one in known:
        newest_of = Larger(func.coalesce(one, 0), newest_of)
    return func.nullif(newest_of, 0)


def _shared(places: FromClause) -> ColumnElement[int]:
    """What other outages told of the same losses; nothing, unless of all that go on here."""
    unknown = func.max(is_(sa.and_(places.c.here == 1, places.c.told_elsewhere == 0)))
    return case((unknown == 1, 0), else_=func.max(places.c.told_elsewhere))


def told_elsewhere(
    targets: FromClause, premise: ColumnElement[int], form: Form
) -> ColumnElement[int]:
    """The newest message by which an interruption was told of in the name of another outage.

    Of one row of a target, a premise and an interruption. "Out" was said while it lasted, its end
    at any time since it began; what was said before that was said of another one.
    """
    h, m, i = t.handovers.c, t.messages.alias("told_elsewhere"), t.interruptions.c
    member = t.memberships.alias("member_elsewhere")
    claimed, began, ended = (
        sa.type_coerce(at, sa.BigInteger) for at in (m.c.claimed_at, i.started_at, i.ended_at)
    )
    lasted = sa.and_(
        m.c.told_state.in_([told.name.lower() for told in Told if told.out]),
        sa.or_(ended.is_(None), claimed <= ended),
    )
    over = m.c.told_state.in_([told.name.lower() for told in (Told.BACK, Told.UNAFFECTED)])
    # Few are told much, and some outages share losses with thousands.
    shared = (
        sa.exists()
        .where(h.outage_key == targets.c.outage_key, h.other_key == m.c.outage_key)
        .correlate(targets, m)
    )
    held_it = (
        sa.exists()
        .where(member.c.outage_key == m.c.outage_key, member.c.premise_key == premise)
        .correlate(m, t.memberships)
    )
    found: ColumnElement[int] = (
        sa.select(func.max(m.c.key))
        .where(
            m.c.endpoint_key == targets.c.endpoint_key,
            m.c.state.in_(form.told_states),
            claimed >= began,
            sa.or_(lasted, over),
            shared,
            held_it,
        )
        .correlate(targets, t.memberships, t.interruptions)
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


def told_back(
    targets: FromClause, premise: ColumnElement[int], service: ColumnElement[str], form: Form
) -> ColumnElement[int]:
    """The newest message by which another outage said that a premise is not out, or took that back.

    Who was told "out" before that in the name of this outage does not believe it any more. Of one
    row of a target and a premise; 0 for none.
    """
    m, other = t.messages.alias("told_back"), t.outages.alias("told_back_by").c
    member = t.memberships.alias("member_told_back").c
    over = [told.name.lower() for told in (Told.BACK, Told.UNAFFECTED, Told.CANCELLED)]
    found: ColumnElement[int] = (
        sa.select(func.max(m.c.key))
        .where(
            m.c.endpoint_key == targets.c.endpoint_key,
            m.c.state.in_(form.told_states),
            m.c.told_state.in_(over),
            m.c.outage_key != targets.c.outage_key,
            sa.exists()
            .where(
                other.key == m.c.outage_key, other.service == service, other.kind != Kind.ADVISORY
            )
            .correlate(m, t.outages),
            sa.exists()
            .where(member.outage_key == m.c.outage_key, member.premise_key == premise)
            .correlate(m, t.memberships),
        )
        .correlate(targets, t.memberships, t.outages)
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


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
    out = sa.cast(is_(told.c.told_state.in_(believed)), sa.BigInteger)
    ranked = (
        sa.select(func.max(out * _OUT_FIRST + told.c.key))
        .select_from(origin)
        .join(told, told.c.key == newest)
        .where(origin.c.outage_key == places.c.outage_key, origin.c.number > latest)
        .correlate(places)
        .scalar_subquery()
    )
    return ranked % _OUT_FIRST


def told_code(column: ColumnElement[str]) -> ColumnElement[int]:
    """What is believed, as the number that is packed."""
    return case({told.name.lower(): int(told) for told in Told if told}, value=column, else_=0)


def told_time() -> ColumnElement[Any]:
    """The time that a message states; one of 0.1.0 has the version of its ETR only."""
    m, e = t.messages.c, t.etrs.c
    etr = (
        sa.select(sa.type_coerce(e.latest, sa.BigInteger))
        .where(e.outage_key == m.outage_key, e.version == m.told_etr_version)
        .correlate(t.messages)
        .scalar_subquery()
    )
    return func.coalesce(sa.type_coerce(m.told_time, sa.BigInteger), etr)


def ago() -> ColumnElement[Any]:
    """How long ago they were told anything, counted from 1 on; the most for never."""
    claimed = sa.type_coerce(t.messages.c.claimed_at, sa.BigInteger)
    steps = (NOW_MS - claimed) // (AGO_STEP_MIN * MINUTE_MS)
    longest = most("ago")
    return at_most(func.coalesce(1 + sa.cast(steps, sa.BigInteger), longest), longest)


def said(places: FromClause, form: Form) -> ColumnElement[int]:
    """What was told of the outage lately: the dispensable today, and "back" within a day."""
    m = t.messages.alias("said").c
    claimed = sa.type_coerce(m.claimed_at, sa.BigInteger)
    today = sa.and_(m.kind.in_(COUNTED), claimed >= TODAY_MS)
    back = sa.and_(m.told_state == Told.BACK.name.lower(), claimed >= DAY_AGO_MS)
    counted: ColumnElement[int] = (
        sa.select(func.coalesce(func.sum(is_(today) + is_(back) * BACKS), 0))
        .where(
            m.outage_key == places.c.outage_key,
            m.endpoint_key == places.c.endpoint_key,
            m.state.in_(form.told_states),
        )
        .correlate(places)
        .scalar_subquery()
    )
    return counted
