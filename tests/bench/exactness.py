"""Every answer of the index against brute force, by hypothesis, for as many areas as asked for.

python -m tests.bench.exactness --areas 20000
"""

from __future__ import annotations

import sys
from collections import Counter

import click
import hypothesis
from hypothesis import HealthCheck, given, settings

from tests.unit.gis.answers import differences, scans
from tests.unit.gis.areas import Scene, scenes

_AT_A_TIME = 200


@click.command()
@click.option("--areas", type=int, default=20_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
def main(*, areas: int, seed: int) -> None:
    """Draw areas of every kind, and count what the kernels answer otherwise than brute force."""
    counted: Counter[str] = Counter()

    def hold(scene: Scene) -> None:
        counted["areas"] += len(scene.areas)
        counted["valid"] += sum(area.is_valid for area in scene.areas)
        counted["tests"] += len(scene.areas) * len(scene.points)
        for name, scan in scans().items():
            counted[name] += differences(scene, scan)

    while counted["areas"] < areas:
        seed += 1
        drawn = settings(
            max_examples=_AT_A_TIME,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )(given(scenes(least=6, most=12))(hold))
        hypothesis.seed(seed)(drawn)()
        if sys.stderr.isatty():
            click.echo(f"\r{counted['areas']:,} areas", nl=False, err=True)
    click.echo(
        f"{counted['areas']:,} areas ({counted['valid']:,} valid), "
        f"{counted['tests']:,} points held against them"
    )
    for name in scans():
        click.echo(f"{name}: {counted[name]:,} differences")
    sys.exit(1 if any(counted[name] for name in scans()) else 0)


if __name__ == "__main__":
    main()
