"""`outage report`: what is on record, in figures."""

from __future__ import annotations

from dataclasses import asdict

import click

from notifier import reach as counting
from notifier.reach import Reach, Why
from workers.commands import options
from workers.session import say, say_json, say_table, session

_BY = {"sms": "text alone", "email": "e-mail alone", "sms+email": "text and e-mail"}
_WHY = {
    Why.NO_PLACE: "hold no premise",
    Why.NOT_WANTED: "want no alerts",
    Why.NO_CONTACT: "have neither phone nor e-mail",
    Why.OPTED_OUT: "have opted out",
    Why.INVALID: "have only numbers and mailboxes that do not exist",
}


@click.group()
def report() -> None:
    """Say in figures what is on record."""


@report.command()
@click.option(
    "--list",
    "why",
    type=click.Choice([str(why) for why in Why]),
    help="Print the ids of the accounts that nothing reaches for this reason, medical ones first.",
)
@click.option("--limit", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True)
@options.as_json
def reach(*, why: str | None, limit: int, as_json: bool) -> None:
    """Say how many accounts messages reach, and why they do not reach the others."""
    with session() as desk_, desk_.db.read() as conn:
        if why is not None:
            ids = counting.unreached(conn, Why(why), limit)
            say_json(ids) if as_json else click.echo("\n".join(ids), nl=bool(ids))
            return
        found = counting.reach(conn)
    if as_json:
        say_json({**asdict(found), "reached": found.reached})
        return
    _say(found)


def _say(found: Reach) -> None:
    if not found.accounts:
        say("There are no accounts: outage import accounts FILE loads them.")
        return
    share = 100 * found.reached / found.accounts
    say(f"Messages reach {found.reached:,} of {found.accounts:,} accounts ({share:.1f} %):")
    say_table(
        ("ACCOUNTS", "BY"),
        [(f"{found.by[way]:,}", said) for way, said in _BY.items() if found.by.get(way)],
    )
    left = {why: number for why, number in found.nobody.items() if number}
    if left:
        say("Nothing reaches the others, as they")
        say_table(
            ("ACCOUNTS", "MEDICAL", "WHY", "LISTED BY"),
            [
                (
                    f"{number:,}",
                    f"{found.medical[why]:,}",
                    _WHY[Why(why)],
                    f"outage report reach --list {why}",
                )
                for why, number in left.items()
            ],
        )
    if found.shared:
        most = found.most[0]
        say(
            f"{found.sharing:,} accounts share {found.shared:,} phones, each told once for all of "
            f"them; one phone is that of {most.accounts:,}."
        )
    say(
        f"Of {found.premises:,} premises {found.unplaced:,} have no place on the map, "
        f"{found.empty:,} no account."
    )
