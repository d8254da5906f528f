"""A made-up storm as the public sees it, and a folder it is published to."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from outage.model import Cause, Confidence, CrewStatus, Kind, Reason, Service, Status
from status_page.edition import Edition
from status_page.press import Press
from status_page.rendering import Renderer
from status_page.store import FolderStore, Store
from status_page.view import PublicEtr, PublicOutage, PublicSite, PublicStatus

NOW = datetime(2026, 11, 22, 23, 15, tzinfo=UTC)
SITE = PublicSite(
    name="Roseglen Power and Water",
    time_zone="America/Vancouver",
    languages=("en", "es"),
    services=(Service.ELECTRIC, Service.WATER),
    emergency_phone="911",
    outage_phone="604-555-0142",
    website="https://roseglen.example.org",
)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def outage(number: int, **facts: object) -> PublicOutage:
    values: dict[str, object] = {
        "id": f"O-7K3M{number}",
        "service": Service.ELECTRIC,
        "kind": Kind.UNPLANNED,
        "status": Status.CONFIRMED,
        "started": NOW - hours(3),
        "changed": NOW - hours(0.5),
        "area": f"{number} blocks north of Roseglen Court",
        "cause": Cause.TREE,
        "matched": 100 + number,
    }
    return PublicOutage(**{**values, **facts})  # type: ignore[arg-type]  # checked by every use


def etr(in_hours: float, **facts: object) -> PublicEtr:
    values: dict[str, object] = {"latest": NOW + hours(in_hours), **facts}
    return PublicEtr(**values)  # type: ignore[arg-type]  # checked by every use


def sample() -> tuple[PublicOutage, ...]:
    """Fifteen outages, one of each sort that the page words differently."""
    return (
        outage(
            1,
            area="North of Roseglen Court, from Marine Drive to 41st Avenue, Kerrisdale",
            matched=1243,
            reported=1310,
            crew_status=CrewStatus.ARRIVED,
            etr=etr(2, confidence=Confidence.HIGH),
            next_update_by=NOW + hours(1),
            message="Two spans are down on Marine Drive. Traffic lights at 41st are off: "
            "treat the crossing as a four-way stop.",
        ),
        outage(
            2,
            area="Downtown Eastside",
            matched=812,
            cause=Cause.TRANSFORMER,
            crew_status=CrewStatus.ENROUTE,
            crew_eta=NOW + hours(0.4),
            etr=etr(5, earliest=NOW + hours(3), confidence=Confidence.LOW, reason=Reason.PARTS),
        ),
        outage(
            3,
            area="Grandview–Woodland",
            matched=96,
            restored_count=304,
            status=Status.PARTIALLY_RESTORED,
            crew_status=CrewStatus.ARRIVED,
            etr=etr(0.5, confidence=Confidence.MEDIUM),
        ),
        outage(4, area="", matched=None, reported=45, cause=Cause.INVESTIGATING),
        outage(5, area="Strathcona", matched=61, next_update_by=NOW + hours(2)),
        outage(
            6,
            area="Mount Pleasant",
            matched=230,
            cause=Cause.WIND,
            crew_status=CrewStatus.AWAITING,
            crew_reason=Reason.SUSPENDED,
            etr=etr(-0.5, passed=True),
            next_update_by=NOW + hours(1),
        ),
        outage(7, area="South Cambie", status=Status.PREDICTED, matched=12, cause=Cause.UNKNOWN),
        outage(8, area="Riley Park", matched=38, listed=False),
        outage(
            9,
            area="Hastings–Sunrise",
            service=Service.WATER,
            cause=Cause.MAIN_BREAK,
            matched=1,
            crew_status=CrewStatus.ASSIGNED,
            crew_eta=NOW + hours(1),
            etr=etr(20, confidence=Confidence.MEDIUM),
        ),
        outage(
            10,
            area="Fairview, 700 block of West 8th Avenue",
            kind=Kind.PLANNED,
            status=Status.PREDICTED,
            cause=Cause.PLANNED_WORK,
            matched=57,
            planned_start=NOW + hours(10),
            planned_end=NOW + hours(14),
        ),
        outage(
            11,
            area="Arbutus Ridge",
            kind=Kind.ADVISORY,
            service=Service.WATER,
            cause=Cause.WATER_QUALITY,
            matched=2014,
            message="Boil water for one minute before you drink it or cook with it.",
        ),
        outage(
            12,
            area="Killarney",
            status=Status.RESTORED,
            matched=0,
            restored_count=450,
            restored=NOW - hours(1),
        ),
        outage(13, area="Marpole", status=Status.CANCELLED, matched=0),
        outage(14, area="Oakridge", status=Status.CLOSED, matched=0, listed=False),
        outage(
            15,
            area="Dunbar <b>& Southlands</b>",
            matched=5,
            cause=Cause.ANIMAL,
            etr=etr(30, confidence=Confidence.LOW),
        ),
    )


def storm(size: int) -> tuple[PublicOutage, ...]:
    """A storm of so many outages, no two of them alike."""
    causes, crews = tuple(Cause), tuple(CrewStatus)
    return tuple(
        outage(
            number,
            id=f"O-S{number:04}",
            area=f"{number * 7919 % 9973} Street between {number * 31 % 997} and "
            f"{number * 17 % 991} Avenue, district {number % 23}",
            matched=5 + number * 7907 % 4001,
            reported=5 + number * 6997 % 4001 if number % 3 else None,
            cause=causes[number % len(causes)],
            crew_status=crews[number % len(crews)],
            etr=etr(1 + number % 37 / 2, confidence=Confidence.LOW) if number % 5 else None,
            next_update_by=NOW + hours(1 + number % 7 / 4),
            started=NOW - hours(number % 191 / 10),
            changed=NOW - hours(number % 89 / 60),
        )
        for number in range(size)
    )


def status(
    *outages: PublicOutage,
    as_of: datetime = NOW,
    send_mode: str = "live",
    drill: bool = False,
    moved: Mapping[str, str] | None = None,
) -> PublicStatus:
    return PublicStatus(
        as_of=as_of, send_mode=send_mode, drill=drill, outages=outages, moved=moved or {}
    )


class Publication:
    """Publishes states one after the other, as the publisher does, without a database."""

    def __init__(
        self,
        folder: Path,
        site: PublicSite = SITE,
        epoch: str = "e1",
        store: Store | None = None,
    ) -> None:
        self.folder = folder
        self.store: Store = store or FolderStore(folder)
        self.press = Press(Renderer(site), self.store)
        self.press.recover()
        self.epoch = epoch
        self.number = self.press.issued.pointer.number if self.press.issued.pointer else 0

    def publish(self, state: PublicStatus) -> Edition:
        self.number += 1
        edition = self.press.edition(
            state,
            epoch=self.epoch,
            number=self.number,
            journal_number=self.number,
            checked_at=datetime.now(UTC),
        )
        self.press.issue(edition, may_point=lambda: None, now_s=0.0)
        return edition
