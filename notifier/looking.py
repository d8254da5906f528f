"""Whether senders go on where they left off; if not, somebody looks first (DECISIONS 26).

What a restored backup or a copy has on record was sent long ago, by it or by another, and what
nobody has looked after for long may be true no more. So sending is stopped as senders begin there,
as by `notifier.stopping`, and goes on once somebody lets it.
"""

import contextlib
import hashlib
import logging
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import stopping
from outage import journal, schema
from outage import tables as t
from outage.columns import from_ms, to_ms
from outage.database import Database, wall_now
from outage.settings import SendMode, Settings

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""How often senders note that they are there."""
MARK = "last-entry"
"""The file in the home that remembers how far the journal has been: a restored one goes back."""
COPIED = (
    "this database is a copy, was restored or has moved: see that no other installation sends, "
    "and what waits here (`outage queue`)"
)
BACK = (
    "the journal is shorter than it was, as of a restored backup: what was sent since is not on "
    "record here; see what waits (`outage queue`)"
)
ALONE = "nothing was sent from here for {hours} hours: see that what is on record is still so"
_LATELY = timedelta(seconds=LOOK_S / 2)
_PLACE, _SEEN = "senders_place", "senders_seen"
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def look(db: Database, settings: Settings) -> str:
    """Stop sending if senders do not go on where they left off; return why, empty if they do.

    Each sender asks as it begins, and one of them all the time. Where nothing is really sent
    nothing is noted either.
    """
    if settings.send not in {SendMode.ALLOWLIST, SendMode.LIVE}:
        return ""
    mark = settings.home / MARK
    with db.read() as conn:
        known, place = _known(conn), _place(db, conn)
        if known.place == place and known.alone < _LATELY and not _goes_back(conn, place, mark):
            return ""
    with db.write() as conn:
        place = _place(db, conn)
        why = _why(conn, place, mark, timedelta(hours=settings.hold_after_h))
        if why:
            stopping.hold(conn, why=why)
        for name, value in ((_PLACE, place), (_SEEN, str(to_ms(wall_now(conn))))):
            conn.execute(t.facts.delete().where(t.facts.c.name == name))
            conn.execute(t.facts.insert().values(name=name, value=value))
        reached = f"{place} {journal.last_number(conn)}"
    with contextlib.suppress(OSError):  # without it one thing fewer is noticed
        mark.write_text(f"{reached}\n", encoding="ascii")
    if why:
        log.error("sending is stopped: %s; then `outage sending resume`", why)
    return why


class _Known(NamedTuple):
    """Where senders were before, empty for nowhere, and how long ago."""

    place: str
    alone: timedelta


def _known(conn: Connection) -> _Known:
    f = t.facts.c
    rows = conn.execute(sa.select(f.name, f.value).where(f.name.in_([_PLACE, _SEEN])))
    facts = {row.name: row.value for row in rows}
    if _PLACE not in facts:
        return _Known("", timedelta(0))
    return _Known(facts[_PLACE], wall_now(conn) - from_ms(int(facts[_SEEN])))


def _why(conn: Connection, place: str, mark: Path, gap: timedelta) -> str:
    known = _known(conn)
    if not known.place:
        return ""
    if known.place != place:
        return COPIED
    if _goes_back(conn, place, mark):
        return BACK
    if gap and known.alone > gap:
        return ALONE.format(hours=int(known.alone / timedelta(hours=1)))
    return ""


def _goes_back(conn: Connection, place: str, mark: Path) -> bool:
    """Whether the journal has entries no more that there were in this place."""
    try:
        where, number = mark.read_text(encoding="ascii").split()
        reached = int(number)
    except (OSError, ValueError):
        return False  # another machine has the mark, or nothing was sent yet
    return where == place and journal.last_number(conn) < reached


def _place(db: Database, conn: Connection) -> str:
    """Where a database lives: a copy lives elsewhere, and so does one put back from a backup.

    Of an embedded one its file on this machine; of PostgreSQL the cluster and the database, which a
    standby that takes over shares, so that a failover stops nothing.
    """
    where: list[object] = [schema.epoch(conn)]
    if db.is_sqlite:
        where += [_machine_id(), Path(str(db.engine.url.database)).stat().st_ino]
    else:
        may = sa.text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
        if conn.execute(may).scalar():
            found = sa.text("SELECT system_identifier FROM pg_control_system()")
            where.append(conn.execute(found).scalar())
        database = sa.text("SELECT oid FROM pg_database WHERE datname = current_database()")
        where.append(conn.execute(database).scalar())
    return hashlib.sha256(" ".join(map(str, where)).encode()).hexdigest()[:32]


def _machine_id() -> str:
    for path in _MACHINE_IDS:
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
    return ""  # as in most containers
