"""What is true of outages now, as policy and texts need it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.kinds import Kind
from notifier.policy import ELSEWHERE, Facts, Stage
from notifier.rendering import Notice
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
    next_update_by: datetime | None
    place: str
    public_message: str = ""
    etr_reasons: dict[int, str | None] = field(default_factory=dict)

    def is_later(self, etr_version: int, told_etr: int) -> bool:
        """Whether this version of the ETR is later than the one that was told."""
        etr, told = self.policy.etrs.get(etr_version), self.policy.etrs.get(told_etr)
        return etr is not None and told is not None and etr > told

    def notice(
        self, kind: Kind, etr_version: int, places: int, as_of: datetime, *, later: bool = False
    ) -> Notice:
        """What a message of this kind states now; ``etr_version`` 0 states no ETR.

        ``later`` says that who is told has been given an earlier time.
        """
        return Notice(
            kind=kind,
            service=self.service,
            planned=self.planned,
            cause=self.cause,
            crew_status=self.crew_status,
            since=self.since,
            etr=self.policy.etrs.get(etr_version),
            later=later,
            # A reason says why it takes longer; a first time or an earlier one is no delay.
            etr_reason=self.etr_reasons.get(etr_version) if later else None,
            next_update_by=self.next_update_by,
            place=self.place,
            public_message=self.public_message,
            places=places,
            as_of=as_of,
        )


def load(
    conn: Connection, outage_keys: Iterable[int], *, etr_step: timedelta
) -> dict[int, OutageFacts]:
    """The facts of these outages, by key. An ETR that is not published is no fact."""
    keys = sorted(set(outage_keys))
    etrs: dict[int, dict[int, datetime]] = {key: {} for key in keys}
    reasons: dict[int, dict[int, str | None]] = {key: {} for key in keys}
    for row in conn.execute(
        t.etrs.select().where(t.etrs.c.outage_key.in_(keys), t.etrs.c.published.is_(True))
    ):
        etrs[row.outage_key][row.version] = row.latest
        reasons[row.outage_key][row.version] = row.reason
    for row in conn.execute(_of_origins(keys)):
        etrs[row.goes_on][row.outage_key * ELSEWHERE + row.version] = row.latest
    told = (
        sa.exists()
        .where(
            t.restorations.c.outage_key == t.outages.c.key,
            t.restorations.c.inferred.is_(True),
            t.restorations.c.tell.is_(True),
        )
        .label("tell_unlisted")
    )
    statement = (
        sa.select(t.outages, told, t.notes.c.text.label("public_message"))
        .outerjoin(
            t.notes,
            sa.and_(
                t.notes.c.key == t.outages.c.public_message_key, t.notes.c.approved_at.is_not(None)
            ),
        )
        .where(t.outages.c.key.in_(keys))
    )
    return {
        row.key: OutageFacts(
            policy=Facts(
                stage=stage(row),
                advisory=row.kind == model.Kind.ADVISORY,
                silent=bool(row.silent),
                etr_version=(row.etr_version or 0) if row.etr_published else 0,
                etrs=etrs[row.key],
                etr_step=etr_step,
                tell_unlisted=bool(row.tell_unlisted),
            ),
            service=row.service,
            planned=row.kind == model.Kind.PLANNED,
            cause=row.cause,
            crew_status=row.crew_status,
            since=row.started_at,
            next_update_by=row.next_update_by,
            place=row.place,
            public_message=row.public_message or "",
            etr_reasons=reasons[row.key],
        )
        for row in conn.execute(statement)
    }


def _of_origins(keys: list[int]) -> sa.Select[Any]:
    """ETRs of the outages that these go on from: merged into them, or what they were a part of."""
    o, merged = t.origins.c, t.outages.alias("merged").c
    origins = sa.union(
        sa.select(o.outage_key.label("goes_on"), o.origin_key).where(
            o.outage_key.in_(keys), o.origin_key != o.outage_key
        ),
        sa.select(merged.merged_into, merged.key).where(merged.merged_into.in_(keys)),
    ).subquery("goes_on_from")
    return (
        sa.select(origins.c.goes_on, t.etrs.c.outage_key, t.etrs.c.version, t.etrs.c.latest)
        .join(t.etrs, t.etrs.c.outage_key == origins.c.origin_key)
        .where(t.etrs.c.published.is_(True))
    )


def stage(row: sa.Row[Any]) -> Stage:
    """How far the outage of this row of ``outages`` is, in the words of policy."""
    match row.status:
        case model.Status.PREDICTED:
            return Stage.AHEAD if row.kind == model.Kind.PLANNED else Stage.PREDICTED
        case model.Status.CONFIRMED | model.Status.PARTIALLY_RESTORED:
            return Stage.OPEN if row.unlisted_since is None else Stage.UNLISTED
        case model.Status.CANCELLED:
            return Stage.CANCELLED
        case model.Status.CLOSED if row.close_reason == model.Reason.NO_LONGER_LISTED:
            return Stage.UNLISTED
        case _:
            return Stage.OVER
