"""`outage approve|hold|withdraw`: large sends, which wait for somebody to look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from sqlalchemy.engine import Connection

from notifier import approvals
from workers.commands import options
from workers.session import acting, say, say_json, session

_number = click.argument("number", type=int, metavar="NUMBER")


@click.command()
@_number
@click.option(
    "--break-glass",
    is_flag=True,
    help="Let your own send go, because nobody else is there; said loudly, and kept.",
)
@click.option("--why", default="", help="Why; needed with --break-glass.")
@options.as_json
def approve(*, number: int, break_glass: bool, why: str, as_json: bool) -> None:
    """Let large send NUMBER go, as a second person; `outage queue` lists those that wait."""
    _do(
        lambda conn: approvals.approve(
            conn, number, actor=acting(), break_glass=break_glass, why=why
        ),
        "Send {number} goes now: {messages:,} messages of {outage}.",
        number,
        as_json=as_json,
    )


@click.command()
@_number
@click.option("--why", default="", help="Why.")
@options.as_json
def hold(*, number: int, why: str, as_json: bool) -> None:
    """Keep automatic send NUMBER from going by itself: it waits for `outage approve`."""
    _do(
        lambda conn: approvals.hold(conn, number, actor=acting(), why=why),
        "Send {number} is held: {messages:,} messages of {outage} wait for `outage approve`.",
        number,
        as_json=as_json,
    )


@click.command()
@_number
@click.option("--why", required=True, help="Why.")
@options.as_json
def withdraw(*, number: int, why: str, as_json: bool) -> None:
    """Let large send NUMBER not go at all; the outage stays as it is."""
    _do(
        lambda conn: approvals.withdraw(conn, number, actor=acting(), why=why),
        "Send {number} is withdrawn: {messages:,} messages of {outage} are not sent.",
        number,
        as_json=as_json,
    )


def _do(
    act: Callable[[Connection], dict[str, Any]], sentence: str, number: int, *, as_json: bool
) -> None:
    with session() as desk_:
        with desk_.write(f"send:{number}") as conn:
            found = act(conn)
        if as_json:
            say_json(found)
        else:
            say(sentence.format(**found))
