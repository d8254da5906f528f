"""How the providers of a channel do: what each carries, how fast, who is left alone till when."""

from sqlalchemy import Column, Float, Integer, String, Table

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
    Column("paced_until", Instant, comment="wall time; until then it has work at its set speed"),
    Column("flow", Float, comment="segments a second, or mails, averaged over the last minutes"),
    Column("flow_at", Instant, comment="wall time of that"),
    Column(
        "blocked", Integer, nullable=False, server_default="0", comment="receipts in a row say so"
    ),
    Column("blocked_code", String, comment="of the last of them"),
)
