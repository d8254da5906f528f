"""``python -m tests.acceptance.told_true HOME``: check the finished storm in a home or a database.

Prints figures as one line of JSON and every fault as a sentence; exits 1 when there is one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.acceptance.told_true.checking import check
from tests.acceptance.told_true.record import CARRIER_FILE, read

MOST_SAID = 50


def main() -> int:
    words = argparse.ArgumentParser(prog="python -m tests.acceptance.told_true")
    words.add_argument("home", type=Path, help="OUTAGE_HOME of the storm")
    words.add_argument("--database", help="URL, where the record is not in the home itself")
    words.add_argument("--carrier", type=Path, help="folder of the simulator's log")
    words.add_argument("--zone", help="whose clock the texts speak of; else the site file says")
    given = words.parse_args()
    carrier = given.carrier or given.home / "carrier"
    record = read(
        given.database or f"sqlite:///{given.home / 'outage.db'}",
        carrier if (carrier / CARRIER_FILE).is_file() else None,
    )
    finding = check(record, ZoneInfo(given.zone or _zone(given.home)))
    for fault in finding.faults[:MOST_SAID]:
        print(f"{fault.rule}: {fault.sentence}", file=sys.stderr)
    print(json.dumps({**finding.figures, "faults_by_rule": dict(finding.by_rule)}))
    return 1 if finding.faults else 0


def _zone(home: Path) -> str:
    site = home / "site.toml"
    return str(tomllib.loads(site.read_text())["time_zone"]) if site.is_file() else "UTC"


if __name__ == "__main__":
    sys.exit(main())
