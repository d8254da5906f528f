"""One decision about one outage of a feed, carried out at the desk in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from intake import standing
from intake.absence import Decision, Fate
from intake.mapping import FeedMapping
from intake.row import FeedRow
from intake.written import Written
from outage import commands as c
from outage import desk
from outage import tables as t
from outage.database import Database
from outage.errors import NotAllowedNowError
from outage.model import (
    Actor,
    Kind,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Reason,
)

_NO_ID, _NO_KEY = OutageId(""), OutageKey(0)
"""The desk gives out ids and keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """How the decisions of one snapshot are carried out.

    ``at`` is when it was fetched, ``number`` that of the last good snapshot before it. A
    decision applies only while the record is as it was when it was made, so that a snapshot
    applied twice, or by two processes, says everything once.
    """

    db: Database
    mapping: FeedMapping
    actor: Actor
    at: datetime
    number: int
    silent: bool
    max_premises: int | None

    def carry_out(
        self, decision: Decision, row: FeedRow | None, written: Written | None
    ) -> str | None:
        """Carry out a decision; ``row`` is what is listed, ``written`` its shape if it is new.

        Returns a sentence when not all of it could be done. Raises OutageError when the desk
        refuses; nothing is changed then.
        """
        shape = written.shape if written else None
        partly = None
        if shape is not None and self.max_premises and shape.premise_count > self.max_premises:
            partly = (
                f"Outage {decision.known.source_id}: {shape.premise_count} premises are more than "
                f"the limit of {self.max_premises} (OUTAGE_MAX_RECIPIENTS); "
                "it is on record without this shape until a dispatcher draws one."
            )
            shape = None
        with self.db.write() as conn:
            if row is None:
                self._absent(conn, decision)
            elif decision.fate is Fate.NEW:
                self._new(conn, decision, row, written, shape)
            elif decision.fate is not Fate.UNCHANGED:
                return self._listed(conn, decision, row, written, shape) or partly
        return partly

    def acknowledge(self, decision: Decision) -> None:
        """Take a row as read although the desk refused it, so that it is not tried for ever."""
        if decision.was is not None and decision.changed:
            with self.db.write() as conn:
                self._update(conn, decision, field_hash=decision.known.digest)

    def _new(
        self,
        conn: Connection,
        decision: Decision,
        row: FeedRow,
        written: Written | None,
        shape: MatchedShape | None,
    ) -> None:
        outage = self._declare(conn, row, shape, source_id=row.source_id)
        conn.execute(
            t.feed_outages.insert().values(
                source=self.mapping.source,
                source_id=row.source_id,
                outage_key=outage.key,
                field_hash=decision.known.digest,
                shape_digest=written.digest if written else None,
                customers=decision.known.customers,
                last_seen=self.number,
            )
        )

    def _declare(
        self, conn: Connection, row: FeedRow, shape: MatchedShape | None, *, source_id: str
    ) -> Outage:
        ahead = row.started is not None and row.started > self.at
        waiting = ahead and row.kind is Kind.PLANNED
        # A feed that dates an outage a little ahead means that it has begun.
        started = min(row.started or self.at, self.at)
        command = c.Declare(
            key=_NO_KEY,
            id=_NO_ID,
            service=self.mapping.service,
            kind=row.kind,
            cause=row.cause,
            place=row.place,
            started_at=None if waiting else started,
            planned_start=row.started if waiting else None,
            etr=self._etr(row),
            crew_status=row.crew_status,
            crew_reason=row.crew_reason,
            crew_eta=row.crew_eta,
            reported_customers=row.customers,
            source=self.mapping.source,
            source_id=source_id,
            silent=self.silent,
            lenient=True,
        )
        return desk.declare(conn, command, actor=self.actor, shape=shape, allow_empty=True)

    def _listed(
        self,
        conn: Connection,
        decision: Decision,
        row: FeedRow,
        written: Written | None,
        shape: MatchedShape | None,
    ) -> str | None:
        """Apply a row; return a sentence where its new shape was not taken."""
        was = decision.was
        returned = decision.fate is Fate.RETURNED
        if was is None or not self._claim(conn, decision, written):
            return None
        outage = self._outage(conn, row.source_id)
        if returned:
            try:
                outage = desk.relist(conn, outage.id, actor=self.actor)
            except NotAllowedNowError:
                # Too long ago to be the same event (DECISIONS 11): a new outage, same row.
                self._again(conn, row, shape)
                return None
        if not decision.changed:
            return None
        regrouped = standing.has_grown(conn, outage)
        if standing.is_own(conn, self.mapping.source, row.source_id, outage):
            self._revise(conn, outage, row, None if regrouped else shape)
        elif standing.speaks(conn, self.mapping.source, row.source_id, outage):
            # It has facts of its own; when service is back and where the crews are is still news.
            self._report(conn, outage, row, own=False)
        if shape is None or not regrouped:
            return None
        return (
            f"Outage {row.source_id}: its new shape was not taken, because a person has merged or "
            f"split {outage.id}; a dispatcher can redraw that."
        )

    def _claim(self, conn: Connection, decision: Decision, written: Written | None) -> bool:
        """Record that a row is being applied; False when somebody else has done so."""
        columns = t.feed_outages.c
        values: dict[str, object] = {
            "field_hash": decision.known.digest,
            "customers": decision.known.customers,
        }
        if written is not None:
            values["shape_digest"] = written.digest
        if decision.fate is not Fate.RETURNED:
            unchanged = columns.field_hash == (decision.was.digest if decision.was else "")
            return self._update(conn, decision, unchanged, **values)
        gone = sa.or_(columns.missing_since.is_not(None), columns.ended)
        return self._update(
            conn,
            decision,
            gone,
            **values,
            missing_since=None,
            ended=False,
            successor=None,
            returns=columns.returns + 1,
        )

    def _again(self, conn: Connection, row: FeedRow, shape: MatchedShape | None) -> None:
        mine = self._mine(row.source_id)
        returns = conn.execute(sa.select(t.feed_outages.c.returns).where(mine)).scalar_one()
        outage = self._declare(conn, row, shape, source_id=f"{row.source_id}#{returns}")
        conn.execute(t.feed_outages.update().where(mine).values(outage_key=outage.key))

    def _revise(
        self, conn: Connection, outage: Outage, row: FeedRow, shape: MatchedShape | None
    ) -> None:
        desk.revise(
            conn,
            outage.id,
            c.Revise(
                cause=row.cause,
                kind=row.kind,
                place=row.place or None,
                started_at=min(row.started, self.at) if row.started else None,
                reported_customers=row.customers,
            ),
            actor=self.actor,
            shape=shape,
            allow_empty=True,
        )
        self._report(conn, outage, row, own=True)

    def _report(self, conn: Connection, outage: Outage, row: FeedRow, *, own: bool) -> None:
        """Report progress; the time an outage has from somebody else is withdrawn by no row."""
        etr = self._etr(row)
        withdrawn = own and etr is None and self.mapping.fields.etr is not None
        desk.report_progress(
            conn,
            outage.id,
            c.Report(
                observed_at=self.at,
                crew_status=row.crew_status,
                crew_reason=row.crew_reason,
                crew_eta=row.crew_eta,
                etr=etr,
                withdraw_etr=withdrawn and "etr" not in row.unreadable,
                lenient=True,
            ),
            actor=self.actor,
        )

    def _etr(self, row: FeedRow) -> c.GivenEtr | None:
        mapped = self.mapping.fields.etr
        if mapped is None or row.etr is None:
            return None
        return c.GivenEtr(latest=row.etr, source=mapped.source, published=row.etr_published)

    def _absent(self, conn: Connection, decision: Decision) -> None:
        columns, known = t.feed_outages.c, decision.known
        match decision.fate:
            case Fate.MISSING:
                first = columns.missing_since.is_(None)
                values = {"missing_since": known.missing_since, "last_seen": self.number}
                if self._update(conn, decision, first, held=False, **values):
                    self._unlist(conn, decision)
                if decision.new_successor:
                    self._update(conn, decision, successor=known.successor)
            case Fate.CLOSED:
                if self._update(conn, decision, columns.ended.is_(False), ended=True):
                    self._close(conn, decision)
            case Fate.RECALLED:
                ended = columns.ended.is_(True)
                if self._update(conn, decision, ended, ended=False, successor=known.successor):
                    desk.relist(conn, self._outage(conn, known.source_id).id, actor=self.actor)
                    self._unlist(conn, decision)
            case _:
                pass

    def _unlist(self, conn: Connection, decision: Decision) -> Outage | None:
        """Say of its outage that it is no longer listed, unless another row stands for it too."""
        outage = self._outage(conn, decision.known.source_id)
        source = self.mapping.source
        if outage.source != source or standing.is_listed(conn, source, outage):
            return None
        since = decision.known.missing_since
        return desk.unlist(conn, outage.id, actor=self.actor, since=since)

    def _close(self, conn: Connection, decision: Decision) -> None:
        outage = self._unlist(conn, decision)
        if outage is None or not outage.is_open:
            return  # it goes on, or a person ended it before
        since = outage.unlisted_since or self.at
        if self.mapping.absence.tell_restored and outage.interrupts:
            desk.end_unlisted(conn, outage.id, actor=self.actor, at=since, tell=True)
        # Closing ends what is still open, inferred, at the time it was first missing.
        desk.close(
            conn,
            outage.id,
            actor=self.actor,
            reason=Reason.NO_LONGER_LISTED,
            successor=self._successor(conn, decision),
        )

    def _successor(self, conn: Connection, decision: Decision) -> OutageKey | None:
        """The outage that goes on over its ground, if there is one and it still does."""
        if decision.known.successor is None:
            return None
        heir = self._outage(conn, decision.known.successor)
        return heir.key if heir.is_open else None

    def _outage(self, conn: Connection, source_id: str) -> Outage:
        return standing.outage_of(conn, self.mapping.source, source_id)

    def _mine(self, source_id: str) -> sa.ColumnElement[bool]:
        columns = t.feed_outages.c
        return sa.and_(columns.source == self.mapping.source, columns.source_id == source_id)

    def _update(
        self,
        conn: Connection,
        decision: Decision,
        *where: sa.ColumnElement[bool],
        **values: object,
    ) -> bool:
        mine = self._mine(decision.known.source_id)
        done = conn.execute(t.feed_outages.update().where(mine, *where).values(**values))
        return done.rowcount == 1
