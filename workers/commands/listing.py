"""`outage list`: the outages there are, and what customers report."""

from __future__ import annotations

from dataclasses import asdict

import click

from outage import report_groups
from outage.report_groups import Group
from outage.summary import Facts, summaries
from workers.commands import options
from workers.session import Session, say, say_json, say_table, session

LIMIT = 1_000
WIDEST = 60
"""Characters of a note in the table; `--json` holds all of it."""


@click.command()
@click.option("--all", "ended", is_flag=True, help="Those that are over too.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=LIMIT, show_default=True)
@click.option(
    "--reports",
    is_flag=True,
    help="What customers reported in the last 24 hours instead, by place and time.",
)
@options.as_json
def list_(*, ended: bool, limit: int, reports: bool, as_json: bool) -> None:
    """List the open outages, oldest first; or what was reported, danger first."""
    if reports:
        _reports(limit, as_json=as_json)
        return
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


def _reports(limit: int, *, as_json: bool) -> None:
    with session() as desk_:
        with desk_.db.read() as conn:
            found = report_groups.groups(conn, limit=limit)
        if as_json:
            say_json([_group_facts(each) for each in found])
        elif found:
            say_table(
                ("PLACE", "SERVICE", "REPORTS", "PREMISES", "DANGER", "FIRST", "LAST", "NOTE"),
                [_group(desk_, each) for each in found],
            )
        else:
            say("Nobody has reported anything in the last 24 hours.")


def _group(desk_: Session, each: Group) -> tuple[str, ...]:
    note = next((f"{word.wrong}: {word.note}" for word in each.words if word.note), "–")
    return (
        each.place or "no place",
        each.service,
        f"{each.reports:,}",
        f"{each.premises:,}",
        str(each.dangers or "–"),
        desk_.when(each.first_at),
        desk_.when(each.last_at),
        note if len(note) <= WIDEST else f"{note[: WIDEST - 1]}…",
    )


def _group_facts(each: Group) -> dict[str, object]:
    words = [{**asdict(word), "at": word.at.isoformat()} for word in each.words]
    times = {"first_at": each.first_at.isoformat(), "last_at": each.last_at.isoformat()}
    return {**asdict(each), **times, "words": words}


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
