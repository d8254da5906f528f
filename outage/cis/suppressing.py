"""Suppressions into the database: an opt-out is recorded where there is none, and never lifted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.cis import edition
from outage.cis.suppressions import Suppression, Suppressions
from outage.clock import business_now
from outage.database import Database
from outage.loading import LoadOptions, Progress, judge, one_at_a_time
from outage.opt_outs import to_stop

CHUNK = 1_500
"""Rows of one step: what fits into 50 ms on SQLite."""
SOURCE = "import"
_E = t.endpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """What a load came to.

    Of the endpoints ``opted_out`` now, ``created`` were not on record: whoever turns up with one
    later is found opted out. ``came_back`` have texted START here since, and are left alone.
    """

    opted_out: int
    created: int
    unchanged: int
    came_back: int


def load_suppressions(
    db: Database,
    found: Suppressions,
    options: LoadOptions,
    *,
    language: str,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Suppressed:
    """Record the opt-outs of a file, by steps; doing it once more changes nothing.

    Raises:
        OutageError: too many bad rows, or another load is running; nothing is changed then.
    """
    judge(options, file=found.file, rows=found.rows, bad=len(found.rejected))
    with one_at_a_time(db, file=found.file, what="suppressions"):
        with db.read() as conn:
            now = business_now(conn)
            rows = conn.execute(
                sa.select(_E.c.kind, _E.c.address, _E.c.key, to_stop().label("to_stop"))
            )
            known = {(row.kind, row.address): row for row in rows}
            back = _came_back(conn)
        to_do: list[Suppression] = []
        unchanged = came_back = created = 0
        for one in found.found:
            row = known.get((one.kind, one.address))
            if row is None:
                created += 1
                to_do.append(one)
            elif not row.to_stop:
                unchanged += 1
            elif row.key in back and (one.at is None or back[row.key] > one.at):
                came_back += 1
            else:
                to_do.append(one)
        if not dry_run:
            _record(db, to_do, language, now, progress)
    return Suppressed(
        opted_out=len(to_do), created=created, unchanged=unchanged, came_back=came_back
    )


def _came_back(conn: Connection) -> dict[int, datetime]:
    """Who has texted START, and when last: their own word, newer than any list without dates."""
    r = t.replies.c
    rows = conn.execute(
        sa.select(r.endpoint_key, sa.func.max(r.received_at, type_=r.received_at.type).label("at"))
        .where(r.intent == "start", r.endpoint_key.is_not(None))
        .group_by(r.endpoint_key)
    )
    return {row.endpoint_key: row.at for row in rows}


def _record(
    db: Database,
    to_do: list[Suppression],
    language: str,
    now: datetime,
    progress: Progress | None,
) -> None:
    for start in range(0, len(to_do), CHUNK):
        some: list[dict[str, Any]] = [
            {
                "kind": one.kind,
                "address": one.address,
                "language": language,
                "opted_out_at": one.at or now,
                "opt_out_source": f"{SOURCE}:{one.reason}" if one.reason else SOURCE,
            }
            for one in to_do[start : start + CHUNK]
        ]
        with db.bulk() as conn:
            dialect = sqlite if db.is_sqlite else postgresql
            row = dialect.insert(_E)
            conn.execute(
                row.on_conflict_do_update(
                    index_elements=[_E.c.kind, _E.c.address],
                    set_={name: row.excluded[name] for name in ("opted_out_at", "opt_out_source")},
                    where=to_stop(),
                ),
                some,
            )
            # Copies look for opt-outs by their time, and these may be years old.
            edition.changed(conn)
        if progress is not None:
            progress(start + len(some), len(to_do))
