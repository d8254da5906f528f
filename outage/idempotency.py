"""Idempotency keys: the same request twice is done once (DECISIONS 8).

The answer is stored in the command's own transaction: either the work was done and its answer is
on record, or neither is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.database import wall_now
from outage.errors import IdempotencyConflictError, IdempotencyInProgressError

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked: by whom, where, under which key, with which body (its SHA-256)."""

    actor: str
    route: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: str


def hash_body(body: bytes) -> str:
    """Return what two equal bodies have in common."""
    return hashlib.sha256(body).hexdigest()


def once(conn: Connection, request: Request) -> Answer | None:
    """Return the stored answer; None when the request is new and this transaction does it.

    Raises `IdempotencyConflictError` for a key that was used for another body, and
    `IdempotencyInProgressError` while another transaction is at the same request (SQLite lets
    only one write at all: there the second one waits and gets the first one's answer).
    """
    _enter(conn, request)
    _forget(conn, request)
    mine = conn.execute(
        sa.text(
            "INSERT INTO idempotency (actor, route, key, body_hash, created_at) "
            "VALUES (:actor, :route, :key, :body_hash, :created_at) "
            "ON CONFLICT (actor, route, key) DO NOTHING"
        ).bindparams(sa.bindparam("created_at", type_=t.idempotency.c.created_at.type)),
        {
            "actor": request.actor,
            "route": request.route,
            "key": request.key,
            "body_hash": request.body_hash,
            "created_at": wall_now(conn),
        },
    )
    if mine.rowcount == 1:
        return None
    row = conn.execute(t.idempotency.select().where(_is(request))).one()
    if row.body_hash != request.body_hash:
        raise IdempotencyConflictError
    if row.status is None:
        raise IdempotencyInProgressError
    return Answer(status=row.status, body=row.answer)


def store(conn: Connection, request: Request, answer: Answer) -> None:
    """Keep the answer, in the transaction that did the work."""
    conn.execute(
        t.idempotency.update().where(_is(request)).values(status=answer.status, answer=answer.body)
    )


def _enter(conn: Connection, request: Request) -> None:
    if conn.dialect.name == "sqlite":
        return
    name = f"{request.actor}\n{request.route}\n{request.key}"
    free = conn.execute(
        sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
    ).scalar_one()
    if not free:
        raise IdempotencyInProgressError


def _forget(conn: Connection, request: Request) -> None:
    """A key that is too old is as good as new; the sweep takes away the rest."""
    old = t.idempotency.c.created_at < wall_now(conn) - KEPT
    conn.execute(t.idempotency.delete().where(_is(request), old))


def _is(request: Request) -> sa.ColumnElement[bool]:
    kept = t.idempotency.c
    return sa.and_(
        kept.actor == request.actor, kept.route == request.route, kept.key == request.key
    )
