"""Premises into the database: only what is new, as one new premises version."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from gis.errors import ManyMoved
from gis.matching import Matcher, premises_version
from gis.premises import Premises
from gis.public import prepare
from outage import aliases, journal
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.loading import Loaded, LoadOptions, Progress, guard, judge
from outage.model import Actor, JournalKind

CHUNK = 1_000
"""Rows of one step: what fits into 50 ms on SQLite."""
_FAR_KM = 2.0
_FAR_SHARE, _FAR_LEAST = 0.05, 20
_KM_PER_DEGREE = 111.2

_p = t.premises
_b = t.premises_before


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Premises on record that are not closed."""

    keys: NDArray[np.int64]
    ids: NDArray[np.object_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def load_premises(
    db: Database,
    found: Premises,
    options: LoadOptions,
    *,
    actor: Actor,
    allow_moves: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Load what a file says of premises.

    Rows go in by steps; the premises version that makes them count is written last, with the
    journal entry that has open outages matched again. Killed in between, doing it again
    completes it. A file that says nothing new makes no version and no entry.

    Raises:
        OutageError: too many bad rows, or far fewer premises than on record; nothing is changed.
        ManyMoved: many premises would move far; nothing is changed.
    """
    judge(options, file=found.file, rows=found.rows, bad=len(found.rejected))
    with db.read() as conn:
        version = premises_version(conn) + 1
        known = _known(conn)
        now = business_now(conn)
    listed = len(found) + len(found.mentioned)
    guard(options, file=found.file, what="premises", given=listed, known=len(known.keys))
    if not allow_moves:
        _guard_moves(found, known)
    for at in range(0, len(found), CHUNK):
        rows = _rows(found, version, at)
        with db.bulk() as conn:
            _remember(conn, rows)
            _upsert(conn, rows)
            _name(conn, found, at)
        if progress is not None:
            progress(at + len(rows), len(found))
    gone = [] if options.partial else _gone(found, known)
    for at in range(0, len(gone), CHUNK):
        keys = gone[at : at + CHUNK]
        with db.bulk() as conn:
            _remember_gone(conn, keys, version)
            conn.execute(
                _p.update().where(_p.c.key.in_(keys)).values(closed_at=now, loaded_version=version)
            )
    here = set(known.ids.tolist())
    added = sum(name not in here for name in found.ids.tolist())
    written = _conclude(db, found, version, actor=actor)
    prepare(db, Matcher(db).index())
    return Loaded(
        added=added,
        changed=max(0, written - added),
        closed=len(gone),
        unchanged=len(found) - max(written, added),
    )


def _known(conn: Connection) -> _Known:
    rows = conn.execute(
        sa.select(_p.c.key, _p.c.id, _p.c.longitude, _p.c.latitude).where(_p.c.closed_at.is_(None))
    ).all()
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return _Known(
        keys=np.array(columns[0], dtype=np.int64),
        ids=np.array(columns[1], dtype=object),
        lon=np.array(columns[2], dtype=np.float64),
        lat=np.array(columns[3], dtype=np.float64),
    )


def _guard_moves(found: Premises, known: _Known) -> None:
    place = dict(zip(found.ids.tolist(), range(len(found)), strict=True))
    at = np.array([place.get(name, -1) for name in known.ids.tolist()], dtype=np.int64)
    both = at >= 0
    lon, lat = found.lon[at[both]], found.lat[at[both]]
    north = lat - known.lat[both]
    east = (lon - known.lon[both]) * np.cos(np.radians(known.lat[both]))
    with np.errstate(invalid="ignore"):
        moved = int((np.hypot(north, east) * _KM_PER_DEGREE > _FAR_KM).sum())
    if moved > max(_FAR_LEAST, _FAR_SHARE * int(both.sum())):
        raise ManyMoved(
            file=found.file, moved=f"{moved:,}", known=f"{int(both.sum()):,}", limit_km=_FAR_KM
        )


def _gone(found: Premises, known: _Known) -> list[int]:
    listed = found.mentioned | set(found.ids.tolist())
    return [
        key
        for key, name in zip(known.keys.tolist(), known.ids.tolist(), strict=True)
        if name not in listed
    ]


def _rows(found: Premises, version: int, at: int) -> list[dict[str, Any]]:
    part = slice(at, at + CHUNK)
    columns: dict[str, list[Any]] = {
        "id": found.ids[part].tolist(),
        "longitude": _or_none(found.lon[part]),
        "latitude": _or_none(found.lat[part]),
        "services": found.services[part].tolist(),
        **{name: column[part].tolist() for name, column in found.text.items()},
    }
    for name in found.text:
        if _p.c[name].nullable:
            columns[name] = [text or None for text in columns[name]]
    names = (*columns, "loaded_version")
    return [
        dict(zip(names, (*values, version), strict=True))
        for values in zip(*columns.values(), strict=True)
    ]


def _or_none(degrees: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in degrees.tolist()]  # noqa: PLR0124 - NaN


def _remember(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what the rows are about to change, for indexes built before the version counts."""
    says = [name for name in rows[0] if name not in {"id", "loaded_version"}]
    new = {name: sa.bindparam(f"new_{name}", type_=_p.c[name].type) for name in rows[0]}
    differs = sa.or_(*(_p.c[name].is_distinct_from(new[name]) for name in says))
    statement = _keep(
        conn,
        new["loaded_version"],
        sa.and_(_p.c.id == new["id"], _p.c.closed_at.is_(None), differs),
    )
    conn.execute(statement, [{f"new_{name}": value for name, value in row.items()} for row in rows])


def _remember_gone(conn: Connection, keys: Sequence[int], version: int) -> None:
    conn.execute(_keep(conn, sa.literal(version), _p.c.key.in_(keys)))


def _keep(conn: Connection, version: sa.ColumnElement[int], which: sa.ColumnElement[bool]) -> Any:  # noqa: ANN401 - the dialects' own statements have no common type
    """Say what keeps premises as they were before a version; what it has kept already stays."""
    insert: Any = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgresql
    statement = insert(_b).from_select(
        ["premise_key", "version", "longitude", "latitude", "services"],
        sa.select(_p.c.key, version, _p.c.longitude, _p.c.latitude, _p.c.services).where(
            which, _p.c.loaded_version < version
        ),
    )
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["premise_key"],
        set_={name: new[name] for name in ("version", "longitude", "latitude", "services")},
        where=_b.c.version < new.version,
    )


def _upsert(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows that are new or say something new; the others stay as they are."""
    insert: Any = insert_sqlite if conn.dialect.name == "sqlite" else insert_postgresql
    statement = insert(_p)
    says = [name for name in rows[0] if name not in {"id", "loaded_version"}]
    new = statement.excluded
    differs = sa.or_(
        _p.c.closed_at.is_not(None), *(_p.c[name].is_distinct_from(new[name]) for name in says)
    )
    statement = statement.on_conflict_do_update(
        index_elements=["id"],
        set_={name: new[name] for name in (*says, "loaded_version")} | {"closed_at": None},
        where=differs,
    )
    conn.execute(statement, list(rows))


def _name(conn: Connection, found: Premises, at: int) -> None:
    """Keep other systems' ids of some premises."""
    if not found.aliases:
        return
    part = slice(at, at + CHUNK)
    ids = found.ids[part].tolist()
    rows = conn.execute(sa.select(_p.c.id, _p.c.key).where(_p.c.id.in_(ids))).all()
    keys = {row.id: row.key for row in rows}
    for kind, column in found.aliases.items():
        values = column[part].tolist()
        pairs = [(keys[name], value) for name, value in zip(ids, values, strict=True)]
        aliases.keep(conn, "premise", kind, pairs)


def _conclude(db: Database, found: Premises, version: int, *, actor: Actor) -> int:
    """Make the version, if anything changed; return how many premises it wrote.

    What a killed load wrote or closed before this one counts as well.
    """
    ours, here = _p.c.loaded_version == version, _p.c.closed_at.is_(None)

    def how_many(which: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.case((which, 1)))

    with db.read() as conn:
        counts = conn.execute(
            sa.select(
                how_many(ours).label("changed"),
                how_many(sa.and_(ours, here)).label("written"),
                how_many(here).label("premises"),
                how_many(sa.and_(here, _p.c.longitude.is_(None))).label("unplaced"),
            )
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
    return int(counts.written)


def _digest(found: Premises) -> str:
    """Hash of what a file says, whatever else it is called or how it is sorted out of."""
    digest = hashlib.sha256()
    for column in (found.ids, *found.text.values(), *found.aliases.values()):
        digest.update("\n".join(column.tolist()).encode())
    for numbers in (found.lon, found.lat, found.services):
        digest.update(numbers.tobytes())
    return digest.hexdigest()
