"""A feed's mapping: which field of a foreign outage list is what.

One TOML file per feed, validated whole; what it says is data, so a utility connects its
outage management system without anybody writing code.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from outage.model import Cause, CrewStatus, EtrSource, Kind, Reason, Service

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
FieldPath = Annotated[str, Field(min_length=1, max_length=200)]
"""A field of a row; a dot steps into an object: ``geometry.rings``."""


class Part(BaseModel):
    """A table of the file. An unknown key is refused: a misspelt one must not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InstantField(Part):
    """A field that holds an instant, and how it is written.

    ``local`` is wall-clock text without an offset: ``zone`` says whose wall, ``format``
    how it is written (strptime; ISO 8601 when left out).
    """

    field: FieldPath
    unit: Literal["epoch_ms", "epoch_s", "rfc3339", "local"]
    zone: str | None = None
    format: str | None = None

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"{zone!r} is not a time zone; write one like America/Vancouver")
        return zone

    @model_validator(mode="after")
    def _local_has_a_zone(self) -> InstantField:
        if self.unit == "local" and self.zone is None:
            raise ValueError('unit = "local" needs a zone, like America/Vancouver')
        if self.unit != "local" and (self.zone or self.format):
            raise ValueError('zone and format belong to unit = "local" only')
        return self

    @property
    def zone_info(self) -> ZoneInfo | None:
        """The zone of local text; nothing for the other units."""
        return ZoneInfo(self.zone) if self.zone else None


class FlaggedInstantField(InstantField):
    """An instant that may be shown only while the row's field ``published`` is true."""

    published: FieldPath | None = None


class EtrField(FlaggedInstantField):
    """The ETR, and who gives it in this feed."""

    source: EtrSource = EtrSource.DISPATCHER


class ShapeField(Part):
    """The field with the shape: a flat list of numbers, or GeoJSON. A ring may be left open."""

    field: FieldPath
    form: Literal["flat_lon_lat", "flat_lat_lon", "geojson"]


class TextField(Part):
    """A field with words for the public; those in ``nothing`` mean that there are none."""

    field: FieldPath
    nothing: tuple[str, ...] = ()


class CauseWord(Part):
    """What one cause word of the feed means here."""

    code: Cause
    kind: Kind = Kind.UNPLANNED


class CauseField(Part):
    """The feed's cause words; an unlisted one counts as ``unknown`` and is reported."""

    field: FieldPath
    words: dict[str, CauseWord] = Field(min_length=1)


class CrewWord(Part):
    """What one crew word of the feed means: a CIM crew status, perhaps with a coded reason."""

    status: CrewStatus
    reason: Reason | None = None


class CrewField(Part):
    """The feed's crew words; an unlisted one changes nothing and is reported."""

    field: FieldPath
    words: dict[str, CrewWord] = Field(min_length=1)


class SnapshotPart(Part):
    """Where in a snapshot the rows are, and when it was taken."""

    rows: FieldPath
    fetched: InstantField


class Fields(Part):
    """Which field of a row is what. Only ``id`` must be mapped."""

    id: FieldPath
    shape: ShapeField | None = None
    started: InstantField | None = None
    etr: EtrField | None = None
    crew_eta: FlaggedInstantField | None = None
    cause: CauseField | None = None
    crew: CrewField | None = None
    customers: FieldPath | None = None
    area: TextField | None = None
    municipality: TextField | None = None


class Absence(Part):
    """What an outage that is no longer listed means in this feed (DECISIONS 12).

    ``customer_limit``: when the outages that vanish in one snapshot held more customers
    than this by the feed's own count, nothing ends until a person looks.
    ``tell_restored``: whether such an end is told as "restored".
    """

    customer_limit: int = Field(default=25_000, ge=1)
    tell_restored: bool = False


class FeedMapping(Part):
    """One feed's mapping file, validated."""

    name: Code
    title: str = Field(min_length=1, max_length=100)
    source: Code
    service: Service
    snapshot: SnapshotPart
    fields: Fields
    absence: Absence = Absence()

    def required(self) -> frozenset[str]:
        """The fields that every row of this feed has, null or not."""
        f = self.fields
        parts = (f.shape, f.started, f.etr, f.crew_eta, f.cause, f.crew, f.area, f.municipality)
        flags = (part.published for part in (f.etr, f.crew_eta) if part is not None)
        paths = (f.id, f.customers, *flags, *(part.field for part in parts if part is not None))
        return frozenset(path for path in paths if path is not None)
