"""Reads what is public again and again: only outages that something has happened to since.

Whatever changes an outage appends to the journal, and time changes it at moments that are known.
Everything is read now and then all the same, so that nothing else stays unseen for long.
"""

import dataclasses
from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import clock, journal
from outage import tables as t
from outage.model import JournalKind
from status_page.areas import CHUNK, Areas
from status_page.reader import Read, read_moved, read_outages
from status_page.timeline import Timelines
from status_page.view import PublicOutage, PublicStatus

MOST_ENTRIES = 5_000
"""Entries beyond which everything is read: it costs no more."""

_OF_NO_OUTAGE = frozenset(
    str(kind)
    for kind in (
        JournalKind.FEED_HELD,
        JournalKind.FEED_REVIEWED,
        JournalKind.REPORTED,
        JournalKind.SENDING_RESUMED,
        JournalKind.SENDING_STOPPED,
    )
)
"""Entries without an outage that change nothing public; after any other, everything is read."""
_STAYS_ITSELF = frozenset(
    str(kind)
    for kind in (
        JournalKind.CONFIRMED,
        JournalKind.ETR_PASSED,
        JournalKind.MATCHED,
        JournalKind.PROGRESS,
        JournalKind.REPORTED,
        JournalKind.UPDATE_PASSED,
        JournalKind.UPDATE_PROMPTED,
    )
)
"""Entries after which no outage goes on as another one that did not before."""


class Follower:
    """Knows what was public when it last looked. An outage that is the same is the same object."""

    def __init__(self, areas: Areas, timelines: Timelines, *, send_mode: str) -> None:
        self._areas = areas
        self._timelines = timelines
        self._send_mode = send_mode
        self._number = -1
        self._shown: dict[int, PublicOutage] = {}
        self._counting: frozenset[int] = frozenset()
        self._until: dict[int, datetime] = {}
        self._status: PublicStatus | None = None

    def forget(self) -> None:
        """Read everything next time."""
        self._status = None

    def read(self, conn: Connection) -> tuple[PublicStatus, int]:
        """Return the public state and the number of the newest journal entry it rests on.

        Args:
            conn: A snapshot (`Database.read`).
        """
        before, self._status = self._status, None
        now, number = clock.business_now(conn), journal.last_number(conn)
        touched = self._touched(conn, before, now, number)
        status = PublicStatus(
            as_of=now, send_mode=self._send_mode, outages=(), drill=clock.is_held(conn)
        )
        if touched is None:
            keys = self._take(conn, status, number, read_outages(conn, now), None)
        else:
            kinds, keys = touched
            found = [each for some in _chunks(keys) for each in read_outages(conn, now, some)]
            keys = self._take(conn, status, number, found, keys)
        same = before is not None and touched is not None and not keys and kinds <= _STAYS_ITSELF
        self._number = number
        self._status = dataclasses.replace(
            status,
            outages=tuple(self._shown.values()),
            moved=before.moved if before is not None and same else read_moved(conn, now),
        )
        return self._status, number

    def _touched(
        self, conn: Connection, before: PublicStatus | None, now: datetime, number: int
    ) -> tuple[set[str], set[int]] | None:
        """Return kinds of entries since, and outages that may differ; None: any may."""
        if before is None or number < self._number or now < before.as_of:
            return None
        j = t.journal.c
        entries = conn.execute(
            sa.select(j.outage_key, j.kind).where(j.number > self._number).limit(MOST_ENTRIES + 1)
        ).all()
        if len(entries) > MOST_ENTRIES or any(
            key is None and kind not in _OF_NO_OUTAGE for key, kind in entries
        ):
            return None
        keys = {key for key, _ in entries if key is not None}
        keys |= self._counting
        keys |= {key for key, moment in self._until.items() if moment <= now}
        return {kind for _, kind in entries}, keys

    def _take(
        self,
        conn: Connection,
        status: PublicStatus,
        number: int,
        found: list[Read],
        asked: Collection[int] | None,
    ) -> set[int]:
        """Take down what was read; return the keys of those that have come or gone."""
        is_all = asked is None
        keys = {each.key for each in found}
        gone = (self._shown.keys() if asked is None else set(asked) & self._shown.keys()) - keys
        come = keys - self._shown.keys()
        part = dataclasses.replace(status, outages=tuple(each.outage for each in found))
        part = self._areas.put(conn, part, is_all=is_all)
        left = None if is_all else {self._shown[key].id for key in gone}
        part = self._timelines.put(conn, part, number, left)
        for key in gone:
            del self._shown[key]
            self._until.pop(key, None)
        for each, outage in zip(found, part.outages, strict=True):
            if self._shown.get(each.key) != outage:
                self._shown[each.key] = outage
            if each.until is None:
                self._until.pop(each.key, None)
            else:
                self._until[each.key] = each.until
        counting = frozenset(each.key for each in found if each.counting)
        self._counting = counting if is_all else self._counting - set(asked or ()) | counting
        return come | gone


def _chunks(keys: Iterable[int]) -> list[list[int]]:
    ordered = sorted(keys)
    return [ordered[at : at + CHUNK] for at in range(0, len(ordered), CHUNK)]
