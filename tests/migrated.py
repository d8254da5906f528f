"""SQLite files with the whole schema: made once in a process and copied, for Alembic is slow."""

from functools import cache
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from outage import schema
from outage.database import Database, open_database


@cache
def _whole() -> bytes:
    """What `schema.upgrade` makes of a file that was not there."""
    with TemporaryDirectory(prefix="outage-schema-") as folder:
        path = Path(folder) / "outage.db"
        db = open_database(f"sqlite:///{path}")
        schema.upgrade(db)
        db.close()
        return path.read_bytes()


def migrated(path: Path) -> Database:
    """Open a new SQLite database with the whole schema, in a life (epoch) of its own."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.write_bytes(_whole())
    db = open_database(f"sqlite:///{path}")
    with db.write() as conn:
        schema.renew_epoch(conn, token_hex(4))
    return db
