"""What a provider's code says of an endpoint, remembered there: that it is bad, or opted out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.channels.codes import Action, action
from notifier.locking import lock
from outage import tables as t
from outage.clock import business_now
from outage.opt_outs import to_stop

_E, _M = t.endpoints, t.messages
_THIS = _E.c.key == sa.bindparam("b_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A code that a provider gave for a message."""

    message_key: int
    provider: str
    code: str

    @property
    def action(self) -> Action:
        return action(self.provider, self.code)


def mark_endpoints(conn: Connection, said: Iterable[Said]) -> None:
    """Remember at the messages' endpoints what the codes say of them; what is there stays."""
    telling = [one for one in said if one.action in {Action.INVALID, Action.OPTED_OUT}]
    if not telling:
        return
    statement = sa.select(_M.c.key, _M.c.endpoint_key)
    keys = statement.where(_M.c.key.in_({one.message_key for one in telling}))
    endpoint = {row.key: row.endpoint_key for row in conn.execute(keys)}
    lock(conn, _E, _E.c.key.in_(sorted(set(endpoint.values()))))
    now = business_now(conn)
    bad: list[dict[str, Any]] = []
    out: list[dict[str, Any]] = []
    for one in telling:
        row = {"b_key": endpoint[one.message_key]}
        if one.action is Action.INVALID:
            bad.append({**row, "invalid_at": now, "invalid_code": one.code})
        else:
            out.append({**row, "opted_out_at": now, "opt_out_source": one.provider})
    if bad:
        conn.execute(_E.update().where(_THIS, _E.c.invalid_at.is_(None)), bad)
    if out:
        conn.execute(_E.update().where(_THIS, to_stop()), out)
