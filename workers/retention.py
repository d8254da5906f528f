"""What is kept only for a while (DECISIONS 8, 34): of some the row goes, of others what it says."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from counter.keeping import UNDONE_WITHIN
from notifier.temporary import HOLDS_AT_MOST
from outage import crew_links, sessions, signing_in
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.idempotency import KEPT
from outage.settings import Settings

STEP = 2_000
"""Rows one step removes, so that it stays short."""
FEW = 200
"""Rows of one step where what they refer to goes with them."""
_OPEN = ("pending", "claimed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Erases what is older than the settings say; a step at a time, each one again and again."""

    db: Database
    opt_ins_for: timedelta
    words_for: timedelta

    @classmethod
    def of(cls, db: Database, settings: Settings) -> "Retention":
        """As long as an operator decides."""
        return cls(
            db=db,
            opt_ins_for=timedelta(days=settings.opt_ins_kept_days),
            words_for=timedelta(days=settings.words_kept_days),
        )

    def turn(self) -> bool:
        """Do one step of each kind; True when there may be more."""
        more = forget_idempotency_keys(self.db)
        more |= self._step(self._forget_reports)
        more |= self._step(self._forget_account_notes)
        more |= self._step(self._blank_texts)
        more |= self._step(self._blank_answers)
        more |= self._step(_forget_links)
        more |= self._step(_forget_kept)
        more |= self._step(partial(sessions.forget, limit=STEP))
        more |= self._step(partial(crew_links.forget, limit=STEP))
        more |= self._step(partial(signing_in.sweep, limit=STEP))
        return self._forget_opt_ins() or more

    def _step(self, step: Callable[[Connection], int]) -> bool:
        with self.db.bulk() as conn:
            return step(conn) >= STEP

    def _forget_reports(self, conn: Connection) -> int:
        """Reports by form; the journal knows them by key, so the last one keeps its row."""
        w = t.public_reports
        last = sa.select(sa.func.max(w.c.key)).scalar_subquery()
        is_old = w.c.at < business_now(conn) - self.words_for
        nothing = {"written": "", "note": "", "callback": None, "longitude": None, "latitude": None}
        conn.execute(w.update().where(is_old, w.c.key == last).values(**nothing))
        old = sa.select(w.c.key).where(is_old, w.c.key != last).limit(STEP)
        return conn.execute(w.delete().where(w.c.key.in_(old))).rowcount

    def _forget_account_notes(self, conn: Connection) -> int:
        """What staff have written down of accounts."""
        n = t.account_notes
        old = sa.select(n.c.key).where(n.c.at < business_now(conn) - self.words_for).limit(STEP)
        return conn.execute(n.delete().where(n.c.key.in_(old))).rowcount

    def _blank_texts(self, conn: Connection) -> int:
        """What people have texted or tapped, and from where; what it was taken for stays."""
        r = t.replies
        old = (
            sa.select(r.c.key)
            .where(r.c.received_at < wall_now(conn) - self.words_for, r.c.address != "")
            .where(r.c.applied_at.is_not(None))
            .limit(STEP)
        )
        return conn.execute(r.update().where(r.c.key.in_(old)).values(address="", body="")).rowcount

    def _blank_answers(self, conn: Connection) -> int:
        """What was answered, and what those who are on call were told."""
        a = t.answers
        # Beside its text each answer is one to an address: two pages of one text stay two.
        erased = {
            "address": sa.literal("#") + sa.cast(a.c.key, sa.String),
            "subject": "",
            "body": "",
        }
        old = (
            sa.select(a.c.key)
            .where(a.c.created_at < wall_now(conn) - self.words_for, a.c.body != "")
            .where(a.c.state.not_in(_OPEN))
            .limit(STEP)
        )
        return conn.execute(a.update().where(a.c.key.in_(old)).values(**erased)).rowcount

    def _forget_opt_ins(self) -> bool:
        """Wishes that nobody has said yes to, what asked for it, and numbers that are nobody's.

        Of areas those as well that were ended as long ago.
        """
        o, w = t.opt_ins, t.watches
        # An import has read which addresses there are: it and this keep out of each other's way.
        with self.db.alone("load-accounts") as alone:
            if not alone:
                return False
            with self.db.bulk() as conn:
                until = wall_now(conn) - self.opt_ins_for
                never = sa.and_(o.c.confirmed_at.is_(None), o.c.asked_at < until)
                over = w.c.ended_at < business_now(conn) - self.opt_ins_for
                unsaid = sa.and_(w.c.confirmed_at.is_(None), w.c.asked_at < until)
                more = _forget_wishes(conn, o, never)
                more |= _forget_wishes(conn, w, sa.or_(unsaid, over))
        return more


