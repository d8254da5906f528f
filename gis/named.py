"""Other systems' ids of premises: where a file says another one than the record (DECISIONS 17)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from gis.importing.changes import Changes
from gis.importing.columns import Growing, is_blank, of_words
from gis.importing.text import Column
from gis.premises import Premises
from outage import tables as t

_AT_ONCE = 20_000

_a = t.aliases


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Ids of one kind that are to be kept, Arrow columns of one length.

    Attributes:
        kind: whose ids they are: meter, location, map, ….
        ids: the premises' own ids.
        values: what they are called there; empty where they are not called anything any more.
    """

    kind: str
    ids: Column
    values: Column

    def __len__(self) -> int:
        return len(self.ids)


def new_names(conn: Connection, found: Premises, changes: Changes) -> list[Named]:
    """Give what a file calls premises by kinds of ids, where the record does not say the same."""
    return [
        _new(conn, kind, found.ids, values.cast(pa.string()), changes)
        for kind, values in found.aliases.items()
    ]


def _new(conn: Connection, kind: str, ids: Column, values: Column, changes: Changes) -> Named:
    keys, known = _on_record(conn, kind)
    blank = is_blank(values)
    new = ~blank
    if len(keys):
        place = np.where(changes.at >= 0, changes.known.keys[changes.at], -1)
        at = np.minimum(np.searchsorted(keys, place), len(keys) - 1)
        here = keys[at] == place
        same = np.asarray(pc.equal(known.take(pa.array(at)), values), dtype=np.bool_)
        # One that stands for several premises is the last one's, as often as it is loaded.
        new &= ~(here & same) | _repeated(values)
        new |= blank & here
    keep = pa.array(new)
    return Named(kind=kind, ids=ids.filter(keep), values=values.filter(keep))


def _on_record(conn: Connection, kind: str) -> tuple[NDArray[np.int64], Column]:
    keys: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    values = Growing()
    rows = conn.execution_options(stream_results=True).execute(
        sa.select(_a.c.key, _a.c.value)
        .where(_a.c.entity == "premise", _a.c.kind == kind)
        .order_by(_a.c.key)
    )
    for some in rows.partitions(_AT_ONCE):
        key, value = zip(*some, strict=True)
        keys.append(np.array(key, dtype=np.int64))
        values.add(of_words(list(value)))
    return np.concatenate(keys), values.whole().cast(pa.string())


def _repeated(values: Column) -> NDArray[np.bool_]:
    counts = values.value_counts()
    often = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    return np.asarray(pc.is_in(values, value_set=often), dtype=np.bool_)
