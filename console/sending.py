"""What is asked of sending as a whole: whether it goes on, stop, resume."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection
from starlette.requests import Request

from console.changes import Asked
from console.reading import DIGITS, Facts
from notifier import approvals, stopping
from notifier import queue as waiting
from notifier.errors import UnknownApproval
from outage.settings import Settings
from outage.site import Site


def state(conn: Connection, request: Request) -> Facts:
    """Whether sending is stopped, by whom and why."""
    del request
    return stopping.facts(stopping.standing(conn))


def queue(settings: Settings, site: Site) -> Callable[[Connection, Request], Facts]:
    """What waits to be sent, and how long it will take."""

    def look(conn: Connection, request: Request) -> Facts:
        del request
        return waiting.facts(conn, settings, site)

    return look


def stop(conn: Connection, asked: Asked) -> Facts:
    """Stop it."""
    return stopping.facts(stopping.stop(conn, actor=asked.caller.actor, why=asked.body.why))


def resume(conn: Connection, asked: Asked) -> Facts:
    """Let it go on."""
    stopping.resume(conn, actor=asked.caller.actor)
    return stopping.facts(None)


def approve(conn: Connection, asked: Asked) -> Facts:
    """Let a large send go."""
    return approvals.approve(
        conn,
        _number(asked),
        actor=asked.caller.actor,
        break_glass=asked.body.break_glass,
        why=asked.body.why,
    )


def hold(conn: Connection, asked: Asked) -> Facts:
    """Keep an automatic one from going by itself."""
    return approvals.hold(conn, _number(asked), actor=asked.caller.actor, why=asked.body.why)


def withdraw(conn: Connection, asked: Asked) -> Facts:
    """Let it not go at all."""
    return approvals.withdraw(conn, _number(asked), actor=asked.caller.actor, why=asked.body.why)


def _number(asked: Asked) -> int:
    if not asked.id.isascii() or not asked.id.isdecimal() or len(asked.id) > DIGITS:
        raise UnknownApproval(number=asked.id[:DIGITS])
    return int(asked.id)
