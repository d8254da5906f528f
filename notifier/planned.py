"""What a step of planning decides for whom it has looked at: counted, and written as messages."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import case, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import audience, facts, scratch
from notifier.kinds import OF_AREAS
from notifier.policy import Decision, Manners, Reason, decide, unpack
from notifier.scratch import standing, verdicts
from notifier.situations import Moment
from outage import tables as t
from outage.columns import to_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One entry's work on one outage: what to plan for, and by which settings.

    ``known_at`` is when it was said who is out, or back (business time): holds run from then.
    """

    number: int
    outage_key: int
    manners: Manners
    count_shadowed: bool
    known_at: datetime | None = None

    def times(self, moment: Moment) -> dict[str, int]:
        """When this is, and since when it is known, as the statements here have it."""
        known_at = moment.now if self.known_at is None else min(self.known_at, moment.now)
        return {"at_ms": to_ms(moment.now), "known_ms": to_ms(known_at)}


def kept_out_of(outage: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """That somebody was told nothing for another outage than this one, which still held a home."""
    d = t.decisions.c
    return sa.and_(d.decision == Reason.OUT_IN_OTHER_OUTAGE, d.outage_key != outage)


_ANY_SIBLING = (
    sa.select(t.decisions.c.outage_key)
    .where(kept_out_of(sa.bindparam("outage", type_=sa.BigInteger)))
    .limit(1)
)


def has_siblings(conn: Connection, plan: Plan) -> bool:
    """Whether for any other outage somebody was told nothing because one still held the premise."""
    return conn.execute(_ANY_SIBLING, {"outage": plan.outage_key}).first() is not None


def decide_and_write(conn: Connection, plan: Plan, moment: Moment, *, tally_silence: bool) -> None:
    """Tell whoever stands in `scratch.standing` what there is to tell; count what is decided.

    Without ``tally_silence`` what there is nothing to tell for is not counted.
    """
    distinct = conn.execute(_DISTINCT).all()
    if not distinct:
        return
    decisions = decided(conn, plan, moment, distinct)
    at = plan.times(moment)
    if any(row.pending for row in distinct) or not tally_silence or has_siblings(conn, plan):
        _tally(conn, plan, silence=tally_silence)
        for statement in (_END_PENDING, _RENEW, _HASTEN):
            conn.execute(statement, at)
    else:
        tally_all_new(conn, plan, distinct, decisions)
    insert = _INSERT if tally_silence else _INSERT_IN_ORDER
    conn.execute(insert[conn.dialect.name], at | {"by_number": plan.number})


def decided(
    conn: Connection, plan: Plan, moment: Moment, distinct: Sequence[sa.Row[Any]]
) -> dict[tuple[int, int], Decision]:
    """Decide for each distinct pair (outage, packed situation), and keep it in the transaction."""
    known = facts.load(conn, {row.outage_key for row in distinct})
    found = {
        (row.outage_key, row.packed): decide(
            unpack(row.packed), known[row.outage_key].policy, plan.manners, moment.now
        )
        for row in distinct
    }
    scratch.record(conn, found)
    return found


_AT_MS = sa.bindparam("at_ms", type_=sa.BigInteger)
_KNOWN_MS = sa.bindparam("known_ms", type_=sa.BigInteger)
_BY = sa.bindparam("by_number", type_=sa.BigInteger)
_DISTINCT = sa.select(
    standing.c.outage_key,
    standing.c.packed,
    func.count().label("number"),
    func.count(standing.c.pending_key).label("pending"),
).group_by(standing.c.outage_key, standing.c.packed)
_VERDICT = sa.and_(
    verdicts.c.outage_key == standing.c.outage_key, verdicts.c.packed == standing.c.packed
)
_COVERED = sa.and_(
    standing.c.pending_kind == verdicts.c.kind, standing.c.pending_variant == verdicts.c.variant
)
"""The same is pending already; it is rendered when claimed, so it will say what is true then."""


_OF_AN_AREA = sa.and_(standing.c.pending_kind.in_(OF_AREAS), standing.c.account_key.is_not(None))
"""What waits tells of an area, and how they stand is of a place of theirs."""
_STAYS = sa.and_(
    t.messages.c.key == standing.c.pending_key,
    t.messages.c.state == "pending",
    _VERDICT,
    _COVERED,
)
"""A pending row that goes on waiting."""


def _tallied(*, silence: bool) -> sa.Select[Any]:
    told_by_this_entry = sa.exists().where(
        t.messages.c.number == _BY,
        t.messages.c.endpoint_key == standing.c.endpoint_key,
        t.messages.c.channel == standing.c.channel,
    )
    decision = case(
        (verdicts.c.kind.is_(None), verdicts.c.decision),
        (_COVERED, Reason.ALREADY_PENDING.value),
        (told_by_this_entry, Reason.TOLD_FOR_OTHER_OUTAGE.value),
        else_=verdicts.c.decision,
    )
    if silence:
        return (
            sa.select(
                standing.c.outage_key, decision.label("decision"), func.count().label("count")
            )
            .select_from(standing)
            .join(verdicts, _VERDICT)
            .group_by(standing.c.outage_key, sa.text("2"))
        )
    # Of several outages with one endpoint the first tells it: see `_INSERT_IN_ORDER`.
    whose = (standing.c.endpoint_key, decision.in_(audience.TELLS))
    rank = func.row_number().over(partition_by=whose, order_by=standing.c.outage_key)
    each = (
        sa.select(standing.c.outage_key, decision.label("decision"), rank.label("rank"))
        .select_from(standing)
        .join(verdicts, _VERDICT)
        .where(verdicts.c.kind.is_not(None))
        .subquery("each")
    )
    beaten = sa.and_(each.c.decision.in_(audience.TELLS), each.c.rank > 1)
    counted = case((beaten, Reason.TOLD_FOR_OTHER_OUTAGE.value), else_=each.c.decision)
    return sa.select(
        each.c.outage_key, counted.label("decision"), func.count().label("count")
    ).group_by(each.c.outage_key, sa.text("2"))


_TALLIED = {silence: _tallied(silence=silence) for silence in (False, True)}


def tally_all_new(
    conn: Connection,
    plan: Plan,
    distinct: Sequence[sa.Row[Any]],
    decisions: Mapping[tuple[int, int], Decision],
) -> None:
    """Count what is decided where nothing waits to be sent, and no other outage has spoken."""
    counts = Counter[tuple[int, str]]()
    for row in distinct:
        decision = decisions[row.outage_key, row.packed]
        counts[row.outage_key, scratch.named(decision)] += row.number
    audience.tally(
        conn,
        [
            {"number": plan.number, "outage_key": outage, "decision": name, "count": count}
            for (outage, name), count in counts.items()
        ],
    )


def _tally(conn: Connection, plan: Plan, *, silence: bool) -> None:
    """Count what is decided, by outage; without ``silence`` only what there is to tell."""
    found = conn.execute(_TALLIED[silence], {"by_number": plan.number}).mappings()
    audience.tally(conn, [{"number": plan.number, **row} for row in found])


def _end_pending() -> sa.Update:
    """A pending row that says something else now gives way; mostly its send time is inherited.

    What tells of an area gives way to what there is to tell of their own place, not to silence.
    """
    to_tell = verdicts.c.kind.is_not(None)
    return (
        t.messages.update()
        .values(
            state=case((to_tell, "superseded"), else_="withdrawn"),
            reason=case((to_tell, Reason.NEWER_DECISION.value), else_=verdicts.c.decision),
            ended_at=_AT_MS,
        )
        .where(
            t.messages.c.key == standing.c.pending_key,
            t.messages.c.state == "pending",
            _VERDICT,
            # What stands in for a text is no decision on who gets it, and ends when it is claimed.
            sa.or_(
                sa.and_(
                    verdicts.c.kind.is_(None),
                    t.messages.c.instead_of.is_(None),
                    sa.not_(_OF_AN_AREA),
                ),
                sa.not_(_COVERED),
            ),
        )
    )


def _renew() -> sa.Update:
    """A pending row that will say something newer than it was planned for lives on from now.

    Else what waited through a provider's outage would expire with the newest ETR in it. Those
    planned lately are left as they are: it would be a write for each person and entry.
    """
    lives_on = _FRESH + verdicts.c.expires_ms
    return (
        t.messages.update()
        .values(expires_at=lives_on)
        .where(
            _STAYS,
            sa.type_coerce(t.messages.c.expires_at, sa.BigInteger)
            < lives_on - verdicts.c.expires_ms / 4,
        )
    )


def _hasten() -> sa.Update:
    """What waits longer than it has to by now goes sooner; what waits too short, claiming sees."""
    return (
        t.messages.update()
        .values(send_after=_DUE)
        .where(_STAYS, sa.type_coerce(t.messages.c.send_after, sa.BigInteger) > _DUE)
    )


def as_planned(send_after: sa.ColumnElement[int] | None = None) -> list[sa.ColumnElement[Any]]:
    """What a new message has of its verdict, and of the entry that it comes of.

    It may be sent when the verdict says, unless ``send_after`` says otherwise.
    """
    return [
        _BY.label("number"),
        verdicts.c.kind,
        verdicts.c.variant,
        sa.literal("pending").label("state"),
        verdicts.c.priority,
        _AT_MS.label("planned_at"),
        (_DUE if send_after is None else send_after).label("send_after"),
        (_FRESH + verdicts.c.expires_ms).label("expires_at"),
    ]


def inserts(rows: sa.Select[Any]) -> dict[str, sa.Insert]:
    """Write these rows as messages, by dialect. One entry tells an endpoint once."""
    return {
        name: dialect.insert(t.messages)
        .from_select(list(rows.selected_columns.keys()), rows)
        .on_conflict_do_nothing()
        for name, dialect in _DIALECTS.items()
    }


def _to_tell() -> sa.Select[Any]:
    earlier = standing.c.pending_send_after
    inherits = sa.and_(verdicts.c.inherits == 1, earlier < _DUE, sa.not_(_OF_AN_AREA))
    return (
        sa.select(
            standing.c.outage_key,
            standing.c.endpoint_key,
            standing.c.account_key,
            standing.c.channel,
            *as_planned(case((inherits, earlier), else_=_DUE)),
        )
        .select_from(standing)
        .join(verdicts, _VERDICT)
        .where(
            verdicts.c.kind.is_not(None),
            sa.or_(standing.c.pending_key.is_(None), sa.not_(_COVERED)),
        )
    )


_FRESH = func.coalesce(verdicts.c.after_ms, _AT_MS)
"""From when on a message grows old."""
_HELD_UNTIL = _KNOWN_MS + verdicts.c.hold_ms
_DUE = case((verdicts.c.after_ms > _HELD_UNTIL, verdicts.c.after_ms), else_=_HELD_UNTIL)
_END_PENDING, _RENEW, _HASTEN = _end_pending(), _renew(), _hasten()
_DIALECTS: dict[str, Any] = {"sqlite": sqlite, "postgresql": postgresql}
_INSERT = inserts(_to_tell())
_INSERT_IN_ORDER = inserts(_to_tell().order_by(standing.c.outage_key))
"""Of several outages the first tells an endpoint."""
