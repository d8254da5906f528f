"""Follows the journal and publishes what of it is public (DECISIONS 30).

One publisher works at a time. A turn reads a snapshot, commits the generation's number, writes
files with the pointer last, and moves the cursor. Killed anywhere, the next one goes on: what the
pointer does not name was never published.
"""

import logging
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from sqlalchemy.engine import Connection

from outage import journal, schema
from outage import tables as t
from outage.database import Database, next_value, wall_now
from outage.site import Site
from status_page.areas import Areas
from status_page.days import Days
from status_page.draft import Draft
from status_page.errors import NewerPublication, UnreadablePublication
from status_page.following import Follower
from status_page.lease import LENGTH, Lease
from status_page.pointer import Pointer
from status_page.press import Press
from status_page.reader import public_site
from status_page.rendering import Renderer
from status_page.store import POINTER, Store
from status_page.timeline import Timelines
from status_page.view import PublicStatus

log = logging.getLogger(__name__)

NAME = "publisher"
GATHER_S = 0.5
WHOLE_S = 5.0
"""Between two turns of the files that hold every outage, where these are many; more where making
and writing them takes long: a tenth of the time at most goes into them."""
CONFIRM_S = 15.0
LISTS_S = 60.0
READ_S = 60.0
"""After which everything is read and not only what the journal says has changed."""
_PUT_OFF = 5
"""Times as long it waits where there is a change to publish each time."""
SWEEP_S = 600.0


