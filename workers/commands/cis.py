"""`outage cis`: what the utility's own CIS is told, what it refuses, and sending again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
import orjson

from outage.cis import letters
from outage.cis.letters import Letter
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session

SHOWN = 200
"""Records of a list."""


@click.group()
def cis() -> None:
    """Look after what the utility's own CIS is told over HTTP (OUTAGE_CIS_URL)."""


@cis.command(name="list")
@click.option("--waiting", is_flag=True, help="What waits to be sent, in the order it goes.")
@options.as_json
def list_(*, waiting: bool, as_json: bool) -> None:
    """List what the CIS refuses, newest first, and say how it stands."""
    with session() as desk_:
        with desk_.db.read() as conn:
            stands = letters.standing(conn)
            found = (letters.waiting if waiting else letters.refused)(conn, SHOWN)
        if as_json:
            say_json(_plain(asdict(stands)) | {"records": [_facts(each) for each in found]})
            return
        say(
            f"{stands.waiting:,} wait, {stands.accepted:,} accepted, {stands.refused:,} refused; "
            f"last taken: {desk_.when(stands.accepted_at)}."
        )
        if stands.code:
            say(f"Last answer {stands.code}; left alone until {desk_.when(stands.rests_until)}.")
        if found:
            say_table(
                ("OUTAGE", "ACCOUNT", "VERSION", "STATE", "WHY", "SINCE"),
                [_row(desk_, each) for each in found],
            )


@cis.command()
@click.argument("account")
@click.argument("outage_id", metavar="OUTAGE")
@options.as_json
def show(*, account: str, outage_id: str, as_json: bool) -> None:
    """Show how ACCOUNT's record of OUTAGE stands with the CIS, and what the call says."""
    with session() as desk_:
        with desk_.db.read() as conn:
            letter, call = letters.show(conn, account, outage_id)
        if as_json:
            say_json(_facts(letter) | {"call": call})
            return
        why = f" ({letter.code})" if letter.code else ""
        has = "none" if letter.accepted is None else str(letter.accepted)
        say(f"Version {letter.version}: {letter.state}{why}; the CIS has {has}.")
        say(orjson.dumps(call, option=orjson.OPT_INDENT_2).decode())


@cis.command()
@click.argument("account", required=False)
@click.argument("outage_id", metavar="OUTAGE", required=False)
@click.option("--refused", is_flag=True, help="Everything that the CIS refused.")
@click.option("--outage", "whole", metavar="OUTAGE", help="All accounts of this outage.")
@options.as_json
def resend(
    *, account: str | None, outage_id: str | None, refused: bool, whole: str | None, as_json: bool
) -> None:
    """Send ACCOUNT's record of OUTAGE again, whether the CIS has it or refused it.

    It goes with the content of now and the version it has: a CIS that has that version changes
    nothing.
    """
    one = account is not None and outage_id is not None
    if [one, refused, whole is not None].count(True) != 1 or (account is not None and not one):
        raise click.UsageError("Name ACCOUNT and OUTAGE, or --refused, or --outage.")
    with session() as desk_:
        with desk_.deed() as deed:
            if refused:
                done = letters.resend_refused(deed.conn)
            elif whole is not None:
                done = letters.resend_outage(deed.conn, whole)
            else:
                done = letters.resend_one(deed.conn, str(account), str(outage_id))
            deed.about, deed.detail = whole or outage_id or "", {"records": done}
        if as_json:
            say_json({"resent": done})
        else:
            say(f"{done:,} records go again.")


def _row(desk_: Session, each: Letter) -> tuple[str, ...]:
    why = each.code or (f"{each.attempts} failures" if each.attempts else "")
    since = desk_.when(each.settled_at)
    return each.outage, each.account, str(each.version), each.state, why, since


def _facts(each: Letter) -> dict[str, Any]:
    return _plain(asdict(each))


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in facts.items()
    }
