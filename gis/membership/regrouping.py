"""Members that go on under another outage: what gis does of a merge or a split (DECISIONS 11).

No step says that its premises came: another outage may claim one of them and not hold it.
"""

from __future__ import annotations

import numpy as np
from sqlalchemy.engine import Connection

from gis.membership import interruptions, members
from gis.membership.strides import Strides
from gis.membership.syncing import sync
from gis.membership.task import Task, inside
from gis.public import draw_alike
from gis.selection import Keys
from outage.database import Database


def merge(db: Database, gone: Task, heir: Task, strides: Strides) -> None:
    """Let the live members of one be live members of the other, in the same steps.

    Who is restored under the one stays so: the other has the ground now, and not them.
    """
    with db.read() as conn:
        live, kept = _live_and_kept(conn, gone)
        held = members.current(conn, heir.outage.key, live=True)
        here = members.current(conn, heir.outage.key, live=False)
        spared = members.spared(conn, heir.outage.key)

    def let_go(conn: Connection, outcome: str) -> None:
        members.go(conn, gone.outage.key, gone.number, gone.at, outcome)

    def hand_over(conn: Connection, why: str) -> None:
        let_go(conn, why)
        members.come_again(conn, heir.outage.key, heir.number, heir.at, why)

    def spare(conn: Connection, _why: str) -> None:
        members.spare(conn, heir.outage.key)

    for keys, do in (
        (np.setdiff1d(live, held), hand_over),
        (np.intersect1d(live, held), let_go),
        (np.setdiff1d(kept, np.union1d(here, spared)), spare),
    ):
        strides.run(db, heir, [(keys, "merged")], do, heir.over)
    sync(db, heir, strides)


def split(db: Database, left: Task, part: Task, strides: Strides) -> None:
    """Let the live members inside the part's place be those of the new outage."""
    with db.read() as conn:
        place = inside(conn, left, left.item.entry.data["place"])
        live, kept = _live_and_kept(conn, left)
        spared = members.spared(conn, part.outage.key)
    with db.write() as conn:
        draw_alike(conn, left.outage.key, part.outage.key, left.index.version)

    def hand_over(conn: Connection, why: str) -> None:
        members.go(conn, left.outage.key, left.number, left.at, why)
        members.come(conn, part.outage.key, part.number, part.at, why)
        interruptions.pass_on(conn, left.outage.key, part.outage.key)

    def spare(conn: Connection, _why: str) -> None:
        members.spare(conn, part.outage.key)

    for keys, do in ((live, hand_over), (np.setdiff1d(kept, spared), spare)):
        strides.run(db, left, [(np.intersect1d(keys, place), "split")], do, part.over)
    sync(db, left, strides)
    sync(db, part, strides)


def _live_and_kept(conn: Connection, task: Task) -> tuple[Keys, Keys]:
    """The live members, and who inside the place stays restored: by this outage or before it."""
    key = task.outage.key
    live = members.current(conn, key, live=True)
    restored = np.setdiff1d(members.current(conn, key, live=False), live)
    return live, np.union1d(restored, members.spared(conn, key))
