"""What is on record of a feed: its health, and what it last said of each outage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from intake.absence import Decision, Fate, Known
from outage import tables as t

CHUNK = 500
"""Ids in one statement: what every database takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """Where a feed stands. ``good`` counts the snapshots that were good evidence of absence."""

    source: str
    good: int
    last_at: datetime | None
    last_digest: str | None
    held_since: datetime | None
    health: Mapping[str, int]

    @property
    def is_new(self) -> bool:
        return self.last_digest is None


def open_feed(conn: Connection, source: str, mapping: str) -> FeedState:
    """The state of a feed, put on record when it is seen for the first time."""
    found = conn.execute(t.feeds.select().where(t.feeds.c.source == source)).first()
    if found is None:
        conn.execute(t.feeds.insert().values(source=source, mapping=mapping))
        found = conn.execute(t.feeds.select().where(t.feeds.c.source == source)).one()
    return FeedState(
        source=source,
        good=found.good_snapshots,
        last_at=found.last_snapshot_at,
        last_digest=found.last_digest,
        held_since=found.held_since,
        health=json.loads(found.health),
    )


def known(conn: Connection, state: FeedState) -> dict[str, Known]:
    """What is known of every outage of a feed, by its source id."""
    rows = conn.execute(t.feed_outages.select().where(t.feed_outages.c.source == state.source))
    return {
        row.source_id: Known(
            source_id=row.source_id,
            digest=row.field_hash,
            customers=row.customers,
            missing_since=row.missing_since,
            missing_count=state.good - row.last_seen if row.missing_since else 0,
            held=row.held,
            ended=row.ended,
            successor=row.successor,
        )
        for row in rows
    }


def grounds(conn: Connection, source: str, ids: Collection[str]) -> dict[str, bytes]:
    """The shapes (WKB) of those outages of a feed that have one, by source id."""
    found: dict[str, bytes] = {}
    for some in _chunks(ids):
        rows = conn.execute(
            sa.select(t.feed_outages.c.source_id, t.shapes.c.wkb)
            .join(t.outages, t.outages.c.key == t.feed_outages.c.outage_key)
            .join(t.shapes, t.shapes.c.digest == t.outages.c.shape_digest)
            .where(
                t.feed_outages.c.source == source,
                t.feed_outages.c.source_id.in_(some),
                # What a dispatcher named instead of drawing it has no ground to share.
                t.shapes.c.spec.is_(None),
            )
        )
        found |= {row.source_id: row.wkb for row in rows}
    return found


def shape_digests(conn: Connection, source: str) -> dict[str, str]:
    """The digest of each outage's shape as the feed last wrote it, by source id."""
    rows = conn.execute(
        sa.select(t.feed_outages.c.source_id, t.feed_outages.c.shape_digest).where(
            t.feed_outages.c.source == source, t.feed_outages.c.shape_digest.is_not(None)
        )
    )
    return {row.source_id: row.shape_digest for row in rows}


def conclude(
    conn: Connection,
    state: FeedState,
    *,
    at: datetime,
    digest: str,
    health: str,
    decisions: Collection[Decision],
    evidence: bool,
) -> None:
    """Put the end of a snapshot on record: who was listed, who is held, and the health.

    ``evidence`` says whether the snapshot counts as one of the good ones.
    """
    number = state.good + 1 if evidence else state.good
    mine = t.feed_outages.c.source == state.source
    absent = {Fate.MISSING, Fate.CLOSED, Fate.RECALLED, Fate.HELD}
    listed = [d.known.source_id for d in decisions if d.fate not in absent]
    for some in _chunks(listed):
        conn.execute(
            t.feed_outages.update()
            .where(mine, t.feed_outages.c.source_id.in_(some))
            .values(last_seen=number, held=False)
        )
    held = [d.known.source_id for d in decisions if d.fate is Fate.HELD]
    for some in _chunks(held):
        conn.execute(
            t.feed_outages.update()
            .where(mine, t.feed_outages.c.source_id.in_(some))
            .values(held=True)
        )
    still_held = conn.execute(
        sa.select(t.feed_outages.c.source_id).where(mine, t.feed_outages.c.held).limit(1)
    ).first()
    count(conn, state, health, at=at)
    conn.execute(
        t.feeds.update()
        .where(t.feeds.c.source == state.source)
        .values(
            good_snapshots=number,
            last_good_at=at if evidence else t.feeds.c.last_good_at,
            last_digest=digest,
            held_since=None if still_held is None else state.held_since or at,
        )
    )


def count(conn: Connection, state: FeedState, health: str, *, at: datetime | None) -> None:
    """Count a snapshot by what it was good for; nothing else changes."""
    counted = Counter(state.health)
    counted[health] += 1
    latest = max(filter(None, (at, state.last_at)), default=None)
    conn.execute(
        t.feeds.update()
        .where(t.feeds.c.source == state.source)
        .values(
            snapshots=t.feeds.c.snapshots + 1,
            last_snapshot_at=latest,
            health=json.dumps(counted, sort_keys=True),
        )
    )


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]
