"""One polygon written in every format the gate takes, and files that are not what they seem."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from pathlib import Path

import geopandas
import pyogrio
import shapely

CORNERS = [
    (-123.125, 49.25),
    (-123.0, 49.25),
    (-123.0, 49.375),
    (-123.0625, 49.5),
    (-123.125, 49.375),
]
AREA = shapely.Polygon(CORNERS)


def frame(*geometries: shapely.Geometry, crs: str = "EPSG:4326") -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"name": [f"row {n}" for n in range(len(geometries))]}, geometry=list(geometries), crs=crs
    )


def write(
    path: Path, *geometries: shapely.Geometry, layer: str = "zone", crs: str = "EPSG:4326"
) -> Path:
    """Write a Shapefile, a GeoPackage, a FileGDB or GeoParquet, by the name; layers add up."""
    if path.suffix == ".parquet":
        frame(*geometries, crs=crs).to_parquet(path)
        return path
    driver = {".shp": "ESRI Shapefile", ".gpkg": "GPKG", ".gdb": "OpenFileGDB"}[path.suffix]
    named = {} if path.suffix == ".shp" else {"layer": layer}
    pyogrio.write_dataframe(frame(*geometries, crs=crs), path, driver=driver, append=False, **named)
    return path


def zipped(*paths: Path, inside: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, f"{inside}{path.name}")
    return made.getvalue()


def siblings(shp: Path) -> list[Path]:
    return sorted(shp.parent.glob(f"{shp.stem}.*"))


def folder(path: Path) -> list[Path]:
    return sorted(path.iterdir())


def kml(corners: list[tuple[float, float]]) -> str:
    ring = " ".join(f"{x},{y},0" for x, y in [*corners, corners[0]])
    return (
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        "<Document><Placemark><Polygon><outerBoundaryIs><LinearRing>"
        f"<coordinates>{ring}</coordinates>"
        "</LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"
    )


def kmz(document: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("doc.kml", document)
        archive.writestr("files/icon.png", b"png")
    return made.getvalue()


def polyline(corners: list[tuple[float, float]], digits: int) -> str:
    """Google's algorithm, as its page describes it."""
    text, before = "", (0, 0)
    for lon, lat in corners:
        now = (round(lat * 10**digits), round(lon * 10**digits))
        for step in (now[0] - before[0], now[1] - before[1]):
            left = ~(step << 1) if step < 0 else step << 1
            while left >= 0x20:
                text += chr((0x20 | (left & 0x1F)) + 63)
                left >>= 5
            text += chr(left + 63)
        before = now
    return f"polyline{digits}:{text}"


def bytes_of_each_format(where: Path) -> dict[str, bytes]:
    """The polygon as the bytes of a file, by format."""
    shp = write(where / "area.shp", AREA)
    gdb = write(where / "area.gdb", AREA)
    return {
        "GeoJSON": json.dumps(shapely.geometry.mapping(AREA)).encode(),
        "WKT": AREA.wkt.encode(),
        "EWKT": f"SRID=4326;{AREA.wkt}".encode(),
        "WKB": AREA.wkb,
        "WKB, big end first": shapely.to_wkb(AREA, byte_order=0),
        "WKB as hex": AREA.wkb_hex.encode(),
        "EWKB": shapely.to_wkb(shapely.set_srid(AREA, 4326), include_srid=True),
        "ISO WKB with Z": shapely.to_wkb(shapely.force_3d(AREA), flavor="iso"),
        "KML": kml(CORNERS).encode(),
        "KMZ": kmz(kml(CORNERS)),
        "Shapefile": zipped(*siblings(shp)),
        "Shapefile in a folder": zipped(*siblings(shp), inside="export/"),
        "GeoPackage": write(where / "area.gpkg", AREA).read_bytes(),
        "GeoParquet": write(where / "area.parquet", AREA).read_bytes(),
        "FileGDB": zipped(*folder(gdb), inside="area.gdb/"),
        "polyline of 5 digits": polyline(CORNERS, 5).encode(),
        "polyline of 6 digits": polyline(CORNERS, 6).encode(),
        "flat list": "\n".join(f"{x}, {y}" for x, y in CORNERS).encode(),
    }


def geopackage_with_view(path: Path, select: str) -> Path:
    """A GeoPackage whose second layer, "view", is a statement of SQL."""
    write(path, AREA)
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE VIEW view AS {select}")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)"
            " VALUES ('view', 'features', 'view', 4326)"
        )
        database.execute(
            "INSERT INTO gpkg_geometry_columns VALUES ('view', 'geom', 'GEOMETRY', 4326, 0, 0)"
        )
    database.close()
    return path
