"""The audit log, staff and their sessions.

Revision: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()

_REFUSE = "the audit log is append-only"
_POSTGRESQL = f"""
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '{_REFUSE}'; END $$
"""


def upgrade() -> None:
    """Add what the release before does not look at."""
    _audit()
    _staff()
    _signing_in()


def downgrade() -> None:
    """Take it away again; the triggers of the audit log go with it."""
    for table in ("sign_in_tries", "known_browsers", "sessions", "recovery_codes", "staff_links"):
        op.drop_table(table)
    op.drop_table("staff")
    op.drop_table("audit")
    op.drop_table("audit_actors")
    op.execute("DELETE FROM counters WHERE name = 'audit'")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")


def _audit() -> None:
    op.create_table(
        "audit_actors",
        _key(),
        sa.Column("kind", sa.String(), nullable=False, comment="staff, cli, or a token's role"),
        sa.Column("name", sa.String(), nullable=False),
        _primary("audit_actors"),
    )
    op.create_index("uq_audit_actors_name", "audit_actors", ["kind", "name"], unique=True)
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False, comment="wall time"),
        sa.Column("actor_key", KEY, nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False, comment="staff:3, token:7, O-7K3M9, …"),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON: keys, codes, numbers only"),
        sa.Column(
            "hash",
            sa.String(),
            nullable=False,
            comment="SHA-256 of this entry and the hash before",
        ),
        _refers("audit", "actor_key", "audit_actors.key"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_actor_key", "audit", ["actor_key", "number"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRESQL)
        op.execute(
            "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "EXECUTE FUNCTION audit_refuse()"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{what.lower()} BEFORE {what} ON audit "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSE}'); END"
        )


def _staff() -> None:
    op.create_table(
        "staff",
        _key(),
        sa.Column("name", sa.String(), nullable=False, comment="to sign in with"),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column(
            "sealed",
            sa.Boolean(),
            nullable=False,
            comment="for when the identity provider is away",
        ),
        sa.Column("password_hash", sa.String(), comment="argon2id; NULL until the link was used"),
        sa.Column("subject", sa.String(), comment="who they are to the identity provider"),
        sa.Column("totp_secret", sa.String()),
        sa.Column("totp_step", sa.BigInteger(), comment="the last code's 30 seconds"),
        sa.Column("made_at", INSTANT, nullable=False, comment="wall time, as all here"),
        sa.Column("disabled_at", INSTANT),
        _primary("staff"),
    )
    op.create_index("uq_staff_name", "staff", ["name"], unique=True)
    op.create_index("uq_staff_subject", "staff", ["subject"], unique=True)
    op.create_table(
        "staff_links",
        _key(),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the link's token"),
        sa.Column("staff_key", KEY, nullable=False),
        sa.Column("totp_secret", sa.String(), nullable=False, comment="what its page offers"),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT, comment="also of those that a newer one has replaced"),
        _refers("staff_links", "staff_key", "staff.key"),
        _primary("staff_links"),
    )
    op.create_index("uq_staff_links_hash", "staff_links", ["hash"], unique=True)
    op.create_index("ix_staff_links_staff_key", "staff_links", ["staff_key"])
    op.create_table(
        "recovery_codes",
        _key(),
        sa.Column("staff_key", KEY, nullable=False),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of 80 random bits"),
        sa.Column("used_at", INSTANT),
        _refers("recovery_codes", "staff_key", "staff.key"),
        _primary("recovery_codes"),
    )
    op.create_index("ix_recovery_codes_staff_key", "recovery_codes", ["staff_key"])


def _signing_in() -> None:
    op.create_table(
        "sessions",
        _key(),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the cookie"),
        sa.Column("staff_key", KEY, nullable=False),
        sa.Column("browser", sa.String(), nullable=False, comment="what it calls itself"),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("fresh_at", INSTANT, nullable=False, comment="password and code last given"),
        sa.Column("until", INSTANT, nullable=False, comment="at most"),
        sa.Column("ended_at", INSTANT),
        _refers("sessions", "staff_key", "staff.key"),
        _primary("sessions"),
    )
    op.create_index("uq_sessions_hash", "sessions", ["hash"], unique=True)
    op.create_index("ix_sessions_staff_key", "sessions", ["staff_key"])
    op.create_index("ix_sessions_until", "sessions", ["until"])
    op.create_table(
        "known_browsers",
        _key(),
        sa.Column("hash", sa.String(), nullable=False, comment="SHA-256 of the cookie"),
        sa.Column("staff_key", KEY, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        _refers("known_browsers", "staff_key", "staff.key"),
        _primary("known_browsers"),
    )
    op.create_index("uq_known_browsers_hash", "known_browsers", ["hash", "staff_key"], unique=True)
    op.create_index("ix_known_browsers_staff_key", "known_browsers", ["staff_key"])
    op.create_table(
        "sign_in_tries",
        _key(),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("name_hash", sa.String(), nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("known_key", KEY, comment="of the known browser"),
        _primary("sign_in_tries"),
    )
    op.create_index("ix_sign_in_tries_at", "sign_in_tries", ["at"])
    op.create_index("ix_sign_in_tries_name_hash", "sign_in_tries", ["name_hash", "at"])
    op.create_index("ix_sign_in_tries_address_hash", "sign_in_tries", ["address_hash", "at"])


def _key() -> sa.Column[int]:
    return sa.Column("key", KEY, nullable=False)


def _primary(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("key", name=op.f(f"pk_{table}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"))
