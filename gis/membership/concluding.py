"""The end of a work item: counts, outline and number become current, and `matched` says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from gis.membership import members
from gis.membership.task import Task, regroups_later
from gis.public import Outlines
from outage import areas, desk, journal, register
from outage import tables as t
from outage.database import Database
from outage.model import JournalKind, OutageKey


def conclude(db: Database, outlines: Outlines, lying: areas.Lying, *tasks: Task) -> None:
    """Make the numbers current, store counts and areas, and say so: one transaction.

    The first task is the item's own; those of the others it leads follow.
    """
    item = tasks[0].item
    step = item.entry.data.get("restoration") if item.entry.kind == JournalKind.RESTORING else None
    with db.read() as conn:
        found = [members.count(conn, task.outage.key, task.number) for task in tasks]
        ended = members.ended_by(conn, item.outage_key, step) if step is not None else ()
        there = [
            _areas(conn, lying, task, counts) for task, counts in zip(tasks, found, strict=True)
        ]
    drawn = [
        outlines.draw(db, task.outage, task.index, counts.live)
        for task, counts in zip(tasks, found, strict=True)
    ]
    # A short command of its own and no bulk step: what readers act on is on the disk.
    with db.write() as conn:
        # All are locked before anything is appended, in order: two such never wait for each other.
        keys = sorted(task.outage.key for task in tasks)
        outages = {key: register.load_key(conn, key, lock=True) for key in keys}
        if step is not None:
            outages[item.outage_key] = desk.conclude(
                conn,
                step,
                out=len(found[0].live),
                premises=len(ended),
                more=outages[item.outage_key].shape_digest != tasks[0].matched_digest,
            )
        news = [
            _store(conn, task, counts, look, interrupts=outages[task.outage.key].interrupts)
            for task, counts, look in zip(tasks, found, drawn, strict=True)
        ]
        for task, lies in zip(tasks, there, strict=True):
            areas.record(conn, task.outage.key, lies)
        journal.finish(conn, item)
        for task, counts, new in zip(tasks, found, news, strict=True):
            if new:
                _say(conn, task, counts, outages[task.outage.key].version)


def _areas(
    conn: Connection, lying: areas.Lying, task: Task, found: members.Counts
) -> tuple[areas.AreaName, ...]:
    """Where an outage lies: everywhere, and in the areas that its members lie in."""
    if not found.members:
        return ()
    lying.forget()
    return (areas.EVERYWHERE, *lying.of(conn, task.outage.key, task.outage.service))


def _store(
    conn: Connection,
    task: Task,
    found: members.Counts,
    drawn: Mapping[str, Any],
    *,
    interrupts: bool,
) -> bool:
    """Write what the work found to the outage's row. Return whether there is anything to say."""
    key, entry = task.outage.key, task.item.entry
    out = len(found.live) if interrupts else 0
    values: dict[str, Any] = {
        "membership": task.number,
        "members": found.members,
        "premises_out": out,
        "accounts_out": found.accounts if out else 0,
        "premises_restored": found.restored,
        **drawn,
    }
    synced = task.outage.is_open and entry.kind != JournalKind.RESTORING
    if synced and not regroups_later(conn, task):
        values |= {
            "matched_shape_digest": task.outage.shape_digest,
            "matched_premises_version": task.index.version,
        }
    news = entry.kind != JournalKind.PREMISES_CHANGED or _differs(conn, key, values, found)
    if not news:
        del values["membership"]
    conn.execute(t.outages.update().where(t.outages.c.key == key).values(**values))
    return news


def _say(conn: Connection, task: Task, found: members.Counts, version: int) -> None:
    entry, key = task.item.entry, task.outage.key
    number = journal.append(
        conn,
        kind=JournalKind.MATCHED,
        actor="gis",
        outage_key=key,
        outage_version=version,
        data={
            "of": entry.number,
            "kind": entry.kind,
            "membership": task.number,
            "premises_version": task.index.version,
            "restoration": entry.data.get("restoration")
            if entry.kind == JournalKind.RESTORING
            else None,
            "added": found.added,
            "removed": found.removed,
            "told_added": found.told_added,
            "told_removed": found.told_removed,
        },
    )
    conn.execute(t.outages.update().where(t.outages.c.key == key).values(matched_number=number))


def _differs(
    conn: Connection, key: OutageKey, values: Mapping[str, Any], found: members.Counts
) -> bool:
    """Whether a load of base data changed anything of an outage that is shown or on record.

    A nightly load looks at every open outage; a `matched` for each that stays as it is would
    give every reader work and every account a record of nothing.
    """
    row = conn.execute(t.outages.select().where(t.outages.c.key == key)).mappings().one()
    kept = {"membership", "matched_premises_version"}
    return (
        row["matched_number"] is None
        or found.added + found.removed > 0
        or any(row[name] != value for name, value in values.items() if name not in kept)
    )
