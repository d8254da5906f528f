"""Premises: where service is delivered, and other systems' ids for them."""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, text

from outage.columns import Instant, Key, Ordered
from outage.tables.base import metadata

premises = Table(
    "premises",
    metadata,
    Column("key", Key, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("address", String, nullable=False, server_default=""),
    Column("city", String, nullable=False, server_default=""),
    Column("region", String, nullable=False, server_default=""),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("services", Integer, nullable=False, comment="bits: electric 1, water 2, gas 4"),
    Column("circuit", String),
    Column("transformer", String),
    Column("county", String),
    Column("postal_code", String),
    Column("zone", String),
    Column("neighbourhood", String),
    Column("time_zone", String, comment="IANA name where it differs from the site's"),
    Column("loaded_version", Integer, nullable=False, comment="version that last wrote it"),
    Column("closed_at", Instant),
    Column("street", Ordered, comment="of the address, as gis.streets writes it"),
    Column("house_number", Integer),
    Column("path", Ordered, comment="devices that feed it, in order: SUB1/F12/L3"),
    Index("ix_premises_circuit", "circuit"),
    Index("ix_premises_transformer", "transformer"),
    Index("ix_premises_street", "street", "house_number"),
    Index("ix_premises_path", "path"),
    Index("ix_premises_city", "city"),
    # Of the other kinds of areas, and of zones, many utilities name but some.
    *(
        Index(
            f"ix_premises_{area}",
            area,
            sqlite_where=text(f"{area} IS NOT NULL"),
            postgresql_where=text(f"{area} IS NOT NULL"),
        )
        for area in ("county", "postal_code", "zone", "neighbourhood", "time_zone")
    ),
    Index("ix_premises_house_number", "house_number", "postal_code"),
)

premises_before = Table(
    "premises_before",
    metadata,
    # What a load is about to change: until its version counts, indexes are built from this.
    Column("premise_key", Key, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False, comment="of the load that changed it"),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("services", Integer, nullable=False),
)

premises_versions = Table(
    "premises_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("premises", Integer, nullable=False, comment="open premises in this version"),
    Column("unplaced", Integer, nullable=False),
    Column("digest", String, nullable=False, comment="hash of what was loaded"),
)

premise_cells = Table(
    "premise_cells",
    metadata,
    # Kept for as long as an outage is drawn from them, the same for every host.
    Column("version", Integer, primary_key=True, autoincrement=False, comment="of the premises"),
    Column("service", String, primary_key=True),
    Column("least", Integer, primary_key=True, autoincrement=False, comment="premises a cell has"),
    Column("cells", LargeBinary, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("entity", String, primary_key=True, comment="premise or account"),
    Column("kind", String, primary_key=True, comment="meter, location, map, …"),
    Column("value", String, primary_key=True),
    Column("key", Key, nullable=False),
    Index("ix_aliases_entity_key", "entity", "key"),
    Index("ix_aliases_entity_value", "entity", "value"),
)
