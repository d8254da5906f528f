from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from gis.errors import CoordinatesProjected, CrsOfDegrees
from gis.premises import Premises, ReadOptions, read_premises
from outage.sheet import SheetRefusedError

HEADER = "premise_id,address,longitude,latitude,services\n"
PLAIN = ReadOptions(mapping={})


def read(folder: Path, text: str, options: ReadOptions = PLAIN, name: str = "some.csv") -> Premises:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_premises(path, options)


def reasons(found: Premises) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in found.rejected]


def test_the_shared_file_gives_the_expected_lines_and_reasons(shared: Path) -> None:
    expected = json.loads((shared / "data" / "expected.json").read_text())
    found = read_premises(shared / "data" / "premises.csv", PLAIN)
    assert len(found) == expected["premises_loaded"]
    assert [
        {"file": row.file, "line": row.line, "reason": row.reason} for row in found.rejected
    ] == [row for row in expected["rejected_rows"] if row["file"] == "premises.csv"]
    assert [{"file": found.file, "line": line} for line in found.unplaced.tolist()] == expected[
        "unplaced"
    ]


def test_each_bad_row_has_its_line_and_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        HEADER
        + "A,a,-123,49,electric\n"
        + 'B,"two\nlines",-123,49,electric water\n'
        + "\n"
        + "C,c,-123\n"
        + ",d,-123,49,electric\n"
        + "E,e,x,49,electric\n"
        + "E,e,-123,49,gas\n"
        + "E,e,-123,49,gas\n"
        + "F,f,-123,49,steam\n"
        + "G,g,0,0,electric\n"
        + "H,h,,49,\n",
    )
    assert found.ids.to_pylist() == ["A", "B", "E", "H"]
    assert found.services.tolist() == [1, 3, 4, 1]
    assert found.unplaced.tolist() == [13]
    assert reasons(found) == [
        (6, "number of fields"),
        (7, "premise_id"),
        (8, "coordinate"),
        (10, "duplicate premise_id"),
        (11, "services"),
        (12, "coordinate"),
    ]


def test_a_time_zone_that_is_none_is_a_bad_row(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "premise_id,longitude,latitude,time_zone\n"
        "A,-123,49,America/Vancouver\n"
        "B,-123,49,\n"
        "C,-123,49,PST\n"
        "D,-123,49,America\n",
    )
    assert found.ids.to_pylist() == ["A", "B"]
    assert reasons(found) == [(4, "time_zone"), (5, "time_zone")]


def test_an_id_is_doubled_however_far_apart_and_whatever_stands_beside_it(tmp_path: Path) -> None:
    ids = ["A", *(f"{one:05d}" for one in range(20_000)), "A", "an id far longer than all others"]
    found = read(tmp_path, HEADER + "".join(f"{one},a,-123,49,electric\n" for one in ids))
    assert reasons(found) == [(20_003, "duplicate premise_id")]


def test_a_file_without_a_header_gets_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SheetRefusedError, match=r"some\.csv: the first line is no header \('id'"):
        read(tmp_path, "id,street\nP2,2 Main St\n")


def test_what_stands_where_a_header_should_is_not_told_when_it_may_be_a_persons(
    tmp_path: Path,
) -> None:
    with pytest.raises(SheetRefusedError, match="the first line is no header; it") as caught:
        read(tmp_path, "P1,A Name,202-555-0101\nP2,Another Name,202-555-0102\n")
    assert "Name" not in str(caught.value)


def test_degrees_that_are_called_projected_are_not_loaded_as_metres(tmp_path: Path) -> None:
    rows = "A,a,-123,49,\nB,b,-123.1,49.1,\nC,c,,,\n"
    with pytest.raises(CrsOfDegrees, match="leave --crs out"):
        read(tmp_path, HEADER + rows, ReadOptions(mapping={}, crs="EPSG:26910"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(SheetRefusedError, match="--map longitude=COLUMN"):
        read(tmp_path, "premise_id,x,y\nA,1,2\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"premise_id,longitude,latitude\n", "no rows"),
        (b"premise_id\0", "not a text file"),
        (b"premise_id,longitude,latitude\nA\xff,1,2\n", "not UTF-8"),
        (b'premise_id,longitude,latitude\nA,"1,2\nB,3,4\n', "line"),
        (b"premise_id,premise_id,longitude,latitude\nA,A,1,2\n", "twice"),
    ],
)
def test_an_unreadable_file_gets_one_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(content)
    with pytest.raises(SheetRefusedError, match=words):
        read_premises(path, PLAIN)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SheetRefusedError, match=r"nowhere\.csv: no such file"):
        read_premises(tmp_path / "nowhere.csv", PLAIN)