def _forget_wishes(conn: Connection, wishes: sa.Table, old: sa.ColumnElement[bool]) -> bool:
    """Erase some, with what asked for a yes to them; True when there may be more."""
    a = t.answers
    rows = conn.execute(wishes.select().where(old).limit(FEW)).all()
    conn.execute(wishes.delete().where(wishes.c.key.in_([row.key for row in rows])))
    asked = [row.answer_key for row in rows if row.answer_key is not None]
    said = conn.execute(a.delete().where(a.c.key.in_(asked)).returning(a.c.reply_key)).scalars()
    conn.execute(t.replies.delete().where(t.replies.c.key.in_(list(said))))
    _forget_endpoints(conn, {row.endpoint_key for row in rows})
    return len(rows) >= FEW


def forget_idempotency_keys(db: Database) -> bool:
    """Remove answers to requests that are older than 30 days; True when there may be more."""
    keys = t.idempotency.c
    with db.bulk() as conn:
        old = (
            sa.select(keys.actor, keys.route, keys.key)
            .where(keys.created_at < wall_now(conn) - KEPT)
            .limit(STEP)
        )
        done = conn.execute(
            t.idempotency.delete().where(sa.tuple_(keys.actor, keys.route, keys.key).in_(old))
        )
        return done.rowcount >= STEP


def _forget_links(conn: Connection) -> int:
    """Temporary links that open nothing any more."""
    links = t.temporary_links
    old = (
        sa.select(links.c.answer_key)
        .where(links.c.made_at < business_now(conn) - HOLDS_AT_MOST)
        .limit(STEP)
    )
    return conn.execute(links.delete().where(links.c.answer_key.in_(old))).rowcount


def _forget_kept(conn: Connection) -> int:
    """Addresses taken off a page for good, and those of who has no page any more to do it on."""
    kept, c = t.kept_places, t.contacts.c
    reached = sa.exists().where(c.endpoint_key == kept.c.endpoint_key, c.ended_at.is_(None))
    old = (
        sa.select(kept.c.key)
        .where(sa.or_(kept.c.removed_at < business_now(conn) - UNDONE_WITHIN, ~reached))
        .limit(STEP)
    )
    return conn.execute(kept.delete().where(kept.c.key.in_(old))).rowcount


def _forget_endpoints(conn: Connection, keys: Collection[int]) -> None:
    """Numbers and addresses that nothing refers to; an opt-out stays, whoever it is of."""
    e = t.endpoints
    left = set(keys) - {key for column in _referring() for key in _used(conn, column, keys)}
    nothing_said = sa.and_(e.c.opted_out_at.is_(None), e.c.invalid_at.is_(None))
    conn.execute(e.delete().where(e.c.key.in_(list(left)), nothing_said))


def _referring() -> Sequence[sa.Column[int]]:
    """Every column of every table that names an endpoint."""
    return [
        foreign.parent
        for table in t.metadata.tables.values()
        for foreign in table.foreign_keys
        if foreign.column is t.endpoints.c.key
    ]


def _used(conn: Connection, column: sa.Column[int], keys: Collection[int]) -> Collection[int]:
    return conn.execute(sa.select(column).where(column.in_(list(keys))).distinct()).scalars().all()
