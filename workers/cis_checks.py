"""What `outage doctor` says of the utility's own CIS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.engine import Connection

from outage.cis import letters
from outage.database import wall_now
from outage.settings import Settings
from workers.findings import Check, failed, note, ok

SILENT_AFTER = timedelta(hours=1)
SHOWN = 3
"""Reasons that are named."""


def checks(conn: Connection, settings: Settings) -> Iterator[Check]:
    """Whether the CIS takes what it is told; silent where there is none."""
    if not settings.cis_url:
        return
    now, stands = wall_now(conn), letters.standing(conn)
    if stands.refused:
        codes = sorted(stands.codes.items(), key=lambda one: -one[1])[:SHOWN]
        named = ", ".join(f"{count:,} for {code}" for code, count in codes)
        yield failed(
            "cis",
            f"{stands.refused:,} records were refused ({named}); `outage cis list` names them, "
            "`outage cis resend --refused` sends them again",
        )
    said = f"{stands.waiting:,} records wait, {stands.accepted:,} are with the CIS"
    last = stands.accepted_at
    since = "yet" if last is None else f"since {last.isoformat(timespec='seconds')}"
    silent = last is None or now - last > SILENT_AFTER
    if stands.oldest is not None and now - stands.oldest > SILENT_AFTER and silent:
        answer = f"; its last answer was {stands.code}" if stands.code else ""
        yield failed("cis", f"{said}, which has taken nothing {since}{answer} (docs/cis.md)")
    elif stands.code:
        yield note("cis", f"{said}; its last answer was {stands.code}, and it is asked again")
    else:
        yield ok("cis", said)
