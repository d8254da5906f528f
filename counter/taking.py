"""Taking a report of the public form: on record, for the desk, and to who is on call in danger."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from counter.finding import Finding
from counter.pages import Turn
from counter.told import Told
from notifier.replies import paging
from notifier.replies.intents import Danger, Intent, Reason
from notifier.replies.owing import URGENT, owe
from notifier.replies.standing import Place, stays
from outage import journal, reports
from outage import tables as t
from outage.clock import business_now
from outage.database import APPENDED, wall_now
from outage.model import Actor, JournalKind
from outage.reports import CustomerReport, ReportKind
from outage.site import Site

BY_PAGE = "page"
"""What stands for the provider of a reply that was written on the public page."""
_FINE = 3
"""Digits of a degree that tell one place without an address from another: about 100 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where it is.

    Attributes:
        at: the premise; None where none was found, or it may be any of several.
        units: how many premises of one house it may be as well.
        maybe: the places of an account, of which nobody can say which it is.
        written: what was written in.
    """

    at: Place | None = None
    units: int = 1
    maybe: tuple[Place, ...] = ()
    written: str = ""

    @classmethod
    def of(cls, found: Finding, written: str) -> "Spot":
        """What was found; one house where all lie in it."""
        several = len({(one.number, one.street) for one in found.places}) > 1
        if not found.places or several:
            return cls(maybe=found.places, written=written)
        units = max(found.units, len(found.places))
        return cls(at=found.places[0], units=units, written=written)

    def name(self, point: tuple[float, float] | None) -> str:
        """What tells the place from another; empty for none."""
        if self.at is not None:
            return f"premise {self.at.key}"
        if point is not None:
            east, north = point
            return f"{north:.{_FINE}f}, {east:.{_FINE}f}"
        return " ".join(self.written.casefold().split())


def take(  # noqa: PLR0917  # what is told, and of where
    conn: Connection, told: Told, spot: Spot, language: str, site: Site, turn: Turn
) -> bool:
    """Put a report on record, in one transaction; False for one that we have already.

    ``turn`` is what it may page; whoever calls gives it back where the transaction fails.
    """
    key = _write_down(conn, told, spot)
    if key is None:
        return False
    if told.danger is not None:
        _page(conn, told, told.danger, spot, language, site, turn)
    _tell_desk(conn, key, told, spot.at)
    conn.info[APPENDED] = True
    return True


def _write_down(conn: Connection, told: Told, spot: Spot) -> int | None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    east, north = told.point or (None, None)
    w = t.public_reports
    key: int | None = conn.execute(
        dialect.insert(w)
        .values(
            once=told.once,
            wrong=told.wrong,
            service=told.service,
            premise_key=None if spot.at is None else spot.at.key,
            longitude=east,
            latitude=north,
            written=spot.written,
            note=told.note,
            callback=told.callback,
            danger=told.danger,
            at=business_now(conn),
        )
        .on_conflict_do_nothing(index_elements=["once"])
        .returning(w.c.key)
    ).scalar()
    return key


def _tell_desk(conn: Connection, key: int, told: Told, at: Place | None) -> None:
    """A loss of service at a place is a customer's report; of the rest the journal has the key."""
    actor = Actor(kind=BY_PAGE, name=str(key))
    if at is None or not told.wrong.is_out or told.service not in at.services:
        data = {
            "public_report": key,
            "kind": told.wrong,
            "premise": None if at is None else at.key,
            "service": told.service,
        }
        journal.append(conn, kind=JournalKind.REPORTED, actor=str(actor), data=data)
        return
    here = next(
        (
            stay
            for stay in stays(conn, [at.key], business_now(conn))
            if stay.service is told.service and not stay.back
        ),
        None,
    )
    report = CustomerReport(
        kind=ReportKind.OUT,
        # Not the key: that begins anew where the table was dropped, and reports and replies stay.
        source=f"{BY_PAGE}:{told.once}",
        premise_key=at.key,
        service=told.service,
        # Not theirs who is to be called back: anybody can write anybody's number.
        endpoint_key=None,
        outage_key=None if here is None else here.outage_key,
    )
    report_key = reports.write_down(conn, report)
    w = t.public_reports
    conn.execute(w.update().where(w.c.key == key).values(report_key=report_key))
    reports.tell(conn, report_key, report, actor=actor)


def _page(  # noqa: PLR0917  # all that there is to say
    conn: Connection,
    told: Told,
    danger: Danger,
    spot: Spot,
    language: str,
    site: Site,
    turn: Turn,
) -> None:
    """Put it among the replies that staff look at, and page who is on call (DECISIONS 27)."""
    wall, name = wall_now(conn), spot.name(told.point)
    r = t.replies
    row = conn.execute(
        r.insert()
        .values(
            provider=BY_PAGE,
            provider_id=told.once,
            # Not the number alone: danger at another place is another, and anybody can write it.
            address=f"{told.callback or BY_PAGE} {name}".strip(),
            body=told.note or told.wrong.upper(),
            received_at=wall,
            urgency=URGENT,
            applied_at=wall,
            intent=Intent.DANGER,
            reason=Reason.DANGER_WORDS,
            language=language,
            outcome=f"danger_{danger}",
            for_staff=True,
        )
        .returning(*r.c)
    ).one()
    news = paging.news(conn, row, wall)
    # Where there is no place nobody can say that it is the same one again.
    if news is paging.News.AGAIN and name:
        return
    if news is paging.News.NEW and turn.alone():
        where = _where(conn, told, spot)
        said = f"{where}{f' Call back: {told.callback}.' if told.callback else ''}"
        for page in paging.pages(conn, row, danger, site, None, said):
            owe(conn, page, wall)
        return
    number = turn.together()
    for page in paging.more(row, number, site) if number else ():
        owe(conn, page, wall)


def _where(conn: Connection, told: Told, spot: Spot) -> str:
    """Where it is, for who has to find it: nothing surer than it is, and what was written."""
    said = []
    if spot.at is not None:
        p = t.premises.c
        row = conn.execute(
            sa.select(p.id, p.address, p.city, p.house_number, p.street).where(p.key == spot.at.key)
        ).one()
        town = f", {row.city}" if row.city else ""
        if spot.units > 1:
            house = f"{row.house_number} {spot.at.street or row.street}"
            said.append(f"One of {spot.units} units at {house}{town}.")
        else:
            said.append(f"Premise {row.id}: {row.address or 'no address'}{town}.")
    elif spot.maybe:
        said.append(f"One of {len(spot.maybe)} places of an account: {_those(conn, spot.maybe)}.")
    if told.point is not None:
        east, north = told.point
        said.append(f"At {north:.5f}, {east:.5f}.")
    said.append(f"Written as: {spot.written or 'nothing'}.")
    return " ".join(said)


def _those(conn: Connection, maybe: Sequence[Place]) -> str:
    p = t.premises.c
    some = [one.key for one in maybe[: paging.MOST_PLACES]]
    rows = conn.execute(
        sa.select(p.id, p.address, p.city).where(p.key.in_(some)).order_by(p.key)
    ).all()
    said = [f"{row.address or row.id}{', ' if row.city else ''}{row.city}" for row in rows]
    return "; ".join([*said, *(["and more"] if len(maybe) > len(some) else [])])
