"""Bad files of premises: each gets its stated outcome, one sentence or bad rows with reasons."""

from __future__ import annotations

import json
import sqlite3
import struct
import time
import warnings
import zipfile
from contextlib import closing
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from gis.errors import (
    CoordinatesProjected,
    CrsUnknown,
    FileAxesSwapped,
    FileCrsOfDegrees,
    FileRefused,
    GisError,
    LayerNotThere,
    LayerUnclear,
    LayerUnknown,
)
from gis.premises import CrsFrom, Premises, ReadOptions, read_premises
from outage.sheet import SheetRefusedError

PLAIN = ReadOptions(mapping={})
HEADER = b"premise_id,longitude,latitude\n"


def read(path: Path, **options: str) -> Premises:
    return read_premises(path, ReadOptions(mapping={}, **options))  # type: ignore[arg-type]


def reasons(found: Premises) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in found.rejected]


def points(ids: list[object], **columns: list[object]) -> geopandas.GeoDataFrame:
    places = [shapely.Point(-123.1 - n / 1_000, 49.2) for n in range(len(ids))]
    return geopandas.GeoDataFrame({"premise_id": ids, **columns}, geometry=places, crs="EPSG:4326")


def save(frame: geopandas.GeoDataFrame, path: Path) -> None:
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        elif path.suffix == ".geojson":
            path.write_text(frame.to_json(default=str))
        elif path.suffix == ".gdb":
            frame.to_file(path, driver="OpenFileGDB")
        else:
            frame.to_file(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"premise_id\n1\n", "no column 'longitude'"),
        ("a.csv", HEADER, "no rows"),
        ("a.csv", b"1,-123,49\n2,-123,49\n", "no header"),
        ("a.csv", b"\0" * 10_000, "not a text file"),
        ("a.csv", HEADER.decode().encode("utf-16"), "not UTF-8|not a text file"),
        ("a.csv", HEADER + "Ä,1,2\n".encode("latin-1"), "not UTF-8"),
        ("a.csv", b"premise_id,longitude,latitude,latitude\nA,1,2,3\n", "twice"),
        ("a.csv", HEADER + b'A,"' + b"x" * 200_000 + b'",2\n', "line 2 cannot be read"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.json", b'{"features": [' + b"[" * 100_000, "not JSON"),
        ("a.json", b'{"features": [{"type": "Feature"', "not JSON"),
        ("a.json", b'{"features": [1e', "not JSON"),
        ("a.json", b'{"type": "FeatureCollection", "features": null}', "FeatureCollection"),
        ("a.json", b"[1, 2]", "it is JSON, but no GeoJSON FeatureCollection"),
        ("a.geojson", b"7", "it is JSON, but no GeoJSON FeatureCollection"),
        ("a.geojson", b"some words", "not JSON"),
        (
            "a.json",
            b'{"features": [null, 1, {"type": "Feature"}]}',
            r"no attribute is a field of premises \(it has none\)",
        ),
        ("a.csv", b"\n\n  \n", "it holds no header: its first line is blank"),
        ("a.json", b"{[1]: 2}", "not JSON"),
        ("a.json", b'{"features": []} {"features": [{"properties": {}}]}', "more follows"),
        ("a.json", '{"features": ["ä"]}'.encode("latin-1"), "not UTF-8"),
        ("a.json", b'{"features": [{"properties": {"x": 1}}]}', "no attribute"),
        ("a.gpkg", b"premise_id", "not a GeoPackage"),
        ("a.parquet", b"PAR1" + b"x" * 100, "damaged"),
        ("a.shp", b"premise_id", "not a Shapefile"),
        ("a.kml", b"<kml><Placemark>", "not XML"),
        ("a.kml", b"<gml/>", "not KML"),
        ("a.kml", b'<!DOCTYPE kml [<!ENTITY a "b">]><kml>&a;</kml>', "DOCTYPE"),
        ("a.zip", b"PK\x03\x04" + b"x" * 100, "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_gets_one_sentence(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises((SheetRefusedError, GisError), match=words) as refused:
        read(path)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_ten_thousand_columns_are_read_past(tmp_path: Path) -> None:
    more = [f"c{n}" for n in range(10_000)]
    path = tmp_path / "wide.csv"
    path.write_text(
        ",".join(["premise_id", "longitude", "latitude", *more])
        + "\nA,-123,49"
        + "," * 10_000
        + "\n"
    )
    assert read(path).ids.to_pylist() == ["A"]


def test_ten_thousand_columns_without_an_id_are_not_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(["longitude", *[f"c{n}" for n in range(10_000)]]) + "\n1\n")
    with pytest.raises(SheetRefusedError, match="--map premise_id=COLUMN") as refused:
        read(path)
    assert len(str(refused.value)) < 500


def test_a_row_with_a_nul_character_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"premise_id,longitude,latitude,city\nA,-123,49,x\0y\nB,-123,49,z\nC\0,-123,49,z\n"
    )
    found = read(path)
    assert found.ids.to_pylist() == ["B"]
    assert reasons(found) == [(2, "NUL character"), (4, "NUL character")]


def test_half_a_surrogate_in_json_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(
        '{"features": [{"properties": {"premise_id": "\\ud800"}},'
        ' {"properties": {"premise_id": "B"}}]}'
    )
    found = read(path)
    assert (found.ids.to_pylist(), reasons(found)) == (["B"], [(1, "NUL character")])


def test_all_rows_bad_is_said_of_each(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + b"A,nan,49\nB,inf,49\n,-123,49\nD,-123,1e999\n")
    found = read(path)
    assert len(found) == 0
    assert [reason for _, reason in reasons(found)] == [
        "coordinate", "coordinate", "premise_id", "coordinate",
    ]  # fmt: skip
    assert found.mentioned == {"A", "B", "", "D"}


@pytest.mark.parametrize("name", ["a.json", "a.kml"])
def test_features_of_which_each_has_another_alias_are_refused(tmp_path: Path, name: str) -> None:
    # A column for each would have rows times rows places.
    path = tmp_path / name
    if name == "a.json":
        some = [{"properties": {"premise_id": n, f"alias_{n}": n}} for n in range(3_000)]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": some}))
    else:
        data = '<Placemark><Data name="alias_{}"><value>1</value></Data></Placemark>'
        path.write_text(f"<kml>{''.join(map(data.format, range(3_000)))}</kml>")
    with pytest.raises(SheetRefusedError, match="kinds of alias_"):
        read(path)


def test_an_id_that_is_the_same_in_thousands_of_rows_is_said_of_each(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + b"".join(b"Vancouver,-123,49\n" for _ in range(5_000)))
    found = read(path)
    assert len(found) == 1
    assert {reason for _, reason in reasons(found)} == {"duplicate premise_id"}


def test_zeros_for_places_that_are_not_known_are_bad_rows_and_not_swapped_axes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + b"A,0,0\nB,0,0\nC,-123,49\n")
    assert reasons(read(path)) == [(2, "coordinate"), (3, "coordinate")]


