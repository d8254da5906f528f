"""Where somebody asks for, in their own words: values that `gis.places` makes a place of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gis.errors import AreaUnreadable, ListNoTable, ListTooBig, ListUnreadable
from outage import where as w

_BETWEEN = re.compile(r"[\s,;]+")
_HEADS = ("premise_id", "premise", "account_id", "account", "meter", "location", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The inside of a shape that has yet to pass the gate.

    Attributes:
        source: a file, the bytes of one, or what `gis.shapes.accept` takes.
        crs: the coordinate system of its numbers, if it does not say so itself.
        layer: which layer of a file, where several have areas.
        accept_repair: take a repair that changes who is inside.
    """

    source: object
    crs: str | None = None
    layer: str | None = None
    accept_repair: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area by its name; its kind need not be said where only one has the name."""

    name: str
    kind: w.AreaKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Premises by any ids of theirs or of accounts that hold them.

    Attributes:
        skip_unknown: go on without ids that name nothing, or nothing certain.
    """

    ids: tuple[str, ...]
    skip_unknown: bool = False


Asked = Shape | w.Devices | w.Street | Area | Ids | w.Everything
"""A street's name here is as it was written."""


def devices(given: Iterable[str]) -> w.Devices:
    """Read ``circuit:F12,SUB1/F12/L3``: devices, or several with commas between."""
    paths = (one.strip().strip("/") for words in given for one in words.split(","))
    return w.Devices(paths=tuple(dict.fromkeys(filter(None, paths))))


def area(words: str) -> Area:
    """Read ``postal_code:V5K`` or a bare name. Raises `AreaUnreadable`."""
    kind, colon, name = words.partition(":")
    if not colon:
        return Area(name=words.strip())
    if kind.strip() not in list(w.AreaKind):
        raise AreaUnreadable(kind=kind.strip(), kinds=", ".join(w.AreaKind))
    return Area(kind=w.AreaKind(kind.strip()), name=name.strip())


def ids(source: bytes, *, file: str, max_bytes: int) -> tuple[str, ...]:
    """Read ids out of a text: the column of a CSV that its heading names, or all words there are.

    Raises:
        PlaceRefused: it is no text, or no table, or longer than it may be.
    """
    if len(source) > max_bytes:
        raise ListTooBig(file=file, limit=f"{max_bytes:,}")
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListUnreadable(file=file) from error
    first, _, rest = text.lstrip().partition("\n")
    for sign in ",;\t":
        heads = [head.strip().strip('"').lower() for head in first.split(sign)]
        found = [head for head in _HEADS if head in heads]
        if found:
            rows = csv.reader(io.StringIO(rest), delimiter=sign)
            at = heads.index(found[0])
            try:
                return tuple(row[at].strip() for row in rows if len(row) > at and row[at].strip())
            except csv.Error as error:
                raise ListNoTable(file=file, problem=error) from error
    return tuple(word for word in _BETWEEN.split(text) if word)
