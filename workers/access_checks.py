"""What `outage doctor` says of the audit log, and of who can sign in."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from outage import audit
from workers.findings import Check, failed, ok

HEAD = 16
"""Digits of the last hash that are shown: enough to be noted, and to be compared."""


def checks(conn: Connection) -> Iterator[Check]:
    """Whether the chain of the audit log holds."""
    found = audit.verify(conn)
    if found.broken is not None:
        yield failed(
            "audit",
            f"entry {found.broken} {found.why}: somebody has been at the database; keep a copy of "
            "it as it is, and compare with a backup (docs/access.md)",
        )
    elif found.entries:
        yield ok("audit", f"{found.entries:,} entries, unbroken up to {found.head[:HEAD]}")
    else:
        yield ok("audit", "no entries yet")
