"""Replaying a recording in this one process: business time by barriers, everybody drained."""

from __future__ import annotations

import math
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gis.matching import Matcher, limits_of
from intake.errors import RecordingRefused, ReplayRefused
from intake.feed import Applied, Feed, Health
from intake.mapping import FeedMapping
from intake.replay import Barrier, barriers, snapshots
from intake.snapshot import Snapshot, Unusable
from notifier import batches
from notifier.following import follow_up
from notifier.outbox import Outbox
from outage import clock, deadlines, journal
from outage import tables as t
from outage.database import Database
from outage.model import OPEN, Actor, MatchedShape, Service
from outage.settings import SendMode, Settings
from outage.site import load_site
from workers import opening, relay, timers
from workers.replay_facts import facts

Turn = Callable[[], bool]
PATIENCE_S = 60.0
"""How long to wait at one barrier while nothing moves: a provider may be down for good."""
REST_S = 0.02
"""How long to wait for work that another process holds, or that is being tried again."""
_PARTLY = (Health.INCOMPLETE, Health.HELD)
REVIEWER = Actor(kind="cli", name="assume-reviewed")
SAY_EACH_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What is to be replayed, and how. ``speed`` is business seconds per second, or infinite."""

    file: Path
    mapping: FeedMapping
    speed: float
    reviewed: bool
    baseline: bool


@dataclass(kw_only=True)
class Tally:
    """What came in: snapshots by health, and each problem once, with its first line."""

    snapshots: Counter[str] = field(default_factory=Counter)
    problems: dict[str, int] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def add(self, applied: Applied) -> None:
        self.snapshots[str(applied.health)] += 1
        for problem in applied.problems:
            self.problems.setdefault(problem.sentence, problem.line)
            self.times[problem.sentence] += 1

    @property
    def usable(self) -> bool:
        """Whether any snapshot said anything."""
        return any(self.snapshots[health] for health in (Health.GOOD, *_PARTLY))

    @property
    def first_problem(self) -> tuple[int, str]:
        """Line and sentence of the first thing that was wrong."""
        sentence, line = next(iter(self.problems.items()), ("It is empty.", 1))
        return line, sentence

    def facts(self) -> dict[str, Any]:
        """The tally as it is printed."""
        return {
            "snapshots": dict(sorted(self.snapshots.items())),
            "problems": [
                {"line": line, "sentence": sentence, "times": self.times[sentence]}
                for sentence, line in self.problems.items()
            ],
        }


def run(
    db: Database, settings: Settings, storm: Storm, *, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Replay a storm to its end and return what it came to.

    Business time is held meanwhile and the wall clock's again afterwards, also when stopped.
    Raises RecordingRefused when the file cannot be read, or nothing in it can be used.
    """
    seen = snapshots(storm.file, storm.mapping)
    return play(db, settings, storm, seen, progress=progress)


