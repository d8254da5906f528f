"""What a crew says of its outage, and what becomes of it (DECISIONS 13–15).

Whatever is said enters the history. It changes a fact only if nothing newer has set it, and of what
reaches many people it makes a proposal. Call inside one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import crew_proposals, desk, register, still_out
from outage import tables as t
from outage.among import among
from outage.clock import business_now
from outage.crew_changes import changed_since, is_another_since
from outage.crew_links import Link
from outage.crew_proposals import Kind, Why
from outage.errors import InvalidCommandError, NotAllowedNowError
from outage.model import (
    Cause,
    CrewStatus,
    EtrSource,
    Outage,
    OutageKey,
    Reason,
    Status,
)

MOST_STREETS = 40
"""Streets that a part can be chosen from; the largest ones."""
_M, _P = t.memberships, t.premises


class Outcome(StrEnum):
    """What became of what was said."""

    DONE = "done"
    KNOWN = "known"
    """It was so already."""
    NEWER = "newer"
    """Recorded, not applied: something newer is known."""
    OVER = "over"
    """Recorded, not applied: the outage is over."""
    PASSED = "passed"
    """Recorded, not applied: the time was past when it came."""
    ASKED = "asked"
    """It waits for a dispatcher, as it reaches many."""
    CHANGED = "changed"
    """It waits for a dispatcher, as the outage has become another since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many homes and businesses a crew's word reaches by itself."""

    restores: int
    etr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """Where the crew is."""

    status: CrewStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """When service should be back."""

    latest: datetime
    earliest: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What has caused it."""

    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something for colleagues."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """Service is back: everywhere, or in these streets (None)."""

    streets: tuple[str, ...] | None = None


Word = Arriving | Estimate | Found | Noted | Back


def say(
    conn: Connection, link: Link, word: Word, *, observed_at: datetime, limits: Limits
) -> Outcome:
    """Take what a crew says, as it was ``observed_at``. Raises what the desk refuses it with."""
    outage = register.load(conn, link.outage_id, lock=True)
    observed_at = min(observed_at, business_now(conn))
    said = _Said(conn, link, outage, observed_at, limits)
    do: Callable[[_Said, Any], Outcome] = _DOES[type(word)]
    return do(said, word)


@dataclass(frozen=True, slots=True)
class _Said:
    conn: Connection
    link: Link
    outage: Outage
    observed_at: datetime
    limits: Limits

    def report(self, **facts: Any) -> Outcome:  # noqa: ANN401  # those of a `c.Report`
        done = desk.report_progress(
            self.conn,
            self.outage.id,
            c.Report(observed_at=self.observed_at, **facts),
            actor=self.link.actor,
        )
        if done.late:
            return Outcome.NEWER if self.outage.is_open else Outcome.OVER
        return Outcome.KNOWN if done.outage.version == self.outage.version else Outcome.DONE

    def note(self, text: str) -> None:
        desk.report_progress(
            self.conn,
            self.outage.id,
            c.Report(observed_at=self.observed_at),
            actor=self.link.actor,
            note=text,
        )

    def recorded(self, what: str, outcome: Outcome) -> Outcome:
        """Keep in words what changes nothing."""
        self.note(f"{what}. Recorded, not applied: {_WHY[outcome]}.")
        return outcome

    def propose(self, kind: Kind, said: dict[str, Any], why: Why, premises: int) -> None:
        crew_proposals.propose(
            self.conn,
            self.link,
            kind,
            said,
            why=why,
            premises=premises,
            observed_at=max(self.observed_at, self.outage.started_at),
        )


_WHY = {
    Outcome.NEWER: "something newer is known",
    Outcome.OVER: "the outage is over",
    Outcome.PASSED: "that time was past when this came",
}


def _arriving(said: _Said, word: Arriving) -> Outcome:
    return said.report(crew_status=word.status)


def _estimate(said: _Said, word: Estimate) -> Outcome:
    if word.latest <= said.observed_at:
        raise InvalidCommandError(field="etr", problem="lies in the past")
    if word.latest <= business_now(said.conn):
        what = f"Estimated time as of {_when(said.observed_at)}: {_when(word.latest)}"
        return said.recorded(what, Outcome.PASSED)
    premises = size(said.conn, said.outage)
    newest = said.outage.observed.get("etr")
    is_late = newest is not None and said.observed_at < newest
    is_large = premises is None or premises > said.limits.etr
    if is_large and said.outage.is_open and not is_late:
        facts = {
            "latest": word.latest.isoformat(),
            "earliest": None if word.earliest is None else word.earliest.isoformat(),
            "reason": word.reason,
        }
        said.propose(Kind.ETR, facts, Why.LARGE, premises or 0)
        said.note(f"Proposes as the estimated time {_when(word.latest)}, for {_many(premises)}.")
        return Outcome.ASKED
    given = c.GivenEtr(
        latest=word.latest, earliest=word.earliest, source=EtrSource.CREW, reason=word.reason
    )
    return said.report(etr=given)


def _found(said: _Said, word: Found) -> Outcome:
    what = f"Cause as of {_when(said.observed_at)}: {word.cause}"
    if not said.outage.is_open:
        return said.recorded(what, Outcome.OVER)
    if said.observed_at < said.outage.declared_at or changed_since(
        said.conn, said.outage.key, said.observed_at, "cause"
    ):
        return said.recorded(what, Outcome.NEWER)
    if word.cause is said.outage.cause:
        return Outcome.KNOWN
    command = c.Revise(cause=word.cause, observed_at=said.observed_at)
    desk.revise(said.conn, said.outage.id, command, actor=said.link.actor)
    return Outcome.DONE


def _noted(said: _Said, word: Noted) -> Outcome:
    if not word.text.strip():
        raise InvalidCommandError(field="note", problem="says nothing")
    said.note(word.text)
    return Outcome.DONE


def _back(said: _Said, word: Back) -> Outcome:
    conn, outage = said.conn, said.outage
    what = f"Service was back at {_when(said.observed_at)}"
    if outage.status is Status.RESTORED and word.streets is None:
        return Outcome.KNOWN
    if not outage.is_open:
        return said.recorded(what, Outcome.OVER)
    try:
        register.refuse_if_restoring(conn, outage, "restore")
    except NotAllowedNowError:  # all of it is just being restored
        return Outcome.KNOWN
    premises = None if word.streets is None else _in_streets(conn, outage.key, word.streets)
    if premises is not None and not premises:
        raise InvalidCommandError(field="streets", problem="nobody is out there any more")
    many = size(conn, outage) if premises is None else len(premises)
    changed = said.observed_at < outage.declared_at or is_another_since(
        conn, outage.key, said.observed_at
    )
    is_large = many is None or many + _restored_by(said) > said.limits.restores
    if changed or is_large:
        why = Why.CHANGED if changed else Why.LARGE
        facts = {} if premises is None else {"premises": premises}
        said.propose(Kind.RESTORED, facts, why, many or 0)
        said.note(f"{what}, for {_many(many)}: it waits for a dispatcher.")
        return Outcome.CHANGED if changed else Outcome.ASKED
    desk.restore(
        conn,
        outage.id,
        actor=said.link.actor,
        shape=None if premises is None else still_out.listed(conn, premises),
        at=max(said.observed_at, outage.started_at),
    )
    return Outcome.DONE


_DOES: dict[type[Word], Callable[[_Said, Any], Outcome]] = {
    Arriving: _arriving,
    Estimate: _estimate,
    Found: _found,
    Noted: _noted,
    Back: _back,
}


def size(conn: Connection, outage: Outage) -> int | None:
    """Say how many homes and businesses an outage leaves without service, at the most.

    Before gis has counted, it is those that were inside when it was declared; None while nobody
    knows.
    """
    o = t.outages.c
    row = conn.execute(
        sa.select(o.matched_number, o.premises_out, o.premise_count).where(o.key == outage.key)
    ).one()
    counted = row.premise_count if row.matched_number is None else row.premises_out
    known = [each for each in (counted, outage.reported_customers) if each is not None]
    return max(known, default=None)


def streets(conn: Connection, outage_key: OutageKey) -> list[tuple[str, int]]:
    """Return the streets in which somebody is out, and how many in each, the largest first."""
    many = sa.func.count()
    rows = conn.execute(
        _members(sa.select(_P.c.street, many), outage_key)
        .where(_P.c.street.is_not(None), _P.c.street != "")
        .group_by(_P.c.street)
        .order_by(many.desc(), _P.c.street)
        .limit(MOST_STREETS)
    )
    return [(street, premises) for street, premises in rows]


def _in_streets(conn: Connection, outage_key: OutageKey, names: tuple[str, ...]) -> list[int]:
    there = among(conn, _P.c.street, names)
    statement = _members(sa.select(_M.c.premise_key), outage_key).where(there)
    return list(conn.execute(statement.order_by(_M.c.premise_key)).scalars())


def _members(statement: sa.Select[Any], outage_key: OutageKey) -> sa.Select[Any]:
    """Of those who are in an outage now and have not been restored."""
    return statement.join_from(_M, _P, _P.c.key == _M.c.premise_key).where(
        _M.c.outage_key == outage_key, _M.c.removed.is_(None), _M.c.until.is_(None)
    )


def _restored_by(said: _Said) -> int:
    """Whom this link has restored there by itself: many small parts are one large one."""
    r, s = t.restorations.c, t.shapes.c
    rows = said.conn.execute(
        sa.select(r.premises, s.spec)
        .join_from(t.restorations, t.shapes, s.digest == r.shape_digest)
        .where(
            r.outage_key == said.outage.key,
            r.actor == str(said.link.actor),
            r.taken_back_at.is_(None),
        )
    )
    # Before gis has ended the interruptions of a step, it is those that the step names.
    return sum(
        len(json.loads(row.spec)["premises"]) if row.premises is None else row.premises
        for row in rows
    )


def _many(premises: int | None) -> str:
    return "a number that nobody knows" if premises is None else f"{premises:,}"


def _when(at: datetime) -> str:
    """An instant as notes have it, which are read in any zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