def test_columns_can_be_mapped_and_coordinates_projected(tmp_path: Path) -> None:
    mapping = {
        "premise_id": "ServicePoint",
        "longitude": "X",
        "latitude": "Y",
        "alias_meter": "MeterNo",
    }
    found = read(
        tmp_path,
        "ServicePoint;X;Y;MeterNo\nA;491000;5456000;M-1\nB;492000;5456000;\n",
        ReadOptions(mapping=mapping, crs="EPSG:26910"),
    )
    assert found.lon.tolist() == pytest.approx([-123.1236, -123.1099], abs=0.001)
    assert found.lat.tolist() == pytest.approx([49.2563, 49.2563], abs=0.001)
    assert found.aliases["meter"].to_pylist() == ["M-1", ""]


def test_projected_coordinates_without_a_system_refuse_the_file(tmp_path: Path) -> None:
    with pytest.raises(CoordinatesProjected, match="--crs EPSG:xxxx"):
        read(tmp_path, HEADER + "A,a,491000,5456000,electric\nB,b,492000,5456000,electric\n")


@pytest.mark.parametrize("name", ["some.geojson", "some.gpkg"])
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:26910"])
def test_gis_files_say_the_same_as_the_table(tmp_path: Path, name: str, crs: str) -> None:
    frame = geopandas.GeoDataFrame(
        {"PREMISE_ID": ["A", "B", "C", "A"], "services": ["electric", None, "gas", "gas"]},
        geometry=np.array(
            [
                shapely.Point(-123.1, 49.2),
                None,
                shapely.box(-123.1, 49.2, -123.0, 49.3),
                shapely.Point(-123.1, 49.2),
            ],
            dtype=object,
        ),
        crs="EPSG:4326",
    ).to_crs(crs)
    frame.to_file(tmp_path / name, engine="pyogrio")
    found = read_premises(tmp_path / name, PLAIN)
    assert found.ids.to_pylist() == ["A", "B", "C"]
    assert found.services.tolist() == [1, 1, 4]
    assert found.unplaced.tolist() == [2]
    assert reasons(found) == [(4, "duplicate premise_id")]
    assert found.lon[[0, 2]].tolist() == pytest.approx([-123.1, -123.05], abs=1e-4)
    assert np.isnan(found.lat[1])


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.gpkg", "no database", "not a GeoPackage"),
        ("a.geojson", "{", "not JSON"),
        (
            "a.json",
            '{"type": "gdal_streamed_alg", "command_line": "read /etc"}',
            "FeatureCollection",
        ),
        ("a.geojson", '{"features": []}', "no rows"),
    ],
)
def test_a_file_that_only_claims_to_be_gis_is_refused(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    with pytest.raises(SheetRefusedError, match=words):
        read(tmp_path, content, name=name)


def test_a_feature_whose_place_cannot_be_read_is_a_bad_row(tmp_path: Path) -> None:
    place: list[object] = [
        {"type": "Point", "coordinates": [-123, 49]},
        None,
        {"type": "Point", "coordinates": ["x", 49]},
        {"type": "Point", "coordinates": None},
        {"type": "Nowhere"},
    ]
    features = [
        {"type": "Feature", "properties": {"premise_id": f"P{n}"}, "geometry": one}
        for n, one in enumerate(place)
    ]
    source = {"type": "FeatureCollection", "features": features, "crs": {"properties": None}}
    found = read(tmp_path, json.dumps(source), name="some.geojson")
    assert found.ids.to_pylist() == ["P0", "P1"]
    assert found.unplaced.tolist() == [2]
    assert reasons(found) == [(3, "coordinate"), (4, "coordinate"), (5, "coordinate")]
