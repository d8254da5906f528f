"""Opening the database that the settings name, with the bell hung on it."""

from pathlib import Path

from outage import schema
from outage.bell import Bell
from outage.database import Database, open_database
from outage.settings import Settings
from workers import broker


def redis_url(settings: Settings) -> str:
    """The Redis in use; the embedded one's socket when none is named, whether it runs or not."""
    return settings.redis_url or broker.url(settings.home)


def bell(settings: Settings) -> Bell:
    """The bell of these settings."""
    return Bell(redis_url(settings))


def open_record(settings: Settings) -> Database:
    """Open the database for one process; its commits ring the bell.

    An embedded database that does not exist is made. One with an older schema is refused:
    only `outage up` and `outage db upgrade` migrate (DECISIONS 37).

    Raises:
        SchemaError: the schema is older than this program.
        DatabaseError: the database cannot be used.
    """
    if not settings.database_url:
        embedded_file(settings).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = open_database(settings.database, pool_size=settings.database_pool)
    try:
        if not settings.database_url and _is_new(db):
            schema.open_embedded(embedded_file(settings)).close()
        schema.check(db)
    except Exception:
        db.close()
        raise
    db.after_append = bell(settings).ring
    return db


def _is_new(db: Database) -> bool:
    """Whether there are no tables yet; somebody else may be making them at this moment."""
    with db.read() as conn:
        return schema.found(conn) is None


def embedded_file(settings: Settings) -> Path:
    """The embedded database's file."""
    return settings.home / "outage.db"
