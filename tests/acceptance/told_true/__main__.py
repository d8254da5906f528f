"""``python -m tests.acceptance.told_true HOME``: check the finished storm in a home or a database.

Prints figures as one line of JSON and every fault as a sentence; exits 1 when there is one.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from tests.acceptance.told_true.case import MOST_A_DAY
from tests.acceptance.told_true.checking import check
from tests.acceptance.told_true.record import CARRIER_FILE, read

MOST_SAID = 50


@click.command()
@click.argument("home", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--database", metavar="URL", help="Where the record is not in the home itself.")
@click.option("--carrier", type=click.Path(path_type=Path), help="Folder of the simulator's log.")
@click.option("--zone", help="Whose clock the texts speak of; else the site file says.")
@click.option("--most-a-day", default=MOST_A_DAY, help="What OUTAGE_MOST_A_DAY was.")
def main(
    home: Path, database: str | None, carrier: Path | None, zone: str | None, most_a_day: int
) -> None:
    """Check the finished storm in HOME: whether everybody was told once, and told true."""
    log = carrier or home / "carrier"
    record = read(
        database or f"sqlite:///{home / 'outage.db'}",
        log if (log / CARRIER_FILE).is_file() else None,
    )
    finding = check(record, ZoneInfo(zone or _zone(home)), most_a_day)
    for fault in finding.faults[:MOST_SAID]:
        click.echo(f"{fault.rule}: {fault.sentence}", err=True)
    click.echo(json.dumps({**finding.figures, "faults_by_rule": dict(finding.by_rule)}))
    sys.exit(1 if finding.faults else 0)


def _zone(home: Path) -> str:
    site = home / "site.toml"
    return str(tomllib.loads(site.read_text())["time_zone"]) if site.is_file() else "UTC"


if __name__ == "__main__":
    main()
