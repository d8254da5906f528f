"""Who is actually without service: derived from live members, one per premise and service.

A member is *live* while it has neither fallen out nor been restored. A premise is interrupted
while it is a live member of an outage that interrupts; the interruption belongs to the first of
those: confirmed unplanned before planned, older first (DECISIONS 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gis.membership import handing_over, hindsight
from gis.membership.claims import BEGUN, SERVICE, claims, last_end, not_before
from gis.membership.scratch import scratch, settled
from outage import tables as t
from outage.columns import Key
from outage.in_order import InOrder
from outage.model import Kind, OutageKey, Reason, Service

_i = t.interruptions
_m = t.memberships.alias("holding")
_o, _heir = t.outages.alias("holder"), t.outages.alias("heir")


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an interruption ends when no outage holds its premise any more.

    Attributes:
        at: when service came back; never before the interruption began.
        outcome: ``restored``, ``inferred`` or ``voided``.
        restoration_key: the step that ended it, if one did.
        voided: the outage whose claim is void; what goes on under another then began with that.
    """

    at: datetime
    outcome: str
    restoration_key: int | None = None
    voided: OutageKey | None = None


def settle(conn: Connection, service: Service, end: End, came: OutageKey | None = None) -> None:
    """Make the interruptions of the premises in scratch what their live members say.

    Doing it again changes nothing.

    Args:
        conn: the transaction of the step.
        service: which interruptions.
        end: how they end where nobody claims a premise any more.
        came: the outage that all of these premises have just become live members of, if they
            have. Whoever else claims one of them has opened its interruption before: a premise
            without an open one needs no look at who else there is.
    """
    of_service = {"of_service": service.value}
    how = {"at": end.at, "ends_as": end.outcome, "by": end.restoration_key}
    conn.execute(_SETTLE if came is None else _SETTLE_HELD, of_service)
    if end.voided is None:
        conn.execute(_PART, how)
        conn.execute(_PARTED, {"at": end.at})
    if conn.execute(_HAND_OVER, of_service | {"voided": end.voided or 0}).rowcount:
        conn.execute(_NOTE)
    conn.execute(_END, how)
    if came is None:
        conn.execute(_OPEN, of_service)
    else:
        coming = of_service | {"came": came}
        again = conn.execute(hindsight.BACK_SINCE, coming).scalar()
        if again:
            conn.execute(hindsight.NOTE, coming)
            conn.execute(hindsight.GO_ON, coming)
        conn.execute(_OPEN_NEW[conn.dialect.name, bool(again)], coming)
    if end.voided and came is None:
        conn.execute(hindsight.REMAIN, of_service | {"voided": end.voided})


_GOES_ON = sa.and_(_heir.c.key == _o.c.merged_into, _o.c.close_reason == Reason.MERGED.value)


def _winner() -> sa.ScalarSelect[int]:
    # Until its members are handed over, an outage that was merged claims for the other.
    status = sa.func.coalesce(_heir.c.status, _o.c.status)
    return (
        sa.select(_o.c.key)
        .select_from(_m.join(_o, _o.c.key == _m.c.outage_key).outerjoin(_heir, _GOES_ON))
        .where(
            _m.c.premise_key == scratch.c.premise_key,
            _m.c.removed.is_(None),
            _m.c.until.is_(None),
            claims(_o, status),
        )
        .order_by(
            sa.case((_o.c.kind == Kind.UNPLANNED.value, 0), else_=1), _o.c.started_at, _o.c.key
        )
        .limit(1)
        .scalar_subquery()
    )


def _settle(*, held: bool) -> sa.Insert:
    """Say of each premise in scratch, or of each that somebody holds, who should hold it."""
    open_one = sa.and_(
        _i.c.premise_key == scratch.c.premise_key,
        _i.c.service == SERVICE,
        _i.c.outcome.is_(None),
    )
    looked_up = InOrder(scratch, _i, open_one, isouter=not held)
    return settled.insert().from_select(
        ["premise_key", "interruption_key", "holder", "winner"],
        sa.select(scratch.c.premise_key, _i.c.key, _i.c.outage_key, _winner()).select_from(
            looked_up
        ),
    )