def test_what_is_no_feature_is_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text('{"features": [{"properties": {"premise_id": 1}}, 7, {"properties": null}]}')
    found = read(path)
    assert (found.ids.to_pylist(), reasons(found)) == (["1"], [(2, "feature"), (3, "premise_id")])


@pytest.mark.parametrize("between", ["\n", "\n\n", "\n\x1e"])
def test_a_feature_a_line_is_read_as_well(tmp_path: Path, between: str) -> None:
    path = tmp_path / "a.geojsonl"
    place = {"type": "Point", "coordinates": [-123, 49]}
    features = [
        {"type": "Feature", "geometry": place, "properties": {"premise_id": f"P{n}"}}
        for n in range(3_000)
    ]
    path.write_text(between.join(map(json.dumps, features)) + between)
    found = read(path)
    assert len(found) == 3_000
    assert len(found.unplaced) == 0


def test_features_are_read_the_same_wherever_a_piece_of_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    features = [
        {
            "type": "Feature",
            "properties": {"premise_id": f"P{n}", "city": "x" * (n * 7 % 5_000)},
            "geometry": None,
        }
        for n in range(2_000)
    ]
    path.write_text(
        json.dumps({"name": 12, "features": features, "crs": {"properties": {"name": "EPSG:4269"}}})
    )
    found = read(path)
    assert found.ids.to_pylist() == [f"P{n}" for n in range(2_000)]
    assert [len(city) for city in found.text["city"].to_pylist()] == [
        n * 7 % 5_000 for n in range(2_000)
    ]
    assert (found.crs, found.crs_from) == ("EPSG:4269", CrsFrom.FILE)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.parquet", "a.geojson"])
