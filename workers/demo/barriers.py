"""When a barrier may fall: nobody has work, nothing due is unsent, everything is published."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import batches
from outage import deadlines, journal
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from workers.errors import NotDrainedError

READERS = ("gis", "notifier", "cis")
PATIENCE_S = 120.0
LOOK_S = 0.05


def next_timer(conn: Connection) -> datetime | None:
    """Return when the next held message or timer is due, in business time."""
    held = batches.next_due(conn, business_now(conn))
    passing = deadlines.next_due(conn)
    return min((at for at in (held, passing) if at is not None), default=None)


def left(conn: Connection) -> list[str]:
    """Say what is still to be done before business time may move on; empty when nothing is."""
    now = business_now(conn)
    found = left_to_tell(conn)
    passing = deadlines.next_due(conn)
    if passing is not None and passing <= now:
        found.append("a time that has come")
    if journal.cursor(conn, "publisher") < journal.last_number(conn):
        found.append("publisher")
    return found


def left_to_tell(conn: Connection) -> list[str]:
    """Say which readers have work, and how many messages are on their way or unknown."""
    found = [reader for reader in READERS if not journal.is_idle(conn, reader)]
    unsent = batches.left(conn)
    return [*found, f"{unsent} messages due"] if unsent else found


def unpublished(conn: Connection, published: Path) -> list[str]:
    """Say whether the pointer names the newest generation yet."""
    newest = conn.execute(
        sa.select(sa.func.max(t.generations.c.number)).where(
            t.generations.c.published_at.is_not(None)
        )
    ).scalar()
    try:
        pointer = json.loads((published / "status.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ["pointer"]
    return [] if str(pointer["id"]).endswith(f"-{newest}") else ["pointer"]


def calls_pending(carrier_url: str) -> list[str]:
    """Say whether the simulator still has callbacks to make."""
    try:
        counts = carrier_counts(carrier_url)
    except OSError:
        return ["carrier"]
    if counts["idle"]:
        return []
    return [f"{counts['moving']} messages and {counts['callbacks_pending']} callbacks"]


def carrier_counts(carrier_url: str) -> dict[str, int]:
    """Return what the simulator counts."""
    with urlopen(f"{carrier_url}/json/counts", timeout=10) as answer:  # noqa: S310 - loopback
        counts: dict[str, int] = json.load(answer)
    return counts


def hurry(carrier_url: str) -> None:
    """Let the simulator report each state almost at once, until it is started again."""
    body = json.dumps({"callback_delay_ms": 10}).encode()
    kind = {"Content-Type": "application/json"}
    request = Request(f"{carrier_url}/control", body, kind)  # noqa: S310 - loopback
    with urlopen(request, timeout=10):  # noqa: S310 - loopback
        pass


def wait_until_drained(
    db: Database,
    published: Path,
    carrier_url: str,
    *,
    patience_s: float = PATIENCE_S,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Wait until a barrier may fall. Raises `NotDrainedError` with what is left."""
    deadline = time.monotonic() + patience_s
    while True:
        with db.read() as conn:
            found = left(conn) or unpublished(conn, published)
        found = found or calls_pending(carrier_url)
        if not found:
            return
        if time.monotonic() > deadline:
            raise NotDrainedError(", ".join(found), patience_s)
        meanwhile()
        time.sleep(LOOK_S)
