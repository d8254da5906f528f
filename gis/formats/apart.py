"""Formats of other people's C code, read in a process apart, with little memory and time.

A hostile file can make GDAL or Arrow crash, hang or ask for all the memory there is: then this
process ends, and the one that asked says so in a sentence. It gets no settings, hence no secrets.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from gis import errors
from gis.errors import FileRefused, GisError, ShapeTooBig
from gis.formats.files import Format, GisFile
from gis.formats.rings import Written
from gis.formats.wkb import read_features

_MEMORY_BYTES = 2_000_000_000
_CPU_S, _WALL_S = 10, 60
_WRITTEN_BYTES = 100_000_000
_UNUSED = ("geopandas", "pandas", "pyarrow", "shapely")
_BYTES_PER_VERTEX, _BYTES_BESIDE = 32, 1_000_000


def read(file: GisFile, layer: str | None, *, max_vertices: int) -> Written:
    """Read the geometries of a layer.

    Raises:
        GisError: one sentence.
    """
    request = {
        "name": file.name,
        "format": file.format,
        "paths": {name: str(path) for name, path in file.paths.items()},
        "layer": layer,
        "max_bytes": _BYTES_PER_VERTEX * max_vertices + _BYTES_BESIDE,
    }
    head, _, body = _ask(file, json.dumps(request).encode()).partition(b"\n")
    answer = json.loads(head)
    if "refused" in answer:
        refusal: type[GisError] = getattr(errors, answer["refused"])
        raise refusal(**answer["facts"])
    features: list[bytes | None] = []
    at = 0
    for length in answer["lengths"]:
        features.append(None if length is None else body[at : at + length])
        at += length or 0
    return read_features(features, answer["crs"])


def _ask(file: GisFile, request: bytes) -> bytes:
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "gis.formats.apart"],
            input=request,
            capture_output=True,
            check=True,
            timeout=_WALL_S,
            cwd=file.path.parent,
            env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PROJ_NETWORK": "OFF"},
        )
    except subprocess.TimeoutExpired:
        raise FileRefused(file=file.name, problem="reading it takes too long") from None
    except subprocess.CalledProcessError:
        problem = f"the {file.format} is damaged, or reading it takes too much memory or time"
        raise FileRefused(file=file.name, problem=problem) from None
    return done.stdout


def main() -> None:
    """Answer one request on standard input."""
    _confine()
    request = json.load(sys.stdin)
    file = GisFile(
        name=request["name"],
        format=Format(request["format"]),
        paths={name: Path(path) for name, path in request["paths"].items()},
    )
    try:
        features, crs = _features(file, request["layer"], request["max_bytes"])
    except GisError as refused:
        facts = {name: str(value) for name, value in refused.facts.items()}
        answer: dict[str, Any] = {"refused": type(refused).__name__, "facts": facts}
        features = []
    else:
        lengths = [None if one is None else len(one) for one in features]
        answer = {"crs": crs, "lengths": lengths}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.writelines(one for one in features if one is not None)


def _confine() -> None:
    for what, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_FSIZE, _WRITTEN_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


def _features(
    file: GisFile, layer: str | None, max_bytes: int
) -> tuple[list[bytes | None], str | None]:
    if file.format is Format.GEOPARQUET:
        # Each brings a library along that the other does not need.
        from gis.formats.geoparquet import read_geometries  # noqa: PLC0415

        features, crs = read_geometries(file)
    else:
        from gis.formats.gdal import read_areas  # noqa: PLC0415

        # pyogrio looks for these, a second's work, and reads plain bytes as well without them.
        sys.modules.update(dict.fromkeys(_UNUSED))  # type: ignore[arg-type]
        features, crs = read_areas(file, layer)
    total = sum(len(one) for one in features if one is not None)
    if total > max_bytes:
        raise ShapeTooBig(
            found=f"{total:,}",
            what="bytes of coordinates",
            limit=f"{max_bytes:,}",
            remedy="simplify it",
        )
    return features, crs


if __name__ == "__main__":
    main()
