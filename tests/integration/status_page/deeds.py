"""Whatever may change what is public, done to a town at random: by people, feeds, gis and time."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import clock, commands, desk, journal, register, regrouping, taking_back
from outage import tables as t
from outage import where as w
from outage.deadlines import note_due
from outage.errors import OutageError
from outage.model import (
    OPEN,
    Cause,
    CrewStatus,
    JournalKind,
    Kind,
    MatchedShape,
    OutageId,
    OutageKey,
    Parting,
    Service,
    Status,
)
from tests.integration.status_page.town import SOMEBODY, Town

CIRCUIT = w.Devices(paths=("circuit:F11",))
_PREDICTED = t.outages.c.status == str(Status.PREDICTED)
_ADVISORY = t.outages.c.kind == str(Kind.ADVISORY)
_UNPLANNED = t.outages.c.kind == str(Kind.UNPLANNED)
_RESTORED = t.outages.c.status == str(Status.RESTORED)
_BACK = t.outages.c.status.in_([str(Status.RESTORED), str(Status.PARTIALLY_RESTORED)])
PART = w.Devices(paths=("circuit:F12",))
LEADS_TO = {
    "conclude": "restore",
    "close": "conclude",
    "close for another": "conclude",
    "reopen": "conclude",
    "still out": "conclude",
    "relist": "unlist",
    "end unlisted": "unlist",
    "approve": "propose a message",
}
"""What may be missing where the first of a pair is refused, or there is nothing to do it to."""


def matched(place: w.Where) -> MatchedShape:
    return MatchedShape(
        wkb=b"",
        digest=w.digest(place),
        vertices=0,
        premise_count=6,
        premises_version=1,
        spec=w.to_spec(place),
    )


class Deeds:
    """Does them one after the other; ``done`` counts those that were not refused, by name."""

    def __init__(self, town: Town, chance: random.Random) -> None:
        self.town = town
        self.done: Counter[str] = Counter()
        self._chance = chance
        self._all: dict[str, Callable[[Connection], object]] = {
            "declare": self._declare(),
            "declare planned": self._declare(kind=Kind.PLANNED, predicted=True),
            "declare advisory": self._declare(kind=Kind.ADVISORY, service=Service.WATER),
            "predict": self._declare(predicted=True),
            "confirm": self._told(desk.confirm, among=(_PREDICTED, _UNPLANNED)),
            "reject": self._told(desk.reject, among=(_PREDICTED,)),
            "start": self._told(desk.start, among=(_PREDICTED,)),
            "revise": lambda conn: self._told(desk.revise, self._revision(conn))(conn),
            "crew": self._report(crew_status=lambda: chance.choice(list(CrewStatus))),
            "promise": self._report(next_update_by=self._soon),
            "publish an estimate": self._report(etr=lambda: self._etr(published=True)),
            "estimate unseen": self._report(etr=lambda: self._etr(published=False)),
            "withdraw the estimate": self._report(withdraw_etr=lambda: True),
            "propose a message": self._message(approved=False),
            "publish a message": self._message(approved=True),
            "approve": self._approve,
            "take back": self._told(taking_back.take_back),
            "restore": self._told(desk.restore),
            "restore a part": self._told(desk.restore, shape=matched(PART)),
            "conclude": self._conclude,
            "reopen": self._told(desk.reopen, among=(_BACK,)),
            "still out": self._still_out,
            "cancel": self._told(desk.cancel),
            "lift": self._told(desk.lift, among=(_ADVISORY,), reference="Lab 17"),
            "close": self._told(desk.close, among=(_RESTORED,)),
            "close for another": self._close_for_another,
            "unlist": self._told(desk.unlist),
            "end unlisted": self._end_unlisted,
            "relist": self._told(desk.relist, among=(t.outages.c.unlisted_since.is_not(None),)),
            "merge": self._merge,
            "split": self._split,
            "match": self._match,
            "gis follows": self._gis_follows,
            "time passes": self._time_passes,
            "note what is due": note_due_at_all,
        }

    @property
    def names(self) -> set[str]:
        return set(self._all)

    def some(self) -> None:
        """Try one, rather of those that have been done least."""
        name = self._chance.choice(sorted(self._all, key=lambda each: self.done[each])[:12])
        if self._chance.random() < 0.3:
            name = self._chance.choice(list(self._all))
        self.one(name)

    def one(self, name: str) -> None:
        """Try this one; where it may not be done, what leads to it, so that it may the next time.

        Raises KeyError for a deed there is none of.
        """
        if not self._done(name) and name in LEADS_TO:
            self.one(LEADS_TO[name])

    def _done(self, name: str) -> bool:
        deed = self._all[name]
        try:
            with self.town.db.write() as conn:
                done = deed(conn) is not None
        except (OutageError, ValueError, LookupError):
            # What may not be done now leaves nothing behind, and is not counted.
            return False
        self.done[name] += done
        return done

    def _one(self, conn: Connection, *where: sa.ColumnElement[bool]) -> sa.Row[Any, Any]:
        o = t.outages.c
        return self._chance.choice(conn.execute(sa.select(o.id, o.key).where(*where)).all())

    def _soon(self) -> object:
        with self.town.db.read() as conn:
            return clock.business_now(conn) + timedelta(minutes=self._chance.randint(5, 300))

    def _etr(self, *, published: bool) -> commands.GivenEtr:
        return commands.GivenEtr(latest=self._soon(), published=published)  # type: ignore[arg-type]  # a moment

    def _told(
        self,
        command: Callable[..., object],
        *values: object,
        among: tuple[sa.ColumnElement[bool], ...] = (),
        **named: object,
    ) -> Callable[[Connection], object]:
        """Do it to an outage ``among`` these: it may be refused all the same."""

        def do(conn: Connection) -> object:
            one = OutageId(self._one(conn, *among).id)
            return command(conn, one, *values, **named, actor=SOMEBODY)

        return do

    def _declare(self, **facts: object) -> Callable[[Connection], object]:
        def do(conn: Connection) -> object:
            now = clock.business_now(conn)
            is_planned = facts.get("kind") is Kind.PLANNED
            values: dict[str, object] = {
                "key": OutageKey(0),
                "id": OutageId(""),
                "service": Service.ELECTRIC,
                "kind": Kind.UNPLANNED,
                "place": f"Place {self._chance.random()}",
                "started_at": None if is_planned else now,
                "planned_start": now + timedelta(hours=1) if is_planned else None,
                "planned_end": now + timedelta(hours=3) if is_planned else None,
                **facts,
            }
            command = commands.Declare(**values)  # type: ignore[arg-type]  # checked by the desk
            return desk.declare(conn, command, actor=SOMEBODY, shape=matched(CIRCUIT))

        return do

    def _revision(self, conn: Connection) -> commands.Revise:
        del conn
        return self._chance.choice(
            (
                commands.Revise(place=f"Place {self._chance.random()}"),
                commands.Revise(cause=self._chance.choice(list(Cause))),
                commands.Revise(reported_customers=self._chance.randint(0, 900)),
            )
        )

    def _report(self, **facts: Callable[[], object]) -> Callable[[Connection], object]:
        def do(conn: Connection) -> object:
            values = {name: make() for name, make in facts.items()}
            command = commands.Report(observed_at=clock.business_now(conn), **values)  # type: ignore[arg-type]  # checked by the desk
            return self._told(desk.report_progress, command)(conn)

        return do

    def _message(self, *, approved: bool) -> Callable[[Connection], object]:
        def do(conn: Connection) -> object:
            command = commands.Report(observed_at=clock.business_now(conn))
            text = f"Crews are at pole {self._chance.choice('ABCDEFGH')}."
            told = self._told(
                desk.report_progress, command, public_message=text, approve_message=approved
            )
            return told(conn)

        return do

    def _approve(self, conn: Connection) -> object:
        n = t.notes.c
        proposed = (
            sa.select(n.key, t.outages.c.id)
            .join(t.outages, t.outages.c.key == n.outage_key)
            .where(n.kind == "public_message", n.approved_at.is_(None))
        )
        note = self._chance.choice(conn.execute(proposed).all())
        return desk.approve(conn, note.id, note.key, actor=SOMEBODY)

    def _conclude(self, conn: Connection) -> object:
        """What gis does once a step has been recorded."""
        r = t.restorations.c
        step = self._chance.choice(
            conn.execute(sa.select(r.key, r.outage_key).where(r.concluded_at.is_(None))).all()
        )
        out = self._chance.choice((0, 40))
        done = desk.conclude(conn, step.key, out=out, premises=10, more=out > 0)
        data = {"kind": JournalKind.RESTORING, "restoration": step.key}
        journal.append(
            conn, kind=JournalKind.MATCHED, actor="gis", outage_key=step.outage_key, data=data
        )
        return done

    def _still_out(self, conn: Connection) -> object:
        r = t.restorations.c
        step = self._chance.choice(
            conn.execute(
                sa.select(r.key, t.outages.c.id)
                .join(t.outages, t.outages.c.key == r.outage_key)
                .where(r.concluded_at.is_not(None), _BACK)
            ).all()
        )
        return desk.still_out(conn, step.id, step.key, (1, 2), actor=SOMEBODY)

    def _end_unlisted(self, conn: Connection) -> object:
        o = t.outages.c
        one = self._one(conn, o.unlisted_since.is_not(None), o.status.in_(OPEN))
        now = clock.business_now(conn)
        return desk.end_unlisted(conn, one.id, actor=SOMEBODY, at=now)

    def _close_for_another(self, conn: Connection) -> object:
        one, other = self._one(conn, _RESTORED), self._one(conn)
        if one == other:
            raise ValueError(one)
        return desk.close(conn, one.id, actor=SOMEBODY, successor=OutageKey(other.key))

    def _merge(self, conn: Connection) -> object:
        o = t.outages.c
        one = register.load(conn, self._one(conn, o.status.in_(OPEN)).id)
        alike = (o.service == one.service, o.kind == one.kind, o.id != one.id)
        heir = register.load(conn, self._one(conn, o.status.in_(OPEN), *alike).id)
        place = regrouping.place_of_both(conn, one, heir)
        shape = None if place is None else matched(place)
        return regrouping.merge(conn, one.id, into=heir.id, actor=SOMEBODY, shape=shape)

    def _split(self, conn: Connection) -> object:
        one = register.load(conn, self._one(conn).id)
        place = register.place(conn, one.shape_digest)
        if place is None:
            raise ValueError(one.id)
        parting = Parting(
            part=matched(PART),
            moving=matched(w.Both(one=place, other=PART)),
            staying=matched(w.But(one=place, without=PART)),
            moves=3,
            stays=3,
        )
        return regrouping.split(conn, one.id, parting, actor=SOMEBODY)

    def _match(self, conn: Connection) -> object:
        """What gis does at the end of a match."""
        one = self._one(conn)
        number = journal.append(conn, kind=JournalKind.MATCHED, actor="gis", outage_key=one.key)
        out = self._chance.randint(0, 900)
        counted = {"matched_number": number, "members": out, "premises_out": out}
        conn.execute(t.outages.update().where(t.outages.c.key == one.key).values(counted))
        return one

    def _gis_follows(self, conn: Connection) -> object:
        number = journal.last_number(conn)
        journal.move_cursor(conn, "gis", number)
        return number

    def _time_passes(self, conn: Connection) -> object:
        later = clock.business_now(conn) + timedelta(minutes=self._chance.choice((1, 30, 200)))
        clock.move_to(conn, later)
        return later


def note_due_at_all(conn: Connection) -> object:
    """Put on record what is due; nothing done where nothing is."""
    return note_due(conn) or None
