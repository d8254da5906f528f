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

from gis.membership.scratch import scratch, settled
from outage import tables as t
from outage.columns import Key
from outage.in_order import InOrder
from outage.model import INTERRUPTING, Kind, OutageKey, Reason, Service

_i = t.interruptions
_m = t.memberships.alias("holding")
_o, _heir = t.outages.alias("holder"), t.outages.alias("heir")
LIVE = sa.and_(t.memberships.c.removed.is_(None), t.memberships.c.until.is_(None))


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
    conn.execute(_SETTLE if came is None else _SETTLE_HELD, of_service)
    conn.execute(_HAND_OVER, {"voided": end.voided or 0})
    conn.execute(_END, {"at": end.at, "ends_as": end.outcome, "by": end.restoration_key})
    if came is None:
        conn.execute(_OPEN, of_service)
    else:
        conn.execute(_OPEN_NEW[conn.dialect.name], of_service | {"came": came})


# Not named as a column is: SQLAlchemy would write those.
_SERVICE = sa.bindparam("of_service", type_=sa.String)
_GOES_ON = sa.and_(_heir.c.key == _o.c.merged_into, _o.c.close_reason == Reason.MERGED.value)


def _claims(
    outages: Any,  # noqa: ANN401 - the table or an alias of it
    status: sa.ColumnElement[str] | None = None,
) -> sa.ColumnElement[bool]:
    """Whether an outage leaves its live members without the service.

    Without a ``status`` that counts, its own does.
    """
    counts = outages.c.status if status is None else status
    return sa.and_(
        outages.c.service == _SERVICE,
        outages.c.kind != Kind.ADVISORY.value,
        counts.in_([status.value for status in INTERRUPTING]),
    )


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
            _claims(_o, status),
        )
        .order_by(
            sa.case((_o.c.kind == Kind.UNPLANNED.value, 0), else_=1), _o.c.started_at, _o.c.key
        )
        .limit(1)
        .scalar_subquery()
    )


def _last_end(
    premise: sa.ColumnElement[int],
    service: sa.ColumnElement[str],
    after: sa.ColumnElement[datetime] | None = None,
) -> sa.ScalarSelect[datetime]:
    """When the last interruption of a premise ended, if that was after a time."""
    last = _i.alias("last")
    ended = sa.select(sa.func.max(last.c.ended_at)).where(
        last.c.premise_key == premise, last.c.service == service, last.c.outcome != "voided"
    )
    return (ended if after is None else ended.where(last.c.ended_at > after)).scalar_subquery()


def _not_before(
    last: sa.ColumnElement[datetime], began: sa.ColumnElement[datetime]
) -> sa.ColumnElement[datetime]:
    """Two interruptions of one premise never overlap, whatever the outages claim."""
    return sa.case((last > began, last), else_=began)


def _settle(*, held: bool) -> sa.Insert:
    """Say of each premise in scratch, or of each that somebody holds, who should hold it."""
    open_one = sa.and_(
        _i.c.premise_key == scratch.c.premise_key,
        _i.c.service == _SERVICE,
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


def _hand_over() -> sa.Update:
    here = settled.c.premise_key == _i.c.premise_key
    winner = sa.select(settled.c.winner).where(here).scalar_subquery()
    began = (
        sa.select(t.outages.c.started_at)
        .select_from(settled.join(t.outages, t.outages.c.key == settled.c.winner))
        .where(here)
        .scalar_subquery()
    )
    voided = sa.bindparam("voided", type_=Key)
    void = sa.and_(_begun_by(voided), winner != voided)
    return (
        _i.update()
        .where(_of_settled(settled.c.winner != settled.c.holder))
        .values(
            outage_key=winner,
            first_outage_key=sa.case((void, winner), else_=_i.c.first_outage_key),
            started_at=sa.case((void, began), else_=_i.c.started_at),
        )
    )


def _open() -> sa.Insert:
    of_nobody = settled.join(t.outages, t.outages.c.key == settled.c.winner)
    return _i.insert().from_select(
        _BEGUN,
        _begun(settled.c.premise_key)
        .select_from(of_nobody)
        .where(settled.c.interruption_key.is_(None)),
    )


def _open_new(insert: Any) -> sa.Insert:  # noqa: ANN401 - the dialects' own have no common type
    """Open one for each premise in scratch that has none, all under the outage they came to."""
    came = sa.and_(t.outages.c.key == sa.bindparam("came", type_=Key), _claims(t.outages))
    under = InOrder(t.outages, scratch, came)
    statement: sa.Insert = (
        insert(_i)
        .from_select(_BEGUN, _begun(scratch.c.premise_key).select_from(under))
        .on_conflict_do_nothing(
            index_elements=["premise_key", "service"], index_where=_i.c.outcome.is_(None)
        )
    )
    return statement


def _begun(premise: sa.ColumnElement[int]) -> sa.Select[Any]:
    """An interruption of a premise that an outage begins, after the one before."""
    began = t.outages.c.started_at
    last = _last_end(premise, _SERVICE, after=began)
    return sa.select(
        premise, _SERVICE, t.outages.c.key, t.outages.c.key, sa.func.coalesce(last, began)
    )


def _end() -> sa.Update:
    at = sa.bindparam("at", type_=_i.c.ended_at.type)
    return (
        _i.update()
        .where(_of_settled(settled.c.winner.is_(None)))
        .values(
            ended_at=sa.case((_i.c.started_at > at, _i.c.started_at), else_=at),
            outcome=sa.bindparam("ends_as", type_=sa.String),
            restoration_key=sa.bindparam("by", type_=Key),
        )
    )


# Put together once: a storm is thousands of small steps.
_BEGUN = ["premise_key", "service", "outage_key", "first_outage_key", "started_at"]
_SETTLE, _SETTLE_HELD = _settle(held=False), _settle(held=True)
_HAND_OVER, _OPEN, _END = _hand_over(), _open(), _end()
_OPEN_NEW = {"sqlite": _open_new(insert_sqlite), "postgresql": _open_new(insert_postgresql)}


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
            started_at=_not_before(_last_end(_i.c.premise_key, sa.literal(service.value)), began),
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
        .values(
            started_at=_not_before(_last_end(_i.c.premise_key, sa.literal(service.value)), began)
        )
    )
