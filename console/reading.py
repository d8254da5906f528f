"""Requests that only look: outages, their members, messages and history; account records."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from console import access
from console.errors import BadQuery
from outage import aliases, register
from outage import tables as t
from outage.cis import record
from outage.cis.contents import as_json as record_as_json
from outage.database import Database
from outage.model import AccountKey
from outage.summary import as_json, history, summaries

PAGE = 1_000
"""Rows of one answer; ``next`` in it asks for more."""

DIGITS = 18
"""Of a number in an address: what a database key can hold."""

Facts = dict[str, Any]


def reading(
    look: Callable[[Connection, Request], Facts],
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a look at the record."""

    def work(request: Request) -> Response:
        db: Database = request.app.state.db
        with db.read() as conn:
            access.allowed(conn, request)
            return JSONResponse(look(conn, request))

    async def endpoint(request: Request) -> Response:
        return await anyio.to_thread.run_sync(work, request)

    return endpoint


def outages(conn: Connection, request: Request) -> Facts:
    """Outages, oldest first: the open ones, or all of them with ``status=all``."""
    status = request.query_params.get("status", "open")
    if status not in {"open", "all"}:
        raise BadQuery(name="status", wanted="open or all")
    limit = _limit(request)
    found = summaries(conn, ended=status == "all", limit=limit, after=number(request, "after"))
    more = found[-1]["key"] if len(found) == limit else None
    shown = [{name: fact for name, fact in one.items() if name != "key"} for one in found]
    return {"outages": shown, "next": more}


def outage(conn: Connection, request: Request) -> Facts:
    """One outage with its ETRs, notes and restorations."""
    return history(conn, request.path_params["id"])


def memberships(conn: Connection, request: Request) -> Facts:
    """Who an outage concerns or concerned, by premise."""
    key = register.load(conn, request.path_params["id"]).key
    members = t.memberships.c
    return _page(
        conn,
        request,
        "memberships",
        sa.select(
            members.key,
            t.premises.c.id.label("premise"),
            members.since,
            members.until,
            members.why,
            members.outcome,
        )
        .join_from(t.memberships, t.premises, t.premises.c.key == members.premise_key)
        .join(t.outages, t.outages.c.key == members.outage_key)
        .where(members.outage_key == key, members.added <= t.outages.c.membership),
        members.key,
    )


def messages(conn: Connection, request: Request) -> Facts:
    """What accounts were told, and what became of it; to whom only as much as identifies it."""
    key = register.load(conn, request.path_params["id"]).key
    sent = t.messages.c
    found = _page(
        conn,
        request,
        "messages",
        sa.select(
            sent.key,
            t.accounts.c.id.label("account"),
            t.endpoints.c.address.label("to"),
            sent.channel,
            sent.kind,
            sent.state,
            sent.reason,
            sent.planned_at,
            sent.send_after,
            sent.accepted_at,
            sent.ended_at,
        )
        .select_from(t.messages)
        # What tells of an area is to no account.
        .outerjoin(t.accounts, t.accounts.c.key == sent.account_key)
        .join(t.endpoints, t.endpoints.c.key == sent.endpoint_key)
        .where(sent.outage_key == key),
        sent.key,
    )
    for one in found["messages"]:
        one["to"] = record.shown(one["to"])
    return found


def journal(conn: Connection, request: Request) -> Facts:
    """Everything that happened to an outage, in order."""
    key = register.load(conn, request.path_params["id"]).key
    entries = t.journal.c
    found = _page(
        conn,
        request,
        "journal",
        sa.select(
            entries.number.label("key"),
            entries.number,
            entries.kind,
            entries.actor,
            entries.at,
            entries.outage_version,
            entries.data,
        ).where(entries.outage_key == key),
        entries.number,
    )
    for one in found["journal"]:
        one["data"] = json.loads(one["data"])
    return found


def account(conn: Connection, request: Request) -> Facts:
    """An account's record, by any of its ids or by a premise it holds."""
    key = find_account(conn, request.path_params["id"])
    facts: Facts = record_as_json(record.read(conn, key))
    # Shown on the account's screen, to who may, and put on the audit log.
    del facts["medical"]
    return facts


def find_account(conn: Connection, name: str) -> AccountKey:
    """Find an account by any of its ids or by a premise it holds. Raises `UnknownAccountError`."""
    key = aliases.find_account(conn, name)
    if key is None:
        premise = aliases.find_premise(conn, name)
        holders = [] if premise is None else aliases.holders(conn, premise)
        key = holders[0] if len(holders) == 1 else aliases.account(conn, name)
    return key


def _page(
    conn: Connection,
    request: Request,
    name: str,
    statement: sa.Select[Any],
    order: sa.ColumnElement[int],
) -> Facts:
    limit = _limit(request)
    rows = conn.execute(
        statement.where(order > number(request, "after")).order_by(order).limit(limit)
    ).mappings()
    found = [{name: as_json(value) for name, value in row.items()} for row in rows]
    more = found[-1]["key"] if len(found) == limit else None
    for one in found:
        del one["key"]
    return {name: found, "next": more}


def _limit(request: Request) -> int:
    return max(1, min(PAGE, number(request, "limit") or PAGE))


def number(request: Request, name: str) -> int:
    """Read a number of the address, 0 where it names none. Raises `BadQuery`."""
    given = request.query_params.get(name, "0")
    if not given.isdecimal() or len(given) > DIGITS:
        raise BadQuery(name=name, wanted="a whole number")
    return int(given)
