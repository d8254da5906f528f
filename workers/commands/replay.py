"""`outage replay`: a recorded storm, through everything, on its own time."""

import json
import time
from pathlib import Path
from typing import Any

import click

from outage import settings as reading

MAX = "max"


class Speed(click.ParamType[float]):
    """`max`, or how many times faster than it happened."""

    name = "N|max"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if value == MAX:
            return float("inf")
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not speed > 0:
            self.fail(f"{value!r} is neither 'max' nor a number above 0.", param, ctx)
        return speed


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--speed",
    type=Speed(),
    default=MAX,
    show_default=True,
    help="How many times faster than it happened, or `max`: as fast as it goes.",
)
@click.option(
    "--mapping",
    metavar="NAME|FILE",
    help="Which field is what. Left out: the one shipped mapping that fits the first snapshot.",
)
@click.option(
    "--assume-reviewed",
    is_flag=True,
    help="Answer for mass absences: without this nothing ends when most outages vanish at once.",
)
@click.option(
    "--tell-first",
    is_flag=True,
    help="Tell people about the outages of the first snapshot too. Usually it is a silent "
    "baseline: what was going on before the recording began is news to nobody.",
)
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def replay(
    file: Path,
    speed: float,
    mapping: str | None,
    *,
    assume_reviewed: bool,
    tell_first: bool,
    as_json: bool,
) -> None:
    """Feed the recorded snapshots of FILE through the desk on business time.

    FILE holds one JSON snapshot per line, perhaps compressed (.xz). Members, messages,
    account records and the public page follow as they would have, in this one process; messages
    go out in the mode of OUTAGE_SEND, in `live` only to a provider on this machine. The
    database must hold no open outages.
    """
    from intake import catalogue
    from intake.replay import fitting_mapping
    from workers import opening, replaying

    settings = reading.load()
    replaying.refuse_real_providers(settings)
    chosen = catalogue.load(mapping) if mapping else fitting_mapping(file)
    began = time.monotonic()
    db = opening.open_record(settings)
    try:
        replaying.refuse_open_outages(db)
        storm = replaying.Storm(
            file=file,
            mapping=chosen,
            speed=speed,
            reviewed=assume_reviewed,
            baseline=not tell_first,
        )
        facts = replaying.run(db, settings, storm, progress=_say)
    finally:
        db.close()
    facts["seconds"] = round(time.monotonic() - began, 1)
    click.echo(json.dumps(facts) if as_json else _in_words(facts))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _in_words(facts: dict[str, Any]) -> str:
    """The facts for a person: one line each, the problems below."""
    lines = [
        f"{name.replace('_', ' ')}: {_value(value)}"
        for name, value in facts.items()
        if name != "problems"
    ]
    for problem in facts["problems"]:
        again = f" ({problem['times']} times)" if problem["times"] > 1 else ""
        lines.append(f"line {problem['line']}: {problem['sentence']}{again}")
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"
    return str(value)
