from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from socket import create_server

import pytest
import shapely

from gis.errors import (
    CrsUnknown,
    FileCrsOfDegrees,
    FileRefused,
    GisError,
    LayerNotThere,
    LayerUnclear,
    LayerUnknown,
    ShapeNotAnArea,
    ShapeProjected,
    ShapeTooBig,
)
from gis.formats import gdal
from gis.shapes import Shape, ShapeLimits, accept, accept_file
from tests.unit.gis import drawers
from tests.unit.gis.drawers import AREA, write, zipped

LIMITS = ShapeLimits()
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return drawers.bytes_of_each_format(tmp_path_factory.mktemp("formats"))


def through(source: Path | bytes, *, layer: str | None = None, crs: str | None = None) -> Shape:
    return accept_file(source, limits=LIMITS, layer=layer, crs=crs)


def drivers(**environment: str) -> subprocess.CompletedProcess[str]:
    """What GDAL could open in a process with this in its environment."""
    asked = "from gis.formats import gdal; print(*gdal.load().list_drivers(), sep='\\n')"
    return subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_gdal_has_no_driver_but_those_allowed() -> None:
    assert set(drivers(OGR_SKIP=gdal.SKIPPED).stdout.splitlines()) == set(gdal.DRIVERS.values())


@pytest.mark.parametrize("skipped", ["", gdal.SKIPPED.replace("GML,", "")])
def test_gdal_with_other_drivers_is_refused(skipped: str) -> None:
    done = drivers(OGR_SKIP=skipped)
    assert (done.returncode, done.stdout) == (1, "")
    assert "GdalNotHeld: GDAL was loaded with drivers that open more than" in done.stderr
    assert ("(GML)" in done.stderr) is bool(skipped)


def test_one_polygon_has_one_hash_in_every_format(
    formats: dict[str, bytes], tmp_path: Path
) -> None:
    expected = accept(shapely.geometry.mapping(AREA), limits=LIMITS)
    for name, data in formats.items():
        assert through(data) == expected, name
    for name in ("GeoJSON", "WKB", "KMZ", "GeoPackage"):
        path = tmp_path / "a file whose name says nothing"
        path.write_bytes(formats[name])
        assert through(path) == expected, name


def test_a_shapefile_and_a_file_geodatabase_are_read_where_they_lie(tmp_path: Path) -> None:
    expected = accept(AREA.wkb, limits=LIMITS)
    assert through(write(tmp_path / "a[1].shp", AREA)) == expected
    assert through(write(tmp_path / "area.gdb", AREA)) == expected


def test_a_coordinate_system_in_the_file_is_believed_and_crs_overrules_it(tmp_path: Path) -> None:
    square = shapely.box(491000, 5456000, 492000, 5457000)
    expected = accept(square.wkb, limits=LIMITS, crs="EPSG:26910")
    for name in ("utm.gpkg", "utm.shp", "utm.gdb", "utm.parquet"):
        for shape in (
            through(write(tmp_path / f"own-{name}", square, crs="EPSG:26910")),
            through(write(tmp_path / name, square, crs="EPSG:26911"), crs="EPSG:26910"),
        ):
            # A FileGDB rounds to its own grid, a tenth of a millimetre.
            same = shapely.from_wkb(shape.wkb).equals_exact(shapely.from_wkb(expected.wkb), 1e-9)
            assert same, name
    with pytest.raises(ShapeProjected, match="--crs"):
        through(zipped(write(tmp_path / "bare.shp", square)))


def test_degrees_that_the_file_calls_projected_are_read_with_crs(tmp_path: Path) -> None:
    path = write(tmp_path / "area.gpkg", AREA, crs="EPSG:26910")
    with pytest.raises(FileCrsOfDegrees) as refused:
        through(path)
    assert str(refused.value) == (
        "The file says EPSG:26910, but its coordinates are longitudes and latitudes already. "
        "Read it with --crs EPSG:4326, and have it written anew."
    )
    assert through(path, crs="EPSG:4326") == accept(AREA.wkb, limits=LIMITS)


