"""`outage doctor`: is everything as it should be, and what to do where it is not."""

import json
import os
import sys
from dataclasses import asdict

import click

from outage import clock, journal
from workers import checkup
from workers.findings import State
from workers.session import session


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option(
    "--retry-parked",
    is_flag=True,
    help="First let parked work be tried again, once what made it fail is mended.",
)
@click.option(
    "--release-clock",
    is_flag=True,
    help="First give business time back to the wall clock, after a replay that was killed.",
)
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, retry_parked: bool, release_clock: bool) -> None:
    """Check settings, site, database, parked work, clock, Redis, providers and hooks.

    Nothing is sent. Exit 1 if anything has failed; notes do not fail.
    """
    if retry_parked:
        with session() as opened, opened.write() as conn:
            journal.unpark(conn)
    if release_clock:
        with session() as opened, opened.write() as conn:
            clock.release(conn)
    checks = checkup.doctor(os.environ)
    if as_json:
        click.echo(json.dumps([asdict(check) for check in checks]))
    else:
        for check in checks:
            click.echo(f"{check.state:<7} {check.name:<10} {check.says}")
    found = sum(check.state is State.FAILED for check in checks)
    if found:
        sys.stderr.write(f"outage: the doctor found {found} failed check(s), listed above\n")
        ctx.exit(1)
