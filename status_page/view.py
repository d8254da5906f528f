"""What the public may know: frozen values that hold nothing else.

Whatever is not a field here cannot reach a published file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from outage.model import (
    Cause,
    Confidence,
    CrewStatus,
    Kind,
    Reason,
    Service,
    Status,
)
from outage.privacy import FEW, masked

SECTIONS = ("now", "planned", "advisory", "over")
"""Parts of the list, in the order in which people read them."""

HERE = "http://127.0.0.1:8000"
"""Where the page is as long as nobody has said so."""

COUNTS = ("matched", "reported", "restored_count")

AreaName = tuple[str, str]
"""Kind and name of an area: a county and its city may share a name."""

_OVER = frozenset({Status.RESTORED, Status.CLOSED, Status.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicResource:
    """A place that helps: ``kind`` is a code, the rest in the utility's own words."""

    kind: str
    name: str
    address: str
    hours: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicArea:
    """A place as the public names it; ``served``: how many customers have service there."""

    name: str
    kind: str
    served: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicAdvice:
    """What people are to do in the utility's own words: language and text, in its order.

    An empty ``services``, ``causes`` or ``sections`` stands for all of them. ``instead_of`` names
    the advice of ours whose place it takes (`status_page.advice`); empty: it is said besides.
    """

    texts: tuple[tuple[str, str], ...]
    services: tuple[Service, ...] = ()
    causes: tuple[Cause, ...] = ()
    sections: tuple[str, ...] = ()
    instead_of: str = ""

    def concerns(self, outage: "PublicOutage") -> bool:
        """Whether it is for those whom an outage concerns."""
        return (
            (not self.services or outage.service in self.services)
            and (not self.causes or outage.cause in self.causes)
            and (not self.sections or outage.section in self.sections)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSite:
    """Whose page it is.

    Attributes:
        languages: The first is the default.
        accent: The utility's colour, readable on white; ``accent_dark`` on the dark page.
        advice: What to do in danger in the utility's own words, by language.
        own_advice: What to do about an outage in the utility's own words.
        notices: What an advisory must say, word for word: service, language, text.
        forms: There is a counter that looks places up and takes reports and subscriptions.
        resources: Where people find warmth, water or a plug.
        storm_outages: From so many outages at once on the list warns of a storm; 0: never.
        neutral: No site file has been written yet.
        address: Where the page is, as people see it; what is read elsewhere leads back there.
        areas: Places that totals are given for.
        tiles: The utility's own map, a file in ``tiles/``; empty: coarse lines of ours.
    """

    name: str
    time_zone: str
    languages: tuple[str, ...]
    services: tuple[Service, ...] = (Service.ELECTRIC,)
    emergency_phone: str = ""
    outage_phone: str = ""
    website: str = ""
    accent: str = ""
    accent_dark: str = ""
    advice: tuple[tuple[str, str], ...] = ()
    own_advice: tuple[PublicAdvice, ...] = ()
    notices: tuple[tuple[Service, str, str], ...] = ()
    forms: bool = True
    resources: tuple[PublicResource, ...] = ()
    storm_outages: int = 0
    neutral: bool = False
    address: str = HERE
    areas: tuple[PublicArea, ...] = ()
    tiles: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicEtr:
    """A published estimate: a window, or one moment when ``earliest`` is None."""

    latest: datetime
    earliest: datetime | None = None
    confidence: Confidence | None = None
    reason: Reason | None = None
    passed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicSaid:
    """An estimate as it was published ``at`` a moment."""

    at: datetime
    latest: datetime
    earliest: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStep:
    """Something that happened ``at`` a moment: ``what`` is a key of the words ``timeline.``.

    ``code`` is the crew's status or the cause as it was from then on, ``reason`` a coded reason,
    ``earliest`` and ``latest`` the estimate that was published.
    """

    at: datetime
    what: str
    code: str = ""
    reason: str = ""
    earliest: datetime | None = None
    latest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicOutage:
    """One outage as the public sees it.

    Its counts are masked as soon as they are here: a number below `MIN_PREMISES` becomes `FEW`, and
    so does the number of those already back where it would give that of the others away.

    Attributes:
        area: Where, in words; empty when nobody has said.
        reported: Customers out as the source of the report counts them.
        matched: Homes and businesses without service by our own match; None until the first.
        restored_count: Homes and businesses already back.
        etrs: Every estimate that was published, the first one first; not part of its facts.
        steps: What else has happened to it, in order of the record; not part of its facts.
        outline: Ground of who is still out, as GeoJSON text; empty: none is shown.
        areas: Which of the site's areas it lies in: of each kind the one with most of its premises.
        changed: When anything on this value last changed.
        listed: False once the feed that reported it no longer lists it.
    """

    id: str
    service: Service
    kind: Kind
    status: Status
    started: datetime
    changed: datetime
    area: str = ""
    cause: Cause = Cause.UNKNOWN
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    crew_eta: datetime | None = None
    reported: int | None = None
    matched: int | None = None
    restored_count: int = 0
    etr: PublicEtr | None = None
    next_update_by: datetime | None = None
    message: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    restored: datetime | None = None
    listed: bool = True
    outline: str = ""
    areas: tuple[AreaName, ...] = ()
    etrs: tuple[PublicSaid, ...] = ()
    steps: tuple[PublicStep, ...] = ()

    def __post_init__(self) -> None:
        """Let no small number in."""
        for name in COUNTS:
            count = getattr(self, name)
            object.__setattr__(self, name, None if count is None else masked(count))
        if self.restored_count and not self.over and self.matched in {None, FEW}:
            # Who has seen how many were out before could take those that are back from it.
            object.__setattr__(self, "restored_count", FEW)

    @property
    def masked(self) -> tuple[str, ...]:
        """Names of the counts that are not told."""
        return tuple(name for name in COUNTS if getattr(self, name) == FEW)

    @property
    def area_names(self) -> tuple[str, ...]:
        """Names of its areas, each once."""
        return tuple(dict.fromkeys(name for _, name in self.areas))

    @property
    def over(self) -> bool:
        """Whether it has ended, for whatever reason."""
        return self.status in _OVER

    @property
    def section(self) -> str:
        """The part of the list it stands in."""
        if self.over:
            return "over"
        if self.kind is Kind.ADVISORY:
            return "advisory"
        if self.kind is Kind.PLANNED and self.status is Status.PREDICTED:
            return "planned"
        return "now"

    @property
    def interrupts(self) -> bool:
        """Whether people are without service because of it."""
        return self.section == "now" and self.status is not Status.PREDICTED

    @property
    def order(self) -> str:
        """Sorts as text: most people first, then the newest, then by id."""
        people = max(self.matched or 0, self.reported or 0)
        newest = 10**11 - int(self.started.timestamp())
        return f"{10**8 - people:09d}-{newest:012d}-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over the outages that interrupt somebody now.

    A masked count adds `FEW`, whatever it hides: a sum tells no more than its parts. It is then
    "at least" so many; ``matched_few`` and ``reported_few`` say how many of its parts are masked.
    ``reported`` is None when no source has reported a count; ``counting`` says how many outages
    are still being counted.
    """

    outages: int
    matched: int
    reported: int | None
    counting: int
    matched_few: int = 0
    reported_few: int = 0

    @classmethod
    def of(cls, outages: Iterable[PublicOutage]) -> "Totals":
        """Add up what interrupts somebody now."""
        now = [outage for outage in outages if outage.interrupts]
        reported = [outage.reported for outage in now if outage.reported is not None]
        return cls(
            outages=len(now),
            matched=sum(outage.matched or 0 for outage in now),
            reported=sum(reported) if reported else None,
            counting=sum(outage.matched is None for outage in now),
            matched_few=sum(outage.matched == FEW for outage in now),
            reported_few=sum(outage.reported == FEW for outage in now),
        )


def by_area(
    areas: Iterable[PublicArea], outages: Iterable[PublicOutage]
) -> Iterator[tuple[PublicArea, tuple[PublicOutage, ...]]]:
    """Yield each area with the outages that lie in it, in the order of the site."""
    found: dict[AreaName, list[PublicOutage]] = {}
    for outage in outages:
        for area_name in outage.areas:
            found.setdefault(area_name, []).append(outage)
    for area in areas:
        yield area, tuple(found.get((area.kind, area.name), ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDay:
    """What began on a day of the utility's time zone, and what became of it.

    Attributes:
        day: Which; it is over.
        outages: Outages without warning that began on it.
        planned: Planned work that began on it.
        affected: Homes and businesses in those of its ``outages`` that are over; ``affected_few``
            of these counts are masked.
        restored: How many of its ``outages`` have been restored as a whole.
        minutes: How long those lasted, added up.
    """

    day: date
    outages: int = 0
    planned: int = 0
    affected: int = 0
    affected_few: int = 0
    restored: int = 0
    minutes: float = 0.0

    @property
    def average(self) -> int | None:
        """Minutes until an outage was restored, on average; None where none has been."""
        return round(self.minutes / self.restored) if self.restored else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStatus:
    """Everything that is public at one moment.

    Attributes:
        as_of: Business time of the snapshot.
        send_mode: ``off``, ``shadow``, ``allowlist`` or ``live``.
        drill: Business time is held: a replay or a drill, nothing of it happens now.
        outages: In no particular order, each id once.
        moved: Ids that go on as part of one of ``outages``, and as which.
        days: The last days that are over, the first one first.
    """

    as_of: datetime
    send_mode: str
    outages: tuple[PublicOutage, ...]
    drill: bool = False
    moved: Mapping[str, str] = field(default_factory=dict)
    days: tuple[PublicDay, ...] = ()
