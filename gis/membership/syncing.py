"""Let the premises inside an outage's shape be its members."""

from __future__ import annotations

import numpy as np
from sqlalchemy.engine import Connection

from gis.membership import members
from gis.membership.strides import Moved, Strides
from gis.membership.task import Task, inside, regroups_later
from gis.selection import Keys, difference
from outage.database import Database


def sync(db: Database, task: Task, strides: Strides) -> None:
    """Let the premises inside the shape be the members; who is restored stays so."""
    outage, index = task.outage, task.index
    if not outage.is_open or outage.shape_digest is None:
        return
    moved = task.matched_digest is not None and task.matched_version != index.version
    with db.read() as conn:
        if regroups_later(conn, task):
            return
        target = inside(conn, task, outage.shape_digest)
        # Differences are taken within one premises version: what only the base data moved
        # is told apart from what the shape moved.
        before = inside(conn, task, task.matched_digest) if moved else None
        live = members.current(conn, outage.key, live=True)
        known = np.union1d(
            members.current(conn, outage.key, live=False), members.spared(conn, outage.key)
        )
    came = _because(difference(known, target)[0], before, "shape", "premises", comes=True)
    went = _because(difference(live, target)[1], before, "voided", "moved", comes=False)

    def go(conn: Connection, outcome: str) -> None:
        members.go(conn, outage.key, task.number, task.at, outcome)

    def come(conn: Connection, why: str) -> None:
        members.come(conn, outage.key, task.number, task.at, why)

    strides.run(db, task, went, go, task.fell_out)
    strides.run(db, task, came, come, task.fell_out, came=outage.key)


def _because(keys: Keys, before: Keys | None, shape: str, data: str, *, comes: bool) -> Moved:
    """Say of the keys whether the shape or the base data moved them.

    ``before`` is who the old shape holds in today's premises version: who ``comes`` in and is in
    there, or falls out and is not, was moved by the data.
    """
    if before is None:
        return [(keys, shape)]
    by_data = np.isin(keys, before) == comes
    return [(keys[~by_data], shape), (keys[by_data], data)]
