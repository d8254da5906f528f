"""Each importer of premises against the plain reader of its format, in time and memory.

    python -m tests.bench.importers [--premises N] [--format csv] [--runs N] [--json]

Ours reads, judges and keeps what a load needs; the others only read: `pyogrio.read_arrow`, or
`geopandas.read_parquet`. Every run is a process of its own, ours and theirs by turns. Memory is the
highest resident size (VmHWM) less what was resident when all was imported. Ours reads in a process
of its own: its start counts as time, and all it has as memory, libraries and all (Pss: a page that
processes share is shared out among them), as seen fifty times a second beside ours. To look at
that process takes time from it, and there is none beside the other: memory and time are taken of
runs of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import geopandas
import numpy as np
import pandas as pd
import shapely

FORMATS = {
    "csv": "premises.csv",
    "geojson": "premises.geojson",
    "shapefile": "premises.shp",
    "geopackage": "premises.gpkg",
    "filegdb": "premises.gdb",
    "geoparquet": "premises.parquet",
}
DRIVERS = {
    "geojson": "GeoJSON",
    "shapefile": "ESRI Shapefile",
    "geopackage": "GPKG",
    "filegdb": "OpenFileGDB",
}
STREETS = ("Alder", "Birch", "Cedar", "Elm", "Fir", "Hastings", "Maple", "Oak", "Pine", "Spruce")
SAMPLE_S = 0.02
KINDS = ("St", "Av", "Rd", "Dr", "Blvd")


def table(premises: int) -> pd.DataFrame:
    """Premises in towns of street grids; names are short enough for a Shapefile."""
    dice = np.random.default_rng(20_261_127)
    number = np.arange(premises)
    words = [f"{one} {kind}" for one in STREETS for kind in KINDS]
    streets = [f"{way} {word}" for way in ("N", "S", "E", "W") for word in words]
    street = dice.integers(0, len(streets), premises).tolist()
    house = (1 + number // len(streets) % 9_000).tolist()
    towns = ("Vancouver", "Burnaby", "Richmond", "Surrey")
    return pd.DataFrame(
        {
            "premise_id": [f"P{one:08d}" for one in number],
            "address": [f"{h} {streets[s]}" for h, s in zip(house, street, strict=True)],
            "city": [towns[one % len(towns)] for one in (number * len(towns) // premises).tolist()],
            "region": "BC",
            "longitude": np.round(-123.2 + dice.random(premises) * 0.4, 7),
            "latitude": np.round(49.1 + dice.random(premises) * 0.2, 7),
            "services": np.where(number % 3, "electric", "electric water"),
            "circuit": [f"VAN-{one // 2_000}" for one in number],
            "trafo": [f"T-{one // 10:06x}" for one in number],
            "postcode": [
                f"V{one // 500 % 10}A {one // 50 % 10}B{one // 5_000 % 10}" for one in number
            ],
            "meter": [f"M{one * 7_919 % 99_999_989:08d}" for one in number],
        }
    )


MAPPING = {"transformer": "trafo", "postal_code": "postcode", "alias_meter": "meter"}


def write(folder: Path, name: str, rows: pd.DataFrame) -> Path:
    path = folder / FORMATS[name]
    if name == "csv":
        rows.to_csv(path, index=False)
        return path
    points = shapely.points(rows["longitude"], rows["latitude"])
    frame = geopandas.GeoDataFrame(
        rows.drop(columns=["longitude", "latitude"]), geometry=points, crs="EPSG:4326"
    )
    if name == "geoparquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path, driver=DRIVERS[name], engine="pyogrio", use_arrow=True)
    return path


def resident(what: str, pid: int | str = "self") -> float:
    """Megabytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def measure(who: str, path: Path) -> None:
    """In a process of its own: read the file once, print what it took."""
    # What is imported is not measured.
    from gis.premises import ReadOptions, read_premises

    if who == "theirs":
        import pyogrio

        pyogrio.list_drivers()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began, used = time.perf_counter(), time.process_time()
    if who == "ours":
        rows = len(read_premises(path, ReadOptions(mapping=MAPPING)))
    elif path.suffix == ".parquet":
        rows = len(geopandas.read_parquet(path))
    else:
        rows = pyogrio.read_arrow(path)[1].num_rows
    facts = {
        "rows": rows,
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - used + sum(os.times()[2:4]),
        "megabytes": resident("VmHWM") - before,
        "before": before,
    }
    click.echo(json.dumps(facts))


def ask(who: str, path: Path) -> dict[str, float]:
    """Time of a run that nobody watches, memory of another."""
    return {**run(who, path, watched=False), "megabytes": run(who, path, watched=True)["megabytes"]}


def run(who: str, path: Path, *, watched: bool) -> dict[str, float]:
    words = [sys.executable, "-m", "tests.bench.importers", "--measure", who, str(path)]
    together = 0.0
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        while watched and process.poll() is None:
            together = max(together, with_children(process.pid))
            time.sleep(SAMPLE_S)
        assert process.stdout is not None
        facts: dict[str, float] = json.loads(process.stdout.read())
    return {**facts, "megabytes": max(facts["megabytes"], together - facts["before"])}


def with_children(pid: int) -> float:
    """Megabytes of a process and those it has started; 0 while it has not."""
    with contextlib.suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return resident("VmRSS", pid) + sum(map(shared, found)) if found else 0.0
    return 0.0


def shared(pid: str) -> float:
    """Megabytes of a process, and its share of what others have, too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(one.split()[1]) / 1024 for one in lines if one.startswith("Pss:"))


def compare(path: Path, premises: int, runs: int) -> dict[str, Any]:
    """Medians of both, read by turns."""
    taken: dict[str, list[dict[str, float]]] = {"theirs": [], "ours": []}
    for _ in range(runs):
        for who, found in taken.items():
            found.append(ask(who, path))
    assert all(one["rows"] == premises for found in taken.values() for one in found)
    return {
        who: {
            what: statistics.median(one[what] for one in found)
            for what in ("seconds", "cpu_seconds", "megabytes")
        }
        for who, found in taken.items()
    }


def line(name: str, found: dict[str, Any]) -> str:
    ours, theirs = found["ours"], found["theirs"]
    return (
        f"{name:<12}"
        f"{theirs['seconds']:>9.2f} s{ours['seconds']:>9.2f} s"
        f"{ours['seconds'] / theirs['seconds']:>8.2f} ×"
        f"{theirs['megabytes']:>9.0f} MB{ours['megabytes']:>7.0f} MB"
        f"{ours['megabytes'] / theirs['megabytes']:>8.2f} ×"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--format", choices=list(FORMATS), action="append")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--measure", nargs=2, metavar=("WHO", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], Path(options.measure[1]))
        return
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="outage-bench-") as folder:
        rows = table(options.premises)
        if not options.json:
            click.echo(f"{options.premises:,} premises, medians of {options.runs} runs")
            click.echo(
                f"{'':<12}{'reader':>11}{'ours':>11}{'time':>10}"
                f"{'reader':>12}{'ours':>10}{'memory':>10}"
            )
        for name in options.format or FORMATS:
            path = write(Path(folder), name, rows)
            found[name] = compare(path, options.premises, options.runs)
            if not options.json:
                click.echo(line(name, found[name]))
    if options.json:
        click.echo(json.dumps(found))


if __name__ == "__main__":
    main()
