"""Absence is not restoration (DECISIONS 12): what a list means for outages on it and off it.

Pure: what was known and what is listed now go in, decisions come out. Only good snapshots come
here; an empty, unreadable or repeated one changes nothing but the feed's health.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GOOD_SNAPSHOTS_WITHOUT = 3
QUIET = timedelta(minutes=30)
SUCCESSOR_SNAPSHOTS = 4
SUCCESSOR_SHARE = 0.30
INSIDE_SHARE = 0.90
MASS_SHARE = 0.60
MASS_MORE_THAN = 5
RECOVERED_SHARE = 1 - MASS_SHARE

Ground = Callable[[str, Collection[str]], Mapping[str, float]]
"""For an outage, the share (0 to 1) of its ground that each of the others covers."""


class Fate(enum.StrEnum):
    """What a snapshot means for one outage."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    RETURNED = "returned"
    """Listed again under its own id; what it says may have changed too."""
    MISSING = "missing"
    """No longer listed: nothing has ended, and nobody is told."""
    HELD = "held"
    """It vanished with too many others: nothing ends until a person looks."""
    CLOSED = "closed"
    """Gone long enough: it ended, inferred, when it was first missing."""
    RECALLED = "recalled"
    """It was closed, and now a successor is there that takes over first: it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one outage of a feed. ``digest`` is that of the row last applied."""

    source_id: str
    digest: str
    customers: int = 0
    missing_since: datetime | None = None
    missing_count: int = 0
    held: bool = False
    ended: bool = False
    successor: str | None = None

    @property
    def counts_as_listed(self) -> bool:
        return not (self.ended or self.held or self.missing_since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a snapshot says of one outage, as far as absence is concerned."""

    source_id: str
    digest: str
    customers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about one outage; ``known`` is what is known afterwards.

    ``was`` is what was known before, nothing for a new one.
    """

    fate: Fate
    known: Known
    was: Known | None = None

    @property
    def changed(self) -> bool:
        """Whether the row says anything that the one before did not."""
        return self.was is None or self.was.digest != self.known.digest

    @property
    def new_successor(self) -> bool:
        """Whether its successor has been found just now."""
        before = self.was.successor if self.was else None
        return self.known.successor is not None and self.known.successor != before


@dataclass(frozen=True, slots=True, kw_only=True)
class MassAbsence:
    """Too many outages vanished at once to believe it."""

    vanished: int
    of: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decisions about every outage concerned, and the mass absence if there was one."""

    decisions: tuple[Decision, ...]
    mass: MassAbsence | None = None


def decide(
    known: Mapping[str, Known],
    listed: Iterable[Listed],
    now: datetime,
    *,
    ground: Ground,
    customer_limit: int,
    complete: bool = True,
    reviewed: bool = False,
) -> Outcome:
    """What a good snapshot fetched at ``now`` means.

    ``complete`` is False when rows were lost: then nobody's absence is counted. ``reviewed``
    says that a person has looked at (or answers for) mass absences.
    """
    rows = {row.source_id: row for row in listed}
    present = tuple(_present(known.get(row.source_id), row) for row in rows.values())
    absent = [one for one in known.values() if one.source_id not in rows]
    if not complete:
        return Outcome(decisions=present)
    released = reviewed or _recovered(known.values(), rows)
    vanished = [one for one in absent if one.counts_as_listed or (one.held and released)]
    base = sum(one.counts_as_listed or (one.held and released) for one in known.values())
    mass = _mass(vanished, base, customer_limit)
    if mass is not None and not reviewed:
        held = tuple(
            Decision(fate=Fate.HELD, known=replace(one, held=True), was=one) for one in vanished
        )
        return Outcome(decisions=present + held, mass=mass)
    fresh = frozenset(rows) - frozenset(known)
    stays = frozenset(rows) & frozenset(known)
    heirs = _Heirs(ground=ground, fresh=fresh, stays=stays)
    gone = (_absent(one, now, heirs) for one in absent if released or not one.held)
    return Outcome(decisions=present + tuple(d for d in gone if d is not None), mass=mass)


def _present(was: Known | None, row: Listed) -> Decision:
    now = Known(source_id=row.source_id, digest=row.digest, customers=row.customers)
    if was is None:
        return Decision(fate=Fate.NEW, known=now)
    if was.ended or was.missing_since:
        return Decision(fate=Fate.RETURNED, known=now, was=was)
    fate = Fate.UNCHANGED if was.digest == row.digest else Fate.CHANGED
    return Decision(fate=fate, known=now, was=was)


def _recovered(known: Iterable[Known], rows: Collection[str]) -> bool:
    """Whether so many held outages are listed again that their vanishing was a fault."""
    held = [one for one in known if one.held]
    back = sum(one.source_id in rows for one in held)
    return bool(held) and back >= RECOVERED_SHARE * len(held)


def _mass(vanished: Collection[Known], base: int, customer_limit: int) -> MassAbsence | None:
    customers = sum(one.customers for one in vanished)
    many = len(vanished) > MASS_MORE_THAN and len(vanished) > MASS_SHARE * base
    if not many and customers <= customer_limit:
        return None
    return MassAbsence(vanished=len(vanished), of=base, customers=customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heirs:
    """Finds who goes on over the ground of an outage that has left the list."""

    ground: Ground
    fresh: frozenset[str]
    stays: frozenset[str]

    def of(self, one: Known) -> str | None:
        """A new outage over much of its ground, else one that stays and holds all of it."""
        successor = self._best(one, self.fresh, SUCCESSOR_SHARE)
        if successor is None and one.missing_count == 0:
            return self._best(one, self.stays, INSIDE_SHARE)
        return successor

    def _best(self, one: Known, others: frozenset[str], at_least: float) -> str | None:
        shares = self.ground(one.source_id, others) if others else {}
        best = max(sorted(shares), key=shares.__getitem__, default=None)
        return best if best is not None and shares[best] >= at_least else None


def _absent(one: Known, now: datetime, heirs: _Heirs) -> Decision | None:
    count = one.missing_count + 1
    looking = one.successor is None and count <= SUCCESSOR_SNAPSHOTS
    if one.ended and not looking:
        return None
    heir = heirs.of(one) if looking else None
    after = replace(
        one,
        held=False,
        missing_since=one.missing_since or now,
        missing_count=count,
        successor=one.successor or heir,
    )
    if one.ended:
        if heir is None:
            return Decision(fate=Fate.MISSING, known=after, was=one)
        return Decision(fate=Fate.RECALLED, known=replace(after, ended=False), was=one)
    if heir is None and _long_enough(after, now):
        return Decision(fate=Fate.CLOSED, known=replace(after, ended=True), was=one)
    # With a successor found only now, closing waits one snapshot: it takes over first.
    return Decision(fate=Fate.MISSING, known=after, was=one)


def _long_enough(one: Known, now: datetime) -> bool:
    since = one.missing_since
    return (
        since is not None and one.missing_count >= GOOD_SNAPSHOTS_WITHOUT and now - since >= QUIET
    )
