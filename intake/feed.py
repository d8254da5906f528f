"""A feed: what its snapshots say becomes commands at the desk.

Outages are known by (source, source id). Applying the same snapshot again changes nothing:
a row is applied only while its field hash is not the one on record, and how long an outage
has been missing is counted from the good snapshot that last listed it.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gis.ground import Grounds
from intake import absence, ledger
from intake.absence import Fate, Ground, Listed, MassAbsence, Outcome
from intake.application import Application
from intake.ledger import FeedState
from intake.mapping import FeedMapping
from intake.snapshot import Problem, Snapshot, Unusable
from intake.written import Matcher, Written, match
from outage import journal
from outage.database import Database
from outage.errors import OutageError
from outage.model import Actor, JournalKind


class Health(enum.StrEnum):
    """What a snapshot was good for."""

    GOOD = "good"
    UNREADABLE = "unreadable"
    EMPTY = "empty"
    REPEATED = "repeated"
    LATE = "late"
    INCOMPLETE = "incomplete"
    """Rows were lost: those that are there apply, nobody's absence counts."""
    HELD = "held"
    """Too many vanished at once: its rows apply, nothing ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of one snapshot: its health, every problem, and how many of each fate."""

    health: Health
    problems: tuple[Problem, ...] = ()
    fates: Mapping[Fate, int]


