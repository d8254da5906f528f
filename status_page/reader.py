"""Reads what is public, and up to which journal entry, in one snapshot.

Internal notes, proposed messages and unpublished ETRs are not even selected.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from outage import clock, journal
from outage import tables as t
from outage.in_order import InOrder
from outage.model import (
    GIS_ACTS_ON,
    INTERRUPTING,
    OPEN,
    Cause,
    Confidence,
    CrewStatus,
    Kind,
    Reason,
    Service,
    Status,
)
from outage.site import Site
from status_page.view import (
    HERE,
    PublicAdvice,
    PublicArea,
    PublicEtr,
    PublicOutage,
    PublicResource,
    PublicSaid,
    PublicSite,
    PublicStatus,
)
from status_page.words import published_in

Code = TypeVar("Code", bound=StrEnum)

STAYS = timedelta(hours=6)
"""How long an outage that is over stays on the page, in business time."""

_PUBLIC = (
    "id",
    "service",
    "kind",
    "status",
    "cause",
    "crew_status",
    "crew_reason",
    "crew_eta",
    "place",
    "started_at",
    "planned_start",
    "planned_end",
    "etr_earliest",
    "etr_latest",
    "etr_confidence",
    "etr_reason",
    "etr_published",
    "next_update_by",
    "reported_customers",
    "updated_at",
    "restored_at",
    "close_reason",
    "unlisted_since",
    "matched_number",
    "members",
    "premises_out",
    "premises_restored",
    "outline",
)
_GIS = "gis"
"""The reader of the journal that counts."""


def public_site(site: Site, address: str = "") -> PublicSite:
    """Return what the page says about the utility; ``address`` is where people see the page."""
    return PublicSite(
        address=(address or HERE).rstrip("/"),
        name=site.name,
        time_zone=site.time_zone,
        languages=published_in(site.page_languages or site.languages),
        services=site.services,
        emergency_phone=site.phones.emergency or "",
        outage_phone=site.phones.outage or "",
        website=site.url or "",
        accent=site.colours.accent,
        accent_dark=site.colours.accent_dark,
        advice=tuple(sorted(site.emergency_advice.items())),
        own_advice=tuple(
            PublicAdvice(
                texts=tuple(each.text.items()),
                services=each.services,
                causes=each.causes,
                sections=each.when,
                instead_of=each.instead_of or "",
            )
            for each in site.advice
        ),
        notices=tuple(
            (service, language, text)
            for service, texts in sorted(site.advisory.items())
            for language, text in sorted(texts.items())
        ),
        forms=site.forms,
        resources=tuple(
            PublicResource(
                kind=each.kind, name=each.name, address=each.address, hours=each.hours or ""
            )
            for each in site.resources
        ),
        storm_outages=site.storm_outages,
        neutral=site.is_neutral,
        areas=tuple(
            PublicArea(name=each.name, kind=each.kind, served=each.served) for each in site.areas
        ),
        tiles=site.map.tiles or "",
    )


def read_status(conn: Connection, *, send_mode: str) -> tuple[PublicStatus, int]:
    """Return the public state and the number of the newest journal entry it rests on.

    Args:
        conn: A snapshot (`Database.read`).
        send_mode: What becomes of messages: ``off``, ``shadow``, ``allowlist``, ``live``.
    """
    now = clock.business_now(conn)
    status = PublicStatus(
        as_of=now,
        send_mode=send_mode,
        drill=clock.is_held(conn),
        outages=tuple(each.outage for each in read_outages(conn, now)),
        moved=read_moved(conn, now),
    )
    return status, journal.last_number(conn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An outage as it was read.

    Attributes:
        until: When time alone changes what is public of it; None: never.
        counting: gis has work to do that it may be counted by.
    """

    key: int
    outage: PublicOutage
    until: datetime | None
    counting: bool


def read_outages(
    conn: Connection, now: datetime, only: Collection[int] | None = None
) -> list[Read]:
    """Return outages that are shown, by key; of ``only`` these keys, where they are given."""
    approved = sa.and_(
        t.notes.c.key == t.outages.c.public_message_key,
        t.notes.c.kind == "public_message",
        t.notes.c.approved_at.is_not(None),
    )
    counting = sa.union(
        sa.select(t.work_items.c.outage_key).where(t.work_items.c.reader == _GIS),
        sa.select(t.journal.c.outage_key).where(
            t.journal.c.number > journal.cursor(conn, _GIS),
            t.journal.c.kind.in_([str(kind) for kind in GIS_ACTS_ON]),
            t.journal.c.outage_key.is_not(None),
        ),
    )
    rows = conn.execute(
        sa.select(
            t.outages.c.key,
            *(t.outages.c[name] for name in _PUBLIC),
            t.notes.c.text.label("message"),
            t.outages.c.key.in_(counting).label("counting"),
        )
        .select_from(t.outages.outerjoin(t.notes, approved))
        .where(_shown(t.outages, now), _among(t.outages.c.key, only))
        .order_by(t.outages.c.key)
    ).mappings()
    said = _said(conn, now, only)
    return [
        Read(
            key=row["key"],
            outage=_outage(row, now, said.get(row["key"], ())),
            until=_until(row, now),
            counting=bool(row["counting"]),
        )
        for row in rows
    ]


def _among(key: sa.ColumnElement[int], only: Collection[int] | None) -> sa.ColumnElement[bool]:
    return sa.true() if only is None else key.in_(sorted(only))


