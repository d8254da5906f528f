"""Premises into the database: only what is new, as one new premises version."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gis import public
from gis.importing.changes import Changes, compare, guard_moves, guard_territory, on_record
from gis.importing.columns import decoded
from gis.importing.steps import Steps
from gis.importing.text import Column
from gis.matching import Matcher, premises_version
from gis.named import Named, new_names
from gis.premises import Premises
from gis.streets import parse
from outage import aliases, journal
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.loading import Loaded, LoadOptions, Progress, guard, judge, one_at_a_time
from outage.many import Many, written_out
from outage.model import Actor, JournalKind

_p = t.premises
_b = t.premises_before


def load_premises(
    db: Database,
    found: Premises,
    options: LoadOptions,
    *,
    actor: Actor,
    allow_moves: bool = False,
    allow_outside: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    indexes: Path | None = None,
) -> Loaded:
    """Load what a file says of premises, or only say what that would come to.

    Rows go in by steps; the premises version that makes them count is written last, with the
    journal entry that has open outages matched again. Killed in between, doing it again
    completes it. A file that says nothing new makes no version and no entry. The index of what
    was loaded is left in ``indexes``, for all processes of this host.

    Raises:
        OutageError: too many bad rows, far fewer premises than on record, or another load is
            running; nothing is changed.
        GisError: many premises would move far, or are new and far away; nothing is changed.
    """
    judge(options, file=found.file, rows=found.rows, bad=len(found.rejected))
    with one_at_a_time(db, file=found.file, what="premises"):
        with db.read() as conn:
            version = premises_version(conn) + 1
            known = on_record(conn, [*found.text, *_derived(found)[:1]])
            listed = len(found) + len(found.mentioned)
            guard(options, file=found.file, what="premises", given=listed, known=len(known))
            changes = compare(found, known)
            names = new_names(conn, found, changes)
        if not allow_moves:
            guard_moves(found, changes)
        if not allow_outside:
            guard_territory(found, changes)
        gone = np.empty(0, np.int64) if options.partial else changes.gone
        written = int(changes.written.sum())
        loaded = Loaded(
            added=int(changes.added.sum()),
            changed=int(changes.changed.sum()),
            closed=len(gone),
            unchanged=len(found) - written,
            moved=int(changes.moved.sum()),
        )
        if not dry_run:
            steps = Steps(db, written + len(gone) + sum(map(len, names)), progress)
            _write(steps, found, changes, version)
            _close(steps, gone, version)
            for name in names:
                _name(steps, name)
            loaded = _conclude(db, found, version, loaded, actor=actor)
            public.prepare(db, Matcher(db, indexes).index())
        return loaded


def _derived(found: Premises) -> list[str]:
    """Columns that are made of others; the house number goes with the street."""
    return ["street", "house_number"] if "address" in found.text else []


def _write(steps: Steps, found: Premises, changes: Changes, version: int) -> None:
    rows = np.flatnonzero(changes.written)
    keep = pa.array(changes.written)
    ids = found.ids.filter(keep)
    text = {name: column.filter(keep) for name, column in found.text.items()}
    lon, lat, services = found.lon[rows], found.lat[rows], found.services[rows]
    place = changes.at[rows]
    known = np.where(place >= 0, changes.known.keys[place], -1) if len(changes.known) else place

    upsert = _upsert(
        steps.dialect,
        ["id", "longitude", "latitude", "services", *text, *_derived(found)],
        kept={
            "id",
            *(() if found.says_services else ("services",)),
            *(() if found.says_places else ("longitude", "latitude")),
        },
    )

    def prepare(part: slice) -> tuple[list[Any], list[int]]:
        columns: dict[str, Sequence[Any]] = {
            "id": decoded(ids[part]),
            "longitude": _or_none(lon[part]),
            "latitude": _or_none(lat[part]),
            "services": services[part].tolist(),
            **{name: _column(name, column[part]) for name, column in text.items()},
        }
        columns["loaded_version"] = [version] * len(columns["id"])
        if "address" in columns:
            parsed = [parse(address) for address in columns["address"]]
            columns["house_number"], columns["street"] = zip(*parsed, strict=True)
        return upsert.rows(columns), known[part][known[part] >= 0].tolist()

    def write(conn: Connection, ready: tuple[list[Any], list[int]]) -> None:
        values, keys = ready
        if keys:
            _remember(conn, keys, version)
        upsert.write(conn, values)

    steps.run(len(rows), prepare, write)


def _column(name: str, column: Column) -> list[Any]:
    words = decoded(column)
    return [word or None for word in words] if _p.c[name].nullable else words


def _or_none(degrees: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in degrees.tolist()]  # noqa: PLR0124 - NaN


def _remember(conn: Connection, keys: Sequence[int], version: int) -> None:
    """Keep premises as they were before a version; what it has kept already stays.

    Indexes are built from this until the version counts.
    """
    insert: Any = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgresql
    statement = insert(_b).from_select(
        ["premise_key", "version", "longitude", "latitude", "services"],
        sa.select(
            _p.c.key, sa.literal(version), _p.c.longitude, _p.c.latitude, _p.c.services
        ).where(_p.c.key.in_(keys), _p.c.closed_at.is_(None), _p.c.loaded_version < version),
    )
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["premise_key"],
            set_={name: new[name] for name in ("version", "longitude", "latitude", "services")},
            where=_b.c.version < new.version,
        )
    )


def _upsert(dialect: sa.Dialect, says: Sequence[str], *, kept: Collection[str]) -> Many:
    """Write premises, whether they are new, closed or open; these keep what is ``kept``."""
    insert: Any = insert_sqlite if dialect.name == "sqlite" else insert_postgresql
    statement = insert(_p)
    names = [*says, "loaded_version"]
    new = {name: statement.excluded[name] for name in names if name not in kept}
    statement = statement.on_conflict_do_update(
        index_elements=["id"], set_={**new, "closed_at": sa.null()}
    )
    return written_out(dialect, statement, names)


def _close(steps: Steps, gone: NDArray[np.int64], version: int) -> None:
    def write(conn: Connection, keys: list[int]) -> None:
        _remember(conn, keys, version)
        conn.execute(
            _p.update()
            .where(_p.c.key.in_(keys))
            .values(closed_at=business_now(conn), loaded_version=version)
        )

    steps.run(len(gone), lambda part: gone[part].tolist(), write)


def _name(steps: Steps, name: Named) -> None:
    """Keep another system's ids of premises that are on record by now."""

    def prepare(part: slice) -> list[tuple[str, str]]:
        return list(zip(decoded(name.ids[part]), decoded(name.values[part]), strict=True))

    def write(conn: Connection, pairs: list[tuple[str, str]]) -> None:
        ids = [one for one, _ in pairs]
        rows = conn.execute(sa.select(_p.c.id, _p.c.key).where(_p.c.id.in_(ids))).all()
        keys: dict[str, int] = {row.id: row.key for row in rows}
        aliases.keep(conn, "premise", name.kind, [(keys[one], value) for one, value in pairs])

    steps.run(len(name), prepare, write)


