"""`outage demo`: a made-up utility in a storm, on this machine alone."""

from __future__ import annotations

import re
import sys

import click


@click.command()
@click.option("--fresh", is_flag=True, help="Throw the demo's data away and begin anew.")
@click.option(
    "--check",
    is_flag=True,
    help="Play the storm to its end as fast as it goes, compare all figures, print them as JSON.",
)
@click.option(
    "--kill",
    "kills",
    multiple=True,
    metavar="NAME@STEP[+MS]",
    help="With --check: kill -9 this process at that barrier (MS milliseconds into the work "
    "there) and go on. May be given again.",
)
@click.option(
    "--database",
    metavar="URL",
    help="With --check: use this empty PostgreSQL database instead of an SQLite file.",
)
@click.option("--keep", is_flag=True, help="With --check: keep the folder it all happened in.")
@click.option("--quiet", is_flag=True, help="With --check: no progress on standard error.")
@click.option("--play", is_flag=True, hidden=True, help="Play the storm (the demo's own process).")
@click.option(
    "--pace",
    type=click.FloatRange(min=0),
    default=10.0,
    hidden=True,
    help="Seconds for every five minutes of the storm.",
)
def demo(
    *,
    fresh: bool,
    check: bool,
    kills: tuple[str, ...],
    database: str | None,
    keep: bool,
    quiet: bool,
    play: bool,
    pace: float,
) -> None:
    """Show all of it: a made-up utility of 50,000 premises, and a storm of sixty outages.

    Texts and e-mails go to a carrier simulator; nothing leaves this machine.
    """
    from workers.demo import check as checking
    from workers.demo import house, live

    if (kills or database) and not check:
        raise click.UsageError("--kill and --database go with --check.")
    if play:
        live.play(pace)
    elif check:
        wanted = [_kill(text, house.NAMES) for text in kills]
        sys.exit(
            checking.run(
                [checking.Kill(name=name, step=step, after_s=s) for name, step, s in wanted],
                database=database,
                keep=keep,
                say=not quiet,
            )
        )
    else:
        live.run(fresh=fresh)


def _kill(text: str, names: tuple[str, ...]) -> tuple[str, int, float]:
    found = re.fullmatch(r"([a-z-]+)@([1-9]\d{0,3})(?:\+(\d{1,5}))?", text)
    if found is None or found[1] not in names:
        raise click.BadParameter(
            f"{text!r} is not NAME@STEP; NAME is one of {', '.join(names)}, STEP counts from 1.",
            param_hint="--kill",
        )
    return found[1], int(found[2]), int(found[3] or 0) / 1000
