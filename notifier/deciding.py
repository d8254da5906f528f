"""What becomes of each row of a batch, decided again from the state of this moment."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, due, facts, scratch, watchers, wording
from notifier.batches import in_flight, one_by_one
from notifier.facts import OutageFacts
from notifier.gathered import Ending, Fate, Gathered, Waiting, Watched
from notifier.kinds import Kind
from notifier.policy import Decision, Reason, decide, unpack
from notifier.rendering import Text
from notifier.situation import in_place_of
from notifier.situations import Form, Moment, situations
from notifier.stating import fate, state_again, state_first
from notifier.whereabouts import ONLY, Where, whereabouts
from outage import tables as t


def decide_again(
    conn: Connection,
    rows: list[sa.Row[Any]],
    work: Gathered,
    moment: Moment,
    blocked: set[int],
) -> None:
    """Let each row say what is so now, wait, or end with a reason; they come in the order to go.

    ``blocked`` are outages that somebody still works on.
    """
    now = Now.of(conn, rows, work, moment, blocked)
    alike: dict[tuple[object, ...], Fate] = {}
    told = set[tuple[int, int]]()
    # Of a chain of outages each has one more that it goes on from than the one before it.
    if now.goes_on_from:
        rows = sorted(rows, key=lambda row: len(now.goes_on_from.get(row.key, ())))
    for row in rows:
        if row.packed is None:
            if _decide(row, work, now, told):
                told.add((row.outage_key, row.endpoint_key))
            continue
        look = (*row[due.LOOK], work.terms.calls(row.address))
        found = alike.get(look)
        if found is None:
            found = alike[look] = _plainly(row, work, now)
        state_first(work, row, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """By what the rows of a batch are decided, as it is now.

    ``blocked`` are outages that somebody still works on, ``wait`` and ``withdrawn`` entries by
    what people have decided of them. ``standing`` is how those stand whose rows do not say so, by
    outage and endpoint, ``watching`` how those do that are told of an area, ``held`` whom of both a
    sender tells just now, ``where`` of which place those who have several. ``goes_on_from`` are
    those beside a row that are told first. ``told_of_areas`` counts for each endpoint what it could
    do without and is told of areas by rows of this batch.
    """

    blocked: set[int]
    wait: set[int]
    withdrawn: set[int]
    standing: Mapping[tuple[int, int], sa.Row[Any]]
    watching: Mapping[tuple[int, int], sa.Row[Any]]
    held: set[tuple[int, int]]
    where: Mapping[tuple[int, int], Where]
    known: Mapping[int, OutageFacts]
    frozen: Mapping[int, Text]
    goes_on_from: Mapping[int, set[tuple[int, int]]]
    decided: dict[tuple[int, int], Decision] = field(default_factory=dict)
    told_of_areas: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        conn: Connection,
        rows: list[sa.Row[Any]],
        work: Gathered,
        moment: Moment,
        blocked: set[int],
    ) -> "Now":
        standing, watching, held = _standing(conn, rows, moment)
        chained = moment.goes_on or moment.shares
        return cls(
            blocked=blocked,
            wait=set(approvals.held(conn, work.now)),
            withdrawn=approvals.withdrawn(conn, list({row.number for row in rows})),
            standing=standing,
            watching=watching,
            held=held,
            where=whereabouts(conn, standing) if standing else {},
            known=facts.load(conn, {row.outage_key for row in rows}),
            frozen=wording.stored(conn, [row.text_key for row in rows if row.state == "unknown"]),
            goes_on_from=_goes_on_from(conn, rows) if chained else {},
        )

    def kept_back(self, row: sa.Row[Any]) -> Fate | None:
        """What people have decided of a row, if they have."""
        if row.number in self.wait and not _medical(row):
            return Waiting()
        if row.number in self.withdrawn and row.state == "pending":
            return Ending(state="withdrawn", reason=Reason.NOT_APPROVED)
        return None

    def decision(self, row: sa.Row[Any], packed: int, work: Gathered) -> Decision:
        """What policy says of a situation; worked out once for all who share it."""
        where = (row.outage_key, packed)
        if where not in self.decided:
            policy = self.known[row.outage_key].policy
            self.decided[where] = decide(unpack(packed), policy, work.terms.manners, work.now)
        return self.decided[where]


def _plainly(row: sa.Row[Any], work: Gathered, now: Now) -> Fate:
    """What becomes of all rows like this one, whose situation is in them."""
    if row.outage_key in now.blocked:
        return Waiting()
    about, decision = now.known[row.outage_key], now.decision(row, row.packed, work)
    return now.kept_back(row) or fate(work, row, about, row.packed, decision, zone=row.zone)


def _decide(row: sa.Row[Any], work: Gathered, now: Now, told: set[tuple[int, int]]) -> bool:
    """Decide a row by what was found out about it; says whether it is told now."""
    standing = now.watching if _by_area(row) else now.standing
    place = standing.get((row.outage_key, row.endpoint_key))
    # Of what goes on from another: what they hear of that now may be all that there is to say.
    if (
        row.outage_key in now.blocked
        or not now.held.isdisjoint(_pairs(row))
        or not told.isdisjoint(now.goes_on_from.get(row.key, ()))
    ):
        return state_first(work, row, Waiting())
    kept_back = now.kept_back(row)
    if kept_back is not None:
        return state_first(work, row, kept_back)
    about = now.known[row.outage_key]
    if place is None or any(pair not in standing for pair in _pairs(row)):
        packed, decision = 0, Decision(kind=None, reason=Reason.NO_LONGER_HERE)
    else:
        packed = _packed(row, place, standing, now.told_of_areas[row.endpoint_key])
        decision = now.decision(row, packed, work)
        if _by_area(row):
            work.watched[row.key] = Watched(
                key=place.watch_key,
                asked_at=place.asked_at,
                area=place.area,
                people=place.people,
            )
    if row.state != "unknown":
        zone = "" if place is None else place.zone
        where = now.where.get((row.outage_key, row.endpoint_key), ONLY)
        found = fate(work, row, about, packed, decision, zone=zone, where=where)
        goes = state_first(work, row, found)
        if goes and _by_area(row) and decision.kind and not decision.kind.rule.critical:
            now.told_of_areas[row.endpoint_key] += 1
        return goes
    newest = place is not None and place.told_key == row.key
    text = now.frozen[row.text_key]
    return state_again(work, row, text, about, newest=newest, packed=packed, decision=decision)


def _goes_on_from(conn: Connection, rows: list[sa.Row[Any]]) -> dict[int, set[tuple[int, int]]]:
    """By row those beside it, as (outage, endpoint), that are told first.

    Of outages that its outage goes on from, or shares losses with.
    """
    o, h = t.origins.c, t.handovers.c
    here = {(row.outage_key, row.endpoint_key) for row in rows}
    outages = {outage for outage, _ in here}
    pairs = sa.union(
        sa.select(o.outage_key, o.origin_key).where(
            o.outage_key.in_(outages), o.origin_key.in_(outages), o.origin_key != o.outage_key
        ),
        sa.select(h.outage_key, h.other_key).where(
            h.outage_key.in_(outages), h.other_key.in_(outages)
        ),
    )
    known = {(row.outage_key, row.origin_key) for row in conn.execute(pairs)}
    origins: dict[int, set[int]] = {}
    for outage, origin in known:
        # Of two that share losses, or were split and merged again, the first speaks.
        if (origin, outage) not in known or origin < outage:
            origins.setdefault(outage, set()).add(origin)
    return {
        row.key: {(origin, row.endpoint_key) for origin in origins[row.outage_key]} & here
        for row in rows
        if row.outage_key in origins
    }


def _pairs(row: sa.Row[Any]) -> list[tuple[int, int]]:
    """By whose situations a row is decided: its endpoint's, and of the text it stands in for."""
    whom = (row.endpoint_key, row.instead_of_whom)
    return [(row.outage_key, key) for key in whom if key is not None]


