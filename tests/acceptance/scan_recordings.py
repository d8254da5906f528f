"""``python -m tests.acceptance.scan_recordings``: is there anybody in what real storms publish?

Loads the shared premises and accounts into a home of its own, replays a recording there, and lets
`privacy_scan` read every byte that was published meanwhile: the list, outages' pages, feeds, the
days, the sheet to print, and what forms are answered with while `counter` is away. Prints one line
of JSON a recording, findings as sentences, and exits 1 where there is one. It takes minutes.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from tests.acceptance.privacy_scan import MOST_SAID, read_people, scan
from tests.acceptance.storms import ROOT, outage

MUST_BE_THERE = ("index.html", "feeds/days-*.html", "feeds/print-*.html", "away-*.html")
"""What is looked at besides: a scan of a folder without these would prove nothing about them."""


def scanned(data: Path, recording: Path, home: Path) -> tuple[dict[str, Any], list[str]]:
    """Replay a recording and look through what was published; return figures and findings."""
    began = time.monotonic()
    for what in ("premises", "accounts"):
        outage(home, "import", what, str(data / f"{what}.csv"))
    facts = outage(home, "replay", str(recording), "--speed", "max", "--assume-reviewed")
    folder = home / "published"
    faults = [f"There is no {name}." for name in MUST_BE_THERE if not [*folder.glob(name)]]
    # What these files make public is the site file's business, and here there is none.
    finding = scan(folder, read_people(f"sqlite:///{home / 'outage.db'}"))
    figures = {
        "recording": recording.name,
        "outages": facts["outages"],
        "generations": len([*folder.glob("generations/*/manifest.json")]),
        "files": finding.files,
        "bytes": finding.bytes,
        "shapes": finding.shapes,
        "pairs": finding.pairs,
        "places": finding.places,
        "faults": len(finding.faults) + len(faults),
        "seconds": round(time.monotonic() - began),
    }
    return figures, [*faults, *finding.faults]


@click.command()
@click.argument(
    "recordings", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def main(recordings: tuple[Path, ...]) -> None:
    """Replay RECORDINGS, or every shared one, and look for people in what is published."""
    shared = Path(os.environ.get("SHARED_DIR") or ROOT.parent / "shared")
    data = shared / "data"
    wrong = False
    for recording in recordings or sorted(data.glob("storm-*.jsonl.xz")):
        with tempfile.TemporaryDirectory(prefix="outage-scan-") as folder:
            figures, faults = scanned(data, recording, Path(folder))
        for fault in faults[:MOST_SAID]:
            click.echo(fault, err=True)
        click.echo(json.dumps(figures))
        wrong = wrong or bool(faults)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
