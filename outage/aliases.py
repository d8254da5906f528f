"""Whose id is this: accounts and premises by their own id or any other system's (DECISIONS 17)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.errors import UnknownAccountError
from outage.many import Many, written_out
from outage.model import AccountKey, PremiseKey


def account(conn: Connection, name: str) -> AccountKey:
    """Return the account with this id or alias. Raises `UnknownAccountError`."""
    key = find_account(conn, name)
    if key is None:
        raise UnknownAccountError(id=name)
    return key


def find_account(conn: Connection, name: str) -> AccountKey | None:
    """Return the account with this id or alias, or None."""
    found = _find(conn, t.accounts, "account", name.strip())
    return None if found is None else AccountKey(found)


def find_premise(conn: Connection, name: str) -> PremiseKey | None:
    """Return the premise with this id or alias (meter, location, map number), or None."""
    found = _find(conn, t.premises, "premise", name.strip())
    return None if found is None else PremiseKey(found)


def keep(conn: Connection, entity: str, kind: str, pairs: Sequence[tuple[int, str]]) -> None:
    """Keep an id of one kind for each (key, value), in place of what the key had of that kind.

    An empty value leaves it none.
    """
    wanted = dict(pairs)
    of_kind = sa.and_(t.aliases.c.entity == entity, t.aliases.c.kind == kind)
    had = conn.execute(
        sa.select(t.aliases.c.key, t.aliases.c.value).where(of_kind, t.aliases.c.key.in_(wanted))
    ).all()
    old = [row.value for row in had if row.value != wanted[row.key]]
    if old:
        conn.execute(t.aliases.delete().where(of_kind, t.aliases.c.value.in_(old)))
    new = {key: value for key, value in wanted.items() if value}
    if not new:
        return
    statement = _keeping(conn.dialect)
    columns: dict[str, Sequence[Any]] = {
        "entity": [entity] * len(new),
        "kind": [kind] * len(new),
        "value": list(new.values()),
        "key": list(new),
    }
    statement.write(conn, statement.rows(columns))


@lru_cache(maxsize=4)
def _keeping(dialect: sa.Dialect) -> Many:
    insert: Any = insert_sqlite if dialect.name == "sqlite" else insert_postgresql
    statement = insert(t.aliases)
    return written_out(
        dialect,
        statement.on_conflict_do_update(
            index_elements=["entity", "kind", "value"], set_={"key": statement.excluded.key}
        ),
        ("entity", "kind", "value", "key"),
    )


def _find(conn: Connection, table: sa.Table, entity: str, name: str) -> int | None:
    own = conn.execute(sa.select(table.c.key).where(table.c.id == name)).scalar()
    if own is not None:
        return int(own)
    # Two systems may use one number for different things: then it names nothing.
    others = conn.scalars(
        sa.select(t.aliases.c.key)
        .distinct()
        .where(t.aliases.c.entity == entity, t.aliases.c.value == name)
        .limit(2)
    ).all()
    return int(others[0]) if len(others) == 1 else None


def holders(conn: Connection, premise: PremiseKey) -> list[AccountKey]:
    """Return the accounts that hold a premise now."""
    held = t.occupancies.c
    return [
        AccountKey(key)
        for key in conn.scalars(
            sa.select(held.account_key)
            .where(held.premise_key == premise, held.until.is_(None))
            .order_by(held.account_key)
        )
    ]
