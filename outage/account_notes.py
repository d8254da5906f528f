"""What staff write down of an account, beside what the CIS has. Call inside one transaction.

Words stand here and nowhere else: not in the journal, the audit log or a log (DECISIONS 34).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.clock import business_now
from outage.model import AccountKey, Actor

LONGEST = 500
"""Characters of one."""


def add(conn: Connection, account: AccountKey, text: str, *, actor: Actor, once: str) -> bool:
    """Write a note down; False if it is there already.

    ``once`` is the form's own word: a form that is sent twice writes one note.
    """
    written = conn.execute(
        sa.text(
            "INSERT INTO account_notes (account_key, once, at, actor, text) "
            "VALUES (:account, :once, :at, :actor, :text) "
            "ON CONFLICT (account_key, once) DO NOTHING"
        ).bindparams(sa.bindparam("at", type_=t.account_notes.c.at.type)),
        {
            "account": account,
            "once": once,
            "at": business_now(conn),
            "actor": str(actor),
            "text": text,
        },
    )
    return written.rowcount == 1
