"""`outage match`: who is inside a shape; changes nothing."""

import json
import time
from typing import IO, Any

import click
import sqlalchemy as sa

from outage import settings as settings_module
from outage import tables as t
from outage.database import Database
from outage.model import Service
from outage.site import load_site
from workers.opening import open_record


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--service",
    type=click.Choice([str(service) for service in Service]),
    help="Service that is out; the site's first if not given.",
)
@click.option("--crs", metavar="EPSG:XXXX", help="Coordinate system of the shape.")
@click.option("--accept-repair", is_flag=True, help="Take a repair that changes who is inside.")
@click.option("--ids", is_flag=True, help="List the premises.")
@click.option("--json", "as_json", is_flag=True, help="Print facts as JSON.")
def match(
    *,
    file: IO[bytes],
    service: str | None,
    crs: str | None,
    accept_repair: bool,
    ids: bool,
    as_json: bool,
) -> None:
    """Say who is inside the shape in FILE (GeoJSON or WKT; - reads standard input)."""
    from gis.matching import Matcher, limits_of

    settings = settings_module.load()
    limits = limits_of(settings)
    source = file.read(limits.max_bytes + 1)
    wanted = Service(service) if service else load_site(settings.home).services[0]
    db = open_record(settings)
    try:
        matcher = Matcher(db)
        matcher.index()
        began = time.perf_counter()
        found = matcher.match(source, wanted, limits=limits, crs=crs, accept_repair=accept_repair)
        took_ms = (time.perf_counter() - began) * 1000
        keys: list[int] = found.keys.tolist()
        shape = found.shape
        assert shape is not None  # noqa: S101 - what was drawn has one
        facts: dict[str, Any] = {
            "service": str(wanted),
            "premises": len(keys),
            **_count(db, keys, wanted),
            "premises_version": found.premises_version,
            "area_km2": round(shape.area_km2, 6),
            "vertices": shape.vertices,
            "repaired": shape.repaired,
            "milliseconds": round(took_ms, 1),
        }
        if ids:
            facts["ids"] = _ids(db, keys)
    finally:
        db.close()
    _show(facts, as_json=as_json)


def _parts(keys: list[int]) -> list[list[int]]:
    return [keys[at : at + 10_000] for at in range(0, len(keys), 10_000)]


def _count(db: Database, keys: list[int], service: Service) -> dict[str, int]:
    """Count the accounts inside, and the premises with the service that no shape can reach."""
    o, p = t.occupancies.c, t.premises.c
    accounts: set[int] = set()
    with db.read() as conn:
        for part in _parts(keys):
            held = sa.select(o.account_key).where(o.premise_key.in_(part), o.until.is_(None))
            accounts.update(conn.execute(held).scalars())
        served = p.services.bitwise_and(service.bit) != 0
        unplaced = conn.execute(
            sa.select(sa.func.count()).where(p.longitude.is_(None), p.closed_at.is_(None), served)
        ).scalar_one()
    return {"accounts": len(accounts), "unplaced": unplaced}


def _ids(db: Database, keys: list[int]) -> list[str]:
    p = t.premises.c
    with db.read() as conn:
        return [
            name
            for part in _parts(keys)
            for name in conn.execute(
                sa.select(p.id).where(p.key.in_(part)).order_by(p.key)
            ).scalars()
        ]


def _show(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    premises, accounts = (_counted(facts[f"{what}s"], what) for what in ("premise", "account"))
    click.echo(
        f"{premises}, {accounts} inside ({facts['area_km2']:g} km², {facts['milliseconds']:g} ms)"
    )
    if facts["unplaced"]:
        click.echo(
            f"No shape can reach {_counted(facts['unplaced'], 'premise')} without coordinates"
        )
    if facts["repaired"]:
        click.echo(f"the shape was repaired: {facts['repaired']}")
    for name in facts.get("ids", ()):
        click.echo(name)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
