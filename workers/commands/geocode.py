"""`outage geocode`: places for premises that were loaded without coordinates."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from outage.loading import LoadOptions
from outage.sheet import read_mapping
from workers.commands import options
from workers.errors import NotWritable
from workers.progress import progress_bar
from workers.session import acting, say, say_json, say_table, session

_FIELDS = ("premise_id", "address", "city", "region", "postal_code")
_SAYS = {
    "exact": "number, street and city or postal code fit",
    "likely": "number and street fit, and nothing says otherwise",
    "several": "points of the address lie apart",
    "elsewhere": "the address is in another city or postal code",
    "no_number": "the street has no such number",
    "no_street": "there is no such street",
    "no_address": "no house number and street on record",
}


@click.command()
@click.option(
    "--points",
    type=click.Path(path_type=Path),
    help="File of address points: CSV, GeoJSON, Shapefile and what else premises are loaded from.",
)
@click.option(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the premises without a place to this CSV, for a geocoder of your own.",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Column of the points that holds premise_id (any number of a point), address, city, "
    "postal_code, longitude or latitude; may be repeated.",
)
@click.option("--crs", metavar="EPSG:XXXX", help="Coordinate system of the points.")
@click.option("--layer", help="Layer of a file that has several.")
@click.option("--review", type=click.Path(path_type=Path, dir_okay=False), help="CSV of the rest.")
@click.option("--exact", is_flag=True, help="Place only what fits exactly.")
@click.option("--dry-run", is_flag=True, help="Say what would be placed, and change nothing.")
@options.as_json
def geocode(
    *,
    points: Path | None,
    export: Path | None,
    mapping: Sequence[str],
    crs: str | None,
    layer: str | None,
    review: Path | None,
    exact: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give premises without coordinates a place, from a file of address points.

    Joined are house number, street, city and postal code, each written in one way. What is not sure
    is placed nowhere; --review lists it. An outside geocoder's result is loaded with `outage import
    premises FILE --partial`.
    """
    if (points is None) == (export is None):
        raise click.UsageError("Say --points or --export.")
    from gis import geocoding

    with session() as desk_:
        with desk_.db.read() as conn:
            premises = geocoding.unplaced(conn)
        if export is not None:
            _write(export, _FIELDS, [_row(one) for one in premises])
            say_json({"exported": len(premises)}) if as_json else say(
                f"{len(premises):,} premises without a place are in {export}."
            )
            return
        assert points is not None  # noqa: S101  # one of the two was said
        from gis.importing.loading import load_premises
        from gis.premises import ReadOptions, read_premises

        wanted = ReadOptions(mapping=read_mapping(mapping), crs=crs, layer=layer)
        with progress_bar("reading", shown=not as_json) as progress:
            read = read_premises(points, wanted, progress=progress)
        found = geocoding.geocode(premises, read)
        sure = [
            one for one in found if one.fit.places and (not exact or one.fit is geocoding.Fit.EXACT)
        ]
        if review is not None:
            done = {one.premise.id for one in sure}
            left = [
                (*_row(one.premise), str(one.fit), one.hint)
                for one in found
                if one.premise.id not in done
            ]
            _write(review, (*_FIELDS, "why", "hint"), left)
        if sure and not dry_run:
            with desk_.deed() as deed:
                deed.detail = {"placed": len(sure)}
            with progress_bar("placing", shown=not as_json) as progress:
                load_premises(
                    desk_.db,
                    geocoding.placed(sure, read),
                    LoadOptions(partial=True),
                    actor=acting(),
                    progress=progress,
                    indexes=desk_.settings.indexes,
                )
    fits = Counter(str(one.fit) for one in found)
    if as_json:
        say_json({"unplaced": len(premises), "placed": len(sure), "fits": dict(fits)})
        return
    if not premises:
        say("Every premise has a place.")
        return
    would = "would get" if dry_run else "have"
    say(f"{len(sure):,} of {len(premises):,} premises without a place {would} one now.")
    say_table(
        ("PREMISES", "FIT", "WHAT IT MEANS"),
        [(f"{fits[fit]:,}", fit, says) for fit, says in _SAYS.items() if fits[fit]],
    )
    if len(sure) < len(premises) and review is None:
        say("--review FILE lists those without, with what was found instead.")


def _row(premise: object) -> tuple[str, ...]:
    return tuple(
        str(getattr(premise, "id" if field == "premise_id" else field)) for field in _FIELDS
    )


def _write(path: Path, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heads)
            writer.writerows(rows)
    except OSError as error:
        raise NotWritable(path, error.strerror or "it cannot be opened") from error