def test_numbers_and_dates_of_columns_are_text_as_people_write_it(
    tmp_path: Path, name: str
) -> None:
    frame = points([123.0, 2.0**53], alias_day=[date(2026, 1, 2), None], zone=[2**53 + 1, 7])
    path = tmp_path / name
    save(frame, path)
    found = read(path)
    assert found.ids.to_pylist() == ["123", "9007199254740992"]
    assert found.text["zone"].to_pylist() == ["9007199254740993", "7"]
    assert found.aliases["day"].to_pylist() == ["2026-01-02", ""]


def test_a_geometry_of_collections_deep_in_one_another_is_a_bad_row(tmp_path: Path) -> None:
    # GEOS would end the process: it calls itself for each.
    deep = struct.pack("<BII", 1, 7, 1) * 100_000 + struct.pack("<BIdd", 1, 1, 1.0, 2.0)
    shore = shapely.MultiPolygon([shapely.Point(-123, 49).buffer(0.01, quad_segs=2_000)])
    shapes = pa.array([deep, shapely.to_wkb(shore)])
    about = {"primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}
    table = pa.table({"premise_id": ["A", "B"], "geometry": shapes})
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(about)}), path)
    found = read(path)
    assert (found.ids.to_pylist(), reasons(found)) == (["B"], [(1, "coordinate")])


def test_a_date_that_no_calendar_has_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    days = pa.array([2**30], pa.date32())
    pq.write_table(pa.table({"premise_id": days, "longitude": [1], "latitude": [2]}), path)
    with pytest.raises(FileRefused, match="the column 'premise_id' holds"):
        read(path)


def test_a_geoparquet_has_no_file_read_for_its_coordinate_system(tmp_path: Path) -> None:
    (tmp_path / "init").write_text("<x> +proj=utm +zone=10 +datum=WGS84 <>\n")
    column = {"encoding": "WKB", "crs": f"+init={tmp_path}/init:x"}
    about = {"primary_column": "geometry", "columns": {"geometry": column}}
    table = pa.table({"premise_id": ["A"], "geometry": [shapely.to_wkb(shapely.Point(5e5, 5e6))]})
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({b"geo": json.dumps(about)}), path)
    with pytest.raises(CrsUnknown, match="init="):
        read(path)


