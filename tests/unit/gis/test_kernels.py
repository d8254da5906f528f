"""The compiled search after an upgrade: what an earlier release kept on disk is in its way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gis.search import kernels

PATH = "from gis.search import compiled; print(compiled.kept_in())"
LOAD = "from gis.search import kernels; kernels.compiled()"


def run(program: str, cache: Path) -> str:
    """Run a program in a process of its own, which keeps what it compiles in a folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, text=True, capture_output=True
    )
    return done.stdout.strip()


def indexes(folder: Path) -> list[bytes]:
    """What numba keeps of the search's own function: a file for each line it ever stood at."""
    return [path.read_bytes() for path in folder.glob("compiled._search*.nbi")]


def test_what_an_earlier_release_has_kept_is_compiled_anew(tmp_path: Path) -> None:
    """The kept index of that release names a type that this one does not have."""
    compiled = pytest.importorskip("gis.search.compiled")
    kernels.compiled()
    ours = compiled.kept_in()
    theirs = Path(run(PATH, tmp_path))
    theirs.mkdir(parents=True, exist_ok=True)
    for path in ours.glob("compiled.*.nb[ic]"):
        (theirs / path.name).write_bytes(path.read_bytes().replace(b"_Ends", b"_Gone"))
    assert any(b"_Gone" in content for content in indexes(theirs))
    run(LOAD, tmp_path)
    assert indexes(theirs)
    assert not any(b"_Gone" in content for content in indexes(theirs))
