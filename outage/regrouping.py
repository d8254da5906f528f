"""The desk's commands on two outages at once: merge and split (DECISIONS 11).

Call each inside one `Database.write()`. Neither tells anybody anything: whoever was told of the
outage that led to another one counts as told of that.
"""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import commands as c
from outage import handover, journal, lifecycle, register
from outage import tables as t
from outage import where as w
from outage.clock import business_now
from outage.database import next_value
from outage.errors import (
    EverybodyMovesError,
    NobodyMovesError,
    NotAllowedNowError,
    PlaceChangedError,
    TooManyRecipientsError,
)
from outage.model import Actor, JournalKind, MatchedShape, Outage, OutageKey, Parting, Reason


def place_of_both(conn: Connection, outage: Outage, into: Outage) -> w.Where | None:
    """Return where two outages are together, for the caller to match; None for nowhere."""
    places = [register.place(conn, one.shape_digest) for one in (into, outage)]
    known = [place for place in places if place is not None]
    return w.any_of(*known) if known else None


def merge(
    conn: Connection,
    outage_id: str,
    *,
    into: str,
    actor: Actor,
    shape: MatchedShape | None,
    max_premises: int | None = None,
) -> Outage:
    """Let an outage go on under another one. Return it; its members follow once gis has passed.

    ``shape`` is `place_of_both`, matched. Raises `PlaceChangedError` when it is that no more, and
    `TooManyRecipientsError` above ``max_premises``.
    """
    keys = [register.load(conn, one).key for one in (outage_id, into)]
    # In order, so that no two that are merged crosswise wait for each other.
    locked = {key: register.load_key(conn, key, lock=True) for key in sorted(set(keys))}
    outage, heir = (locked[key] for key in keys)
    register.refuse_if_restoring(conn, heir, "merge into")
    now = business_now(conn)
    digest = None if shape is None else shape.digest
    try:
        gone, grown = handover.merge(outage, heir, now, shape_digest=digest)
    except NotAllowedNowError as refusal:
        raise explained(conn, outage, refusal) from refusal
    place = place_of_both(conn, outage, heir)
    if digest != (None if place is None else w.digest(place)):
        raise PlaceChangedError(id=f"{outage.id} or {heir.id}")
    if shape is not None and max_premises is not None and shape.premise_count > max_premises:
        raise TooManyRecipientsError(count=shape.premise_count, limit=max_premises)
    register.keep_shape(conn, shape)
    for change in (gone, grown):
        register.save(conn, change.outage)
    _record_match(conn, heir.key, shape)
    register.merge(conn, outage.key, heir.key)
    number = _append(conn, gone, actor)
    _append(conn, grown, actor)
    _count_as_told(conn, heir.key, outage.key, number)
    return gone.outage


def split(
    conn: Connection, outage_id: str, parting: Parting, *, actor: Actor
) -> tuple[Outage, Outage]:
    """Let the part of an outage inside a place go on as a new one. Return both, the old one first.

    Raises `NobodyMovesError`, `EverybodyMovesError`, and `PlaceChangedError` when the outage is
    not any more where the caller matched it.
    """
    outage = register.load(conn, outage_id, lock=True)
    register.refuse_if_restoring(conn, outage, "split")
    command = c.Split(
        key=OutageKey(0),
        id=outage.id,
        moving=parting.moving.digest,
        staying=parting.staying.digest,
    )
    now = business_now(conn)
    try:
        handover.split(outage, command, now)
    except NotAllowedNowError as refusal:
        raise explained(conn, outage, refusal) from refusal
    _check(conn, outage, parting)
    for shape in (parting.part, parting.moving, parting.staying):
        register.keep_shape(conn, shape)
    command = replace(command, key=OutageKey(next_value(conn, "outage")), id=register.new_id(conn))
    left, part = handover.split(outage, command, now)
    register.save(conn, left.outage)
    register.add(conn, part.outage)
    conn.execute(
        t.outages.update().where(t.outages.c.key == part.outage.key).values(split_from=outage.key)
    )
    _record_match(conn, outage.key, parting.staying)
    _record_match(conn, part.outage.key, parting.moving)
    number = _append(conn, left, actor)
    _append(conn, part, actor)
    _count_as_told(conn, part.outage.key, outage.key, number)
    return left.outage, part.outage


def explained(conn: Connection, outage: Outage, refusal: NotAllowedNowError) -> NotAllowedNowError:
    """Say of an outage that was merged where it goes on: whatever is asked of it is asked there."""
    if outage.close_reason is not Reason.MERGED:
        return refusal
    heir = conn.execute(
        sa.select(t.outages.c.id).where(
            t.outages.c.key
            == sa.select(t.outages.c.merged_into)
            .where(t.outages.c.key == outage.key)
            .scalar_subquery()
        )
    ).scalar_one()
    return NotAllowedNowError(**refusal.facts | {"why": f"it goes on under {heir}"})


def _check(conn: Connection, outage: Outage, parting: Parting) -> None:
    whole = register.place(conn, outage.shape_digest)
    said = parting.part
    part = w.Drawn(digest=said.digest) if said.spec is None else w.from_spec(said.spec)
    if whole is None or not parting.moves:
        raise NobodyMovesError(id=outage.id)
    if not parting.stays:
        raise EverybodyMovesError(id=outage.id)
    if parting.moving.digest != w.digest(w.Both(one=whole, other=part)):
        raise PlaceChangedError(id=outage.id)


def _record_match(conn: Connection, key: OutageKey, shape: MatchedShape | None) -> None:
    if shape is None:
        return
    conn.execute(
        t.outages.update()
        .where(t.outages.c.key == key)
        .values(premises_version=shape.premises_version, premise_count=shape.premise_count)
    )


def _append(conn: Connection, change: lifecycle.Change, actor: Actor) -> int:
    (entry,) = change.entries
    return journal.append(
        conn,
        kind=JournalKind(entry.kind),
        actor=str(actor),
        outage_key=change.outage.key,
        outage_version=change.outage.version,
        data=entry.data,
    )


_COUNT_AS_TOLD = sa.text(
    """
INSERT INTO origins (outage_key, origin_key, number)
SELECT :key, origin_key, max(number) FROM (
  SELECT origin_key, number FROM origins WHERE outage_key = :origin
  UNION ALL SELECT key, :number FROM outages
  WHERE key IN (:origin, :key) OR merged_into = :origin
) AS found
WHERE true
GROUP BY origin_key
ON CONFLICT (outage_key, origin_key) DO UPDATE SET number =
  CASE WHEN origins.number > excluded.number THEN origins.number ELSE excluded.number END
"""
)


def _count_as_told(conn: Connection, key: OutageKey, origin: OutageKey, number: int) -> None:
    """Let who was told of an outage before an entry count as told of another one.

    With it goes whatever counted as told of that one: nobody has to follow a chain. The outage is
    an origin of itself: what it told before and what the other told have the same say.
    """
    conn.execute(_COUNT_AS_TOLD, {"key": key, "origin": origin, "number": number})