@pytest.mark.parametrize("about", [b"[" * 100_000, b'{"primary_column": 5, "columns": []}'])
def test_a_geoparquet_with_odd_metadata_is_damaged(tmp_path: Path, about: bytes) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"premise_id": ["A"], "geometry": [b""]})
    pq.write_table(table.replace_schema_metadata({b"geo": about}), path)
    with pytest.raises(FileRefused, match="damaged"):
        read(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.gdb", "a.parquet"])
def test_a_column_of_bytes_is_named(tmp_path: Path, name: str) -> None:
    frame = points(["A"], city=[b"\xff\x00"])
    path = tmp_path / name
    if name == "a.parquet":
        save(frame, path)
    else:
        driver = "OpenFileGDB" if name == "a.gdb" else "GPKG"
        frame.to_file(path, driver=driver, use_arrow=True)
    with pytest.raises(FileRefused, match="the column 'city' holds"):
        read(path)


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet", "a.geojson"])
def test_geometries_of_any_kind_are_one_place_each(tmp_path: Path, name: str) -> None:
    shapes = [
        shapely.Point(-123.1, 49.2),
        shapely.Point(-123.1, 49.2, 7),
        shapely.MultiPoint([(-123.1, 49.2)]),
        shapely.LineString([(-123.2, 49.2), (-123.1, 49.2), (-123.0, 49.2)]),
        shapely.box(-123.2, 49.1, -123.0, 49.3),
        shapely.Polygon(),
        None,
    ]
    frame = geopandas.GeoDataFrame(
        {"premise_id": [f"P{n}" for n in range(len(shapes))]},
        geometry=np.array(shapes, dtype=object),
        crs="EPSG:4326",
    )
    path = tmp_path / name
    save(frame, path)
    found = read(path)
    placed = np.isfinite(found.lon)
    assert placed.tolist() == [True, True, True, True, True, False, False]
    assert found.lon[placed] == pytest.approx(-123.1)
    assert found.lat[placed] == pytest.approx(49.2)
    assert found.rejected == ()


def test_a_shapefile_is_read_zipped_and_with_its_names_cut(tmp_path: Path) -> None:
    frame = points(["A"], transforme=["T1"], neighbourh=["Yaletown"]).to_crs("EPSG:26910")
    save(frame, tmp_path / "a.shp")
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in tmp_path.glob("a.[sdpc]*"):
            archive.write(part, part.name)
    for path in (packed, tmp_path / "a.shp"):
        found = read(path)
        assert found.text["transformer"].to_pylist() == ["T1"]
        assert found.text["neighbourhood"].to_pylist() == ["Yaletown"]
        assert found.lon == pytest.approx(-123.1)
        assert (found.crs, found.crs_from) == ("EPSG:26910", CrsFrom.FILE)


def test_a_filegdb_is_read_as_a_folder_and_zipped(tmp_path: Path) -> None:
    folder = tmp_path / "a.gdb"
    save(points(["A", "B"], circuit=["C1", None]), folder)
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in folder.iterdir():
            archive.write(part, f"a.gdb/{part.name}")
    for path in (folder, packed):
        found = read(path)
        assert found.ids.to_pylist() == ["A", "B"]
        assert found.text["circuit"].to_pylist() == ["C1", ""]
        assert found.lon == pytest.approx([-123.1, -123.101])


def test_a_shapefile_that_declares_far_more_than_it_has_is_damaged(tmp_path: Path) -> None:
    points(["A"]).to_file(tmp_path / "a.shp")
    dbf = bytearray((tmp_path / "a.dbf").read_bytes())
    dbf[4:8] = struct.pack("<I", 100_000_000)
    (tmp_path / "a.dbf").write_bytes(dbf)
    shp = bytearray((tmp_path / "a.shp").read_bytes())
    shp[24:28] = struct.pack(">I", 500_000_000)
    (tmp_path / "a.shp").write_bytes(shp)
    began = time.monotonic()
    with pytest.raises((SheetRefusedError, GisError), match="damaged"):
        read(tmp_path / "a.shp")
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9])
def test_a_geopackage_that_is_cut_off_is_damaged(tmp_path: Path, keep: float) -> None:
    points([f"P{n}" for n in range(5_000)], city=["x" * 50] * 5_000).to_file(tmp_path / "a.gpkg")
    whole = (tmp_path / "a.gpkg").read_bytes()
    (tmp_path / "a.gpkg").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises((SheetRefusedError, FileRefused), match="damaged"):
        read(tmp_path / "a.gpkg")


def test_a_bomb_of_an_archive_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", b"\0" * 300_000_000)
    with pytest.raises(FileRefused, match="packed more than"):
        read(packed)


def test_a_view_of_far_more_rows_than_the_file_has_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    save(points(["A"]), path)
    with closing(sqlite3.connect(path)) as file:
        file.executescript("""
            CREATE VIEW many AS
              WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000)
              SELECT i AS OGC_FID, 'P' || i AS premise_id, (SELECT geom FROM a) AS geom FROM n;
            INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id)
              VALUES ('many', 'features', 'many', 4326);
            INSERT INTO gpkg_geometry_columns VALUES ('many', 'geom', 'POINT', 4326, 0, 0);
        """)
    options = ReadOptions(mapping={}, layer="many", max_bytes=5_000_000)
    with pytest.raises((FileRefused, SheetRefusedError), match="unpacks to more than"):
        read_premises(path, options)


