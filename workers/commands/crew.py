"""`outage crew`: links by which a crew reports on one outage from its telephone."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Protocol

import click
import segno
from sqlalchemy.engine import Connection

from outage import crew_links, crew_proposals
from outage.crew_links import LONGEST_LABEL, Link
from outage.crew_proposals import Kind, Proposal, Why
from outage.database import wall_now
from outage.model import Actor
from workers.commands import options
from workers.session import Session, acting, say, say_json, say_table, session

SHOWN = 200
"""Links of the list."""


@click.group()
def crew() -> None:
    """Let a crew report on an outage from its telephone."""


@crew.command()
@click.argument("outage_id", metavar="OUTAGE")
@click.option(
    "--label",
    default="",
    help=f"Whose link it is, like truck-7; no personal name. At most {LONGEST_LABEL} characters.",
)
@click.option(
    "--hours",
    type=click.IntRange(1, 336),
    help="Hours that it holds; OUTAGE_CREW_LINK_H if not given.",
)
@options.as_json
def link(*, outage_id: str, label: str, hours: int | None, as_json: bool) -> None:
    """Make a link to OUTAGE, and show it as an address and as a square, this one time."""
    with session() as desk_:
        lasts = timedelta(hours=hours or desk_.settings.crew_link_h)
        with desk_.deed() as deed:
            words, made = crew_links.make(deed.conn, outage_id, lasts=lasts, label=label)
            deed.about, deed.detail = made.outage_id, {"crew_link": made.key}
        address = f"{desk_.settings.hooks}/crew/{words}"
        if as_json:
            say_json({**_facts(made), "link": address})
            return
        say(address)
        say(_square(address))
        say(
            f"Link {made.key} to {made.outage_id} holds until {desk_.when(made.until)}. "
            "It is not shown again."
        )


@crew.command(name="list")
@options.as_json
def list_(*, as_json: bool) -> None:
    """List the newest links; the addresses are not on record."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found, now = crew_links.every(conn, limit=SHOWN), wall_now(conn)
        if as_json:
            say_json([_facts(each) | {"holds": each.holds(now)} for each in found])
        elif found:
            say_table(
                ("LINK", "OUTAGE", "LABEL", "SINCE", "OPENED", "UNTIL"),
                [_row(desk_, each) for each in found],
            )
        else:
            say("There are no links; `outage crew link OUTAGE` makes one.")


@crew.command()
@click.argument("key", type=int, metavar="LINK")
@options.as_json
def revoke(*, key: int, as_json: bool) -> None:
    """Let a LINK (its number in the list) hold no longer, on all telephones."""
    with session() as desk_:
        with desk_.deed() as deed:
            gone = crew_links.revoke(deed.conn, key)
            deed.about, deed.detail = gone.outage_id, {"crew_link": key}
        if as_json:
            say_json(_facts(gone))
        else:
            say(f"Link {gone.key} to {gone.outage_id} holds no longer.")


@crew.command()
@options.as_json
def proposals(*, as_json: bool) -> None:
    """List what crews propose and nobody has decided: times and restorations of many."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = crew_proposals.waiting(conn, limit=SHOWN)
        if as_json:
            say_json([_proposed(each) for each in found])
        elif found:
            say_table(
                ("PROPOSAL", "OUTAGE", "BY", "SEEN", "PREMISES", "WHAT"),
                [
                    (
                        str(each.key),
                        each.outage_id,
                        each.label or each.by,
                        desk_.when(each.observed_at),
                        f"{each.premises:,}",
                        _what(desk_, each),
                    )
                    for each in found
                ],
            )
        else:
            say("Nothing waits.")


@crew.command()
@click.argument("number", type=int, metavar="PROPOSAL")
@options.as_json
def agree(*, number: int, as_json: bool) -> None:
    """Do what PROPOSAL (its number in the list) says."""
    _decide(number, crew_proposals.agree, "Proposal {} of {} is done.", as_json=as_json)


@crew.command()
@click.argument("number", type=int, metavar="PROPOSAL")
@options.as_json
def refuse(*, number: int, as_json: bool) -> None:
    """Let PROPOSAL (its number in the list) come to nothing."""
    _decide(number, crew_proposals.refuse, "Proposal {} of {} comes to nothing.", as_json=as_json)


class _Decides(Protocol):
    def __call__(self, conn: Connection, key: int, *, actor: Actor) -> Proposal: ...


def _decide(number: int, decide: _Decides, sentence: str, *, as_json: bool) -> None:
    with session() as desk_:
        with desk_.deed() as deed:
            found = decide(deed.conn, number, actor=acting())
            deed.about, deed.detail = found.outage_id, {"proposal": number}
        if as_json:
            say_json(_proposed(found))
        else:
            say(sentence.format(number, found.outage_id))


def _what(desk_: Session, each: Proposal) -> str:
    changed = " (the outage has changed since)" if each.why is Why.CHANGED else ""
    if each.kind is Kind.ETR:
        return f"back by {desk_.when(each.said['latest'])}"
    part = "a part is back" if "premises" in each.said else "all is back"
    return part + changed


def _proposed(each: Proposal) -> dict[str, object]:
    return {
        "key": each.key,
        "outage": each.outage_id,
        "kind": str(each.kind),
        "why": str(each.why),
        "by": each.by,
        "label": each.label,
        "premises": each.premises,
        "observed_at": each.observed_at.isoformat(),
        "at": each.at.isoformat(),
        **{name: each.said.get(name) for name in ("latest", "earliest", "reason")},
    }


def _square(address: str) -> str:
    """The address as a QR code of block characters."""
    drawn = io.StringIO()
    segno.make(address, error="m", micro=False).terminal(out=drawn, border=2, compact=True)
    return drawn.getvalue()


def _row(desk_: Session, each: Link) -> tuple[str, ...]:
    until = "its outage is over" if each.ended else desk_.when(each.until)
    return (
        str(each.key),
        each.outage_id,
        each.label,
        desk_.when(each.made_at),
        desk_.when(each.opened_at),
        f"revoked {desk_.when(each.revoked_at)}" if each.revoked_at else until,
    )


def _facts(each: Link) -> dict[str, object]:
    times = {name: getattr(each, name) for name in ("made_at", "until", "opened_at", "revoked_at")}
    return {
        "key": each.key,
        "outage": each.outage_id,
        "label": each.label,
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
    }
