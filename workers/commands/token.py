"""`outage token`: tokens for the API."""

from __future__ import annotations

from datetime import timedelta

import click

from outage import tokens
from outage.rights import MACHINES, Role
from outage.tokens import Token
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session

LONGEST_NAME = 80


@click.group()
def token() -> None:
    """Make, list and revoke tokens for the API."""


@token.command()
@click.option(
    "--role",
    "--scope",
    "role",
    type=click.Choice([str(role) for role in MACHINES]),
    required=True,
    help="viewer reads; crew sees outages and posts updates; dispatcher does everything on "
    "outages; feed declares and cannot let its own sends go; ivr reads accounts.",
)
@click.option(
    "--name",
    required=True,
    callback=lambda _context, _parameter, value: _name(value),
    help="Whose token it is, like truck-7; no personal name.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days it holds; for ever if not given.")
@options.as_json
def add(*, role: str, name: str, days: int | None, as_json: bool) -> None:
    """Make a token and show it, this one time."""
    lasts = None if days is None else timedelta(days=days)
    with session() as desk_:
        with desk_.deed() as deed:
            words, made = tokens.make(deed.conn, role=Role(role), name=name, lasts=lasts)
            deed.about, deed.detail = f"token:{made.key}", {"role": role}
        if as_json:
            say_json({**_facts(made), "token": words})
            return
        say(words)
        say(f"Keep it now: it is not shown again. Token {made.key} ({made.role}, {made.name}).")


@token.command(name="list")
@options.as_json
def list_(*, as_json: bool) -> None:
    """List the tokens there are; what they say is not on record."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = tokens.every(conn)
        if as_json:
            say_json([_facts(each) for each in found])
        elif found:
            say_table(
                ("TOKEN", "ROLE", "NAME", "SINCE", "UNTIL"),
                [_row(desk_, each) for each in found],
            )
        else:
            say("There are no tokens; `outage token add` makes one.")


@token.command()
@click.argument("key", type=int, metavar="TOKEN")
@options.as_json
def revoke(*, key: int, as_json: bool) -> None:
    """Let a TOKEN (its number in the list) hold no longer."""
    with session() as desk_:
        with desk_.write(f"token:{key}") as conn:
            gone = tokens.revoke(conn, key)
        if as_json:
            say_json(_facts(gone))
        else:
            say(f"Token {gone.key} ({gone.role}, {gone.name}) holds no longer.")


def _row(desk_: Session, each: Token) -> tuple[str, ...]:
    until = desk_.when(each.expires_at) if each.expires_at else "for ever"
    return (
        str(each.key),
        each.role,
        each.name,
        desk_.when(each.created_at),
        f"revoked {desk_.when(each.revoked_at)}" if each.revoked_at else until,
    )


def _facts(each: Token) -> dict[str, object]:
    def time(name: str) -> str | None:
        at = getattr(each, name)
        return None if at is None else at.isoformat()

    return {
        "key": each.key,
        "role": str(each.role),
        "name": each.name,
        **{name: time(name) for name in ("created_at", "expires_at", "revoked_at")},
    }


def _name(value: str) -> str:
    name = " ".join(value.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise click.BadParameter(f"write 1 to {LONGEST_NAME} characters")
    return name
