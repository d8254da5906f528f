from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gis.errors import GisError
from gis.shapes import Shape, ShapeLimits, accept, accept_file
from tests.unit.gis import drawers

LIMITS = ShapeLimits()
APART = {"Shapefile", "Shapefile in a folder", "GeoPackage", "GeoParquet", "FileGDB"}
"""Formats that are read in a process apart, which is slow to start."""

FORMATS = (
    *("GeoJSON", "WKT", "EWKT", "WKB", "WKB, big end first", "WKB as hex", "EWKB"),
    *("ISO WKB with Z", "KML", "KMZ", "polyline of 5 digits", "polyline of 6 digits", "flat list"),
)


class Formats(dict[str, bytes]):
    """Half a megabyte, which Hypothesis would rather warn of than say what has failed."""

    def __repr__(self) -> str:
        return "formats"


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return Formats(drawers.bytes_of_each_format(tmp_path_factory.mktemp("formats")))


def judged(source: object, gate: Callable[..., Shape] = accept) -> None:
    """A shape is refused in one sentence, or it is a valid area; nothing else comes out."""
    try:
        shape = gate(source, limits=LIMITS)
    except GisError:
        return
    assert shapely.from_wkb(shape.wkb).is_valid


def test_every_format_is_tried_here(formats: dict[str, bytes]) -> None:
    assert set(FORMATS) | APART == set(formats)


@given(st.binary(max_size=400))
def test_rubbish_gets_a_sentence(data: bytes) -> None:
    judged(data)
    judged(data, accept_file)


@given(st.text(max_size=200))
def test_rubbish_text_gets_a_sentence(text: str) -> None:
    judged(text)
    judged(text.encode("utf-8", "surrogatepass"), accept_file)


# Of no length of any file: what is drawn is the same whatever is damaged by it.
somewhere = st.floats(0, 1, exclude_max=True)
damages = somewhere | st.lists(somewhere, min_size=1, max_size=20)
"""Where a file is cut off, or which of its bits are turned, as shares of its length."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(name=st.sampled_from(FORMATS), damage=damages)
@example(name="KMZ", damage=[0.9921875])  # an end of the archive that begins before the file
def test_a_damaged_file_gets_a_sentence(
    formats: dict[str, bytes], name: str, damage: float | list[float]
) -> None:
    file = damaged(formats[name], damage)
    judged(file)
    judged(file, accept_file)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=20,
    deadline=None,
)
@given(name=st.sampled_from(sorted(APART)), damage=damages)
def test_a_damaged_file_of_other_peoples_formats_gets_a_sentence(
    formats: dict[str, bytes], name: str, damage: float | list[float]
) -> None:
    judged(damaged(formats[name], damage), accept_file)


def damaged(whole: bytes, damage: float | list[float]) -> bytes:
    if isinstance(damage, float):
        return whole[: int(damage * (len(whole) + 1))]
    hurt = bytearray(whole)
    for share in damage:
        bit = int(share * 8 * len(whole))
        hurt[bit // 8] ^= 1 << bit % 8
    return bytes(hurt)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "features", "geometry", "geometries", "crs"]),
            inner | st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]),
        )
    ),
    max_leaves=30,
)


@given(json_like)
def test_parsed_rubbish_gets_a_sentence(value: object) -> None:
    judged(value)


def parquet_that_says_it_is_huge(folder: Path) -> bytes:
    """Two thousand million bytes of one value again and again, in a few thousand."""
    geo = {"version": "1.1.0", "primary_column": "geometry"}
    geo["columns"] = {"geometry": {"encoding": "WKB", "geometry_types": []}}  # type: ignore[assignment]
    schema = pa.schema([("geometry", pa.binary())], metadata={"geo": json.dumps(geo)})
    value = pa.array([b"\x01" * 1_000_000] * 50, pa.binary())
    with pa.parquet.ParquetWriter(
        path := folder / "made.parquet", schema, compression="zstd"
    ) as writer:
        for _ in range(60):
            writer.write_table(pa.table([value], schema=schema))
    return path.read_bytes()


def shapefile_with_an_absurd_record(folder: Path) -> bytes:
    shp = drawers.write(folder / "area.shp", drawers.AREA)
    raw = bytearray(shp.read_bytes())
    struct.pack_into(">i", raw, 104, 2**30)
    struct.pack_into("<2i", raw, 108 + 36, 2**30, 2**30)
    shp.write_bytes(raw)
    return drawers.zipped(*drawers.siblings(shp))


def endless_view(folder: Path) -> bytes:
    endless = (
        "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more)"
        " SELECT n AS fid, (SELECT geom FROM zone) AS geom FROM more"
    )
    return drawers.geopackage_with_view(folder / "made.gpkg", endless).read_bytes()


BOMB = """
import resource, sys
from pathlib import Path
from gis.errors import GisError
from gis.shapes import ShapeLimits, accept_file
# The process apart lies below it, too.
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
try:
    accept_file(Path(sys.argv[1]), limits=ShapeLimits(), layer=sys.argv[2] or None)
except GisError as refusal:
    print(refusal)
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(30))
BOMBS: dict[str, Callable[[Path], bytes]] = {
    "billion laughs": lambda _: f"<!DOCTYPE kml [{LAUGHS}]><kml>&l29;</kml>".encode(),
    "deep JSON": lambda _: b'{"a":' * 100_000,
    "WKB with a giant count": lambda _: struct.pack("<BIII", 1, 3, 1, 2**31),
    "KMZ of blanks": lambda _: drawers.kmz(" " * 45_000_000),
    "Parquet that unpacks without end": parquet_that_says_it_is_huge,
    "Shapefile with an absurd record": shapefile_with_an_absurd_record,
    "GeoPackage with a view without end": endless_view,
}


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the peak of its memory")
@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(make(tmp_path))
    layer = "view" if make is endless_view else ""
    done = subprocess.run(
        [sys.executable, "-c", BOMB, str(path), layer],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    sentence, peak_mb = done.stdout.splitlines()
    assert sentence
    assert int(peak_mb) < 400


OUTLINE, OUTLINE_END = "<outerBoundaryIs><coordinates>", "</coordinates></outerBoundaryIs>"


@pytest.mark.parametrize(
    "text",
    [
        f"<kml><Polygon>{OUTLINE}1,1 2,1{{blanks}}2,2{OUTLINE_END}</Polygon></kml>",
        "1 1{blanks}2 1{blanks}2 2",
    ],
    ids=["KML", "flat list"],
)
def test_a_wall_of_blanks_between_positions_is_passed_at_once(text: str) -> None:
    # For a pattern that begins anew at every blank this would be hours.
    assert accept(text.format(blanks=" " * 1_000_000), limits=LIMITS).vertices == 4
