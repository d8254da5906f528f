"""The migrations make what the code believes there is, on both databases (DECISIONS 37)."""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from outage import schema
from outage.database import Database
from outage.tables import metadata


def made(conn: sa.Connection) -> dict[str, Any]:
    """Everything that the database says of our tables."""
    look = sa.inspect(conn)
    return {
        name: {
            "columns": [repr(column) for column in look.get_columns(name)],
            "key": look.get_pk_constraint(name),
            "indexes": sorted(map(in_text, look.get_indexes(name))),
            "unique": sorted(map(repr, look.get_unique_constraints(name))),
            "foreign": sorted(map(repr, look.get_foreign_keys(name))),
        }
        for name in sorted(look.get_table_names())
        if name != "alembic_version"
    }


def in_text(index: Any) -> str:  # noqa: ANN401 what a driver reflects
    where = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return repr(sorted((index | {"dialect_options": where}).items()))


def migrate(conn: sa.Connection, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    config.attributes["connection"] = conn
    if down:
        command.downgrade(config, "base")
    else:
        command.upgrade(config, "head")


def test_revisions_are_those_that_alembic_knows(database: Database) -> None:
    script = ScriptDirectory(str(schema.MIGRATIONS))
    assert schema.needed() == script.get_current_head()
    assert not any(schema.is_newer(each.revision) for each in script.walk_revisions())
    assert schema.is_newer("0999")
    with database.read() as conn:
        assert schema.found(conn) == MigrationContext.configure(conn).get_current_revision()


def test_a_revision_that_is_out_has_not_changed() -> None:
    """Add to it with every release: a database out there has been through these very lines."""
    out = {
        "0001_first_tables.py": "f154bf12d8de6f22049182d8ab5b65e471606416816bb6d36ca74fcd892aab3d"
    }
    versions = schema.MIGRATIONS / "versions"
    assert {name: hashlib.sha256((versions / name).read_bytes()).hexdigest() for name in out} == out


def test_a_migrated_database_lacks_nothing_and_has_nothing_else(database: Database) -> None:
    with database.engine.connect() as conn:
        # Defaults are compared below: Alembic takes '' on SQLite for a change.
        options = {"compare_type": True, "include_object": is_here}
        context = MigrationContext.configure(conn, dialect=conn.dialect, opts=options)
        assert compare_metadata(context, metadata) == []


def is_here(_thing: object, name: str | None, _kind: str, reflected: bool, _other: object) -> bool:
    """What messages refer to is checked on SQLite alone, which Alembic does not see of the tables.

    A constraint that is in the database is compared.
    """
    return reflected or not (name or "").startswith("fk_messages_")


def test_the_first_tables_are_the_same_made_by_hand_and_by_migration(database: Database) -> None:
    with database.write() as conn:
        migrated = made(conn)
        migrate(conn, down=True)
        assert made(conn) == {}
        metadata.create_all(conn)
        assert made(conn) == migrated
        assert set(migrated) == set(metadata.tables)


def test_what_was_taken_down_is_made_again(database: Database) -> None:
    with database.write() as conn:
        migrate(conn, down=True)
        migrate(conn)
        assert set(made(conn)) == set(metadata.tables)
