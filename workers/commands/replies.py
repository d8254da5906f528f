"""`outage replies`: what people text us."""

from __future__ import annotations

from dataclasses import asdict

import click

from notifier.replies import listing
from notifier.replies.intents import Intent
from notifier.replies.listing import Reply
from workers.commands import options
from workers.errors import NoSuchReply
from workers.session import ACTOR, Session, say, say_json, say_table, session

LIMIT = 100
WIDEST = 60
"""Characters of a text in the table; `--json` holds all of it."""


@click.group()
def replies() -> None:
    """What people text us: list it, note it as done."""


@replies.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Those that need no person too.")
@click.option("--intent", type=options.words(Intent), help="Only what was taken for this.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=LIMIT, show_default=True)
@options.as_json
def list_(*, everything: bool, intent: str | None, limit: int, as_json: bool) -> None:
    """List the replies that wait for a person, newest first."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = listing.replies(conn, everything=everything, intent=intent, limit=limit)
        if as_json:
            say_json([_facts(each) for each in found])
        elif found:
            say_table(
                ("REPLY", "AT", "FROM", "ACCOUNT", "TAKEN FOR", "DONE", "ANSWER", "TEXT"),
                [_row(desk_, each) for each in found],
            )
        else:
            say("There are no replies." if everything else "No reply waits for a person.")


@replies.command()
@click.argument("key", type=int, metavar="REPLY")
@options.as_json
def done(*, key: int, as_json: bool) -> None:
    """Note that a person has looked at REPLY (its number in the list)."""
    with session() as desk_:
        with desk_.write(f"reply:{key}") as conn:
            known = listing.handle(conn, key, by=str(ACTOR))
        if not known:
            raise NoSuchReply(key)
        if as_json:
            say_json({"key": key, "handled": True})
        else:
            say(f"Reply {key} is done.")


def _row(desk_: Session, each: Reply) -> tuple[str, ...]:
    text = " ".join(each.text.split())
    pictures = f" [{each.media} pictures]" if each.media else ""
    return (
        str(each.key),
        desk_.when(each.received_at),
        each.address,
        " ".join(each.accounts) or "–",
        each.intent or "not read yet",
        each.outcome or "–",
        each.answer_state or "none",
        (text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…") + pictures,
    )


def _facts(each: Reply) -> dict[str, object]:
    times = ("received_at", "handled_at")
    return {
        name: value.isoformat() if name in times and value is not None else value
        for name, value in asdict(each).items()
    }
