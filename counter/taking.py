"""Taking a report of the public form: on record, for the desk, and to who is on call in danger."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from counter.told import Told
from notifier.replies import paging
from notifier.replies.intents import Danger, Intent, Reason
from notifier.replies.owing import PAGE, URGENT, owe
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
MOST_PAGED, PAGED_FOR = 20, timedelta(minutes=15)
"""Reports of the page, by anybody, that page who is on call in that time; all are on the list."""


def take(  # noqa: PLR0917  # what is told, and of where
    conn: Connection, told: Told, at: Place | None, written: str, language: str, site: Site
) -> bool:
    """Put a report on record, in one transaction; False for one that we have already.

    ``at`` is the place that was found, ``written`` what was named where none was.
    """
    key = _write_down(conn, told, at, written)
    if key is None:
        return False
    if told.danger is not None:
        _page(conn, key, told, told.danger, at, written, language, site)
    _tell_desk(conn, key, told, at)
    conn.info[APPENDED] = True
    return True


def _write_down(conn: Connection, told: Told, at: Place | None, written: str) -> int | None:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    east, north = told.point or (None, None)
    w = t.public_reports
    key: int | None = conn.execute(
        dialect.insert(w)
        .values(
            once=told.once,
            wrong=told.wrong,
            service=told.service,
            premise_key=None if at is None else at.key,
            longitude=east,
            latitude=north,
            written=written if at is None and told.point is None else "",
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
        source=f"{BY_PAGE}:{key}",
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
    key: int,
    told: Told,
    danger: Danger,
    at: Place | None,
    written: str,
    language: str,
    site: Site,
) -> None:
    """Put it among the replies that staff look at, and page who is on call (DECISIONS 27)."""
    wall, where = wall_now(conn), _where(conn, told, at, written)
    r = t.replies
    row = conn.execute(
        r.insert()
        .values(
            provider=BY_PAGE,
            provider_id=str(key),
            # Who cannot be called back is told apart by the place.
            address=told.callback or f"{BY_PAGE} {where}"[:64],
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
    if not paging.is_news(conn, row, wall) or _paged(conn, wall) >= MOST_PAGED:
        return
    said = f"{where}{f' Call back: {told.callback}.' if told.callback else ''}"
    for page in paging.pages(conn, row, danger, site, None, said):
        owe(conn, page, wall)


def _paged(conn: Connection, wall: datetime) -> int:
    a, r = t.answers.c, t.replies.c
    return int(
        conn.execute(
            sa.select(sa.func.count(a.reply_key.distinct()))
            .join(t.replies, r.key == a.reply_key)
            .where(r.provider == BY_PAGE, a.role == PAGE, a.created_at > wall - PAGED_FOR)
        ).scalar_one()
    )


def _where(conn: Connection, told: Told, at: Place | None, written: str) -> str:
    """Where it is, for who has to find the place."""
    if at is not None:
        p = t.premises.c
        row = conn.execute(sa.select(p.id, p.address, p.city).where(p.key == at.key)).one()
        town = f", {row.city}" if row.city else ""
        return f"Premise {row.id}: {row.address or 'no address'}{town}."
    if told.point is not None:
        east, north = told.point
        return f"At {north:.5f}, {east:.5f}."
    return f"Place as written: {written or 'none'}."