@pytest.mark.parametrize("name", ["GeoJSON", "WKB", "KMZ", "GeoParquet"])
def test_a_layer_of_a_file_that_has_none_is_refused(formats: dict[str, bytes], name: str) -> None:
    with pytest.raises(LayerNotThere, match="has no layers; leave --layer out"):
        through(formats[name], layer="x")


def test_the_features_of_a_layer_are_meant_together(tmp_path: Path) -> None:
    beside = shapely.box(-123.0, 49.25, -122.875, 49.375)
    for name in ("two.gpkg", "two.shp", "two.gdb", "two.parquet"):
        shape = through(write(tmp_path / name, AREA, beside))
        assert shape.repaired is None
        assert shapely.from_wkb(shape.wkb).equals(AREA.union(beside)), name


def test_layers_without_areas_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "many.gdb", AREA, layer="north")
    write(path, shapely.Point(-123, 49), layer="poles")
    assert through(path).hash == accept(AREA.wkb, limits=LIMITS).hash
    with pytest.raises(ShapeNotAnArea, match="Feature 1 is a Point"):
        through(path, layer="poles")


def test_several_layers_of_areas_are_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path / "many.gpkg", AREA, layer="north")
    write(path, shapely.box(-122, 49, -121.9, 49.1), layer="south")
    with pytest.raises(LayerUnclear, match="--layer: north, south"):
        through(path)
    with pytest.raises(LayerUnknown, match="no layer 'west'; there are: north, south"):
        through(path, layer="west")
    assert through(path, layer="north").hash == accept(AREA.wkb, limits=LIMITS).hash


def test_each_shapefile_in_an_archive_is_a_layer(tmp_path: Path) -> None:
    write(tmp_path / "north.shp", AREA)
    write(tmp_path / "south.shp", shapely.box(-122, 49, -121.9, 49.1))
    both = zipped(*sorted(tmp_path.iterdir()))
    with pytest.raises(LayerUnclear, match="north, south"):
        through(both)
    assert through(both, layer="north").hash == accept(AREA.wkb, limits=LIMITS).hash


def test_a_shapefile_needs_no_index(tmp_path: Path) -> None:
    write(tmp_path / "area.shp", AREA)
    alone = zipped(tmp_path / "area.shp", tmp_path / "area.prj")
    assert through(alone).hash == accept(AREA.wkb, limits=LIMITS).hash


def test_a_file_without_areas_says_so(tmp_path: Path) -> None:
    with pytest.raises(ShapeNotAnArea, match="Feature 1 is a Point"):
        through(write(tmp_path / "poles.gpkg", shapely.Point(-123, 49), layer="poles"))
    with pytest.raises(ShapeNotAnArea, match="Feature 1 is a LineString"):
        through(write(tmp_path / "x.parquet", shapely.LineString([(0, 1), (1, 2)])))


