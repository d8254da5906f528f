"""What every format of premises is read into: some rows at a time, columns by field."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gis.importing.columns import is_blank, numbers, of_words
from gis.importing.given import Given
from gis.importing.points import Places, are_finite
from gis.importing.text import Column
from outage.sheet import RejectedRow, SheetRefusedError, columns_of

Done = Callable[[int], None]
"""Hears how far reading has come."""
AT_ONCE = 16_384
"""Rows that are read together: enough for arrays to pay, few enough to be small."""
MOST_COLUMNS = 200
"""Columns that features may have: each has a place for every row, also where it has nothing."""
ID, DEGREES = ("premise_id",), ("longitude", "latitude")
_SHORT = 10
_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of a file, arrays of one length.

    Attributes:
        columns: field → stripped text.
        places: x and y in the file's coordinate system; NaN where a row has no place, infinite
            where it cannot be read.
        lines: the line of a table, the number of a feature.
        rejected: rows that are no rows of this table; they are in no column.
        mentioned: ids that those seem to have.
        given: line → what stands where a place cannot be read, as far as it may be shown.
    """

    columns: Mapping[str, Column]
    places: Places
    lines: NDArray[np.int64]
    rejected: Sequence[RejectedRow] = field(default_factory=tuple)
    mentioned: Sequence[str] = field(default_factory=tuple)
    given: Given = field(default_factory=dict)

    def nowhere(self) -> Rows:
        """The same without any place."""
        return replace(self, places=np.full_like(self.places, np.nan), given={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which columns of a file are read.

    Attributes:
        file: what messages call the file.
        fields: fields it may have.
        mapping: field → name of its column, where that differs.
        placeless: whether it has no coordinates, and need have none.
    """

    file: str
    fields: Collection[str]
    mapping: Mapping[str, str]
    placeless: bool = False

    def fields_of(self, column: str) -> list[str]:
        """Say which fields a column of this name holds."""
        name = column.lower()
        found = [one for one in self.fields if self.mapping.get(one, one).lower() == name]
        found += [one for one in self.mapping if self.mapping[one].lower() == name]
        return list(dict.fromkeys([*found, *([name] if name.startswith("alias_") else [])]))

    def choose(self, header: Sequence[str], required: Collection[str]) -> dict[str, int]:
        """Find which column holds which field, by its place.

        Raises:
            SheetRefusedError: for a table without header or without a needed column.
        """
        held = {one for name in header for one in self.fields_of(name)}
        if held and held.isdisjoint(DEGREES) and set(DEGREES) <= set(required):
            raise self.refused(
                f"no column 'longitude' and no 'latitude' ({listed(header)}); name them with --map "
                "longitude=COLUMN --map latitude=COLUMN, or say --no-places if there are none"
            )
        return columns_of(self.file, header, self.fields, required, self.mapping)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that a table has to have."""
        return ID if self.placeless else (*ID, *DEGREES)

    def choose_attributes(self, names: Sequence[str], required: Collection[str]) -> dict[str, int]:
        """Find the same among the attributes of GIS features, of which none is a first line."""
        columns = {self.mapping.get(one, one).lower() for one in self.fields}
        if columns.isdisjoint(name.lower() for name in names):
            raise self.refused(
                f"no attribute is a field of premises ({listed(names)}); "
                "say which is which with --map FIELD=ATTRIBUTE"
            )
        return self.choose(names, required)

    def cut(self, names: Sequence[str]) -> Wanted:
        """Give the same for a Shapefile, which keeps ten letters of a name."""
        lowered = {name.lower() for name in names}
        cut = {
            one: one[:_SHORT]
            for one in self.fields
            if one not in self.mapping and one not in lowered and one[:_SHORT] in lowered
        }
        return replace(self, mapping={**cut, **self.mapping})

    def refused(self, problem: str) -> SheetRefusedError:
        """Give the refusal of the file for a reason."""
        return SheetRefusedError(file=self.file, problem=problem)


class Attributes:
    """Attributes of features, whose names come to light as the features are read."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._names: dict[str, None] = {}
        self._fields: dict[str, list[str]] = {}

    def columns(self, features: Sequence[Mapping[str, Any]]) -> dict[str, Column]:
        """Give the columns of some features.

        Raises:
            SheetRefusedError: when there are so many that most of each would be empty.
        """
        for name in sorted(set().union(*features) - self._names.keys()):
            self._names[name] = None
            if fields := self._wanted.fields_of(name):
                self._fields[name] = fields
        if len(self._fields) > MOST_COLUMNS:
            raise self._wanted.refused(f"it has more than {MOST_COLUMNS} kinds of alias_")
        return {
            field: of_words([one.get(name) for one in features])
            for name, fields in self._fields.items()
            for field in fields
        }

    def check(self) -> None:
        """Refuse features of which none has the id of a premise. Raises `SheetRefusedError`."""
        self._wanted.choose_attributes(list(self._names), ID)


def listed(names: Sequence[str]) -> str:
    """Say which names there are, a few of them where there are many."""
    shown = ", ".join(name[:40] for name in names[:_SHOWN]) or "none"
    return f"it has {shown}, …" if len(names) > _SHOWN else f"it has {shown}"


def joined(some: Sequence[Rows]) -> Rows:
    """Put rows behind each other; what some of them do not have is empty there."""
    names = dict.fromkeys(name for rows in some for name in rows.columns)
    columns = {
        name: pa.concat_arrays(
            [
                rows.columns[name] if name in rows.columns else pa.array([""] * len(rows.lines))
                for rows in some
            ]
        )
        for name in names
    }
    return Rows(
        columns=columns,
        places=np.concatenate([rows.places for rows in some]),
        lines=np.concatenate([rows.lines for rows in some]),
        rejected=[row for rows in some for row in rows.rejected],
    )


def of_degrees(x: Column, y: Column) -> Places:
    """Read two columns of text as places; one is nowhere where a number is missing."""
    places = np.column_stack([numbers(x), numbers(y)])
    places[~are_finite(places)] = np.inf
    places[is_blank(x) | is_blank(y)] = np.nan
    return places
