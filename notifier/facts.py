"""What is true of outages now, as policy and texts need it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.kinds import Kind
from notifier.policy import Facts, Stage
from notifier.rendering import Notice
from notifier.whereabouts import ONLY, Where
from outage import model
from outage import tables as t


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageFacts:
    """One outage: what policy asks of it, and what its texts may say."""

    policy: Facts
    service: str
    planned: bool
    cause: str | None
    crew_status: str | None
    since: datetime
    place: str
    public_message: str = ""
    etr_version: int | None = None
    etr_reason: str | None = None

    @property
    def by_plan(self) -> bool:
        """Whether service should be back when the planned work is to end."""
        return self.policy.etr is None and self.policy.back is not None

    def notice(
        self,
        kind: Kind,
        places: int,
        as_of: datetime,
        *,
        promised: datetime | None = None,
        where: Where = ONLY,
    ) -> Notice:
        """What a message of this kind states now; ``promised`` is the time that was told before."""
        return Notice(
            kind=kind,
            service=self.service,
            planned=self.planned,
            advisory=self.policy.advisory,
            cause=self.cause,
            crew_status=self.crew_status,
            since=self.since,
            etr=None
            if kind is Kind.PLANNED_STARTED and self.by_plan
            else self.policy.etr_ahead(as_of),
            promised=promised,
            # A reason says why it takes longer; a first time or an earlier one is no delay.
            etr_reason=self.etr_reason if kind is Kind.ETR_LATER else None,
            next_update_by=self.policy.update_ahead(as_of),
            starts=self.policy.starts,
            ends=self.policy.ends,
            place=self.place,
            public_message=self.public_message,
            places=places,
            of=where.of,
            name=where.name,
            as_of=as_of,
        )


def load(conn: Connection, outage_keys: Iterable[int]) -> dict[int, OutageFacts]:
    """The facts of these outages, by key. An ETR that is not published is no fact."""
    keys = sorted(set(outage_keys))
    return {
        row.key: OutageFacts(
            policy=_policy(row),
            service=row.service,
            planned=row.kind == model.Kind.PLANNED,
            cause=row.cause,
            crew_status=row.crew_status,
            since=row.started_at,
            place=row.place,
            public_message=row.public_message or "",
            etr_version=row.etr_version if row.etr_published else None,
            etr_reason=row.etr_reason if row.etr_published else None,
        )
        for row in conn.execute(_LOAD, {"keys": keys})
    }


def _load() -> sa.Select[Any]:
    o, r, n, j = t.outages, t.restorations.c, t.notes.c, t.journal.c
    told = sa.exists().where(r.outage_key == o.c.key, r.inferred.is_(True), r.tell.is_(True))
    # Asked only of work that was put away: an open outage may have a thousand entries.
    put_away = sa.and_(o.c.kind == model.Kind.PLANNED, o.c.status == model.Status.CLOSED)
    begun = sa.exists().where(j.outage_key == o.c.key, j.kind == model.JournalKind.STARTED)
    approved = sa.and_(n.key == o.c.public_message_key, n.approved_at.is_not(None))
    return (
        sa.select(
            o,
            told.label("tell_unlisted"),
            n.text.label("public_message"),
            sa.case((put_away, begun), else_=sa.false()).label("was_started"),
        )
        .outerjoin(t.notes, approved)
        .where(o.c.key.in_(sa.bindparam("keys", type_=o.c.key.type, expanding=True)))
    )


_LOAD = _load()


def _policy(row: sa.Row[Any]) -> Facts:
    advisory = row.kind == model.Kind.ADVISORY
    return Facts(
        stage=stage(row),
        advisory=advisory,
        planned=row.kind == model.Kind.PLANNED,
        watch=advisory and row.status == model.Status.PREDICTED and row.cause in model.STORMS,
        silent=bool(row.silent),
        etr=row.etr_latest if row.etr_published else None,
        next_update=row.next_update_by,
        starts=row.planned_start,
        ends=row.planned_end,
        crew_on_site=row.crew_status == model.CrewStatus.ARRIVED,
        tell_unlisted=bool(row.tell_unlisted),
    )


def stage(row: sa.Row[Any]) -> Stage:
    """How far the outage of this row of ``outages`` is, in the words of policy.

    ``was_started`` beside its columns says whether planned work that is closed was ever started.
    """
    match row.status:
        case model.Status.PREDICTED:
            return Stage.AHEAD if row.kind == model.Kind.PLANNED else Stage.PREDICTED
        case model.Status.CONFIRMED | model.Status.PARTIALLY_RESTORED:
            return Stage.OPEN if row.unlisted_since is None else Stage.UNLISTED
        case model.Status.CANCELLED:
            return Stage.CANCELLED
        case model.Status.CLOSED if row.close_reason == model.Reason.NO_LONGER_LISTED:
            return Stage.UNLISTED
        case model.Status.CLOSED if _never_began(row):
            return Stage.CANCELLED
        case _:
            return Stage.OVER


def _never_began(row: sa.Row[Any]) -> bool:
    """Whether work was closed and nobody had begun it: to who expects it, that is called off.

    Work that begins is started, which the journal has, or has begun when it is declared; at what
    hour says nothing: the clock starts it at the very time that was planned.
    """
    waited = row.declared_at < row.started_at
    planned = row.kind == model.Kind.PLANNED
    return bool(planned and waited and row.restored_at is None and not row.was_started)
