"""What accounts are found by: the words of their names, and how streets begin.

Revision: 0008
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERED = sa.String().with_variant(sa.String(collation="C"), "postgresql")
STEP = 20_000
_MARKS, _WORD = re.compile(r"['`\u2019\u02bc\u00b4]"), re.compile(r"[^\W_]+")
_NEXT = sa.text("SELECT key, name FROM accounts WHERE key > :after ORDER BY key LIMIT :step")
_KEEP = sa.text("INSERT INTO account_words (word, account_key) VALUES (:word, :key)")


def upgrade() -> None:
    """Add them, with the words of every name there is."""
    op.create_table(
        "account_words",
        sa.Column("word", ORDERED, nullable=False),
        sa.Column("account_key", KEY, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_key"], ["accounts.key"], name=op.f("fk_account_words_account_key")
        ),
        sa.PrimaryKeyConstraint("word", "account_key", name=op.f("pk_account_words")),
    )
    _fill(op.get_bind())
    op.create_index("ix_account_words_account_key", "account_words", ["account_key", "word"])
    _order_streets("C")


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("account_words")
    _order_streets("default")


def _order_streets(collation: str) -> None:
    """SQLite orders by bytes as it is; on PostgreSQL the index is made anew by this."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("premises", "street", type_=sa.String(collation=collation))


def _fill(conn: sa.Connection) -> None:
    after = -1
    while rows := conn.execute(_NEXT, {"after": after, "step": STEP}).all():
        found = [{"word": word, "key": row.key} for row in rows for word in _words(row.name)]
        if found:
            conn.execute(_KEEP, found)
        after = rows[-1].key


def _words(name: str) -> list[str]:
    """As `outage.names` had it when this was written."""
    plain = unicodedata.normalize("NFKD", _MARKS.sub("", name)).casefold()
    bare = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return list(dict.fromkeys(word[:40] for word in _WORD.findall(bare)))[:12]