class Feed:
    """One feed and its place on record.

    Args:
        db: the record.
        mapping: which field is what.
        matcher: finds the premises inside a shape.
        baseline: whether the outages of the first snapshot are told to nobody (DECISIONS 26).
        reviewer: who answers for mass absences; without one nothing ends in them.
        max_premises: how many premises one outage may concern (the recipient limit).
    """

    def __init__(
        self,
        db: Database,
        mapping: FeedMapping,
        matcher: Matcher,
        *,
        baseline: bool = True,
        reviewer: Actor | None = None,
        max_premises: int | None = None,
    ) -> None:
        self._db = db
        self._mapping = mapping
        self._matcher = matcher
        self._baseline = baseline
        self._reviewer = reviewer
        self._max_premises = max_premises
        self._actor = Actor(kind="feed", name=mapping.source)

    def apply(self, snapshot: Snapshot | Unusable) -> Applied:
        """Apply what a snapshot says; each outage's change is one transaction of its own."""
        with self._db.write() as conn:
            state = ledger.open_feed(conn, self._mapping.source, self._mapping.name)
        if isinstance(snapshot, Unusable):
            return self._count(state, Health.UNREADABLE, (snapshot.problem,))
        useless = _useless(snapshot, state)
        if useless is not None:
            health, sentence = useless
            problem = Problem(line=snapshot.line, sentence=sentence)
            return self._count(state, health, (problem,), snapshot)
        return self._apply(snapshot, state)

    def _count(
        self,
        state: FeedState,
        health: Health,
        problems: tuple[Problem, ...],
        snapshot: Snapshot | None = None,
    ) -> Applied:
        with self._db.write() as conn:
            ledger.count(conn, state, health, at=snapshot.fetched if snapshot else None)
        return Applied(health=health, problems=problems, fates={})

    def _apply(self, snapshot: Snapshot, state: FeedState) -> Applied:
        with self._db.read() as conn:
            known = ledger.known(conn, state)
            digests = ledger.shape_digests(conn, state.source)
        shapes = match(snapshot.rows, digests, self._matcher, self._mapping.service)
        outcome = absence.decide(
            known,
            [
                Listed(source_id=row.source_id, digest=row.digest, customers=row.customers or 0)
                for row in snapshot.rows
            ],
            snapshot.fetched,
            ground=self._ground(shapes, known.keys()),
            customer_limit=self._mapping.absence.customer_limit,
            complete=snapshot.complete,
            reviewed=self._reviewer is not None,
        )
        sentences = [written.problem for written in shapes.values() if written.problem]
        if outcome.mass is not None:
            sentences.append(self._many_gone(outcome.mass))
        sentences += self._carry_out(snapshot, state, outcome, shapes)
        health = self._conclude(snapshot, state, outcome)
        found = tuple(Problem(line=snapshot.line, sentence=sentence) for sentence in sentences)
        return Applied(
            health=health,
            problems=snapshot.problems + found,
            fates=Counter(decision.fate for decision in outcome.decisions),
        )

    def _ground(self, shapes: Mapping[str, Written], known: Collection[str]) -> Ground:
        """Shares of ground, read from the record only when somebody is missing."""
        grounds: list[Grounds] = []

        def shares(one: str, others: Collection[str]) -> Mapping[str, float]:
            if not grounds:
                with self._db.read() as conn:
                    areas = ledger.grounds(conn, self._mapping.source, known)
                fresh = {key: w.shape.wkb for key, w in shapes.items() if w.shape is not None}
                grounds.append(Grounds(areas | fresh))
            return grounds[0].shares(one, others)

        return shares

    def _many_gone(self, mass: MassAbsence) -> str:
        """Put a mass absence on record, with who answers for it, and say it in a sentence."""
        kind = JournalKind.FEED_REVIEWED if self._reviewer else JournalKind.FEED_HELD
        with self._db.write() as conn:
            journal.append(
                conn,
                kind=kind,
                actor=str(self._reviewer or self._actor),
                data={
                    "source": self._mapping.source,
                    "vanished": mass.vanished,
                    "of": mass.of,
                    "customers": mass.customers,
                },
            )
        gone = f"{mass.vanished} of {mass.of} outages ({mass.customers} customers) are gone at once"
        if self._reviewer:
            return f"{gone}; {self._reviewer} answers for it, so they count as no longer listed."
        return f"{gone}; nothing ends until a person has looked (--assume-reviewed)."

    def _carry_out(
        self,
        snapshot: Snapshot,
        state: FeedState,
        outcome: Outcome,
        shapes: Mapping[str, Written],
    ) -> list[str]:
        """Apply every decision; returns a sentence for each that could not be done whole."""
        application = Application(
            db=self._db,
            mapping=self._mapping,
            actor=self._actor,
            at=snapshot.fetched,
            number=state.good,
            silent=self._baseline and state.is_new,
            max_premises=self._max_premises,
        )
        rows = {row.source_id: row for row in snapshot.rows}
        sentences = []
        for decision in outcome.decisions:
            one = decision.known.source_id
            if decision.fate is Fate.UNCHANGED or decision.fate is Fate.HELD:
                continue
            try:
                partly = application.carry_out(decision, rows.get(one), shapes.get(one))
            except OutageError as error:
                partly = f"Outage {one}: {error}"
                application.acknowledge(decision)
            if partly:
                sentences.append(partly)
        return sentences

    def _conclude(self, snapshot: Snapshot, state: FeedState, outcome: Outcome) -> Health:
        health = Health.GOOD if snapshot.complete else Health.INCOMPLETE
        if outcome.mass is not None and self._reviewer is None:
            health = Health.HELD
        with self._db.write() as conn:
            ledger.conclude(
                conn,
                state,
                at=snapshot.fetched,
                digest=snapshot.digest,
                health=health,
                decisions=outcome.decisions,
                evidence=health is Health.GOOD,
            )
        return health


def _useless(snapshot: Snapshot, state: FeedState) -> tuple[Health, str] | None:
    """Why a snapshot that could be read changes nothing, if so."""
    if not snapshot.rows:
        return Health.EMPTY, "The list is empty; nothing was changed by it."
    if snapshot.digest == state.last_digest:
        return Health.REPEATED, "The list is the same as the one before; nothing was changed by it."
    if state.last_at is not None and snapshot.fetched <= state.last_at:
        return Health.LATE, "The list is older than one already applied; nothing was changed by it."
    return None
