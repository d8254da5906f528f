"""Opening an index in a process of its own, its pages thrown out of memory first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gis.search import index_file
from gis.search.index_file import Edition
from gis.search.layout import Layout

EDITION = Edition(database="bench", version=1)
ROUNDS = 3


def facts(folder: Path, layout: Layout, wkb: bytes) -> dict[str, Any]:
    """Write an index, then open it cold in other processes; the median of three."""
    path = folder / "bench.index"
    began = time.perf_counter()
    index_file.write(path, layout, EDITION)
    written = time.perf_counter() - began
    opened = sorted(
        (_open_cold(path, wkb) for _ in range(ROUNDS)), key=lambda one: one["open_and_answer_s"]
    )
    size = path.stat().st_size
    return {"write_s": written, "bytes_a_premise": size / len(layout.keys), **opened[ROUNDS // 2]}


def _open_cold(path: Path, wkb: bytes) -> dict[str, float]:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    answer = subprocess.run(
        [sys.executable, "-m", "tests.bench.cold", str(path), wkb.hex()],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _memory() -> dict[str, int]:
    """Resident bytes of this process: all of it, and what is its own (not of a file)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = {
        line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith("Rss")
    }
    return {"rss": sum(kilobytes.values()) * 1024, "own": kilobytes["RssAnon"] * 1024}


def main(path: Path, wkb: bytes) -> None:
    """Open an index, match one feeder, and say what that cost."""
    from gis.index import PremiseIndex
    from gis.search.scan import scan

    before = _memory()
    began, worked = time.perf_counter(), time.process_time()
    index = PremiseIndex.over(index_file.read(path, EDITION), scan)
    opened = time.perf_counter()
    found = len(index.match(wkb))
    answered, worked = time.perf_counter(), time.process_time() - worked
    after = _memory()
    print(  # noqa: T201 - what the process that started this reads
        json.dumps(
            {
                "open_s": opened - began,
                "open_and_answer_s": answered - began,
                "open_and_answer_cpu_s": worked,
                "found": found,
                "grown_rss_mb": (after["rss"] - before["rss"]) / 1e6,
                "grown_own_mb": (after["own"] - before["own"]) / 1e6,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
