"""PostGIS, where its server is installed: a server of the run's own, on a private socket."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

_INSTALLED = Path("/usr/lib/postgresql")
_USER = "postgres"  # a server refuses to run as root
_SUBDIVIDED = 128
_SERVER = ("fsync=off", "listen_addresses=", "shared_buffers=512MB", "work_mem=256MB", "jit=off")


def start(stack: ExitStack) -> Server | None:
    """Start a server that ends with the stack; None, and a sentence, where there is none."""
    binaries = _binaries()
    if binaries is None:
        click.echo("PostGIS is left out: no PostgreSQL with PostGIS is installed here", err=True)
        return None
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outage-pg-")))
    as_user: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_user = {"user": _USER, "group": _USER, "cwd": folder}
        shutil.chown(folder, _USER, _USER)
    data = folder / "data"
    _run(binaries / "initdb", "--auth=trust", f"--username={_USER}", "-D", data, **as_user)
    options = " ".join(f"-c {one}" for one in (*_SERVER, f"unix_socket_directories={folder}"))
    control = (binaries / "pg_ctl", "--wait", "-D", data)
    _run(*control, "--log", folder / "log", "-o", options, "start", **as_user)
    stack.callback(_run, *control, "-m", "immediate", "stop", **as_user)
    conn = psycopg.connect(f"host={folder} user={_USER} dbname=postgres", autocommit=True)
    stack.callback(conn.close)
    conn.execute("CREATE EXTENSION postgis")
    return Server(conn)


def _run(*words: str | Path, **as_user: Any) -> None:  # noqa: ANN401 user, group and folder
    null = subprocess.DEVNULL
    subprocess.run(words, check=True, stdout=null, stderr=null, **as_user)


def _binaries() -> Path | None:
    for version in sorted(_INSTALLED.glob("*"), reverse=True):
        library = _INSTALLED / version.name / "lib" / "postgis-3.so"
        if library.exists() and (version / "bin" / "initdb").exists():
            return version / "bin"
    return None


class Server:
    """A database with PostGIS and nothing else."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn

    def load(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> float:
        """Load premises, index and cluster them; return how long the index alone took."""
        self._conn.execute("CREATE TABLE premises (key bigint, lon float8, lat float8)")
        with self._conn.cursor().copy("COPY premises FROM STDIN") as copy:
            for at in range(0, len(lon), 100_000):
                some = slice(at, at + 100_000)
                rows = zip(lon[some].tolist(), lat[some].tolist(), strict=True)
                copy.write("".join(f"{at + i}\t{x!r}\t{y!r}\n" for i, (x, y) in enumerate(rows, 1)))
        self._conn.execute(
            "CREATE TABLE points AS SELECT key, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geom "
            "FROM premises"
        )
        began = time.perf_counter()
        self._conn.execute("CREATE INDEX points_geom ON points USING gist (geom)")
        took = time.perf_counter() - began
        self._conn.execute("CLUSTER points USING points_geom")
        self._conn.execute("VACUUM ANALYZE points")
        return took

    def ways(self, areas: NDArray[Any]) -> Iterator[tuple[str, Callable[[], NDArray[np.int64]]]]:
        """Give the ways to ask, each returning rows (area, premise key)."""
        self._conn.execute("DROP TABLE IF EXISTS areas, pieces")
        self._conn.execute("CREATE TABLE areas (area bigint, geom geometry(Geometry, 4326))")
        with self._conn.cursor().copy("COPY areas FROM STDIN") as copy:
            placed = shapely.set_srid(areas, 4326)
            for row in enumerate(shapely.to_wkb(placed, hex=True, include_srid=True)):
                copy.write_row(row)
        self._conn.execute(
            "CREATE TABLE pieces AS "
            f"SELECT area, ST_Subdivide(geom, {_SUBDIVIDED}) AS geom FROM areas"
        )
        self._conn.execute("ANALYZE areas")
        self._conn.execute("ANALYZE pieces")
        yield "PostGIS, GiST", self._asked("SELECT area, key", "areas")
        # A point on the seam of two pieces is in both.
        yield "PostGIS, subdivided", self._asked("SELECT DISTINCT area, key", "pieces")

    def _asked(self, what: str, table: str) -> Callable[[], NDArray[np.int64]]:
        statement = f"{what} FROM {table} AS a JOIN points AS p ON ST_Covers(a.geom, p.geom)"

        def run() -> NDArray[np.int64]:
            # Binary rows of two bigints, not Python objects: 2 + (4 + 8) * 2 bytes each.
            copy = f"COPY ({statement}) TO STDOUT (FORMAT binary)"
            with self._conn.cursor().copy(copy) as out:
                data = b"".join(bytes(part) for part in out)
            row = np.dtype([("n", ">i2"), ("l1", ">i4"), ("a", ">i8"), ("l2", ">i4"), ("k", ">i8")])
            rows = np.frombuffer(data[19:-2], dtype=row)
            return np.column_stack([rows["a"], rows["k"]]).astype(np.int64)

        return run
