"""What is asked of sending as a whole: whether it goes on, stop, resume."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Connection
from starlette.requests import Request

from console.changes import Asked
from console.reading import Facts
from notifier import queue as waiting
from notifier import stopping
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
    return stopping.facts(stopping.stop(conn, actor=asked.token.actor, why=asked.body.why))


def resume(conn: Connection, asked: Asked) -> Facts:
    """Let it go on."""
    stopping.resume(conn, actor=asked.token.actor)
    return stopping.facts(None)
