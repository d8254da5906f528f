"""`outage list`: the outages there are."""

from __future__ import annotations

import click

from outage.summary import Facts, summaries
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session

LIMIT = 1_000


@click.command()
@click.option("--all", "ended", is_flag=True, help="Those that are over too.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=LIMIT, show_default=True)
@options.as_json
def list_(*, ended: bool, limit: int, as_json: bool) -> None:
    """List the open outages, oldest first."""
    with session() as desk_:
        with desk_.db.read() as conn:
            found = summaries(conn, ended=ended, limit=limit)
        if as_json:
            say_json(
                [{name: fact for name, fact in facts.items() if name != "key"} for facts in found]
            )
        elif found:
            say_table(
                ("ID", "STATUS", "WHAT", "OUT", "BACK BY", "CREW", "WHERE"),
                [_row(desk_, facts) for facts in found],
            )
        else:
            say("There are no outages." if ended else "There are no open outages.")


def _row(desk_: Session, facts: Facts) -> tuple[str, ...]:
    out = f"{facts['premises_out']:,}" if facts["counted"] else "counting"
    return (
        facts["id"],
        facts["status"],
        f"{facts['kind']} {facts['service']}",
        out,
        desk_.when(facts["etr"]["latest"]) if facts["etr"] else "no time yet",
        facts["crew_status"] or "–",
        facts["place"] or "–",
    )
