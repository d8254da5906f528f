"""How the providers of a channel are doing: what each carries, and who is left alone until when."""

from sqlalchemy import Column, Integer, String, Table

from outage.columns import Instant
from outage.tables.base import metadata

providers = Table(
    "providers",
    metadata,
    Column("name", String, primary_key=True),
    Column("share", Integer, comment="of a hundred; NULL until it was first moved"),
    Column("share_since", Instant, comment="wall time"),
    Column("share_reason", String),
    Column("rests", Integer, nullable=False, server_default="0", comment="since a good answer"),
    Column("rests_until", Instant, comment="wall time"),
    Column("rests_code", String),
)
