"""Whose utility it is: one validated file, `site.toml` in `OUTAGE_HOME`."""

import difflib
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from outage.colours import DARK, LEAST_CONTRAST, WHITE, contrast
from outage.endpoints import normalise_email, normalise_phone
from outage.errors import SiteError
from outage.model import Cause, Service

FILE = "site.toml"
LANGUAGES = ("en", "es", "fr", "zh", "pa")
"""Languages that messages are written in."""
PAGE_LANGUAGES = (*LANGUAGES, "ar")
"""Languages that the page has its words in."""
SHORT_NAME_LENGTH = 20
GSM_7 = frozenset(
    "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The characters of 3GPP TS 23.038 that take one septet."""
DIALLED = frozenset("+0123456789 ()-.")
TILES = r"[a-z0-9][a-z0-9-]{0,60}\.pmtiles"
"""Names that a file of map tiles may have."""
REGION = "US"
"""Country of telephone numbers that are written without its code."""


Several = TypeVar("Several", bound=tuple[object, ...])


def _refuse(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("site", "{sentence}", {"sentence": sentence})


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise _refuse("must be text on one line.")
    return value.strip()


def _short(value: str) -> str:
    wrong = sorted(set(value) - GSM_7)
    if wrong:
        raise _refuse(
            f"holds {' '.join(map(repr, wrong))}, which a plain text message cannot carry; "
            "leave it out or spell it otherwise."
        )
    if len(value) > SHORT_NAME_LENGTH:
        raise _refuse(f"is {len(value)} characters long; the most is {SHORT_NAME_LENGTH}.")
    return value


def _dialled(value: str) -> str:
    if not set(value) <= DIALLED or not any(map(str.isdigit, value)):
        raise _refuse("must be a telephone number as people dial it.")
    return value


def _mobile(value: str) -> str:
    number = normalise_phone(value, region=REGION, test_numbers=True)
    if number is None:
        raise _refuse("must be a telephone number that exists, like +1 202-555-0100.")
    return number


def _mailbox(value: str) -> str:
    address = normalise_email(value)
    if address is None:
        raise _refuse("must be an e-mail address.")
    return address


def _tiles(value: str) -> str:
    if not re.fullmatch(TILES, value):
        raise _refuse(
            f"is {value!r}, no name like region.pmtiles: small letters, digits and hyphens."
        )
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise _refuse(f"is {value!r}, which is no IANA time zone{_near(value)}.")
    return value


def _near(value: str) -> str:
    near = difflib.get_close_matches(value, available_timezones(), n=1)
    return f"; did you mean {near[0]!r}" if near else " such as 'America/Chicago'"


def _web(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _refuse("must be a web address that begins with https://.")
    return value.rstrip("/")


def _some(value: Several) -> Several:
    if not value:
        raise _refuse("must hold at least one.")
    return value


def _told_apart(value: tuple["Area", ...]) -> tuple["Area", ...]:
    at: dict[tuple[str, str], int] = {}
    for number, area in enumerate(value, start=1):
        first = at.setdefault((area.kind, area.name.casefold()), number)
        if first != number:
            raise _refuse(
                f"holds {area.name!r} of kind {area.kind!r} twice, at {first} and {number}: "
                "capitals make no difference; leave one out or name it otherwise."
            )
    return value


def _known_languages(value: tuple[str, ...]) -> tuple[str, ...]:
    for language in _some(value):
        _known_language(language)
    return tuple(dict.fromkeys(value))


def _page_languages(value: tuple[str, ...]) -> tuple[str, ...]:
    for language in value:
        _page_language(language)
    return tuple(dict.fromkeys(value))


def _page_language(value: str) -> str:
    if value not in PAGE_LANGUAGES:
        raise _refuse(f"holds {value!r}; the page has words in: {', '.join(PAGE_LANGUAGES)}.")
    return value


def _known_language(value: str) -> str:
    if value not in LANGUAGES:
        raise _refuse(f"holds {value!r}; the languages there are texts in: {', '.join(LANGUAGES)}.")
    return value


def _readable_on(background: str, name: str) -> AfterValidator:
    def check(value: str) -> str:
        found = contrast(value, background)
        if found < LEAST_CONTRAST:
            raise _refuse(
                f"has a contrast of {found:.1f} on {name}; "
                f"people need {LEAST_CONTRAST} or more to read it."
            )
        return value.lower()

    return AfterValidator(check)


Line = Annotated[str, AfterValidator(_one_line)]
Phone = Annotated[Line, AfterValidator(_dialled)]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]


Wording = dict[Service, dict[Annotated[str, AfterValidator(_known_language)], Line]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Phones(_Part):
    """The numbers people call, as they dial them."""

    outage: Phone | None = None
    emergency: Phone | None = None


class Colours(_Part):
    """The one colour of the utility, for light and for dark pages."""

    accent: Annotated[Colour, _readable_on(WHITE, "white")] = "#0b5394"
    accent_dark: Annotated[Colour, _readable_on(DARK, "the dark page")] = "#9fc5f8"


class Area(_Part):
    """A place as the public names it, with how many customers are served there."""

    name: Line
    kind: Line
    served: Annotated[int, Field(ge=0)]


class Resource(_Part):
    """A place that helps while service is off, as the public finds it."""

    kind: Literal["warming", "cooling", "water", "charging", "shelter", "other"]
    name: Line
    address: Line
    hours: Line | None = None


class Advice(_Part):
    """What people are to do, in the utility's own words, on the page of an outage it concerns.

    A list that is empty stands for all; ``instead_of`` names the advice whose place it takes.
    """

    text: Annotated[dict[Annotated[str, AfterValidator(_page_language)], Line], Field(min_length=1)]
    services: tuple[Service, ...] = ()
    causes: tuple[Cause, ...] = ()
    when: tuple[Literal["now", "planned", "advisory", "over"], ...] = ()
    instead_of: (
        Literal[
            "wire_down",
            "flooded",
            "hole",
            "wires",
            "generator",
            "smell",
            "relight",
            "medical",
            "notice",
            "taps",
            "food",
            "appliances",
            "storm",
            "ready_electric",
            "ready_water",
            "ready_gas",
            "spoilt",
            "switch_on",
            "run_water",
        ]
        | None
    ) = None


class Map(_Part):
    """What the map of the page is drawn on."""

    tiles: Annotated[Line, AfterValidator(_tiles)] | None = None
    """A PMTiles file in ``tiles/`` of the published folder; without it, coarse lines of ours."""


class OnCall(_Part):
    """Somebody who is paged at once when a customer tells of danger."""

    name: Line
    phone: Annotated[Line, AfterValidator(_mobile)] | None = None
    email: Annotated[Line, AfterValidator(_mailbox)] | None = None

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.phone is None and self.email is None:
            raise _refuse("has neither phone nor email, so nobody can be paged.")
        return self


class Site(_Part):
    """Whose utility it is, as the public sees it."""

    name: Line
    short_name: Annotated[Line, AfterValidator(_short)]
    """Begins every text message; at most 20 characters of GSM 7-bit."""
    url: Annotated[str, AfterValidator(_web)] | None = None
    time_zone: Annotated[str, AfterValidator(_zone)]
    languages: Annotated[tuple[str, ...], AfterValidator(_known_languages)] = ("en", "es")
    """The first is the default."""
    page_languages: Annotated[tuple[str, ...], AfterValidator(_page_languages)] = ()
    """Of the public page, where they are other ones; the first is the default."""
    services: Annotated[tuple[Service, ...], AfterValidator(_some)] = (Service.ELECTRIC,)
    phones: Phones = Phones()
    emergency_advice: dict[Annotated[str, AfterValidator(_page_language)], Line] = {}
    """By language: what to do in danger, in the utility's own words."""
    advice: tuple[Advice, ...] = ()
    """What to do about an outage, besides what the page says by itself or in place of it."""
    advisory: Wording = {}
    """By service and language: what an advisory must say, word for word."""
    advisory_lifted: Wording = {}
    """The same for its end."""
    colours: Colours = Colours()
    map: Map = Map()
    areas: Annotated[tuple[Area, ...], AfterValidator(_told_apart)] = ()
    resources: tuple[Resource, ...] = ()
    """Where people find warmth, water or a plug, now: take out what has closed."""
    storm_outages: Annotated[int, Field(ge=0)] = 50
    """From so many outages at once on the page warns of a storm; 0: never."""
    forms: bool = True
    """Whether the page offers what `counter` answers: lookups, reports, subscriptions."""
    on_call: tuple[OnCall, ...] = ()
    """Who is paged when somebody writes of danger (DECISIONS 27)."""

    @property
    def is_neutral(self) -> bool:
        """Whether nobody has said yet whose utility it is."""
        return self == NEUTRAL

    @property
    def zone(self) -> ZoneInfo:
        """The zone that times are shown in where a place has none of its own."""
        return ZoneInfo(self.time_zone)

    @classmethod
    def neutral(cls) -> "Site":
        """The site that holds where there is no site file."""
        return NEUTRAL


NEUTRAL = Site(
    name="Outage information",
    short_name="Outage info",
    time_zone="UTC",
    services=tuple(Service),
)


def load_site(home: Path) -> Site:
    """Read `site.toml` in `home`; the neutral site if there is none.

    Raises:
        SiteError: With every problem at once, each naming its field.
    """
    path = home / FILE
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return NEUTRAL
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise SiteError([f"{path} cannot be read: {reason}."]) from problem


def parse(text: str) -> Site:
    """Read the text of a site file.

    Raises:
        SiteError: With every problem at once, each naming its field.
    """
    try:
        return Site.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as problem:
        raise SiteError([f"It is not TOML: {problem}."]) from problem
    except ValidationError as problem:
        raise SiteError(_sentences(problem.errors())) from problem


def example() -> str:
    """Return the text of a site file to begin with."""
    return (files("outage") / "site.example.toml").read_text(encoding="utf-8")


def _sentences(problems: list[ErrorDetails]) -> Iterator[str]:
    for problem in problems:
        field = _field(problem["loc"])
        match problem["type"]:
            case "missing":
                yield f"{field} is missing."
            case "extra_forbidden":
                yield f"{field} is not a field of the site file{_meant(problem['loc'])}."
            case "string_pattern_mismatch":
                yield f"{field} must be a colour like #0b5394."
            case "site":
                yield f"{field} {problem['msg']}"
            case _:
                yield f"{field}: {_lower(problem['msg'])}."


def _field(place: tuple[int | str, ...]) -> str:
    """A place as people write it: `areas[2].name`, counted from one."""
    words = (f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(words).removeprefix(".").removesuffix(".[key]")


def _meant(place: tuple[int | str, ...]) -> str:
    parts: dict[str, Any] = {
        "phones": Phones,
        "colours": Colours,
        "map": Map,
        "areas": Area,
        "on_call": OnCall,
        "resources": Resource,
        "advice": Advice,
    }
    owner = parts.get(str(place[0]), Site) if len(place) > 1 else Site
    near = difflib.get_close_matches(str(place[-1]), owner.model_fields, n=1)
    return f"; did you mean {near[0]}" if near else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
