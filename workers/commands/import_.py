"""`outage import`: premises and accounts from files, every problem with its line."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from outage import audit
from outage import settings as settings_module
from outage.database import Database
from outage.errors import OutageError
from outage.loading import Loaded, LoadOptions
from outage.model import Actor, Service
from outage.settings import Settings
from outage.sheet import read_mapping
from outage.site import load_site
from workers.cli import explain
from workers.opening import open_record
from workers.progress import progress_bar
from workers.session import acting, doing

ACTOR = Actor(kind="cli", name="import")
_SHOWN = 20
_COUNTS = (*Loaded.__dataclass_fields__, "opted_out", "created", "came_back")
_LOADED = (
    *("premises_loaded", "premises_to_load", "accounts_loaded"),
    *("endpoints_loaded", "endpoints_to_load"),
)
_SAYS_CRS = {"option": "--crs", "file": "by the file", "assumed": "taken for granted"}

_file = click.argument("file", type=click.Path(path_type=Path))
_map = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="Column that holds a field, or a TOML file of such lines; may be repeated.",
)
_partial = click.option("--partial", is_flag=True, help="Keep what the file does not list.")
_strict = click.option("--strict", is_flag=True, help="Load nothing if any row is bad.")
_allow_shrink = click.option(
    "--allow-shrink", is_flag=True, help="Let a much smaller file close the rest."
)
_country = click.option(
    "--country",
    default="US",
    show_default=True,
    callback=lambda _context, _parameter, value: _region(value),
    help="Country of phone numbers without a country code.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")


@click.group(name="import")
def group() -> None:
    """Load premises, accounts and opt-outs; loading a file again updates what it lists."""


@group.command()
@_file
@_map
@_partial
@_strict
@_allow_shrink
@click.option("--allow-moves", is_flag=True, help="Let many premises move far.")
@click.option(
    "--allow-outside", is_flag=True, help="Let many new premises lie far from those on record."
)
@click.option("--crs", metavar="EPSG:XXXX", help="Coordinate system of the file.")
@click.option("--layer", help="Layer of a file that has several.")
@click.option(
    "--no-places",
    is_flag=True,
    help="The file has no coordinates: premises keep the place they have, new ones have none "
    "(`outage geocode` finds them one).",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@_json
def premises(
    *,
    file: Path,
    mapping: Sequence[str],
    partial: bool,
    strict: bool,
    allow_shrink: bool,
    allow_moves: bool,
    allow_outside: bool,
    crs: str | None,
    layer: str | None,
    no_places: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Load premises from FILE, in any coordinate system.

    CSV, GeoJSON, KML, Shapefile, GeoPackage, GeoParquet or FileGDB, the last and a Shapefile also
    as a zip archive.
    """
    from gis.importing.loading import load_premises
    from gis.premises import ReadOptions, read_premises

    settings = settings_module.load()
    options = ReadOptions(
        mapping=read_mapping(mapping),
        crs=crs,
        layer=layer,
        placeless=no_places,
        services=_default_service(settings).bit,
    )
    with progress_bar("reading", shown=not as_json) as reading:
        found = read_premises(file, options, progress=reading)
    facts: dict[str, Any] = {
        **({"crs": found.crs, "crs_from": found.crs_from} if found.says_places else {}),
        "unplaced": [
            {"file": found.file, "line": line}
            for line in (found.unplaced.tolist() if found.says_places else ())
        ],
        "rejected_rows": [asdict(row) for row in found.rejected],
        "given": found.given,
    }
    db = _opened(settings, dry_run=dry_run)
    try:
        with progress_bar("loading", shown=not as_json) as loading:
            loaded = load_premises(
                db,
                found,
                _options(settings, partial=partial, strict=strict, allow_shrink=allow_shrink),
                actor=ACTOR,
                allow_moves=allow_moves,
                allow_outside=allow_outside,
                dry_run=dry_run,
                progress=loading,
                indexes=settings.indexes,
            )
    except Exception as refused:
        _report_refused({"premises_loaded": 0, **facts}, refused, as_json=as_json)
        raise
    finally:
        db.close()
    count = "premises_to_load" if dry_run else "premises_loaded"
    _report({count: len(found), **facts, **asdict(loaded)}, as_json=as_json)


@group.command()
@_file
@_map
@_partial
@_strict
@_allow_shrink
@click.option(
    "--accept-preferences",
    is_flag=True,
    help="Let the file change for many accounts whether they want outage alerts.",
)
@_country
@_json
def accounts(
    *,
    file: Path,
    mapping: Sequence[str],
    partial: bool,
    strict: bool,
    allow_shrink: bool,
    accept_preferences: bool,
    country: str,
    as_json: bool,
) -> None:
    """Load accounts, what they hold and how they are reached from FILE (CSV)."""
    from notifier.reach import reach
    from outage.cis.accounts import read_accounts
    from outage.cis.loading import known_premises, load_accounts

    settings = settings_module.load()
    db = _opened(settings)
    try:
        with db.read() as conn:
            known = known_premises(conn)
        found = read_accounts(
            file,
            premises=known,
            mapping=read_mapping(mapping),
            region=country,
            language=load_site(settings.home).languages[0],
            test_numbers=settings.test_numbers,
        )
        facts: dict[str, Any] = {
            "rejected_rows": [asdict(row) for row in found.rejected],
            "dropped_contacts": [asdict(contact) for contact in found.dropped],
        }
        options = _options(settings, partial=partial, strict=strict, allow_shrink=allow_shrink)
        try:
            with progress_bar("loading", shown=not as_json) as progress:
                loaded = load_accounts(
                    db,
                    found,
                    options,
                    actor=ACTOR,
                    accept_preferences=accept_preferences,
                    progress=progress,
                )
        except OutageError as refused:
            _report_refused({"accounts_loaded": 0, **facts}, refused, as_json=as_json)
            raise
        with db.read() as conn:
            reached = reach(conn)
    finally:
        db.close()
    facts = {"accounts_loaded": len(found.accounts), **facts, **asdict(loaded)}
    if as_json:
        facts |= {"accounts": reached.accounts, "reached": reached.reached}
    _report(facts, as_json=as_json)
    if not as_json:
        click.echo(
            f"Messages reach {reached.reached:,} of {reached.accounts:,} accounts now; `outage "
            "report reach` says why not the others."
        )


