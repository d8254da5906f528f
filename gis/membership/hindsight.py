"""Interruptions put right where work came in another order than what it tells of.

Restorations are worked before revisions and loads, and a claim may turn out to be void long after
others were restored under it: what is on record afterwards is what the other order would have left.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from gis.membership import handing_over
from gis.membership.claims import BEGUN, SERVICE, claims
from gis.membership.scratch import scratch
from outage import tables as t
from outage.columns import Key
from outage.in_order import InOrder

_i = t.interruptions
_CAME = sa.bindparam("came", type_=Key)


def _back_since() -> sa.Select[Any]:
    """Whether a premise in scratch has had service back since the outage began it has come to.

    Hardly ever: one look spares two for each premise. It does not ask whether the outage claims
    them: on PostgreSQL that can come to be between this statement and the next.
    """
    ended = InOrder(scratch, _i, _i.c.premise_key == scratch.c.premise_key)
    since = sa.and_(
        _i.c.service == SERVICE,
        _i.c.outcome != "voided",
        _i.c.ended_at > _start().scalar_subquery(),
    )
    return sa.select(sa.literal(1)).select_from(ended).where(since).limit(1)


def _start() -> sa.Select[tuple[datetime]]:
    return sa.select(t.outages.c.started_at).where(t.outages.c.key == _CAME)


def _ended_since() -> sa.ColumnElement[bool]:
    """What ended last at a premise in scratch, after the outage began that it has come to."""
    last = _i.alias("last")
    newest = (
        sa.select(last.c.key)
        .where(
            last.c.premise_key == _i.c.premise_key,
            last.c.service == SERVICE,
            sa.func.coalesce(last.c.outcome, "") != "voided",
        )
        # An open one first.
        .order_by(last.c.outcome.is_not(None), last.c.ended_at.desc(), last.c.key.desc())
        .limit(1)
        .scalar_subquery()
    )
    return sa.and_(
        _i.c.premise_key.in_(sa.select(scratch.c.premise_key)),
        _i.c.outcome.is_not(None),
        _i.c.ended_at > _start().where(claims(t.outages)).scalar_subquery(),
        _i.c.key == newest,
    )


def _go_on() -> sa.Update:
    """Let that go on under the outage that its premise has come to.

    A restoration that was worked before what came earlier found nobody else to go on under.
    """
    again = {"outage_key": _CAME, "ended_at": None, "outcome": None, "restoration_key": None}
    return _i.update().where(_ended_since()).values(**again)


def _under_others() -> sa.Select[tuple[int, int]]:
    """That outage, and others under which it had ended."""
    came = sa.type_coerce(_CAME, Key).label("came")
    return sa.select(came, _i.c.outage_key).where(_ended_since(), _i.c.outage_key != _CAME)


def _remain() -> sa.Insert:
    """What other outages interrupted and restored, and a claim that is void now had covered."""
    m, later, o, known = t.memberships, t.memberships.alias("later"), t.outages, _i.alias("known")
    back = ("restored", "inferred")
    true = sa.and_(
        known.c.premise_key == m.c.premise_key,
        known.c.service == SERVICE,
        sa.or_(known.c.outcome.is_(None), known.c.outcome != "voided"),
    )
    before = (
        sa.select(sa.func.max(known.c.ended_at))
        .where(true, known.c.ended_at > o.c.started_at, known.c.ended_at <= m.c.until)
        .scalar_subquery()
    )
    covered = sa.exists().where(
        true,
        known.c.started_at <= m.c.until,
        sa.or_(known.c.outcome.is_(None), known.c.ended_at >= m.c.until),
    )
    same = t.outages.alias("same")
    outdone = sa.exists().where(
        later.c.premise_key == m.c.premise_key,
        later.c.outage_key == same.c.key,
        same.c.service == SERVICE,
        later.c.removed.is_(None),
        later.c.outcome.in_(back),
        sa.tuple_(later.c.until, later.c.key) > sa.tuple_(m.c.until, m.c.key),
    )
    restored = InOrder(scratch, m, m.c.premise_key == scratch.c.premise_key)
    return _i.insert().from_select(
        [*BEGUN, "ended_at", "outcome", "restoration_key"],
        sa.select(
            m.c.premise_key,
            SERVICE,
            o.c.key,
            o.c.key,
            sa.func.coalesce(before, o.c.started_at),
            m.c.until,
            m.c.outcome,
            m.c.restoration_key,
        )
        .select_from(InOrder(restored, o, o.c.key == m.c.outage_key))
        .where(
            m.c.removed.is_(None),
            m.c.outcome.in_(back),
            o.c.service == SERVICE,
            o.c.key != sa.bindparam("voided", type_=Key),
            o.c.started_at <= m.c.until,
            ~covered,
            ~outdone,
        ),
    )


BACK_SINCE, GO_ON, REMAIN = _back_since(), _go_on(), _remain()
NOTE = handing_over.note(_under_others())
