"""Who is inside, measured: ours against geopandas, shapely, a scan and PostGIS, in one run.

    python -m tests.bench.match
    python -m tests.bench.match --premises 1000000 --case county --json

The contenders take turns, so that a busy moment of the machine meets all of them; ratios within a
run are what counts. Every contender's pairs are compared with ours before anything is measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import geopandas
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from gis.index import PremiseIndex
from gis.matching import read_premises
from gis.search import kernels, scan
from gis.search.layout import Layout, lay_out
from gis.selection import Selection
from outage.schema import open_embedded
from tests.bench import cold, county, made, postgis
from tests.bench.made import Territory

SIZES = (100_000, 1_000_000, 5_000_000, 10_000_000)
CASES = ("county", "feeder", "storm")
BASE = "geopandas.sjoin"
Areas = NDArray[Any]
Pairs = NDArray[np.int64]
"""Sorted numbers `area * premises + premise`, to compare answers by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to find who is inside: what is timed, and its answer as pairs."""

    name: str
    run: Callable[[], Any]
    pairs: Callable[[Any], Pairs]


def _pairs(area: NDArray[Any], premise: NDArray[Any], premises: int) -> Pairs:
    return np.sort(area.astype(np.int64) * premises + premise)


def _ours(name: str, index: PremiseIndex, areas: Areas, *, listed: bool = False) -> Contender:
    """Ours, from WKB to ranges; `listed` adds what it costs to list every premise key."""
    wkbs = shapely.to_wkb(areas).tolist()

    def run() -> list[Selection]:
        return index.match_many(wkbs)

    def run_listed() -> list[Pairs]:
        return [selection.keys() for selection in index.match_many(wkbs)]

    def pairs(found: list[Any]) -> Pairs:
        keys = [one if listed else one.keys() for one in found]
        area = np.repeat(np.arange(len(keys)), [len(one) for one in keys])
        return _pairs(area, np.concatenate(keys) - 1, len(index))

    return Contender(name=name, run=run_listed if listed else run, pairs=pairs)


def _sjoin(land: Territory, areas: Areas) -> Contender:
    points = geopandas.GeoDataFrame(geometry=shapely.points(land.lon, land.lat), crs=4326)
    polygons = geopandas.GeoDataFrame(geometry=areas, crs=4326)
    # Warm: the tree of the points is there before the first join.
    points.sindex  # noqa: B018
    return Contender(
        name=BASE,
        run=lambda: geopandas.sjoin(points, polygons, predicate="within"),
        pairs=lambda found: _pairs(
            found["index_right"].to_numpy(), found.index.to_numpy(), len(land.lon)
        ),
    )


def _tree(land: Territory, areas: Areas) -> Contender:
    tree = shapely.STRtree(np.asarray(shapely.points(land.lon, land.lat)))
    tree.query(areas[0], predicate="covers")
    return Contender(
        name="shapely STRtree covers",
        run=lambda: tree.query(areas, predicate="covers"),
        pairs=lambda found: _pairs(found[0], found[1], len(land.lon)),
    )


def _scan(land: Territory, areas: Areas) -> Contender:
    """Premises sorted by longitude, those in the box held against the prepared area."""
    order = np.argsort(land.lon)
    lon, lat = land.lon[order], land.lat[order]
    shapely.prepare(areas)

    def one(area: Polygon) -> NDArray[np.int64]:
        west, south, east, north = area.bounds
        first, last = np.searchsorted(lon, west), np.searchsorted(lon, east, side="right")
        near = first + np.flatnonzero((lat[first:last] >= south) & (lat[first:last] <= north))
        return np.asarray(near[shapely.intersects_xy(area, lon[near], lat[near])])

    def pairs(found: list[NDArray[np.int64]]) -> Pairs:
        area = np.repeat(np.arange(len(found)), [len(near) for near in found])
        return _pairs(area, order[np.concatenate(found)], len(lon))

    return Contender(
        name="box scan, prepared", run=lambda: [one(area) for area in areas], pairs=pairs
    )


def _areas(case: str, land: Territory) -> Areas:
    make: dict[str, Callable[[Territory], list[Any]]] = {
        "county": lambda land: [made.county(land)],
        "feeder": made.feeders,
        "storm": made.storm,
    }
    return np.array(make[case](land), dtype=object)


def _indexes(layout: Layout) -> Iterator[tuple[str, PremiseIndex]]:
    yield "ours, numpy", PremiseIndex.over(layout, scan.scan)
    try:
        yield "ours, compiled", PremiseIndex.over(layout, kernels.compiled())
    except ImportError:
        click.echo("numba is not installed: the compiled kernel is left out", err=True)


def _contenders(
    land: Territory, layout: Layout, areas: Areas, server: postgis.Server | None
) -> list[Contender]:
    found = []
    for name, index in _indexes(layout):
        found += [_ours(name, index, areas), _ours(f"{name}, listed", index, areas, listed=True)]
    found += [_sjoin(land, areas), _tree(land, areas), _scan(land, areas)]
    if server is not None:
        for way, run in server.ways(areas):
            found.append(
                Contender(
                    name=way,
                    run=run,
                    pairs=lambda rows: _pairs(rows[:, 0], rows[:, 1] - 1, len(land.lon)),
                )
            )
    return found


def _measure(contenders: list[Contender], rounds: int) -> list[dict[str, Any]]:
    expected: Pairs | None = None
    times: dict[str, list[float]] = {one.name: [] for one in contenders}
    for one in contenders:
        pairs = one.pairs(one.run())
        expected = pairs if expected is None else expected
        if not np.array_equal(pairs, expected):
            raise click.ClickException(f"{one.name} gives other premises than ours")
    for _ in range(rounds):
        for one in contenders:
            began = time.perf_counter()
            one.run()
            times[one.name].append((time.perf_counter() - began) * 1000)
    base = statistics.median(times[BASE])
    return [
        {
            "name": name,
            "median_ms": statistics.median(taken),
            "min_ms": min(taken),
            "ratio": base / statistics.median(taken),
        }
        for name, taken in times.items()
    ] + [{"name": "pairs", "count": 0 if expected is None else len(expected)}]


def _index_facts(land: Territory, layout: Layout) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        return cold.facts(Path(folder), layout, shapely.to_wkb(made.feeders(land, 1)[0]))


def _database_facts(premises: int) -> dict[str, float]:
    """How long as many premises take to read from an SQLite database, before they are sorted."""
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        db = open_embedded(Path(folder) / "bench.db")
        county.settle(db, premises)
        with db.read() as conn:
            began, worked = time.perf_counter(), time.process_time()
            read_premises(conn, 1)
            took = {
                "database_read_s": time.perf_counter() - began,
                "database_read_cpu_s": time.process_time() - worked,
            }
        db.close()
    return took


@click.command()
@click.option("--premises", type=int, multiple=True, help="How many; may be given again.")
@click.option("--case", type=click.Choice(CASES), multiple=True, help="Only this; may be repeated.")
@click.option("--rounds", type=int, default=7, show_default=True)
@click.option("--postgis/--no-postgis", "with_postgis", default=True)
@click.option("--index-only", is_flag=True, help="Measure build, opening and memory only.")
@click.option("--growth", is_flag=True, help="Only: a feeder among 1 and 10 million, in turns.")
@click.option("--json", "as_json", is_flag=True)
def main(
    *,
    premises: tuple[int, ...],
    case: tuple[str, ...],
    rounds: int,
    with_postgis: bool,
    index_only: bool,
    growth: bool,
    as_json: bool,
) -> None:
    """Measure matching against its alternatives."""
    if growth:
        click.echo(json.dumps(_growth(rounds), indent=2))
        return
    results = []
    for count in premises or SIZES:
        with ExitStack() as stack:
            server = postgis.start(stack) if with_postgis and not index_only else None
            results.append(_one_size(count, () if index_only else case or CASES, rounds, server))
        if not as_json:
            _show(results[-1])
    if as_json:
        click.echo(json.dumps(results, indent=2))


def _one_size(
    count: int, cases: tuple[str, ...], rounds: int, server: postgis.Server | None
) -> dict[str, Any]:
    land = made.territory(count)
    began, worked = time.perf_counter(), time.process_time()
    layout = lay_out(version=1, keys=land.keys, lon=land.lon, lat=land.lat, services=land.services)
    built = {
        "build_s": time.perf_counter() - began,
        "build_cpu_s": time.process_time() - worked,
    }
    result: dict[str, Any] = {
        "premises": count,
        "index": built | _database_facts(count) | _index_facts(land, layout),
        "cases": {},
    }
    if server is not None:
        result["postgis_load_s"] = server.load(land.lon, land.lat)
    for case in cases:
        areas = _areas(case, land)
        result["cases"][case] = {
            "areas": len(areas),
            "vertices": int(shapely.get_num_coordinates(areas).sum()),
            "contenders": _measure(_contenders(land, layout, areas, server), rounds),
        }
    return result


def _growth(rounds: int) -> dict[str, Any]:
    """Processor time of one feeder among ten million premises over that among one million."""
    ways: dict[str, list[Contender]] = {}
    for count in (1_000_000, 10_000_000):
        land = made.territory(count)
        layout = lay_out(
            version=1, keys=land.keys, lon=land.lon, lat=land.lat, services=land.services
        )
        for name, index in _indexes(layout):
            ways.setdefault(name, []).append(_ours(name, index, _areas("feeder", land)))
    found = {}
    for name, contenders in ways.items():
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for one, taken in zip(contenders, times, strict=True):
                began = time.process_time()
                one.run()
                taken.append((time.process_time() - began) * 1000 / 200)
        few, many = map(statistics.median, times)
        found[name] = {"feeder_1m_ms": few, "feeder_10m_ms": many, "growth": many / few}
    return found


def _show(result: dict[str, Any]) -> None:
    index = result["index"]
    click.echo(f"\n{result['premises']:,} premises")
    for name, value in index.items():
        click.echo(f"  {name:28} {value:12,.3f}")
    if "postgis_load_s" in result:
        click.echo(f"  {'postgis_load_s':28} {result['postgis_load_s']:12,.3f}")
    for case, facts in result["cases"].items():
        click.echo(f"\n  {case}: {facts['areas']:,} areas, {facts['vertices']:,} vertices")
        click.echo(f"  {'':28} {'median ms':>12} {'min ms':>12} {'× sjoin':>10}")
        for one in facts["contenders"]:
            if "count" in one:
                click.echo(f"  {one['count']:,} pairs, the same for all")
                continue
            click.echo(
                f"  {one['name']:28} {one['median_ms']:12,.2f} {one['min_ms']:12,.2f} "
                f"{one['ratio']:10,.1f}"
            )


if __name__ == "__main__":
    sys.exit(main())