def _of_settled(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return _i.c.key.in_(sa.select(settled.c.interruption_key).where(which))


def _begun_by(outage_key: OutageKey | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Whether an outage began it, or one that was merged into that one."""
    merged = sa.select(t.outages.c.key).where(
        t.outages.c.merged_into == outage_key, t.outages.c.close_reason == Reason.MERGED.value
    )
    return sa.or_(_i.c.first_outage_key == outage_key, _i.c.first_outage_key.in_(merged))


def _began(premise: sa.ColumnElement[int]) -> sa.ScalarSelect[datetime]:
    """When the outage began that should hold the interruption of a premise."""
    return (
        sa.select(t.outages.c.started_at)
        .select_from(settled.join(t.outages, t.outages.c.key == settled.c.winner))
        .where(settled.c.premise_key == premise)
        .scalar_subquery()
    )


def _hand_over() -> sa.Update:
    """Let those go on under the outage that should hold them."""
    here = settled.c.premise_key == _i.c.premise_key
    winner = sa.select(settled.c.winner).where(here).scalar_subquery()
    voided = sa.bindparam("voided", type_=Key)
    void = sa.and_(_begun_by(voided), winner != voided)
    since = not_before(last_end(_i.c.premise_key, SERVICE), _began(_i.c.premise_key))
    return (
        _i.update()
        .where(_of_settled(settled.c.winner != settled.c.holder))
        .values(
            outage_key=winner,
            first_outage_key=sa.case((void, winner), else_=_i.c.first_outage_key),
            started_at=sa.case((void, since), else_=_i.c.started_at),
        )
    )


def _apart() -> sa.ColumnElement[bool]:
    """Whether service was back in between: who should hold it began after the other one's end."""
    winner = t.outages.alias("winner")
    began = sa.select(winner.c.started_at).where(winner.c.key == settled.c.winner)
    at = sa.bindparam("at", type_=_i.c.ended_at.type)
    return sa.and_(settled.c.winner != settled.c.holder, began.scalar_subquery() > at)


def _open() -> sa.Insert:
    of_nobody = settled.join(t.outages, t.outages.c.key == settled.c.winner)
    return _i.insert().from_select(
        BEGUN,
        _begun(settled.c.premise_key)
        .select_from(of_nobody)
        .where(settled.c.interruption_key.is_(None)),
    )


def _open_new(insert: Any, *, again: bool) -> sa.Insert:  # noqa: ANN401 - the dialects' own have no common type
    """Open one for each premise in scratch that has none, all under the outage they came to.

    ``again``: some of them had one that ended since the outage began.
    """
    came = sa.and_(t.outages.c.key == sa.bindparam("came", type_=Key), claims(t.outages))
    under = InOrder(t.outages, scratch, came)
    statement: sa.Insert = (
        insert(_i)
        .from_select(BEGUN, _begun(scratch.c.premise_key, again=again).select_from(under))
        .on_conflict_do_nothing(
            index_elements=["premise_key", "service"], index_where=_i.c.outcome.is_(None)
        )
    )
    return statement


def _begun(premise: sa.ColumnElement[int], *, again: bool = True) -> sa.Select[Any]:
    """An interruption of a premise that an outage begins, after the one before."""
    began = t.outages.c.started_at
    since = sa.func.coalesce(last_end(premise, SERVICE, after=began), began) if again else began
    return sa.select(premise, SERVICE, t.outages.c.key, t.outages.c.key, since)


def _end(which: sa.ColumnElement[bool]) -> sa.Update:
    at = sa.bindparam("at", type_=_i.c.ended_at.type)
    return (
        _i.update()
        .where(_of_settled(which))
        .values(
            ended_at=sa.case((_i.c.started_at > at, _i.c.started_at), else_=at),
            outcome=sa.bindparam("ends_as", type_=sa.String),
            restoration_key=sa.bindparam("by", type_=Key),
        )
    )


# Put together once: a storm is thousands of small steps.
_SETTLE, _SETTLE_HELD = _settle(held=False), _settle(held=True)
_HAND_OVER, _OPEN, _END = _hand_over(), _open(), _end(settled.c.winner.is_(None))
_PART = _end(_apart())
_GONE_OVER = settled.c.winner != settled.c.holder
_NOTE = handing_over.note(
    sa.union(
        sa.select(settled.c.winner, settled.c.holder).where(_GONE_OVER),
        handing_over.held_before(settled),
    )
)
# The next one is opened like any other.
_PARTED = settled.update().where(_apart()).values(interruption_key=None, holder=None)
_OPEN_NEW = {
    (name, again): _open_new(insert, again=again)
    for name, insert in (("sqlite", insert_sqlite), ("postgresql", insert_postgresql))
    for again in (False, True)
}


def take_up(
    conn: Connection, outage_key: OutageKey, restoration_key: int | None, service: Service
) -> None:
    """Let the interruptions that a step ended go on, for the premises in scratch.

    So do those that another outage's end closed since: the step that ended this one's claim was
    wrong, and they were never over. Without a step: those that ended as inferred when the outage
    was put away. Where a later one has been opened meanwhile, it stays, ended or not.
    """
    known = _i.alias("known")
    later = sa.exists().where(
        known.c.premise_key == _i.c.premise_key,
        known.c.service == service.value,
        sa.or_(
            known.c.outcome.is_(None),
            sa.and_(
                known.c.outcome != "voided",
                known.c.key != _i.c.key,
                known.c.started_at >= _i.c.ended_at,
            ),
        ),
    )
    at = (
        sa.select(t.restorations.c.at)
        .where(t.restorations.c.key == restoration_key)
        .scalar_subquery()
    )
    by_step = (
        sa.and_(
            _i.c.restoration_key.is_(None),
            _i.c.outcome == "inferred",
            _i.c.outage_key == outage_key,
        )
        if restoration_key is None
        else sa.or_(
            _i.c.restoration_key == restoration_key,
            sa.and_(_i.c.started_at < at, _i.c.ended_at > at, _i.c.outcome != "voided"),
        )
    )
    conn.execute(
        _i.update()
        .where(
            by_step,
            _i.c.service == service.value,
            _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
            ~later,
        )
        .values(ended_at=None, outcome=None, restoration_key=None)
    )


def void(conn: Connection, outage_key: OutageKey, service: Service) -> None:
    """Void what an outage that never was interrupted and restored, for the premises in scratch.

    What it began and goes on under another began with that.
    """
    holder = t.outages.alias("goes_on_under")
    began = sa.select(holder.c.started_at).where(holder.c.key == _i.c.outage_key).scalar_subquery()
    conn.execute(
        _i.update()
        .where(
            _begun_by(outage_key),
            _i.c.outage_key != outage_key,
            _i.c.outcome.is_(None),
            _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
        )
        .values(
            first_outage_key=_i.c.outage_key,
            started_at=not_before(last_end(_i.c.premise_key, sa.literal(service.value)), began),
        )
    )
    conn.execute(
        _i.update()
        .where(
            _i.c.outage_key == outage_key,
            _i.c.outcome.is_not(None),
            _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
        )
        .values(outcome="voided")
    )


def pass_on(conn: Connection, outage_key: OutageKey, part_key: OutageKey) -> None:
    """Let what an outage began count as begun by the part that was split off, in scratch."""
    conn.execute(
        _i.update()
        .where(
            _begun_by(outage_key),
            _i.c.outcome.is_(None),
            _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
        )
        .values(first_outage_key=part_key)
    )


def move_start(conn: Connection, outage_key: OutageKey, service: Service) -> None:
    """Let open interruptions that an outage began follow its start, for the premises in scratch.

    None comes to begin before the one ended that its premise had earlier.
    """
    began = sa.select(t.outages.c.started_at).where(t.outages.c.key == outage_key).scalar_subquery()
    conn.execute(
        _i.update()
        .where(
            _i.c.first_outage_key == outage_key,
            _i.c.outcome.is_(None),
            _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
        )
        .values(started_at=not_before(last_end(_i.c.premise_key, sa.literal(service.value)), began))
    )
