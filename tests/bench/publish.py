"""``python -m tests.bench.publish``: what one changed outage costs among few and among many.

Publishes a made-up storm anew, then changes one outage at a time, and prints for each size the CPU
time, files and bytes of both, as one line of JSON. ``ratio`` is the changed one against all anew in
the same run; ``growth`` at the end how many times as much the changed one costs among the most as
among the fewest. The database is not in it, rendering, compressing and writing are.
"""

import dataclasses
import json
import resource
import statistics
import tempfile
import time
from pathlib import Path

import click

from status_page.edition import Edition
from status_page.view import PublicOutage
from tests.unit.status_page.storm import Publication, outage, status

CHANGES = 5


def town(count: int) -> list[PublicOutage]:
    return [
        outage(number, id=f"O-{number:06X}", matched=5 + number % 900) for number in range(count)
    ]


def measured(publication: Publication, outages: list[PublicOutage]) -> tuple[float, Edition]:
    """Return CPU seconds, and what was published."""
    began = time.process_time()
    edition = publication.publish(status(*outages))
    return time.process_time() - began, edition


def measure(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        publication = Publication(Path(folder))
        outages = town(count)
        anew_s, anew = measured(publication, outages)
        took: list[float] = []
        for number in range(CHANGES):
            which = number * count // CHANGES
            outages[which] = dataclasses.replace(outages[which], message=f"Update {number}.")
            one_s, one = measured(publication, outages)
            took.append(one_s)
    changed_s = statistics.median(took)
    return {
        "outages": count,
        "anew_s": round(anew_s, 3),
        "changed_s": round(changed_s, 4),
        "ratio": round(changed_s / anew_s, 4),
        "anew_files": len(anew.files),
        "changed_files": len(one.files),
        "anew_bytes": sum(len(content) for _, content in anew.files),
        "changed_bytes": sum(len(content) for _, content in one.files),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


@click.command()
@click.option("--outages", "counts", multiple=True, type=int, default=(20, 2_000, 20_000))
def main(counts: tuple[int, ...]) -> None:
    """Measure a publication of one changed outage among many."""
    found = []
    for count in counts:
        found.append(measure(count))
        click.echo(json.dumps(found[-1]))
    growth = found[-1]["changed_s"] / found[0]["changed_s"]
    click.echo(json.dumps({"growth": round(growth, 1)}))


if __name__ == "__main__":
    main()