def _packed(
    row: sa.Row[Any],
    place: sa.Row[Any],
    standing: Mapping[tuple[int, int], sa.Row[Any]],
    told_of_areas: int,
) -> int:
    if _by_area(row) and told_of_areas:
        known = unpack(place.packed)
        return replace(known, recent=known.recent + told_of_areas).pack()
    if row.instead_of_whom is None:
        return int(place.packed)
    text = standing[row.outage_key, row.instead_of_whom]
    knows_more = (place.told_key or 0) > (text.told_key or 0)
    return in_place_of(unpack(text.packed), unpack(place.packed), mail_knows_more=knows_more).pack()


def _by_area(row: sa.Row[Any]) -> bool:
    """Whether a row tells somebody of an area that they watch."""
    return Kind.of(row.kind, row.variant).by_area


def _medical(row: sa.Row[Any]) -> bool:
    return bool(row.priority % 2 == 0)


_Standing = dict[tuple[int, int], sa.Row[Any]]


def _standing(
    conn: Connection, rows: list[sa.Row[Any]], moment: Moment
) -> tuple[_Standing, _Standing, set[tuple[int, int]]]:
    """How those stand whose rows do not say so, by outage and endpoint; whom a sender tells now.

    First those who watch an area, then those who are told of their own, who stay in `scratch`.
    """
    unknown = [row for row in rows if row.packed is None]
    own = {pair for row in unknown if not _by_area(row) for pair in _pairs(row)}
    areas = {pair for row in unknown if _by_area(row) for pair in _pairs(row)}
    standing: _Standing = {}
    watching: _Standing = {}
    held = set[tuple[int, int]]()
    for pairs, found, statement, values in (
        (areas, watching, _watching, watchers.values(moment)),
        (own, standing, _situations, moment.values),
    ):
        if not pairs:
            continue
        if pairs is areas:
            one_by_one(conn)
        scratch.prepare(conn)
        names = ("outage_key", "endpoint_key")
        conn.execute(
            scratch.targets.insert(),
            [dict(zip(names, pair, strict=True)) for pair in sorted(pairs)],
        )
        scratch.settle(conn, scratch.targets)
        for row in conn.execute(statement(moment.form), values):
            found[row.outage_key, row.endpoint_key] = row
        for row in conn.execute(in_flight(scratch.targets)):
            held.add((row.outage_key, row.endpoint_key))
    return standing, watching, held


@cache
def _situations(form: Form) -> sa.Select[Any]:
    return situations(scratch.targets, form)


@cache
def _watching(form: Form) -> sa.Select[Any]:
    return watchers.situations(scratch.targets, form)