@group.command()
@_file
@_map
@_strict
@_country
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@_json
def suppressions(
    *,
    file: Path,
    mapping: Sequence[str],
    strict: bool,
    country: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Record opt-outs of an earlier vendor from FILE (CSV); none is ever lifted.

    Phone numbers, e-mail addresses, reason and date are found by the usual names of their columns.
    Who is not on record yet is opted out before a load of accounts brings them.
    """
    from outage.cis.suppressing import load_suppressions
    from outage.cis.suppressions import read_suppressions
    from outage.clock import business_now

    settings = settings_module.load()
    site = load_site(settings.home)
    db = _opened(settings, dry_run=dry_run)
    try:
        with db.read() as conn:
            now = business_now(conn)
        found = read_suppressions(
            file,
            mapping=read_mapping(mapping),
            region=country,
            zone=site.zone,
            now=now,
            test_numbers=settings.test_numbers,
        )
        facts: dict[str, Any] = {
            "undated": list(found.undated),
            "rejected_rows": [asdict(row) for row in found.rejected],
        }
        count = "endpoints_to_load" if dry_run else "endpoints_loaded"
        options = _options(settings, partial=True, strict=strict, allow_shrink=True)
        try:
            with progress_bar("loading", shown=not as_json) as progress:
                loaded = load_suppressions(
                    db,
                    found,
                    options,
                    language=site.languages[0],
                    dry_run=dry_run,
                    progress=progress,
                )
        except OutageError:
            _report({count: 0, **facts}, as_json=as_json)
            raise
    finally:
        db.close()
    _report({count: len(found.found), **facts, **asdict(loaded)}, as_json=as_json)


def _options(settings: Settings, *, partial: bool, strict: bool, allow_shrink: bool) -> LoadOptions:
    return LoadOptions(
        partial=partial,
        strict=strict,
        allow_shrink=allow_shrink,
        max_bad_percent=settings.import_max_bad_percent,
    )


def _opened(settings: Settings, *, dry_run: bool = False) -> Database:
    """Open the database, and put on the audit log that a load has begun."""
    db = open_record(settings)
    if not dry_run:
        with audit.deed(db, actor=acting(), action=doing()):
            pass
    return db


def _default_service(settings: Settings) -> Service:
    """What a premise is served with where the file says nothing."""
    services = load_site(settings.home).services
    return Service.ELECTRIC if Service.ELECTRIC in services else services[0]


def _report(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    counts = [name for name in _COUNTS if name in facts]
    for name in _LOADED:
        if name in facts:
            details = ", ".join(f"{facts[count]:,} {count}" for count in counts)
            click.echo(f"{facts[name]:,} {name.replace('_', ' ')}" + (details and f" ({details})"))
    if "crs" in facts:
        click.echo(f"coordinates are {facts['crs']} ({_SAYS_CRS[facts['crs_from']]})")
    _show_problems(facts)


def _report_refused(facts: dict[str, Any], refused: Exception, *, as_json: bool) -> None:
    """Say what is known of a file of which nothing was loaded; why, is said on standard error."""
    if as_json:
        click.echo(json.dumps({**facts, "refused": explain(refused)}))
    else:
        _show_problems(facts)


def _show_problems(facts: dict[str, Any]) -> None:
    problems = [
        *(
            f"line {row['line']}: {row['reason']}{_given(facts.get('given', {}).get(row['line']))}"
            for row in facts["rejected_rows"]
        ),
        *(
            f"line {contact['line']}: {contact['field']} cannot be used, left out"
            for contact in facts.get("dropped_contacts", ())
        ),
        *(f"line {line}: date cannot be read, taken as now" for line in facts.get("undated", ())),
        *(f"line {row['line']}: unplaced, no coordinates" for row in facts.get("unplaced", ())),
    ]
    for problem in problems[:_SHOWN]:
        click.echo(f"  {problem}")
    if len(problems) > _SHOWN:
        click.echo(f"  … and {len(problems) - _SHOWN:,} more; --json lists them all")


def _given(text: str | None) -> str:
    """Show what stood in a bad row, if it is known."""
    if text is None:
        return ""
    # What would move a terminal's cursor is written out.
    return f" ({text!r})" if text else " (empty)"


def _region(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if value.upper() not in SUPPORTED_REGIONS:
        raise click.BadParameter(f"{value!r} is no country; write its two letters, like US or CA")
    return value.upper()
