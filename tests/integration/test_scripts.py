"""The scripts set up once, say what they do, and say what is missing."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BASH = shutil.which("bash") or "bash"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files that decide what is installed, without the rest."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def bash(checkout: Path, words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, "-c", f"set -euo pipefail; source scripts/shared.sh; {words}"],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_python_the_script_says_what_to_install(checkout: Path) -> None:
    done = bash(checkout, "make_venv", PATH=str(checkout))
    assert done.returncode == 1
    assert "no Python 3.11 or newer is on PATH" in done.stderr


@pytest.mark.parametrize("lock", ["run", "dev"])
def test_nothing_is_installed_twice(checkout: Path, lock: str) -> None:
    (checkout / ".venv").mkdir()
    parts = [f"requirements/{lock}.txt", "requirements/build.txt", "pyproject.toml"]
    content = b"".join((checkout / part).read_bytes() for part in parts)
    stamp = f"{hashlib.sha256(content).hexdigest()}  -\n"
    (checkout / ".venv" / f"installed-{lock}").write_text(stamp)
    done = bash(checkout, f"prepare {lock}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_changed_lock_is_installed(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "installed-run").write_text("another lock\n")
    done = bash(checkout, "make_venv() { echo begun; exit 3; }; prepare run")
    assert (done.returncode, done.stdout) == (3, "begun\n")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda p: p.stem
)
def test_a_lock_has_hashes_and_names_no_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", text)
    pinned = re.findall(r"^[\w.\[\]-]+==[^ ]+", text, flags=re.MULTILINE)
    packages = re.split(r"^(?=[\w-])", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(packages) > 5
    assert all("--hash=sha256:" in package for package in packages)


def test_everything_that_is_run_is_also_in_the_development_lock() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^[\w.\[\]-]+==[^ ]+", text, flags=re.MULTILINE))

    assert pins("run.txt") <= pins("dev.txt")


@pytest.mark.parametrize(
    ("group", "lock"), [("dependencies", "run"), ("dev", "dev"), ("build", "build")]
)
def test_what_the_project_asks_for_is_locked(group: str, lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {**project["dependency-groups"], **project["project"]}[group]
    names = {re.split(r"[\[><=; ]", line)[0] for line in asked}
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==", text, flags=re.MULTILINE))
    assert names - locked == set(), "run scripts/lock"


@pytest.fixture
def vendored(checkout: Path) -> dict[str, Any]:
    """What is listed of other people's work, with the files beside the list."""
    listed: dict[str, Any] = json.loads((checkout / "scripts/vendored.json").read_text())
    for name in listed["sha256"]:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    return listed


def check_vendored(checkout: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(checkout / "scripts/vendored.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_browsers_load_of_others_is_what_the_list_says(
    checkout: Path, vendored: dict[str, Any]
) -> None:
    assert check_vendored(checkout).returncode == 0
    licences = (checkout / "status_page/static/licences.txt").read_text()
    for package in vendored["packages"]:
        assert package["integrity"].startswith("sha512-")
        assert f"{package['name']} {package['version']}" in licences
        assert set(package["files"].values()) <= set(vendored["sha256"])
    (checkout / "status_page/static/maplibre.mjs").write_text("something else")
    done = check_vendored(checkout)
    assert done.returncode == 1
    assert "status_page/static/maplibre.mjs is not what" in done.stderr
