"""The API's own words, for refusals that speak of the command line's options and for Pydantic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gis import errors as gis
from outage import errors as outage
from outage.errors import OutageError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

REFUSALS: Mapping[type[Exception], str] = {
    outage.NobodyInsideError: "No premise is inside this place. Check it, or send allow_empty.",
    gis.ShapeUnreadable: "The shape cannot be read: {problem}. Give GeoJSON.",
    gis.ShapeProjected: (
        "{where} is {x}, {y}, which is no longitude and latitude. The coordinates look projected; "
        "name the system they are in by a crs member, or send longitudes and latitudes."
    ),
    gis.CrsOfDegrees: (
        "The coordinates are longitudes and latitudes already, not {crs}; leave the crs member out."
    ),
    gis.FileCrsOfDegrees: (
        "The coordinates are longitudes and latitudes already, not {crs}; leave the crs member out."
    ),
    gis.OutsideCrs: (
        "{where} is {x}, {y}, which {crs} cannot place on the earth; check the crs member."
    ),
    gis.RepairChangesPremises: (
        "The shape is invalid ({reason}) and its repair changes who is inside. {added} premises "
        "come in and {removed} fall out; redraw it, or accept the repair with accept_repair."
    ),
    gis.IdsUnknown: (
        "{count} of {given} ids name no premise for certain: {first}. Correct them, or go on "
        "without them with skip_unknown."
    ),
}
"""Where the sentence of an error is for the command line."""

_FIELDS = {
    "missing": "is missing",
    "extra_forbidden": "is no field of this request",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "string_unicode": "holds half a character; send whole ones",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "is shorter than {min_length} characters",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "enum": "must be {expected}",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}
"""What each kind of Pydantic's error is called; any other one cannot be used."""
_TIME = "there is no such time; write it like 2026-11-22T22:30:00-06:00"


def refusal(error: Exception) -> str:
    """Give the sentence of a refusal on one line."""
    words = REFUSALS.get(type(error))
    if words is None or not isinstance(error, gis.GisError | OutageError):
        return " ".join(str(error).split())
    return " ".join(words.format(**error.facts).split())


def problem(found: ErrorDetails) -> str:
    """Say what is wrong with a field."""
    kind = found["type"]
    if kind.startswith(("datetime", "timezone")):
        return _TIME
    context = {name: _plain(value) for name, value in found.get("ctx", {}).items()}
    return _FIELDS.get(kind, "cannot be used").format(**context).rstrip(".")


def _plain(value: object) -> str:
    # JSON writes its truth values small.
    return {"True": "true", "False": "false"}.get(str(value), str(value))
