"""One row of a foreign outage list, read through a mapping."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import datetime

from intake.document import ABSENT, at, quoted
from intake.errors import Unreadable
from intake.instants import instant
from intake.mapping import FeedMapping, FlaggedInstantField, InstantField, ShapeField, TextField
from intake.polygon import flat_ring, geojson
from outage.model import Cause, CrewStatus, Kind, Reason

MAX_PLACE_CHARACTERS = 300
MAX_ID_CHARACTERS = 100
MAX_CUSTOMERS = 100_000_000
"""More customers than any utility has: a count above it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """What a feed says of one outage. ``shape`` is GeoJSON text, not yet through the gate.

    ``unreadable`` names the facts the row holds in a form that cannot be read: for these
    what was known before stays. A fact that is None and not in it is one the feed leaves open.
    """

    source_id: str
    shape: str | None = None
    started: datetime | None = None
    etr: datetime | None = None
    etr_published: bool = True
    crew_eta: datetime | None = None
    kind: Kind = Kind.UNPLANNED
    cause: Cause = Cause.UNKNOWN
    crew_status: CrewStatus | None = None
    crew_reason: Reason | None = None
    customers: int | None = None
    place: str = ""
    unreadable: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 over every fact, the same for the same facts in every process."""
        facts = {item.name: getattr(self, item.name) for item in fields(self)}
        facts["unreadable"] = sorted(self.unreadable)
        text = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


class RowReader:
    """Reads rows through one mapping; ``problems`` gathers a sentence for each odd field."""

    def __init__(self, mapping: FeedMapping) -> None:
        self._mapping = mapping
        self.problems: list[str] = []

    def read(self, row: object) -> FeedRow | None:
        """The row's facts, or nothing when it does not say which outage it is about."""
        source_id = _identity(at(row, self._mapping.fields.id))
        if source_id is None:
            self.problems.append(
                f"A row has no usable id in the field {self._mapping.fields.id!r}; it was left out."
            )
            return None
        return _OneRow(self._mapping, row, source_id, self.problems).facts()


class _OneRow:
    def __init__(
        self, mapping: FeedMapping, row: object, source_id: str, problems: list[str]
    ) -> None:
        self._fields = mapping.fields
        self._row = row
        self._id = source_id
        self._problems = problems
        self._unreadable: set[str] = set()

    def facts(self) -> FeedRow:
        cause, kind = self._cause()
        crew_status, crew_reason = self._crew()
        etr, etr_published = self._flagged("etr", self._fields.etr)
        crew_eta, eta_published = self._flagged("crew_eta", self._fields.crew_eta)
        return FeedRow(
            source_id=self._id,
            shape=self._shape(self._fields.shape),
            started=self._instant("started", self._fields.started),
            etr=etr,
            etr_published=etr_published,
            crew_eta=crew_eta if eta_published else None,
            kind=kind,
            cause=cause,
            crew_status=crew_status,
            crew_reason=crew_reason,
            customers=self._customers(self._fields.customers),
            place=self._place(),
            unreadable=frozenset(self._unreadable),
        )

    def _odd(self, fact: str, field: str, why: str) -> None:
        self._unreadable.add(fact)
        self._problems.append(f"Outage {self._id}, field {field!r}: {why}.")

    def _instant(self, fact: str, mapped: InstantField | None) -> datetime | None:
        value = at(self._row, mapped.field) if mapped else None
        if mapped is None or value is None or value is ABSENT:
            return None
        try:
            return instant(value, mapped)
        except Unreadable as why:
            self._odd(fact, mapped.field, str(why))
            return None

    def _flagged(
        self, fact: str, mapped: FlaggedInstantField | None
    ) -> tuple[datetime | None, bool]:
        if mapped is None or mapped.published is None:
            return self._instant(fact, mapped), True
        return self._instant(fact, mapped), at(self._row, mapped.published) is True

    def _cause(self) -> tuple[Cause, Kind]:
        mapped = self._fields.cause
        word = at(self._row, mapped.field) if mapped else None
        if mapped is None or word is None or word is ABSENT:
            return Cause.UNKNOWN, Kind.UNPLANNED
        meaning = mapped.words.get(word) if isinstance(word, str) else None
        if meaning is None:
            self._problems.append(
                f"The cause {quoted(word)} is not in the mapping; it counts as unknown."
            )
            return Cause.UNKNOWN, Kind.UNPLANNED
        return meaning.code, meaning.kind

    def _crew(self) -> tuple[CrewStatus | None, Reason | None]:
        mapped = self._fields.crew
        word = at(self._row, mapped.field) if mapped else None
        if mapped is None or word is None or word is ABSENT:
            return None, None
        meaning = mapped.words.get(word) if isinstance(word, str) else None
        if meaning is None:
            self._unreadable.add("crew")
            self._problems.append(
                f"The crew word {quoted(word)} is not in the mapping; it changes nothing."
            )
            return None, None
        return meaning.status, meaning.reason

    def _customers(self, field: str | None) -> int | None:
        value = at(self._row, field) if field else None
        if field is None or value is None or value is ABSENT:
            return None
        if type(value) is int and 0 <= value <= MAX_CUSTOMERS:
            return value
        self._odd("customers", field, f"{quoted(value)} is not a count of customers")
        return None

    def _place(self) -> str:
        words = (self._text(self._fields.area), self._text(self._fields.municipality))
        return ", ".join(word for word in words if word)[:MAX_PLACE_CHARACTERS]

    def _text(self, mapped: TextField | None) -> str:
        value = at(self._row, mapped.field) if mapped else None
        if mapped is None or not isinstance(value, str):
            return ""
        text = " ".join("".join(c if c.isprintable() else " " for c in value).split())
        return "" if text in mapped.nothing else text

    def _shape(self, mapped: ShapeField | None) -> str | None:
        value = at(self._row, mapped.field) if mapped else None
        if mapped is None or value is None or value is ABSENT or value == []:
            return None
        try:
            if mapped.form == "geojson":
                return geojson(value)
            return flat_ring(value, lon_first=mapped.form == "flat_lon_lat")
        except Unreadable as why:
            self._odd("shape", mapped.field, f"{why}; the shape was left as it was")
            return None


def _identity(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    # What cannot be printed cannot be stored everywhere either: NUL, half a character.
    return text if 0 < len(text) <= MAX_ID_CHARACTERS and text.isprintable() else None
