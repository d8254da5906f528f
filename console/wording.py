"""The API's own words, for refusals that speak of the command line's options and for Pydantic's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from console import errors as mine
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

ON_PAGE: Mapping[type[Exception], str] = {
    outage.NobodyInsideError: (
        "No premise is inside this place. Check it, or tick that it is meant so."
    ),
    outage.IdempotencyConflictError: (
        "This was declared already, in other words than these. Look at it first; to declare one "
        "more, review it again."
    ),
    mine.NoPlace: "Say where it is, or tick that nobody is concerned.",
    gis.ShapeUnreadable: (
        "The shape cannot be read: {problem}. Give GeoJSON, WKT or another format of the list."
    ),
    gis.ShapeProjected: (
        "{where} is {x}, {y}, which is no longitude and latitude. The coordinates look projected; "
        "say which coordinate system they are in, like EPSG:26910."
    ),
    gis.LayerUnclear: "{file} has several layers; say which one of {layers}.",
    gis.LayerNotThere: "{file} has no layers; leave the layer empty.",
    gis.CrsOfDegrees: (
        "The coordinates are longitudes and latitudes already, not {crs}; leave the coordinate "
        "system empty."
    ),
    gis.FileCrsOfDegrees: (
        "The file says {crs}, but its coordinates are longitudes and latitudes already. Give "
        "EPSG:4326 as the coordinate system, and have the file written anew."
    ),
    gis.OutsideCrs: (
        "{where} is {x}, {y}, which {crs} cannot place on the earth; check the coordinate system."
    ),
    gis.RepairChangesPremises: (
        "The shape is invalid ({reason}) and its repair changes who is inside. {added} premises "
        "come in and {removed} fall out; redraw it, or tick that the repair is accepted."
    ),
    gis.IdsUnknown: (
        "{count} of {given} ids name no premise for certain: {first}. Correct them, or tick to go "
        "on without them."
    ),
}
"""Where the sentence of an error speaks of options or fields that a page calls otherwise."""

LABELS = {
    "street.name": "Street",
    "street.from": "First house number",
    "street.to": "Last house number",
    "street.side": "Side",
    "street.city": "City",
    "area.name": "Name of the area",
    "area.kind": "Kind of area",
    "devices": "Devices",
    "premises": "Premises",
    "etr": "Estimated time of restoration",
    "public_message": "Message for the public",
    "place": "Where it is, in words for the public",
    "started_at": "When service went off",
    "planned_start": "When the work begins",
    "planned_end": "When it should end",
    "etr.latest": "Estimated time of restoration",
    "etr.earliest": "At the earliest",
    "etr.confidence": "How sure that is",
    "etr.reason": "Why that time",
    "service": "Service",
    "kind": "What sort of event",
    "cause": "Cause",
}
"""What a page calls the fields of a body, and of a command."""

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


def is_gone(error: Exception) -> bool:
    """Whether it is not for a form to say: whoever asks is not signed in, or may not."""
    return isinstance(error, outage.NotSignedInError | outage.ForbiddenError)


def on_page(error: Exception) -> str:
    """Give the sentence of a refusal as whoever looks at a page can follow it."""
    if isinstance(error, outage.InvalidCommandError):
        field = str(error.facts["field"])
        return f"{LABELS.get(field, field)}: {error.facts['problem']}."
    words = ON_PAGE.get(type(error))
    if words is None or not isinstance(error, gis.GisError | OutageError | mine.ConsoleError):
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
