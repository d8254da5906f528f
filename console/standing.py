"""What stands beside the outages on the board: danger, what waits for somebody, sending, feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, queue, stopping
from notifier.queue import Lane
from notifier.replies import listing
from notifier.replies.intents import Intent
from notifier.replies.listing import Reply
from notifier.stopping import Stop
from outage import crew_proposals, report_groups
from outage import tables as t
from outage.crew_proposals import Proposal
from outage.database import wall_now
from outage.model import OPEN, Kind, Status
from outage.report_groups import Group
from outage.settings import Settings

Rows = Sequence[sa.Row[*tuple[Any, ...]]]
SHOWN = 8
"""Of each kind; how many more there are is said."""
ALARMING = timedelta(hours=6)
"""How long a report of danger by the public stands on top."""
STALE = timedelta(minutes=15)
"""A feed that has said nothing good for so long is named."""
_O = t.outages.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """A report by the public that speaks of danger."""

    at: datetime
    danger: str
    place: str
    note: str
    callback: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for a dispatcher: the first of each kind, and one more where there are more."""

    proposals: Sequence[Proposal]
    predicted: Rows
    messages: Rows
    groups: Sequence[Group]
    sends: Sequence[dict[str, Any]]

    @property
    def anything(self) -> bool:
        """Whether anything waits."""
        return any((self.proposals, self.predicted, self.messages, self.groups, self.sends))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Whether messages go, and how long those that are due will take."""

    mode: str
    stop: Stop | None
    lanes: Sequence[Lane]
    resting: Rows

    @property
    def due(self) -> int:
        """Messages that wait for a sender."""
        return sum(lane.due for lane in self.lanes)

    @property
    def later(self) -> int:
        """Messages that wait for their time."""
        return sum(lane.later for lane in self.lanes)

    @property
    def drains_in(self) -> timedelta | None:
        """Until the last due one is out; None where nobody knows."""
        times = [lane.drains_in for lane in self.lanes if lane.due]
        return None if None in times else max(filter(None, times), default=timedelta(0))


def dangers(conn: Connection, now: datetime) -> tuple[list[Danger], list[Reply]]:
    """Reports of danger: by the public lately, and by text until somebody has seen them."""
    r, p = t.public_reports.c, t.premises.c
    rows = conn.execute(
        sa.select(r.at, r.danger, r.note, r.callback, r.written, p.address, p.city)
        .select_from(t.public_reports.outerjoin(t.premises, p.key == r.premise_key))
        .where(r.at > now - ALARMING, r.danger.is_not(None))
        .order_by(r.at.desc(), r.key.desc())
        .limit(SHOWN)
    )
    by_page = [
        Danger(
            at=row.at,
            danger=row.danger,
            place=", ".join(filter(None, (row.address, row.city))) or row.written,
            note=row.note,
            callback=row.callback,
        )
        for row in rows
    ]
    return by_page, listing.replies(conn, intent=str(Intent.DANGER), limit=SHOWN)


def waiting(conn: Connection) -> Waiting:
    """What somebody has to decide on."""
    n = t.notes.c
    is_open = _O.status.in_([str(status) for status in OPEN])
    predicted = conn.execute(
        sa.select(_O.id, _O.place, _O.source, _O.premise_count, _O.members, _O.declared_at)
        .where(_O.status == str(Status.PREDICTED), _O.kind == str(Kind.UNPLANNED))
        .order_by(_O.key)
        .limit(SHOWN + 1)
    ).all()
    messages = conn.execute(
        sa.select(_O.id, n.key, n.text, n.at, n.actor)
        .join(t.outages, _O.key == n.outage_key)
        .where(n.kind == "public_message", n.approved_at.is_(None), is_open)
        .order_by(n.key)
        .limit(SHOWN + 1)
    ).all()
    return Waiting(
        proposals=crew_proposals.waiting(conn, limit=SHOWN + 1),
        predicted=predicted,
        messages=messages,
        groups=report_groups.groups(conn, limit=SHOWN + 1, words=False),
        sends=approvals.open_(conn),
    )


def sending(conn: Connection, settings: Settings) -> Sending:
    """Whether messages go out."""
    p, now = t.providers.c, wall_now(conn)
    resting = conn.execute(
        sa.select(p.name, p.rests_until, p.rests_code, p.blocked, p.blocked_code)
        .where(sa.or_(p.rests_until > now, p.blocked > 0))
        .order_by(p.name)
    ).all()
    return Sending(
        mode=str(settings.send),
        stop=stopping.standing(conn),
        lanes=queue.lanes(conn, settings),
        resting=resting,
    )


def feeds(conn: Connection) -> Rows:
    """Every feed with its last good word."""
    f = t.feeds.c
    return conn.execute(
        sa.select(f.source, f.last_good_at, f.last_snapshot_at, f.held_since).order_by(f.source)
    ).all()
