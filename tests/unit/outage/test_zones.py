"""The newer rules of time zones count."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

import pytest

from outage import zones


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = zoneinfo.TZPATH
    monkeypatch.delenv("PYTHONTZPATH", raising=False)
    zoneinfo.reset_tzpath(to=(str(tmp_path),))
    yield tmp_path
    zoneinfo.reset_tzpath(to=before)
    zoneinfo.ZoneInfo.clear_cache()


def listed(folder: Path, version: str) -> None:
    (folder / "tzdata.zi").write_text(f"# version {version}\n# ddeps\n", encoding="utf-8")


@pytest.mark.parametrize("version", ["2007a", ""])
def test_old_rules_of_a_system_give_way_to_ours(folder: Path, version: str) -> None:
    if version:
        listed(folder, version)
    zones.use_newest()
    assert zoneinfo.TZPATH == ()
    assert zones.in_use().startswith(zones.OURS)
    assert zoneinfo.ZoneInfo("America/Vancouver").key == "America/Vancouver"


@pytest.mark.parametrize("version", [zones.OURS, "2999a"])
def test_rules_of_a_system_that_is_kept_up_are_used(folder: Path, version: str) -> None:
    listed(folder, version)
    zones.use_newest()
    assert (str(folder),) == zoneinfo.TZPATH
    assert zones.in_use() == f"{version}, of this system"


def test_an_operators_own_folder_is_left_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONTZPATH", str(folder))
    zones.use_newest()
    assert (str(folder),) == zoneinfo.TZPATH


def test_the_doctor_says_which_rules_are_used(folder: Path) -> None:
    listed(folder, "2007a")
    done = subprocess.run(
        [sys.executable, "-m", "workers", "doctor"],
        env=os.environ | {"OUTAGE_HOME": str(folder), "PYTHONTZPATH": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "2007a, of this system" in done.stdout
    assert f"older than {zones.OURS}" in done.stdout
