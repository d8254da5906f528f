"""`outage sending`: whether anything is sent; stop it, let it go on."""

from __future__ import annotations

import click

from notifier import stopping
from notifier.stopping import Stop
from workers.commands import options
from workers.session import Session, acting, say, say_json, session


@click.group(invoke_without_command=True)
@options.as_json
@click.pass_context
def sending(ctx: click.Context, *, as_json: bool) -> None:
    """Say whether messages are sent; stop all of them, or let them go on.

    While sending is stopped the page goes on, messages are planned, and nothing is handed to a
    provider but pages to who is on call and the answers to STOP, START, HELP and words of danger.
    """
    if ctx.invoked_subcommand is not None:
        return
    with session() as desk_:
        with desk_.db.read() as conn:
            found = stopping.standing(conn)
        if as_json:
            say_json(stopping.facts(found) | {"mode": str(desk_.settings.send)})
        elif found is None:
            say(f"Messages are sent: OUTAGE_SEND is {desk_.settings.send}.")
        else:
            say(in_words(desk_, found))


@sending.command()
@click.option("--why", required=True, help="Why, for whoever asks; 1 to 500 characters.")
@options.as_json
def stop(*, why: str, as_json: bool) -> None:
    """Stop sending now: what no provider has been handed stays here."""
    with session() as desk_:
        with desk_.write() as conn:
            found = stopping.stop(conn, actor=acting(), why=why)
        if as_json:
            say_json(stopping.facts(found))
        else:
            say(in_words(desk_, found))


@sending.command()
@options.as_json
def resume(*, as_json: bool) -> None:
    """Let sending go on; what is no longer true by now is not said."""
    with session() as desk_:
        with desk_.write() as conn:
            before = stopping.resume(conn, actor=acting())
        if as_json:
            say_json(stopping.facts(None))
        else:
            say(f"Sending goes on; it was stopped since {desk_.when(before.at)}.")


def in_words(desk_: Session, stop: Stop) -> str:
    """The same for people."""
    return f"Sending is STOPPED since {desk_.when(stop.at)} by {stop.by}: {stop.why}"
