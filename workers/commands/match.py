"""`outage match`: who is inside a place and behind it; changes nothing."""

from __future__ import annotations

from typing import Any

import click

from outage import register
from outage.model import Service
from workers.commands import options, whereabouts
from workers.commands.whereabouts import WAYS, Given
from workers.session import Session, say, say_json, session

_SHOWN = 10


@click.command()
@whereabouts.where(shape=False)
@click.option(
    "--service",
    type=options.words(Service),
    help="Service that is out; that of --against or the site's first if not given.",
)
@click.option("--against", metavar="ID", help="Outage whose place it is compared with.")
@click.option("--ids", is_flag=True, help="List the premises.")
@options.as_json
def match(
    *, where: Given, service: str | None, against: str | None, ids: bool, as_json: bool
) -> None:
    """Say who is inside a place: the shape in FILE (- reads standard input), or named."""
    if where.way is None:
        raise click.UsageError(f"Say where: {WAYS.replace('--shape ', '')}.")
    from gis.matching import Matcher, limits_of
    from gis.preview import Previewer

    with session() as desk:
        matcher = Matcher(desk.db, desk.settings.indexes)
        asked = where.asked(limits_of(desk.settings))
        assert asked is not None  # noqa: S101 there is a way
        # Reading the premises is not what is being timed.
        matcher.index()
        facts = Previewer(desk.db, matcher, desk.settings).preview(
            asked, _service(desk, service, against), against=against, ids=ids
        )
    if as_json:
        say_json(facts)
    else:
        _show(facts)


def _service(desk: Session, given: str | None, against: str | None) -> Service:
    if given is not None:
        return Service(given)
    if against is None:
        return desk.site.services[0]
    with desk.db.read() as conn:
        return register.load(conn, against).service


def _show(facts: dict[str, Any]) -> None:
    premises, accounts = _counted(facts, "premises"), _counted(facts, "accounts")
    area = f"{facts['area_km2']:g} km², " if "area_km2" in facts else ""
    say(f"{premises}, {accounts} inside ({area}{facts['milliseconds']:g} ms)")
    _show_accounts(facts)
    _show_premises(facts)
    if facts["overlapping"]:
        ids = [one["id"] for one in facts["overlaps"]]
        say(f"In open outages already: {facts['overlapping']:,}, in {_some(ids)}")
    if "difference" in facts:
        change = facts["difference"]
        said = (f"{change[what]:,} {words}" for what, words in _CHANGE.items())
        say(f"Against {change['from']}: {', '.join(said)}")
        if change["service"] != facts["service"]:
            of, asked = change["service"], facts["service"]
            say(f"{change['from']} is of {of}: its premises with {of} are held against {asked}")
    _show_doubts(facts)
    for name in facts.get("ids", ()):
        say(name)


_CHANGE = {"added": "come in", "removed": "fall out", "kept": "stay"}


def _show_accounts(facts: dict[str, Any]) -> None:
    if not facts["accounts"]:
        return
    marked = f"{facts['medical']:,} medical, {facts['critical']:,} critical"
    say(f"Of the accounts: {marked}, {facts['unreachable']:,} nobody can be reached at")
    for channel, languages in facts["contacts"].items():
        spoken = ", ".join(f"{language} {number:,}" for language, number in languages.items())
        say(f"{sum(languages.values()):,} by {channel} ({spoken})")


def _show_premises(facts: dict[str, Any]) -> None:
    if facts["unplaced_inside"]:
        say(f"{facts['unplaced_inside']:,} of the premises have no coordinates")
    if facts["unplaced"] and "area_km2" in facts:
        unplaced = _counted(facts, "premises", facts["unplaced"])
        say(f"No shape can reach {unplaced} without coordinates")
    if len(facts.get("cities", ())) > 1:
        parts = (f"{city} {number:,}" for city, number in facts["cities"].items())
        say(f"The street is in several cities (--city takes one): {', '.join(parts)}")


def _show_doubts(facts: dict[str, Any]) -> None:
    """Say what has to be decided before it can be declared."""
    if facts.get("repaired"):
        say(f"The shape was repaired: {facts['repaired']}")
    drawn = facts.get("as_drawn")
    if drawn and (drawn["added_by_repair"] or drawn["removed_by_repair"]):
        say(
            f"As drawn {drawn['premises']:,} are inside: the repair adds "
            f"{drawn['added_by_repair']:,} and takes {drawn['removed_by_repair']:,} out"
        )
    listed = facts.get("list", {})
    for name, words in _OF_LIST.items():
        if listed.get(name):
            say(f"{words}: {_some(listed[name])}")
    if listed.get("without_service"):
        say(f"{listed['without_service']:,} premises of the list do not have the service")


_OF_LIST = {
    "unknown": "Ids of nothing that is served",
    "ambiguous": "Ids with several meanings",
    "without_premise": "Accounts that hold no premise now",
}


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def _counted(facts: dict[str, Any], what: str, number: int | None = None) -> str:
    count = facts[what] if number is None else number
    return f"{count:,} {what.removesuffix('s') if count == 1 else what}"
