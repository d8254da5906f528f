"""Who has been told of an outage, who waits, and who could not be reached and why."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.counting import reachable
from outage import tables as t
from outage.cis import edition
from outage.model import Kind, Outage

GOOD_FOR_S, KEPT = 60.0, 500
TOLD, WAITS, FAILED = "told", "waits", "failed"
_OF_STATE = {
    "accepted": TOLD,
    "delivered": TOLD,
    "pending": WAITS,
    "claimed": WAITS,
    "failed": FAILED,
    "undelivered": FAILED,
    "unknown": FAILED,
}
"""All other states are messages that were not needed any more, or not allowed."""
_M = t.messages.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Messages of one outage.

    Attributes:
        told: phones and addresses that a provider has taken a message for.
        waits, failed: messages.
        not_sent: messages that ended without being sent, by reason.
        failures: failed ones, by reason or the provider's code.
        goes_at: when the first of those that wait goes, in business time.
    """

    told: int
    waits: int
    failed: int
    not_sent: Mapping[str, int]
    failures: Mapping[str, int]
    goes_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """Accounts that an outage concerns now; of those, medical, critical, and out of reach."""

    accounts: int
    medical: int
    critical: int
    unreachable: int


class Known:
    """What was counted of outages lately: a second and more of work where one is large.

    Whoever looks at it asks again with each change; it is counted anew when gis has spoken or
    people have changed, and for those who stopped our messages after a minute.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[object, ...], tuple[float, Concerned]] = OrderedDict()

    def concerned(self, conn: Connection, outage: Outage) -> Concerned:
        """Count who holds a place in an outage, or say what was counted."""
        o = t.outages.c
        row = conn.execute(
            sa.select(o.membership, o.matched_number, o.premises_out).where(o.key == outage.key)
        ).one()
        key = (outage.key, outage.status, *row, edition.number(conn))
        at, found = self._found.get(key, (0.0, None))
        if found is None or time.monotonic() - at > GOOD_FOR_S:
            found = concerned(conn, outage)
            with self._lock:
                self._found[key] = (time.monotonic(), found)
                if len(self._found) > KEPT:
                    self._found.popitem(last=False)
        return found


def delivery(conn: Connection, outage_key: int) -> Delivery:
    """Count the messages of an outage."""
    told = conn.execute(
        sa.select(sa.func.count(_M.endpoint_key.distinct())).where(
            _M.outage_key == outage_key, _M.state.in_(["accepted", "delivered"])
        )
    ).scalar_one()
    why = sa.func.coalesce(_M.reason, _M.provider_code)
    rows = conn.execute(
        sa.select(_M.state, why.label("why"), sa.func.count().label("number"))
        .where(_M.outage_key == outage_key)
        .group_by(_M.state, why)
        .order_by(sa.func.count().desc())
    ).all()
    numbers = dict.fromkeys((WAITS, FAILED), 0)
    reasons: dict[str, dict[str, int]] = {FAILED: {}, "not sent": {}}
    for row in rows:
        what = _OF_STATE.get(row.state, "not sent")
        numbers[what] = numbers.get(what, 0) + row.number
        if what in reasons:
            name = row.why or row.state
            reasons[what][name] = reasons[what].get(name, 0) + row.number
    goes_at = conn.execute(
        sa.select(sa.func.min(_M.send_after, type_=_M.send_after.type)).where(
            _M.outage_key == outage_key, _M.state == sa.literal_column("'pending'")
        )
    ).scalar()
    return Delivery(
        told=told,
        waits=numbers[WAITS],
        failed=numbers[FAILED],
        not_sent=reasons["not sent"],
        failures=reasons[FAILED],
        goes_at=goes_at,
    )


def concerned(conn: Connection, outage: Outage) -> Concerned:
    """Count who holds a place in it now: without service, or, of an advisory, concerned."""
    a = t.accounts.c
    held = accounts(outage).subquery()
    reached = reachable().subquery()
    row = conn.execute(
        sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((a.medical.is_(True), 1), else_=0)),
            sa.func.sum(sa.case((a.critical.is_(True), 1), else_=0)),
            sa.func.sum(sa.case((sa.exists().where(reached.c.account_key == a.key), 0), else_=1)),
        ).join_from(held, t.accounts, a.key == held.c.account_key)
    ).one()
    counted: Sequence[int] = [int(number or 0) for number in row]
    return Concerned(
        accounts=counted[0], medical=counted[1], critical=counted[2], unreachable=counted[3]
    )


def accounts(outage: Outage) -> sa.Select[int]:
    """Keys of the accounts that hold a place in an outage now, each once."""
    m, o, i = t.memberships.c, t.occupancies.c, t.interruptions.c
    # By its members, which an index finds; who of them is out an index tells of each.
    found = (
        sa.select(o.account_key)
        .distinct()
        .join_from(t.memberships, t.occupancies, o.premise_key == m.premise_key)
        .where(
            m.outage_key == outage.key,
            m.removed.is_(None),
            m.until.is_(None),
            o.until.is_(None),
        )
    )
    if outage.kind is Kind.ADVISORY or not outage.interrupts:
        return found
    out = sa.exists().where(
        i.premise_key == m.premise_key, i.outage_key == outage.key, i.outcome.is_(None)
    )
    return found.where(out)
