"""Alembic's migrations of the schema, run by `outage.schema`."""