def _conclude(
    db: Database, found: Premises, version: int, loaded: Loaded, *, actor: Actor
) -> Loaded:
    """Make the version, if anything changed; return what it came to.

    What a killed load wrote or closed before this one counts as well: only what was on record
    before the version has been kept as it was then.
    """
    ours, here = _p.c.loaded_version == version, _p.c.closed_at.is_(None)
    before = _b.c.version == version

    def how_many(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.case((which, 1)))

    with db.read() as conn:
        counts = conn.execute(
            sa.select(
                how_many(ours).label("changed"),
                how_many(sa.and_(ours, here)).label("written"),
                how_many(sa.and_(ours, here, before)).label("rewritten"),
                how_many(sa.and_(ours, ~here, before)).label("closed"),
                how_many(here).label("premises"),
                how_many(sa.and_(here, _p.c.longitude.is_(None))).label("unplaced"),
            ).select_from(_p.outerjoin(_b, _b.c.premise_key == _p.c.key))
        ).one()
    if counts.changed:
        digest = _digest(found)
        with db.write() as conn:
            # Another load may have come to its end first.
            version = max(version, premises_version(conn) + 1)
            conn.execute(
                t.premises_versions.insert().values(
                    version=version,
                    at=business_now(conn),
                    premises=counts.premises,
                    unplaced=counts.unplaced,
                    digest=digest,
                )
            )
            journal.append(
                conn,
                kind=JournalKind.PREMISES_CHANGED,
                actor=str(actor),
                data={"premises_version": version},
            )
    return replace(
        loaded,
        added=counts.written - counts.rewritten,
        changed=counts.rewritten,
        closed=counts.closed,
        unchanged=max(0, len(found) - counts.written),
    )


def _digest(found: Premises) -> str:
    """Hash of what a file says, whatever else it is called or how it is sorted out of."""
    digest = hashlib.sha256()
    for column in (found.ids, *found.text.values(), *found.aliases.values()):
        for chunk in column.chunks:
            digest.update("\n".join(decoded(chunk)).encode())
            digest.update(b"\n")
    for numbers in (found.lon, found.lat, found.services):
        digest.update(numbers.tobytes())
    return digest.hexdigest()
