"""What becomes of each row of a batch, decided again from the state of this moment."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, facts, scratch, wording
from notifier.batches import in_flight, unsettled
from notifier.gathered import Gathered
from notifier.policy import Decision, Reason, decide, unpack
from notifier.situation import in_place_of
from notifier.situations import Form, Moment, situations
from notifier.stating import state_again, state_first
from outage import tables as t


def decide_again(conn: Connection, rows: list[sa.Row[Any]], work: Gathered) -> None:
    """Let each row say what is so now, wait, or end with a reason; they come in the order to go."""
    blocked, wait = unsettled(conn), set(approvals.held(conn, work.now))
    numbers = {row.number for row in rows}
    withdrawn = approvals.withdrawn(conn, list(numbers))
    standing = _standing(conn, rows, work)
    held = {(row.outage_key, row.endpoint_key) for row in conn.execute(in_flight(scratch.targets))}
    known = facts.load(conn, {row.outage_key for row in rows})
    frozen = wording.stored(conn, [row.text_key for row in rows if row.state == "unknown"])
    decided: dict[tuple[int, int], Decision] = {}
    goes_on_from, told = _goes_on_from(conn, rows), set[tuple[int, int]]()
    # Of a chain of outages each has one more that it goes on from than the one before it.
    for row in sorted(rows, key=lambda row: len(goes_on_from.get(row.key, ()))):
        place = standing.get((row.outage_key, row.endpoint_key))
        if row.outage_key in blocked or not held.isdisjoint(_pairs(row)):
            work.waiting.append(row.key)
            continue
        if not told.isdisjoint(goes_on_from.get(row.key, ())):
            # What they hear of that one now may be all that there is to say of this one.
            work.waiting.append(row.key)
            continue
        if row.number in wait and not _medical(row):
            work.waiting.append(row.key)
            continue
        if row.number in withdrawn and row.state == "pending":
            work.end(row.key, "withdrawn", Reason.NOT_APPROVED)
            continue
        about = known[row.outage_key]
        if place is None or any(pair not in standing for pair in _pairs(row)):
            decision = Decision(kind=None, reason=Reason.NO_LONGER_HERE)
            packed = 0
        else:
            packed = _packed(row, place, standing)
            where = (row.outage_key, packed)
            if where not in decided:
                decided[where] = decide(unpack(packed), about.policy, work.terms.manners, work.now)
            decision = decided[where]
        if row.state == "unknown":
            newest = place is not None and place.told_key == row.key
            tells = state_again(
                work,
                row,
                frozen[row.text_key],
                about,
                newest=newest,
                packed=packed,
                decision=decision,
            )
        else:
            zone = "" if place is None else place.zone
            tells = state_first(work, row, about, packed, decision, zone=zone)
        if tells:
            told.add((row.outage_key, row.endpoint_key))


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
    row: sa.Row[Any], place: sa.Row[Any], standing: Mapping[tuple[int, int], sa.Row[Any]]
) -> int:
    if row.instead_of_whom is None:
        return int(place.packed)
    text = standing[row.outage_key, row.instead_of_whom]
    knows_more = (place.told_key or 0) > (text.told_key or 0)
    return in_place_of(unpack(text.packed), unpack(place.packed), mail_knows_more=knows_more).pack()


def _medical(row: sa.Row[Any]) -> bool:
    return bool(row.priority % 2 == 0)


def _standing(
    conn: Connection, rows: list[sa.Row[Any]], work: Gathered
) -> dict[tuple[int, int], sa.Row[Any]]:
    scratch.prepare(conn)
    if rows:
        conn.execute(_AIM, {"batch": rows[0].batch_key})
        scratch.settle(conn, scratch.targets)
    terms = work.terms
    moment = Moment.of(
        conn,
        terms.manners,
        count_shadowed=terms.count_shadowed,
        outage_keys={row.outage_key for row in rows},
        now=work.now,
    )
    found = conn.execute(_situations(moment.form), moment.values)
    return {(row.outage_key, row.endpoint_key): row for row in found}


def _aim() -> sa.Insert:
    """Look at whom a batch goes to, and at whose texts it stands in for."""
    m, text = t.messages, t.messages.alias("text")
    of_it = sa.and_(m.c.batch_key == sa.bindparam("batch"), m.c.state.in_(["pending", "unknown"]))
    whom = sa.union(
        sa.select(m.c.outage_key, m.c.endpoint_key).where(of_it),
        sa.select(m.c.outage_key, text.c.endpoint_key)
        .join(text, text.c.key == m.c.instead_of)
        .where(of_it),
    )
    return scratch.targets.insert().from_select(["outage_key", "endpoint_key"], whom)


_AIM = _aim()


@cache
def _situations(form: Form) -> sa.Select[Any]:
    return situations(scratch.targets, form)
