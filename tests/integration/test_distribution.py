"""The wheel holds the rooms with all their data, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.unit.test_imports import FLOORS, ROOT


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_every_file_of_every_room_is_in_the_wheel(packed: frozenset[str]) -> None:
    wanted = {
        str(path.relative_to(ROOT))
        for room in FLOORS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - packed == set()


def test_nothing_but_the_rooms_and_the_licence_is_in_the_wheel(packed: frozenset[str]) -> None:
    tops = {Path(name).parts[0] for name in packed}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(FLOORS)
    assert any(name.endswith("licenses/LICENSE") for name in packed)