def _until(row: RowMapping, now: datetime) -> datetime | None:
    """Return when the next promise or estimate passes, or the page lets go of it."""
    moments = [row["crew_eta"], row["next_update_by"], row["etr_latest"]]
    if row["status"] not in OPEN:
        moments.append(row["updated_at"] + STAYS)
    return min((each for each in moments if each is not None and each > now), default=None)


def _shown(outages: sa.FromClause, now: datetime) -> sa.ColumnElement[bool]:
    """Whether an outage is in public: open, or ended a while ago; a merged one is its heir."""
    return sa.and_(
        sa.or_(
            outages.c.status.in_([str(each) for each in OPEN]),
            outages.c.updated_at > now - STAYS,
        ),
        outages.c.merged_into.is_(None),
    )


def read_moved(conn: Connection, now: datetime) -> dict[str, str]:
    """Return which outages go on as part of one that is shown."""
    heir, old = t.outages.alias("heir"), t.outages.alias("old")
    pairs = InOrder(heir, old, old.c.merged_into == heir.c.key)
    statement = sa.select(old.c.id, heir.c.id).select_from(pairs).where(_shown(heir, now))
    return dict(conn.execute(statement).all())


def _said(
    conn: Connection, now: datetime, only: Collection[int] | None
) -> dict[int, tuple[PublicSaid, ...]]:
    """Return what was published of when each outage that is shown is over, oldest first."""
    e = t.etrs.c
    shown = sa.select(t.outages.c.key).where(_shown(t.outages, now))
    statement = (
        sa.select(e.outage_key, e.at, e.latest, e.earliest, e.reason)
        .where(e.outage_key.in_(shown), e.published.is_(True), _among(e.outage_key, only))
        .order_by(e.outage_key, e.version)
    )
    found: dict[int, list[PublicSaid]] = {}
    for key, at, latest, earliest, reason in conn.execute(statement):
        one = PublicSaid(
            at=at, latest=latest, earliest=earliest, reason=_code(Reason, reason, Reason.OTHER)
        )
        found.setdefault(key, []).append(one)
    return {key: tuple(each) for key, each in found.items()}


def _outage(row: RowMapping, now: datetime, etrs: tuple[PublicSaid, ...]) -> PublicOutage:
    status = Status(row["status"])
    kind = Kind(row["kind"])
    unlisted = (row["unlisted_since"] is not None and status in OPEN) or row[
        "close_reason"
    ] == Reason.NO_LONGER_LISTED
    if status is Status.CLOSED and row["restored_at"] is not None and not unlisted:
        # Put away by us; for the public it is what it was before.
        status = Status.RESTORED
    # Only a restoration that somebody has reported may be shown as one.
    back = status in {Status.PARTIALLY_RESTORED, Status.RESTORED} and not unlisted
    return PublicOutage(
        id=row["id"],
        service=Service(row["service"]),
        kind=kind,
        status=status,
        started=row["started_at"],
        changed=row["updated_at"],
        area=row["place"],
        cause=_code(Cause, row["cause"], Cause.OTHER) or Cause.OTHER,
        crew_status=_code(CrewStatus, row["crew_status"], None),
        crew_reason=_code(Reason, row["crew_reason"], Reason.OTHER),
        crew_eta=_ahead(row["crew_eta"], now),
        reported=row["reported_customers"],
        matched=_matched(row, status, kind),
        restored_count=(row["premises_restored"] or 0) if back else 0,
        etr=_etr(row, now) if status in OPEN and kind is not Kind.ADVISORY else None,
        etrs=etrs if kind is not Kind.ADVISORY else (),
        next_update_by=_ahead(row["next_update_by"], now),
        message=row["message"] or "",
        planned_start=row["planned_start"],
        planned_end=row["planned_end"],
        restored=row["restored_at"] if status is Status.RESTORED and not unlisted else None,
        listed=not unlisted,
        outline=(row["outline"] or "") if status in OPEN else "",
    )


def _matched(row: RowMapping, status: Status, kind: Kind) -> int | None:
    """Return who is out, or concerned where nobody is yet; 0 once it is over, None while counted.

    "Nobody" is only said once it has been counted: an outage that was reopened, confirmed or
    started a moment ago still has the count of when it interrupted nobody.
    """
    if row["matched_number"] is None:
        return None
    if status not in OPEN:
        # Its members stay on record.
        return 0
    interrupts = status in INTERRUPTING and kind is not Kind.ADVISORY
    count = int((row["premises_out"] if interrupts else row["members"]) or 0)
    return None if interrupts and not count and row["counting"] else count


def _ahead(moment: datetime | None, now: datetime) -> datetime | None:
    """A promised moment that has passed is no promise any more."""
    return moment if moment is not None and moment > now else None


def _etr(row: RowMapping, now: datetime) -> PublicEtr | None:
    if row["etr_latest"] is None or not row["etr_published"]:
        return None
    return PublicEtr(
        latest=row["etr_latest"],
        earliest=row["etr_earliest"],
        confidence=_code(Confidence, row["etr_confidence"], None),
        reason=_code(Reason, row["etr_reason"], Reason.OTHER),
        passed=row["etr_latest"] <= now,
    )


def _code(codes: type[Code], value: str | None, unknown: Code | None) -> Code | None:
    """Return the code; ``unknown`` for one that a newer release has written."""
    try:
        return None if value is None else codes(value)
    except ValueError:
        return unknown