def archive(tmp_path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for member, data in members:
            made.writestr(member, data)
    return path


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_an_archive_holds_plain_files_in_plain_places(tmp_path: Path) -> None:
    odd: list[tuple[zipfile.ZipInfo | str, str]] = [
        (link("area.prj"), "a link or a device"),
        ("../area.shp", "no name for a file"),
        ("/etc/area.shp", "no name for a file"),
        ("C:\\area.shp", "no name for a file"),
        ("readme.txt", "no Shapefile, FileGDB or KML"),
        ("inner.zip", "no Shapefile, FileGDB or KML"),
    ]
    for member, words in odd:
        with pytest.raises(FileRefused, match=words):
            through(archive(tmp_path, (member, b"/etc/passwd")))


def test_an_archive_is_unpacked_within_limits(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="more than 200 times"):
        through(archive(tmp_path, ("doc.kml", b" " * 30_000_000)))
    noise = os.urandom(4000) * 200
    many = archive(tmp_path, *((f"{n}.shp", noise) for n in range(3)))
    with pytest.raises(FileRefused, match="more than the limit"):
        accept_file(many, limits=ShapeLimits(max_bytes=many.stat().st_size))
    with pytest.raises(FileRefused, match="3,000 files"):
        through(archive(tmp_path, *((f"{n}.txt", b"") for n in range(3000))))


def test_each_limit_of_a_file_says_which_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "area.gpkg", AREA)
    with pytest.raises(FileRefused, match="bytes, the limit is 1,000"):
        accept_file(path, limits=ShapeLimits(max_bytes=1000))
    with pytest.raises(ShapeTooBig, match="5 vertices, the limit is 4"):
        accept_file(path, limits=ShapeLimits(max_vertices=4))


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, words in (
        ("pipe", "neither a file nor a FileGDB"),
        (".", "no FileGDB"),
        ("none", "No such file"),
    ):
        with pytest.raises(FileRefused, match=words):
            through(tmp_path / name)
    with pytest.raises(FileRefused, match="neither a file"):
        through(Path("/dev/zero"))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that must never be called, and the calls it got."""
    calls: list[str] = []
    with create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    call, _ = server.accept()
                except OSError:
                    return
                calls.append("called")
                call.close()

        thread = threading.Thread(target=listen)
        thread.start()
        host, port = server.getsockname()
        yield f"http://{host}:{port}/area.geojson", calls
        server.shutdown(2)
    thread.join()


def test_nothing_in_a_file_makes_the_gate_read_another_or_use_the_network(
    tmp_path: Path, listener: tuple[str, list[str]], formats: dict[str, bytes]
) -> None:
    url, calls = listener
    canary = tmp_path / "canary.geojson"
    canary.write_text(json.dumps(shapely.geometry.mapping(AREA)))
    # Not even root reads what is a pipe nobody writes into: whoever opens it hangs, and is found.
    pipe = tmp_path / "canary.pipe"
    os.mkfifo(pipe)
    vrt = "<OGRVRTDataSource><OGRVRTLayer><SrcDataSource>{}</SrcDataSource></OGRVRTLayer>"
    entity = '<!DOCTYPE kml [<!ENTITY a SYSTEM "{}">]><kml><Placemark>&a;</Placemark></kml>'
    wkt = 'BOUNDCRS[ABRIDGEDTRANSFORMATION["y",METHOD["NTv2"],PARAMETERFILE["z","{}"]]]'
    for place in (str(canary), str(pipe), url, f"/vsicurl/{url}", f"file://{canary}"):
        texts = [
            place,
            json.dumps(place),
            json.dumps({"type": "Feature", "geometry": place}),
            json.dumps({"type": "FeatureCollection", "features": {"$ref": place}}),
            vrt.format(place),
            entity.format(place),
            f"<kml><NetworkLink><Link><href>{place}</href></Link></NetworkLink></kml>",
        ]
        for text in texts:
            with pytest.raises(GisError):
                through(text.encode())
        for crs in (f"+proj=longlat +nadgrids={place}", f"+init={place}:1", wkt.format(place)):
            with pytest.raises(CrsUnknown):
                through(formats["GeoJSON"], crs=crs)
    for place in (str(pipe), url):
        for function in ("gdal_get_pixel_value", "load_extension", "readfile", "ogr_geocode"):
            view = drawers.geopackage_with_view(
                tmp_path / "view.gpkg", f"SELECT fid, geom, {function}('{place}') AS read FROM zone"
            )
            with pytest.raises(GisError):
                through(view, layer="view")
            view.unlink()
    assert not calls


def test_a_link_beside_a_shapefile_is_not_followed(tmp_path: Path) -> None:
    shp = write(tmp_path / "area.shp", AREA, crs="EPSG:26910")
    (tmp_path / "area.prj").rename(tmp_path / "elsewhere.txt")
    (tmp_path / "area.prj").symlink_to(tmp_path / "elsewhere.txt")
    assert through(shp).hash == accept(AREA.wkb, limits=LIMITS).hash


def test_a_name_that_gdal_would_open_elsewhere_is_a_name(tmp_path: Path) -> None:
    strange = tmp_path / "vsicurl:{http!x}.zip?a=b"
    strange.write_bytes(write(tmp_path / "area.gpkg", AREA).read_bytes())
    assert through(strange).vertices == 6


def test_an_archive_with_a_name_inside_that_is_no_text_is_damaged(tmp_path: Path) -> None:
    path = archive(tmp_path, ("é.kml", b"<kml/>"))
    # The name stands twice: in the table at the end, which is right, and before the bytes.
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff", 1))
    with pytest.raises(FileRefused, match="damaged"):
        through(path)
