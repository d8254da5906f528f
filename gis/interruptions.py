"""Who is actually without service: derived from live members, one per premise and service.

A member is *live* while it has neither fallen out nor been restored. A premise is interrupted
while it is a live member of an outage that interrupts; the interruption belongs to the first of
those: confirmed unplanned before planned, older first (DECISIONS 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.scratch import scratch
from outage import tables as t
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


def settle(conn: Connection, service: Service, end: End) -> None:
    """Make the interruptions of the premises in scratch what their live members say.

    Doing it again changes nothing.
    """
    conn.execute(scratch.update().values(winner=_winner(service)))
    _hand_over(conn, service, end)
    _open(conn, service)
    _end(conn, service, end)


_goes_on = sa.and_(_heir.c.key == _o.c.merged_into, _o.c.close_reason == Reason.MERGED.value)


def _winner(service: Service) -> sa.ScalarSelect[int]:
    return (
        sa.select(_o.c.key)
        .select_from(_m.join(_o, _o.c.key == _m.c.outage_key).outerjoin(_heir, _goes_on))
        .where(
            _m.c.premise_key == scratch.c.premise_key,
            _m.c.removed.is_(None),
            _m.c.until.is_(None),
            _o.c.service == service.value,
            _o.c.kind != Kind.ADVISORY.value,
            # Until its members are handed over, an outage that was merged claims for the other.
            sa.func.coalesce(_heir.c.status, _o.c.status).in_(
                [status.value for status in INTERRUPTING]
            ),
        )
        .order_by(
            sa.case((_o.c.kind == Kind.UNPLANNED.value, 0), else_=1), _o.c.started_at, _o.c.key
        )
        .limit(1)
        .scalar_subquery()
    )


def _open_ones(service: Service, winner: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Open interruptions of scratch premises whose winner is as said."""
    return sa.and_(
        _i.c.outcome.is_(None),
        _i.c.service == service.value,
        _i.c.premise_key.in_(sa.select(scratch.c.premise_key).where(winner)),
    )


def _hand_over(conn: Connection, service: Service, end: End) -> None:
    winner = (
        sa.select(scratch.c.winner)
        .where(scratch.c.premise_key == _i.c.premise_key)
        .scalar_subquery()
    )
    began = (
        sa.select(t.outages.c.started_at)
        .select_from(scratch.join(t.outages, t.outages.c.key == scratch.c.winner))
        .where(scratch.c.premise_key == _i.c.premise_key)
        .scalar_subquery()
    )
    void = (
        sa.false() if end.voided is None else sa.and_(_begun_by(end.voided), winner != end.voided)
    )
    conn.execute(
        _i.update()
        .where(_open_ones(service, scratch.c.winner.is_not(None)), _i.c.outage_key != winner)
        .values(
            outage_key=winner,
            first_outage_key=sa.case((void, winner), else_=_i.c.first_outage_key),
            started_at=sa.case((void, began), else_=_i.c.started_at),
        )
    )


def _open(conn: Connection, service: Service) -> None:
    known = _i.alias("known")
    there = sa.exists().where(
        known.c.premise_key == scratch.c.premise_key,
        known.c.service == service.value,
        known.c.outcome.is_(None),
    )
    began = _not_before_the_last(t.outages.c.started_at, scratch.c.premise_key, service)
    conn.execute(
        _i.insert().from_select(
            ["premise_key", "service", "outage_key", "first_outage_key", "started_at"],
            sa.select(
                scratch.c.premise_key,
                sa.literal(service.value),
                scratch.c.winner,
                scratch.c.winner,
                began,
            )
            .select_from(scratch.join(t.outages, t.outages.c.key == scratch.c.winner))
            .where(~there),
        )
    )


def _not_before_the_last(
    began: sa.ColumnElement[datetime], premise: sa.ColumnElement[int], service: Service
) -> sa.ColumnElement[datetime]:
    """Two interruptions of one premise never overlap, whatever the outages claim."""
    last = _i.alias("last")
    ended = (
        sa.select(sa.func.max(last.c.ended_at))
        .where(
            last.c.premise_key == premise,
            last.c.service == service.value,
            last.c.outcome != "voided",
        )
        .scalar_subquery()
    )
    return sa.case((ended > began, ended), else_=began)


def _end(conn: Connection, service: Service, end: End) -> None:
    at = sa.literal(end.at, _i.c.ended_at.type)
    conn.execute(
        _i.update()
        .where(_open_ones(service, scratch.c.winner.is_(None)))
        .values(
            ended_at=sa.case((_i.c.started_at > at, _i.c.started_at), else_=at),
            outcome=end.outcome,
            restoration_key=end.restoration_key,
        )
    )


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
            _held_by(outage_key),
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
            started_at=_not_before_the_last(began, _i.c.premise_key, service),
        )
    )
    conn.execute(
        _i.update()
        .where(
            _held_by(outage_key),
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


def _begun_by(outage_key: OutageKey) -> sa.ColumnElement[bool]:
    """Whether an outage began it, or one that was merged into that one."""
    merged = sa.select(t.outages.c.key).where(
        t.outages.c.merged_into == outage_key, t.outages.c.close_reason == Reason.MERGED.value
    )
    return sa.or_(_i.c.first_outage_key == outage_key, _i.c.first_outage_key.in_(merged))


def _held_by(outage_key: OutageKey) -> sa.ColumnElement[bool]:
    # Added to nothing, the column is no key to an index: a step finds its rows by their premises,
    # not among all that a large outage holds.
    return _i.c.outage_key + 0 == outage_key


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
        .values(started_at=_not_before_the_last(began, _i.c.premise_key, service))
    )
