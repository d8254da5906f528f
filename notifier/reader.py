"""The journal's notifier: what follows `matched`, and an ETR that was given in between."""

import logging
import time
from contextlib import ExitStack
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import approvals, watchers
from notifier.ahead import LookingAhead, written
from notifier.manners import Manners
from notifier.planned import Plan
from notifier.planner import StaleError, plan_some
from outage import analyzing, journal
from outage import tables as t
from outage.database import Database
from outage.model import GIS_ACTS_ON, MAY_TELL, CrewStatus, JournalKind, OutageKey
from outage.settings import SendMode, Settings
from outage.site import NEUTRAL, Site

log = logging.getLogger(__name__)

STEP_S = {"sqlite": 0.040, "postgresql": 0.150}
"""What a step aims at. On SQLite nobody else writes meanwhile, and 50 ms is the most it may take
(DECISIONS 5); on PostgreSQL only a claim of the same outage waits."""
FIRST_STEP, LEAST_STEP, MOST_STEP = 1000, 100, 20_000
"""Members in a step: the first, and how small and large it may become."""


class NotifierReader:
    """Plans messages for whatever may have changed what somebody should be told."""

    name = "notifier"
    wants = MAY_TELL

    def __init__(self, settings: Settings, site: Site = NEUTRAL) -> None:
        self.manners = Manners.of(settings, site)
        self.size = approvals.Size.of(settings)
        # What a shadow run would have told counts as told while it lasts (DECISIONS 23).
        self.count_shadowed = settings.send in {SendMode.SHADOW, SendMode.ALLOWLIST}

    def priority(self, entry: journal.JournalEntry) -> int:
        """A change of who is out goes before a change of when it ends."""
        return 0 if entry.kind in {JournalKind.MATCHED, JournalKind.LISTED} else 1

    def outages(self, conn: Connection, entry: journal.JournalEntry) -> list[OutageKey]:
        """The entry's outage, unless the entry holds nothing that is told.

        An outage that never had a member concerns nobody; those who come later come with a
        `matched` of their own.
        """
        if entry.outage_key is None:
            return []
        if entry.kind == JournalKind.PROGRESS and not _is_news(entry):
            return []
        if entry.data.get("kind") == JournalKind.PREMISES_CHANGED:
            # A load of base data texts nobody by itself (DECISIONS 16).
            return []
        members = t.memberships.c
        anybody = sa.select(members.key).where(members.outage_key == entry.outage_key).limit(1)
        return [] if conn.execute(anybody).first() is None else [entry.outage_key]

    def work(self, db: Database, item: journal.WorkItem) -> None:
        """Plan step by step; each commits together with how far it has come."""
        with db.read() as conn:
            known_at = _known_at(conn, item)
        plan = Plan(
            number=item.entry.number,
            outage_key=item.outage_key,
            manners=self.manners,
            count_shadowed=self.count_shadowed,
            known_at=known_at,
        )
        analyzing.keep_up(db)
        with db.read() as conn:
            watched = watchers.are_there(conn, plan)
        finished = self._plan_members(db, item, plan, more=watched or bool(self.size.above))
        if watched:
            finished = self._plan_watchers(db, item, plan)
        if self.size.above:
            self._ask(db, item)
        elif not finished:
            # Who watched when the work began, and was killed, does so no longer.
            with db.bulk() as conn:
                journal.finish(conn, item)

    def _plan_members(
        self, db: Database, item: journal.WorkItem, plan: Plan, *, more: bool
    ) -> bool:
        """Plan for whoever holds a member; whether that is all: not if ``more`` follows."""
        done = item.step.get("premise", 0)
        after: int | None = None if done is None else int(done)
        size, aim = FIRST_STEP, STEP_S[db.engine.dialect.name]
        with ExitStack() as stack:
            ahead, worth = LookingAhead(db, plan, stack), True
            while after is not None:
                looked = ahead.take()
                found = None if looked is None else looked.found
                # What speaks against a look ahead mostly stays.
                worth = worth and (looked is None or found is not None)
                if found is not None and found.upto is not None:
                    ahead.begin(found.upto, size)
                try:
                    with written(db, looked) as conn:
                        start = time.monotonic()
                        after = plan_some(conn, plan, after, size, found)
                        if after is None and not more:
                            journal.finish(conn, item)
                        else:
                            journal.advance(conn, item, {"premise": after})
                        took = time.monotonic() - start
                except StaleError:
                    ahead.take()
                    worth = False
                    continue
                size = min(MOST_STEP, max(LEAST_STEP, int(size * min(2.0, aim / took))))
                if worth and looked is None and after is not None:
                    ahead.begin(after, size)
        return done is not None and not more

    def _plan_watchers(self, db: Database, item: journal.WorkItem, plan: Plan) -> bool:
        """Plan for who watches an area; whether the item is finished."""
        done = item.step.get("watcher", 0)
        after: int | None = None if done is None else int(done)
        size, aim = FIRST_STEP, STEP_S[db.engine.dialect.name]
        while after is not None:
            with db.bulk(redone=True, checked=False) as conn:
                start = time.monotonic()
                after = watchers.plan_some(conn, plan, after, size)
                if after is None and not self.size.above:
                    journal.finish(conn, item)
                else:
                    journal.advance(conn, item, {"premise": None, "watcher": after})
                took = time.monotonic() - start
            size = min(MOST_STEP, max(LEAST_STEP, int(size * min(2.0, aim / took))))
        # Killed before it asked for approval, and begun again where none is asked for.
        return done is not None and not self.size.above

    def _ask(self, db: Database, item: journal.WorkItem) -> None:
        """Let what was planned wait, if it is much; nobody claims of it before this is done."""
        with db.read() as conn:
            # Counting takes its time: not under the write lock.
            messages = approvals.planned(conn, item.entry.number)
        with db.bulk() as conn:
            goes_at = approvals.ask(conn, item.entry, item.outage_key, messages, self.size)
            journal.finish(conn, item)
        if goes_at is not None:
            log.error(
                "%d messages go by themselves at %s unless somebody holds them: outage hold %d",
                messages,
                goes_at.isoformat(timespec="seconds"),
                item.entry.number,
            )


def _known_at(conn: Connection, item: journal.WorkItem) -> datetime:
    """When it was said who is out, or back: how long matching takes is no part of a hold.

    Whatever was said of the outage since is planned for as well, and has its own hold.
    """
    entry, j = item.entry, t.journal.c
    newest = conn.execute(
        sa.select(j.at)
        .where(j.outage_key == item.outage_key, j.kind.in_([str(kind) for kind in GIS_ACTS_ON]))
        .order_by(j.number.desc())
        .limit(1)
    ).scalar()
    cause = conn.execute(sa.select(j.at).where(j.number == entry.data.get("of", -1))).scalar()
    said = [at for at in (newest, cause or entry.at) if at is not None]
    return max(said)


def _is_news(entry: journal.JournalEntry) -> bool:
    """Whether a report changes what somebody should be told: of crews, that one has arrived."""
    fields = set(entry.data.get("fields", ()))
    arrived = entry.state.get("crew_status") == CrewStatus.ARRIVED
    return bool(fields & {"etr", "next_update_by"}) or ("crew_status" in fields and arrived)
