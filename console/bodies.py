"""What requests carry: checked where it comes in, unknown fields refused."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from starlette.requests import Request

from console import wording
from console.errors import BadBody, BodyTooLarge, NotJson
from gis import asked
from outage import notes
from outage import where as w
from outage.columns import EARLIEST, LATEST
from outage.model import Cause, Confidence, CrewStatus, Kind, Reason, Service
from outage.where import AreaKind, Side

_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:\d{2})"
)


def _written(value: object) -> object:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        message = "write it as RFC 3339 with an offset, like 2026-11-22T22:30:00-06:00"
        raise ValueError(message)
    return value


def _near(value: datetime) -> datetime:
    if not EARLIEST <= value <= LATEST:
        message = f"must lie between {EARLIEST.year} and {LATEST.year}"
        raise ValueError(message)
    return value


def _readable(value: str) -> str:
    # Nothing that a database refuses or that changes how the rest is shown.
    if any(unicodedata.category(sign) == "Cc" and sign not in "\n\r\t" for sign in value):
        message = "holds control characters; leave them out"
        raise ValueError(message)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_near)]
Place = Annotated[str, Field(max_length=200), AfterValidator(_readable)]
Name = Annotated[str, Field(max_length=200), AfterValidator(_readable)]
HouseNumber = Annotated[int, Field(ge=0, lt=10_000_000)]
Words = Annotated[str, Field(max_length=notes.LIMIT), AfterValidator(_readable)]
WAYS = ("shape", "devices", "street", "area", "premises", "all")
"""The fields that say where."""


class Body(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class EtrBody(Body):
    """An estimated time of restoration."""

    latest: Moment
    earliest: Moment | None = None
    confidence: Confidence = Confidence.MEDIUM
    reason: Reason | None = None


class UpdateBody(Body):
    """What is new, from the field or the desk."""

    observed_at: Moment | None = None
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    crew_eta: Moment | None = None
    etr: EtrBody | None = None
    withdraw_etr: bool = False
    next_update_by: Moment | None = None
    note: Words | None = None
    public_message: Words | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it to record."""
        said = (name for name in type(self).model_fields if name != "observed_at")
        return any(getattr(self, name) for name in said)


class StreetBody(Body):
    """A street, or house numbers of it."""

    name: Name
    first: HouseNumber | None = Field(None, alias="from")
    last: HouseNumber | None = Field(None, alias="to")
    side: Side | None = None
    city: Name | None = None


class AreaBody(Body):
    """An area; its kind may be left out where only one has the name."""

    name: Name
    kind: AreaKind | None = None


class Placed(Body):
    """A body that may say where, in one way."""

    shape: dict[str, Any] | None = None
    """GeoJSON in WGS 84: a geometry, a Feature or a FeatureCollection."""
    devices: tuple[Name, ...] | None = None
    street: StreetBody | None = None
    area: AreaBody | None = None
    premises: tuple[str, ...] | None = None
    """Ids of premises or of accounts, their own or other systems'."""
    all: Literal[True] | None = None
    skip_unknown: bool = False
    accept_repair: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [name for name in WAYS if getattr(self, name) is not None]
        if len(ways) > 1:
            message = f"says where in several ways ({', '.join(ways)}); give one of them"
            raise ValueError(message)
        return self

    def asked(self) -> asked.Asked | None:
        """Where it says, None if it does not."""
        if self.shape is not None:
            return asked.Shape(source=self.shape, accept_repair=self.accept_repair)
        if self.devices is not None:
            return asked.devices(self.devices)
        if self.street is not None:
            return w.Street(**self.street.model_dump())
        if self.area is not None:
            return asked.Area(name=self.area.name, kind=self.area.kind)
        if self.premises is not None:
            return asked.Ids(ids=self.premises, skip_unknown=self.skip_unknown)
        return w.Everything() if self.all else None


class MatchBody(Placed):
    """Who would be inside; changes nothing."""

    service: Service | None = None
    """That of the outage it is compared with, or the site's first, if not given."""
    difference_from: Annotated[str, Field(max_length=20), AfterValidator(_readable)] | None = None
    """Id of an outage whose place it is compared with."""
    ids: bool = False


class Changing(Placed):
    """A body that may say where and changes something there."""

    allow_empty: bool = False


class DeclareBody(Changing):
    """A new outage."""

    service: Service
    kind: Kind = Kind.UNPLANNED
    cause: Cause = Cause.UNKNOWN
    place: Place = ""
    predicted: bool = False
    started_at: Moment | None = None
    planned_start: Moment | None = None
    planned_end: Moment | None = None
    etr: EtrBody | None = None


class ReviseBody(Changing):
    """Declared facts that change; what is not named stays."""

    version: int | None = None
    """The version that was seen; the request is refused when the outage has moved on."""
    cause: Cause | None = None
    place: Place | None = None
    started_at: Moment | None = None
    planned_start: Moment | None = None
    planned_end: Moment | None = None


class RestoreBody(Changing):
    """Service is back: everywhere, or somewhere."""

    at: Moment | None = None


class MergeBody(Body):
    """The outage goes on under another one."""

    into: Annotated[str, Field(min_length=1, max_length=40)]


class SplitBody(Placed):
    """What is inside goes on as a new outage."""


class ConfirmBody(Body):
    """A predicted outage is real."""

    started_at: Moment | None = None


class StartBody(Body):
    """Planned work has begun."""

    at: Moment | None = None


class ReasonBody(Body):
    """Why."""

    reason: Reason | None = None


class WhyBody(Body):
    """Why, in words for colleagues."""

    why: Words


class HoldBody(Body):
    """Why, if anybody wants to say."""

    why: Words = ""


class ApproveBody(HoldBody):
    """A second person's word, or one's own alone."""

    break_glass: bool = False


class SearchBody(Body):
    """Whose account is looked for. It stands in a body, so that no address or log has it."""

    q: Annotated[str, Field(min_length=1, max_length=160), AfterValidator(_readable)]
    after: Annotated[str, Field(max_length=400)] = ""
    """The ``next`` of the answer before."""
    limit: Annotated[int, Field(ge=1, lt=101)] = 25


class CrewLinkBody(Body):
    """A link for a crew: whose, and how long it holds."""

    label: Annotated[str, Field(max_length=40), AfterValidator(_readable)] = ""
    hours: Annotated[int, Field(ge=1, le=336)] | None = None


class EmptyBody(Body):
    """Nothing needs to be said."""


Some = TypeVar("Some", bound=Body)


async def read(request: Request, limit: int) -> bytes:
    """Read a body of at most ``limit`` bytes; of a larger one no more than that is read.

    Raises `BodyTooLarge`.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise BodyTooLarge(limit=f"{limit:,}")
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > limit:
            raise BodyTooLarge(limit=f"{limit:,}")
    return bytes(read)


def parse(body: bytes, kind: type[Some]) -> Some:
    """Return the checked body; no body at all is an empty one.

    Raises `NotJson` and `BadBody`, which names every field that is wrong.
    """
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "unreadable"
        raise NotJson(problem=where) from error
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problems = [
            {
                "field": ".".join(map(str, one["loc"])) or "body",
                "problem": wording.problem(one),
            }
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise BadBody(problems) from error
