"""A declaration as somebody is typing it: what the fields of its form hold, and what they mean."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from console import bodies, wording
from console.errors import BadBody, BadForm
from gis import asked
from gis.shapes import ShapeLimits

WAYS = {
    "shape": "A shape",
    "devices": "What feeds it",
    "street": "A street",
    "area": "An area or zone",
    "premises": "A list of premises",
    "all": "Everybody with the service",
}
"""The ways to say where, as the page offers them."""
_OF_WAY = {
    "shape": ("shape", "file", "file_name", "crs", "layer", "accept_repair"),
    "devices": ("devices",),
    "street": ("street", "from", "to", "side", "city"),
    "area": ("area", "area_kind"),
    "premises": ("premises", "skip_unknown"),
    "all": (),
}
_OF_OUTAGE = (
    *("way", "service", "kind", "cause", "place", "predicted", "started_at"),
    *("planned_start", "planned_end", "etr", "etr_earliest", "etr_confidence", "etr_reason"),
    *("public_message", "allow_empty"),
)
FIELDS = (*_OF_OUTAGE, *(name for names in _OF_WAY.values() for name in names))
_LONGEST_DETAIL = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody typed; a file that came with the form stands in it as base64 (``file``)."""

    said: Mapping[str, str]

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Draft:
        """Take of a form what is a draft's."""
        # A browser ends lines with CR and LF, whatever somebody pasted.
        return cls(
            said={name: form[name].replace("\r\n", "\n") for name in FIELDS if form.get(name)}
        )

    def get(self, name: str) -> str:
        """What a field holds, empty for nothing."""
        return self.said.get(name, "")

    @property
    def way(self) -> str:
        """In which way it says where, empty for none. Raises `BadForm`."""
        way = self.get("way")
        if way and way not in WAYS:
            raise BadForm(problem="it says where in a way that there is not")
        return way

    @property
    def digest(self) -> str:
        """What two equal drafts have in common."""
        said = json.dumps(self.said, sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def besides_place(self) -> Draft:
        """All of it that does not say where."""
        return Draft(said={name: self.said[name] for name in _OF_OUTAGE if name in self.said})

    def body(self, zone: ZoneInfo) -> bodies.DeclareBody:
        """The request to the API that says the same, a shape apart.

        Times without an offset are in ``zone``. Raises `BadBody`, which names every field.
        """
        given = {
            "service": self.get("service"),
            "kind": self.get("kind") or "unplanned",
            "cause": self.get("cause") or "unknown",
            "place": self.get("place"),
            "predicted": bool(self.get("predicted")),
            "allow_empty": bool(self.get("allow_empty")),
            "etr": self._etr(zone),
            **self._where(),
            **{
                name: _instant(self.get(name), zone)
                for name in ("started_at", "planned_start", "planned_end")
            },
        }
        try:
            return bodies.DeclareBody.model_validate(given)
        except ValidationError as error:
            raise BadBody(_problems(error)) from error

    def asked(self, body: bodies.DeclareBody, limits: ShapeLimits) -> asked.Asked | None:
        """Where it says, None if it does not.

        Raises `BadForm` for a file that came back from the browser otherwise than it went, and
        `gis.errors.GisError` for a list that is none.
        """
        if self.way == "shape" and (self.get("file") or self.get("shape").strip()):
            return asked.Shape(
                source=self._file() if self.get("file") else self.get("shape").strip().encode(),
                crs=self._detail("crs"),
                layer=self._detail("layer"),
                accept_repair=bool(self.get("accept_repair")),
            )
        if self.way == "premises" and self.get("premises").strip():
            text = self.get("premises").encode()
            return asked.Ids(
                ids=asked.ids(text, file="The list", max_bytes=limits.max_bytes),
                skip_unknown=bool(self.get("skip_unknown")),
            )
        return body.asked()

    def _where(self) -> Mapping[str, Any]:
        match self.way:
            case "devices" if self.get("devices").strip():
                return {"devices": asked.devices(self.get("devices").split("\n")).paths}
            case "street" if self.get("street").strip():
                return {"street": self._some(name="street", city="city", side="side", **_NUMBERS)}
            case "area" if self.get("area").strip():
                return {"area": self._some(name="area", kind="area_kind")}
            case "all":
                return {"all": True}
        return {}

    def _etr(self, zone: ZoneInfo) -> Mapping[str, Any] | None:
        if not self.get("etr"):
            return None
        times = {"latest": "etr", "earliest": "etr_earliest"}
        return {
            **{name: _instant(self.get(field), zone) for name, field in times.items()},
            **self._some(confidence="etr_confidence", reason="etr_reason"),
        }

    def _some(self, **fields: str) -> dict[str, str]:
        """Values by the API's names, of those fields that hold any."""
        return {name: said for name, field in fields.items() if (said := self.get(field).strip())}

    def _detail(self, name: str) -> str | None:
        given = self.get(name).strip()
        if len(given) > _LONGEST_DETAIL or not given.isprintable():
            raise BadForm(problem=f"{name} cannot be that long, or cannot be shown")
        return given or None

    def _file(self) -> bytes:
        try:
            return base64.b64decode(self.get("file"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadForm(
                problem="the file did not come back as it went; choose it anew"
            ) from error


_NUMBERS = {"from": "from", "to": "to"}


def _instant(given: str, zone: ZoneInfo) -> str | None:
    """A time of a form, in the site's zone, as the API writes it; what is none stays as it is."""
    try:
        at = datetime.fromisoformat(given.strip())
    except ValueError:
        return given.strip() or None
    if at.tzinfo is not None:
        return at.isoformat()
    # An hour that the clocks leave out is read as everybody's clock would show it.
    return at.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).isoformat(timespec="seconds")


def _problems(error: ValidationError) -> list[dict[str, str]]:
    found = []
    for one in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in one["loc"] if not isinstance(part, int)) or "form"
        found.append({"field": wording.LABELS.get(name, name), "problem": wording.problem(one)})
    return found
