"""Why a shape, a premises file or a match is refused; each docstring is the message."""

from __future__ import annotations


class GisError(Exception):
    """The shape or file cannot be used."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        message = " ".join((type(self).__doc__ or "").split()).format(**facts)
        # A question that a fact ends with needs no full stop.
        super().__init__(message[:-1] if message.endswith("?.") else message)


class ShapeRefused(GisError):
    """The shape cannot be used."""


class ShapeUnreadable(ShapeRefused):
    """The shape cannot be read: {problem}.

    Give GeoJSON, WKT or another format that docs/shapes.md lists.
    """


class ShapeNotAnArea(ShapeRefused):
    """{where} is a {kind}, not an area; draw a Polygon or a MultiPolygon."""


class ShapeEmpty(ShapeRefused):
    """The shape is empty; draw at least one area."""


class ShapeTooBig(ShapeRefused):
    """The shape has {found} {what}, the limit is {limit}; {remedy}."""


class BadVertex(ShapeRefused):
    """{where}: {problem}."""


class RingDegenerate(ShapeRefused):
    """{where} encloses no area ({distinct} different vertices); draw at least three corners."""


class ShapeProjected(ShapeRefused):
    """{where} is {x}, {y}, which is no longitude and latitude.

    The coordinates look projected; say which system they are in with --crs EPSG:xxxx.
    """


class AxesSwapped(ShapeRefused):
    """{where} is {x}, {y}: longitude and latitude look swapped; write the longitude first."""


class CrossesAntimeridian(ShapeRefused):
    """{where} goes from longitude {x} to {y}; cut the shape in two where it meets 180°."""


class CannotBeRepaired(ShapeRefused):
    """The shape is invalid ({reason}) and cannot be repaired; draw it anew."""


class FileRefused(GisError):
    """{file}: {problem}."""


class GdalNotHeld(GisError):
    """GDAL was loaded with drivers that open more than is allowed ({drivers}); nothing is read."""


class LayerUnclear(GisError):
    """{file}: say which layer with --layer: {layers}."""


class LayerUnknown(GisError):
    """{file}: there is no layer {layer!r}; there are: {layers}."""


class LayerNotThere(GisError):
    """{file} has no layers; leave --layer out."""


class CrsUnknown(GisError):
    """{crs!r} is not a coordinate system this program knows; write it like EPSG:26910."""


class CrsOfDegrees(GisError):
    """The coordinates are longitudes and latitudes already, not {crs}; leave --crs out."""


class FileCrsOfDegrees(GisError):
    """The file says {crs}, but its coordinates are longitudes and latitudes already.

    Read it with --crs EPSG:4326, and have it written anew.
    """


class OutsideCrs(ShapeRefused):
    """{where} is {x}, {y}, which {crs} cannot place on the earth; check --crs."""


class RepairChangesPremises(ShapeRefused):
    """The shape is invalid ({reason}) and its repair changes who is inside.

    {added} premises come in and {removed} fall out; redraw it, or accept the repair with
    --accept-repair.
    """


class CoordinatesProjected(GisError):
    """{file}: {lost} rows lie outside the earth as {crs}.

    Say which system the coordinates are in with --crs EPSG:xxxx, and check that longitude and
    latitude are not swapped.
    """


class FileAxesSwapped(GisError):
    """{file}: longitude and latitude look swapped in {rows} rows; nothing was loaded.

    Name the columns of a table with --map longitude=COLUMN --map latitude=COLUMN, and have a GIS
    file written with the longitude first.
    """


class ManyOutside(GisError):
    """{file}: {outside} of {new} premises lie more than {limit_km} km from all those on record.

    Nothing was loaded. Check the coordinate system (--crs), or say --allow-outside.
    """


class ManyMoved(GisError):
    """{file}: {moved} of {known} premises would move by over {limit_km} km or lose their place.

    Nothing was loaded. Check the coordinate system (--crs), or say --allow-moves.
    """


class IndexBeingBuilt(GisError):
    """The premises have changed and are being read; try again in a moment."""


class PlaceRefused(GisError):
    """The place cannot be found."""


class ListUnreadable(PlaceRefused):
    """{file} is not UTF-8 text; give ids of premises or accounts, one a line or as CSV."""


class ListNoTable(PlaceRefused):
    """{file} cannot be read as a table ({problem}); give one id a line."""


class ListTooBig(PlaceRefused):
    """{file} has more than {limit} bytes (OUTAGE_SHAPE_MAX_BYTES); load it in parts."""


class ListTooLong(PlaceRefused):
    """{given} ids are more than the limit of {limit} (OUTAGE_LIST_MAX_IDS)."""


class DevicesTooMany(PlaceRefused):
    """{given} devices are more than the limit of {limit}; name what feeds them."""


class ListEmpty(PlaceRefused):
    """The list names nothing; give at least one {what}."""


class IdsUnknown(PlaceRefused):
    """{count} of {given} ids name no premise for certain: {first}.

    Correct them, or go on without them with --skip-unknown (skip_unknown in the API).
    """

    def __init__(self, *, ids: tuple[str, ...], **facts: object) -> None:
        self.ids = ids
        super().__init__(**facts)


class DeviceUnknown(PlaceRefused):
    """No premise is fed through {device!r}; {hint}."""


class StreetUnknown(PlaceRefused):
    """No premise is on {street!r}{city}; {hint}."""


class NumbersReversed(PlaceRefused):
    """House numbers go from {first} to {last}; give the smaller one first."""


class AreaUnreadable(PlaceRefused):
    """{kind!r} is no kind of area; write one of {kinds}, like postal_code:V5K."""


class AreaUnknown(PlaceRefused):
    """No premise is in an area called {area!r}; {hint}."""


class AreaAmbiguous(PlaceRefused):
    """{area!r} is the name of several areas; say which one: {choices}."""