class Publisher:
    """Publishes one database's public state into one store."""

    def __init__(
        self,
        db: Database,
        store: Store,
        site: Site,
        *,
        send_mode: str,
        ring: Callable[[], None] = lambda: None,
        gather_s: float = GATHER_S,
        address: str = "",
    ) -> None:
        """Start with nothing read and nothing held.

        Args:
            db: The record.
            store: Where to publish.
            site: Whose page it is.
            send_mode: What becomes of messages; shown on the page.
            ring: Called after the pointer was written, to wake page processes.
            gather_s: Changes within this time of the last generation go into one; 0 in a replay.
            address: Where people see the page; feeds lead back there.
        """
        self._db = db
        self._store = store
        published = public_site(site, address)
        self._follower = Follower(Areas(published.areas), Timelines(), send_mode=send_mode)
        self._days = Days(published.time_zone)
        # In a replay nothing may be late: the next barrier waits for what is published.
        self._press = Press(Renderer(published), store, at_once=gather_s == 0)
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="whole-files")
        self._writing: Future[float] | None = None
        self._whole_due_s = self._whole_began_s = -1e9
        self._ring = ring
        self._gather_s = gather_s
        self._lease = Lease()
        self._held_until_s = 0.0
        self._recovered = False
        self._published_s = self._confirmed_s = self._lists_s = self._swept_s = -1e9
        self._read_s = -1e9

    def turn(self) -> bool:
        """Publish what has changed; return whether a generation came of it, or entries passed."""
        if not self._hold():
            return False
        if not self._recovered:
            with self._lease.renewed(self._db):
                self._recover()
        # Before anything is written: a disk that is full is cleared first.
        self._sweep()
        self._bring_up()
        with self._db.read() as conn:
            behind = journal.cursor(conn, NAME) < journal.last_number(conn)
        if behind:
            time.sleep(max(0.0, self._published_s + self._gather_s - time.monotonic()))
        due = time.monotonic() - self._confirmed_s >= CONFIRM_S
        if not behind and not due:
            return False
        # A storm's first generation may take longer than the lease is long.
        with self._lease.renewed(self._db) as still_held:
            with self._db.read() as conn:
                since_s = time.monotonic() - self._read_s
                # Rather not while somebody waits for a change.
                if since_s >= READ_S * (_PUT_OFF if behind else 1):
                    self._follower.forget()
                    self._read_s = time.monotonic()
                status, number = self._follower.read(conn)
                status = self._days.put(conn, status, number)
            # Time alone changes things too: an outage that is over leaves the page.
            changed = self._press.has_changed(status)
            if changed:
                self._publish(status, number, still_held)
            elif due:
                self._confirm(status, still_held)
        if behind and not changed:
            with self._db.write() as conn:
                journal.move_cursor(conn, NAME, number)
        return behind or changed

    def touch(self) -> None:
        """Confirm now that what is published still holds, or publish what has changed."""
        self._confirmed_s = self._read_s = -1e9
        self.turn()

    def close(self) -> None:
        """Let another publisher begin at once."""
        try:
            # Whole feeds may take longer than the lease is long.
            with self._lease.renewed(self._db):
                self._finish_whole()
                self._whole_due_s = -1e9
                if self._recovered:
                    self._bring_up()
                    self._finish_whole()
        except NewerPublication:
            log.info("Somebody else publishes already; what is here is older.")
        finally:
            with self._db.write() as conn:
                self._lease.give_back(conn)
            self._held_until_s = 0.0

    def _hold(self) -> bool:
        if time.monotonic() < self._held_until_s:
            return True
        asked_s, before = time.monotonic(), self._lease.fence
        held = self._lease.take(self._db)
        if held:
            self._held_until_s = asked_s + LENGTH.total_seconds() / 3
        if not held or self._lease.fence != before:
            # Somebody else publishes or has: what this one knows of the folder is out of date.
            self._recovered = False
        return held

    def _recover(self) -> None:
        if self._writing is not None:
            # Whatever became of it, all that holds every outage is looked at again.
            wait([self._writing])
            self._writing = None
        self._press.recover()
        pointer = self._press.issued.pointer
        with self._db.write() as conn:
            given_out = next_value(conn, "generation", 0)
            if pointer and pointer.epoch == schema.epoch(conn) and pointer.number > given_out:
                # The database is older than what it has published: a copy was put back.
                schema.renew_epoch(conn, secrets.token_hex(4))
        self._confirmed_s = -1e9
        self._recovered = True

    def _publish(
        self, status: PublicStatus, journal_number: int, still_held: Callable[[], None]
    ) -> None:
        with self._db.write() as conn:
            self._must_hold(conn)
            number, epoch = next_value(conn, "generation"), schema.epoch(conn)
            checked_at = wall_now(conn)
            conn.execute(
                t.generations.insert().values(
                    number=number,
                    epoch=epoch,
                    journal_number=journal_number,
                    at=status.as_of,
                    wall_at=checked_at,
                )
            )
        if self._press.takes_all(status, epoch):
            # The same files must not be made or written by two at a time, nor older ones last.
            self._finish_whole()
        try:
            edition = self._press.edition(
                status,
                epoch=epoch,
                number=number,
                journal_number=journal_number,
                checked_at=checked_at,
            )
            self._press.issue(
                edition,
                may_point=self._may_point(edition.pointer),
                now_s=time.time(),
                still_held=still_held,
            )
        except BaseException:
            # Some of it may be written, or taken for written: look at the folder again before
            # anything else, and let go of what is old, in case there was no room.
            self._recovered = False
            self._swept_s = -1e9
            raise
        self._published_s = self._confirmed_s = self._lists_s = time.monotonic()
        with self._db.write() as conn:
            conn.execute(
                t.generations.update()
                .where(t.generations.c.number == number)
                .values(published_at=wall_now(conn), manifest=edition.pointer.manifest)
            )
            journal.move_cursor(conn, NAME, journal_number)
        self._ring()

    def _bring_up(self) -> None:
        """Write what holds every outage, beside whatever is published meanwhile."""
        if self._writing is not None and not self._writing.done():
            return
        self._finish_whole()
        if self._press.is_behind and time.monotonic() >= self._whole_due_s:
            self._whole_began_s = time.monotonic()
            draft = self._press.whole()
            if draft is not None:
                still_held = self._lease.check(self._db)
                self._writing = self._beside.submit(self._write_whole, draft, still_held)

    def _finish_whole(self) -> None:
        """Wait until what is written beside is written."""
        if self._writing is None:
            return
        writing, self._writing = self._writing, None
        try:
            ended_s = writing.result()
        except BaseException:
            self._recovered = False
            raise
        self._press.written()
        self._whole_due_s = ended_s + max(WHOLE_S, 9 * (ended_s - self._whole_began_s))

    def _write_whole(self, draft: Draft, still_held: Callable[[], None]) -> float:
        """Return when it was done; write nothing more once the lease is another one."""
        made = self._press.made(draft)
        self._store.write(
            ((name, content) for name, content in made if content is not None), still_held
        )
        return time.monotonic()

    def _may_point(self, pointer: Pointer, *, again: bool = False) -> Callable[[], None]:
        def check() -> None:
            with self._db.write() as conn:
                self._must_hold(conn)
            content = self._store.read(POINTER)
            try:
                there = Pointer.from_bytes(content) if content else None
            except UnreadablePublication:
                return
            if there and there.epoch == pointer.epoch and there.number >= pointer.number + again:
                raise NewerPublication(f"It is {there.id}, this was to be {pointer.id}.")

        return check

    def _must_hold(self, conn: Connection) -> None:
        if not self._lease.keep(conn):
            self._held_until_s = 0.0
            raise NewerPublication

    def _confirm(self, status: PublicStatus, still_held: Callable[[], None]) -> None:
        with self._db.write() as conn:
            self._must_hold(conn)
            now = wall_now(conn)
        # The sheets to print are made beside too: a change must not wait here until they are.
        beside = self._writing is not None and not self._writing.done()
        with_lists = time.monotonic() - self._lists_s >= LISTS_S and not beside
        pointer = self._press.issued.pointer
        check = self._may_point(pointer, again=True) if pointer else lambda: None
        if with_lists:
            self._finish_whole()
        try:
            self._press.confirm(
                status, now, with_lists=with_lists, may_point=check, still_held=still_held
            )
        except NewerPublication:
            self._recovered = False
            raise
        self._confirmed_s = time.monotonic()
        if with_lists:
            self._lists_s = self._confirmed_s

    def _sweep(self) -> None:
        pointer = self._press.issued.pointer
        named = self._press.issued.named
        if time.monotonic() - self._swept_s < SWEEP_S:
            return
        # A manifest that could not be read may name anything: nothing goes until the next one.
        if pointer is None or not named:
            return
        self._store.sweep(pointer.id, set(named), time.time())
        self._swept_s = time.monotonic()
