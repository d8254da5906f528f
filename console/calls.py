"""What a caller says or asks for, as their agent puts it on record. Call inside one transaction."""

from __future__ import annotations

import enum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from notifier import stopping
from notifier.replies.owing import USUAL
from notifier.replies.reporting import STILL_OUT_WITHIN
from notifier.replies.standing import Stay, stays
from outage import reports, still_out
from outage import tables as t
from outage.clock import business_now
from outage.database import APPENDED, wall_now
from outage.errors import NotAllowedNowError
from outage.model import AccountKey, Actor, Service
from outage.reports import CustomerReport, ReportKind

BY_STAFF = "staff"
"""What stands for the provider of a text that an agent asks for, and begins a report's source."""
_STATUS = "STATUS"


class Reported(enum.StrEnum):
    """What became of a report."""

    NEW = "new"
    """Nothing was known there: the desk decides."""
    KNOWN = "known"
    """It goes with the outage that is known there."""
    REOPENED = "reopened"
    """It was restored just now: the interruption there goes on."""
    AGAIN = "again"
    """The same form; it is on record already."""
    NOT_THERE = "not_there"
    """The account does not hold that place now, or it has no such service."""


def report(
    conn: Connection,
    account: AccountKey,
    premise: int,
    service: Service,
    *,
    actor: Actor,
    once: str,
) -> Reported:
    """Report that service is out at a place, as a text with OUT does from a phone of the account.

    ``once`` is the form's own word: a form that is sent twice reports once.
    """
    if not _holds(conn, account, premise, service):
        return Reported.NOT_THERE
    source, r = f"{BY_STAFF}:{once}", t.reports.c
    here = sa.select(r.key).where(r.source == source, r.premise_key == premise)
    if conn.execute(here).first() is not None:
        return Reported.AGAIN
    found = stays(conn, [premise], business_now(conn))
    known = next((stay for stay in found if stay.service is service), None)
    is_known = known is not None and not known.back
    said = CustomerReport(
        kind=ReportKind.OUT,
        source=source,
        premise_key=premise,
        service=service,
        outage_key=known.outage_key if known is not None and is_known else None,
    )
    if known is not None and _goes_on(conn, said, known, actor):
        return Reported.REOPENED
    key = reports.write_down(conn, said)
    reports.tell(conn, key, said, actor=actor)
    return Reported.KNOWN if is_known else Reported.NEW


def _goes_on(conn: Connection, said: CustomerReport, known: Stay, actor: Actor) -> bool:
    """Let the interruption there go on, if it was restored so lately that it never came back."""
    if known.restoration_key is None or known.back_at is None:
        return False
    if business_now(conn) - known.back_at > STILL_OUT_WITHIN:
        return False
    still = CustomerReport(
        kind=ReportKind.STILL_OUT,
        source=said.source,
        premise_key=said.premise_key,
        service=said.service,
        outage_key=known.outage_key,
    )
    try:
        still_out.take(conn, still, known.restoration_key, actor=actor)
    except NotAllowedNowError:
        return False
    return True


def _holds(conn: Connection, account: AccountKey, premise: int, service: Service) -> bool:
    o, p = t.occupancies.c, t.premises.c
    held = (
        sa.select(o.key)
        .join(t.premises, p.key == o.premise_key)
        .where(
            o.account_key == account,
            o.premise_key == premise,
            o.until.is_(None),
            p.services.bitwise_and(service.bit) != 0,
        )
        # Whoever sends a form twice at once is told apart by this lock.
        .with_for_update(of=t.occupancies)
    )
    return conn.execute(held).first() is not None


def ask_status(conn: Connection, account: AccountKey, contact: int, *, once: str) -> bool:
    """Have them texted how it stands now, as their own STATUS would; the inbox answers it.

    Not an old text again: what it said may be so no longer. False where no text reaches them: the
    contact has ended, is no phone, has stopped our texts or bounced; nor while sending is stopped,
    nor for the same form again.
    """
    if stopping.standing(conn) is not None:
        return False
    c, e = t.contacts.c, t.endpoints.c
    address: str | None = conn.execute(
        sa.select(e.address)
        .join(t.contacts, c.endpoint_key == e.key)
        .where(
            c.key == contact,
            c.account_key == account,
            c.ended_at.is_(None),
            e.kind == "phone",
            e.opted_out_at.is_(None),
            e.invalid_at.is_(None),
        )
    ).scalar()
    if address is None:
        return False
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    new = conn.execute(
        dialect.insert(t.replies)
        .values(
            provider=BY_STAFF,
            provider_id=once,
            address=address,
            body=_STATUS,
            received_at=wall_now(conn),
            urgency=USUAL,
        )
        .on_conflict_do_nothing(index_elements=["provider", "provider_id"])
        .returning(t.replies.c.key)
    ).first()
    # Whoever applies texts looks at once.
    conn.info[APPENDED] = new is not None
    return new is not None