def test_a_layer_without_geometry_is_read_as_a_table(tmp_path: Path) -> None:
    table = pa.table({"premise_id": ["A"], "longitude": [-123.1], "latitude": [49.2]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").lon.tolist() == [-123.1]
    pq.write_table(table.drop_columns(["latitude"]), tmp_path / "a.parquet")
    with pytest.raises(SheetRefusedError, match="no column 'latitude'"):
        read(tmp_path / "a.parquet")


def test_the_one_layer_of_a_geopackage_is_read_without_a_geometry_too(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    table = pd.DataFrame({"premise_id": ["A"], "longitude": [-123.1], "latitude": [49.2]})
    pyogrio.write_dataframe(table, path, layer="t", driver="GPKG")
    assert read(path).lon.tolist() == [-123.1]
    points(["B"]).to_file(path, layer="places")
    assert read(path).ids.to_pylist() == ["B"]
    assert read(path, layer="t").ids.to_pylist() == ["A"]
    with pytest.raises(LayerUnknown, match="no layer 'nope'; there are: places, t"):
        read(path, layer="nope")


@pytest.mark.parametrize("name", ["a.csv", "a.geojson", "a.kml", "a.parquet"])
def test_a_layer_of_a_file_that_has_none_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.parquet":
        points(["A"]).to_parquet(path)
    else:
        path.write_text("<kml/>" if name == "a.kml" else "premise_id,longitude,latitude\nA,1,2\n")
    with pytest.raises(LayerNotThere, match=f"{name} has no layers; leave --layer out"):
        read(path, layer="x")


def test_a_shapefile_without_its_attributes_says_which_file_is_missing(tmp_path: Path) -> None:
    save(points(["A"]), tmp_path / "a.shp")
    (tmp_path / "a.dbf").unlink()
    with pytest.raises(FileRefused, match=r"a\.shp: its \.dbf is missing"):
        read(tmp_path / "a.shp")


def test_degrees_that_the_file_calls_projected_are_read_with_crs(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    save(points(["A"]).set_crs("EPSG:26910", allow_override=True), path)
    with pytest.raises(FileCrsOfDegrees, match=r"The file says EPSG:26910.*--crs EPSG:4326"):
        read(path)
    assert read(path, crs="EPSG:4326").lon == pytest.approx(-123.1)


def test_one_of_several_layers_has_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    points(["A"]).to_file(path, layer="one")
    points(["B"]).to_file(path, layer="two")
    with pytest.raises(LayerUnclear, match="--layer: one, two"):
        read(path)
    assert read(path, layer="two").ids.to_pylist() == ["B"]


@pytest.mark.parametrize(
    "rows", [b"A,49.2,-123.1\nB,49.3,-123.2\n", b"A,25.7,-80.2\nB,25.8,-80.1\n"]
)
def test_swapped_axes_of_america_are_refused(tmp_path: Path, rows: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + rows)
    with pytest.raises(FileAxesSwapped, match="look swapped in 2 rows"):
        read(path)


@pytest.mark.parametrize("name", ["a.shp", "a.gpkg", "a.parquet"])
def test_projected_coordinates_of_no_named_system_are_refused(tmp_path: Path, name: str) -> None:
    frame = points(["A", "B"]).to_crs("EPSG:26910")
    frame = geopandas.GeoDataFrame(frame[["premise_id"]], geometry=frame.geometry.to_numpy())
    path = tmp_path / name
    save(frame, path)
    with pytest.raises(CoordinatesProjected, match="--crs EPSG:xxxx"):
        read(path)
    found = read(path, crs="EPSG:26910")
    assert found.lon[0] == pytest.approx(-123.1)
    assert found.crs_from is CrsFrom.OPTION


def test_placemarks_are_rows_with_their_extended_data(tmp_path: Path) -> None:
    path = tmp_path / "a.kml"
    path.write_text(
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        '<Placemark><name>Home</name><ExtendedData><Data name="premise_id"><value>A</value></Data>'
        '<Data name="circuit"><value>C1</value></Data></ExtendedData>'
        "<Point><coordinates>-123.1,49.2,0</coordinates></Point></Placemark>"
        '<Placemark><ExtendedData><SchemaData><SimpleData name="premise_id">B</SimpleData>'
        "</SchemaData></ExtendedData><Polygon><outerBoundaryIs><LinearRing><coordinates>"
        "-123.2,49.1 -123.0,49.1 -123.0,49.3 -123.2,49.3 -123.2,49.1</coordinates>"
        "</LinearRing></outerBoundaryIs></Polygon></Placemark>"
        '<Placemark><ExtendedData><Data name="premise_id"><value>C</value></Data></ExtendedData>'
        "</Placemark>"
        '<Placemark><ExtendedData><Data name="premise_id"><value>D</value></Data></ExtendedData>'
        "<Point><coordinates>here</coordinates></Point></Placemark></Document></kml>"
    )
    packed = tmp_path / "a.kmz"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, "doc.kml")
    for one in (path, packed):
        found = read(one)
        assert found.ids.to_pylist() == ["A", "B", "C"]
        assert found.text["circuit"].to_pylist() == ["C1", "", ""]
        assert found.lon[:2] == pytest.approx(-123.1)
        assert found.unplaced.tolist() == [3]
        assert reasons(found) == [(4, "coordinate")]