def play(
    db: Database,
    settings: Settings,
    storm: Storm,
    seen: Iterable[Snapshot | Unusable],
    *,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Replay what was seen of a storm, as `run` does with all that its file holds.

    The next is asked for when everybody has finished with the one before.
    """
    feed = Feed(
        db,
        storm.mapping,
        GisMatcher(db, settings),
        baseline=storm.baseline,
        reviewer=REVIEWER if storm.reviewed else None,
        max_premises=settings.max_recipients,
    )
    outbox = Outbox(db, settings, load_site(settings.home))
    pace = _Pace(storm.speed, progress)
    with business_time(db), _readers(db, settings) as turns:
        replay = Replay(db, feed, outbox, turns=turns, progress=progress)
        for barrier in barriers(seen, timer=replay.next_due, last_timer=replay.next_message):
            pace.wait_for(barrier)
            replay.stop_at(barrier)
            pace.say(barrier, replay.tally)
        replay.finish()
    if not replay.tally.usable:
        line, sentence = replay.tally.first_problem
        raise RecordingRefused(
            f"Nothing in {storm.file.name} could be used (line {line}: {sentence.rstrip('.')})."
        )
    with db.read() as conn:
        found = facts(conn, storm.mapping.source)
    return {
        "file": storm.file.name,
        "mapping": storm.mapping.name,
        "send": str(settings.send),
        **found,
        **replay.tally.facts(),
    }


class GisMatcher:
    """The gate and the index of gis, as the feed asks for them."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._matcher = Matcher(db, settings.indexes)
        self._limits = limits_of(settings)

    def match(self, geojson: str, service: Service) -> MatchedShape:
        return self._matcher.match(geojson, service, limits=self._limits).for_desk()


class Replay:
    """Stops at barriers: moves business time, applies the snapshot, lets everybody finish.

    Args:
        db: the record.
        feed: applies snapshots.
        outbox: sends what is due.
        turns: one turn of each reader and of the publisher, by name.
        progress: told when something could not be waited for.
    """

    def __init__(
        self,
        db: Database,
        feed: Feed,
        outbox: Outbox,
        *,
        turns: Mapping[str, Turn],
        progress: Callable[[str], None],
    ) -> None:
        self._db = db
        self._feed = feed
        self._outbox = outbox
        self._leads = deadlines.Leads.of(outbox.settings)
        self._following = [turns[name] for name in _FOLLOWING]
        self._publish = turns[_PUBLISHER]
        self._progress = progress
        self._began = False
        self.tally = Tally()

    def stop_at(self, barrier: Barrier) -> None:
        """Go to a barrier and leave it when nobody has anything left to do there."""
        if barrier.at is not None:
            self._go_to(barrier.at)
        timers.fire(self._db, self._leads)
        if barrier.snapshot is not None:
            self.tally.add(self._feed.apply(barrier.snapshot))
        self._drain(PATIENCE_S)

    def finish(self) -> None:
        """Stay at the last barrier until word has come of what providers were silent about."""
        with self._db.read() as conn:
            unknown = batches.open_unknown(conn)
        if unknown:
            patience_s = self._outbox.settings.mail_events_s + PATIENCE_S
            minutes = math.ceil(patience_s / 60)
            self._progress(f"{unknown} messages are unknown: up to {minutes} minutes for word.")
            self._drain(patience_s)

    def next_due(self, after: datetime) -> datetime | None:
        """When the next message falls due or the next timer fires."""
        with self._db.read() as conn:
            passing = deadlines.next_due(conn, self._leads)
        times = (self.next_message(after), passing)
        return min((at for at in times if at is not None and at > after), default=None)

    def next_message(self, after: datetime) -> datetime | None:
        """When the next message falls due."""
        with self._db.read() as conn:
            return batches.next_due(conn, after)

    def _go_to(self, at: datetime) -> None:
        with self._db.write() as conn:
            if self._began:
                clock.move_to(conn, at)
            else:
                # Whatever time a replay before us was stopped at, this one begins with its own.
                clock.hold(conn, at)
        self._began = True

    def _drain(self, patience_s: float) -> None:
        """Take turns until no reader has work and nothing that is due is unsent.

        ``patience_s`` is how long nothing may move meanwhile. The page is published last: once
        for each barrier, not for each entry.
        """
        patience = time.monotonic() + patience_s
        while True:
            for turn in self._following:
                while turn():
                    patience = time.monotonic() + patience_s
            self._outbox.expire()
            self._outbox.reconciler.turn()
            while follow_up(self._db):
                pass
            if self._outbox.drain():
                continue
            while self._publish():
                pass
            with self._db.read() as conn:
                idle = all(journal.is_idle(conn, reader) for reader in _FOLLOWING)
                unsent = batches.left(conn)
            if idle and not unsent:
                return
            if time.monotonic() > patience:
                self._progress(f"{unsent} messages could not be sent at this stop; going on.")
                return
            time.sleep(REST_S)


_FOLLOWING = ("gis", "notifier", "cis")
_PUBLISHER = "publisher"


@contextmanager
def _readers(db: Database, settings: Settings) -> Iterator[dict[str, Turn]]:
    """One turn of each reader and of the publisher; what they hold is given back at the end."""
    loops = relay.loops(relay.READERS, db, settings, opening.bell(settings), at_once=True)
    try:
        yield {loop.name: loop.turn for loop in loops}
    finally:
        for loop in loops:
            if loop.close is not None:
                loop.close()


@contextmanager
def business_time(db: Database) -> Iterator[None]:
    """Give business time back to the wall clock at the end, whatever happens in between."""
    # Asked to end is as good as Ctrl+C: a clock that stands still would keep every message back.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        with db.write() as conn:
            clock.release(conn)


class _Pace:
    """Lets barriers come no faster than asked for, and says now and then how far it is."""

    def __init__(self, speed: float, progress: Callable[[str], None]) -> None:
        self._speed = speed
        self._progress = progress
        self._said = time.monotonic()
        self._before: datetime | None = None
        self._reached = time.monotonic()

    def wait_for(self, barrier: Barrier) -> None:
        if barrier.at is None:
            return
        if self._before is not None:
            passes_s = (barrier.at - self._before).total_seconds() / self._speed
            time.sleep(max(0.0, self._reached + passes_s - time.monotonic()))
            self._reached = max(self._reached + passes_s, time.monotonic() - 1.0)
        self._before = barrier.at

    def say(self, barrier: Barrier, tally: Tally) -> None:
        if barrier.at is None or time.monotonic() - self._said < SAY_EACH_S:
            return
        self._said = time.monotonic()
        count = sum(tally.snapshots.values())
        self._progress(f"{barrier.at:%Y-%m-%d %H:%M} UTC: {count} snapshots")


def refuse_real_providers(settings: Settings) -> None:
    """Refuse to send a recording to real people.

    Raises ReplayRefused in `live` and `allowlist` with a provider that is not on this machine.
    """
    if settings.send not in {SendMode.LIVE, SendMode.ALLOWLIST}:
        return
    real = [
        name
        for name, account, here in (
            ("Twilio", settings.twilio_account_sid, settings.twilio_base_url),
            ("SendGrid", settings.sendgrid_api_key, settings.sendgrid_base_url),
        )
        if account and not here
    ]
    if real:
        raise ReplayRefused(
            f"OUTAGE_SEND is {settings.send} and {' and '.join(real)} would send this recording "
            "to real people: use shadow, or let OUTAGE_TWILIO_BASE_URL and "
            "OUTAGE_SENDGRID_BASE_URL name a simulator on this machine."
        )


def refuse_open_outages(db: Database) -> None:
    """Refuse a database in which something is going on. Raises ReplayRefused."""
    with db.read() as conn:
        count = conn.execute(
            sa.select(sa.func.count())
            .select_from(t.outages)
            .where(t.outages.c.status.in_([str(status) for status in OPEN]))
        ).scalar_one()
    if count:
        raise ReplayRefused(
            f"The database holds {count} open outages, and a recording must not mix with them: "
            "set OUTAGE_HOME to an empty folder (or OUTAGE_DATABASE_URL to another database), "
            "import the premises there, and replay into that."
        )
