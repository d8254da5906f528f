"""The import arrows of the rooms, read from the source of every module."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "outage": 0,
    "gis": 1,
    "notifier": 1,
    "status_page": 1,
    "intake": 2,
    "counter": 2,
    "console": 2,
    "workers": 3,
}
GEOMETRY = ("geopandas", "shapely", "pyogrio", "pyproj")
PROVIDERS = ("twilio", "sendgrid", "python_http_client", "aiosmtplib")
DATABASE = ("sqlalchemy", "alembic", "psycopg", "sqlite3", "outage.database", "outage.tables")
PURE = (
    "outage.model",
    "outage.commands",
    "outage.lifecycle",
    "outage.earlier",
    "outage.etrs",
    "outage.errors",
)
PAGE = ("status_page.app", "status_page.stream", "status_page.store")
PAGE_NEVER = (*DATABASE, *GEOMETRY, *PROVIDERS, "console", "counter", "obstore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file by its dotted name, and every dotted name it imports."""

    name: str
    imports: frozenset[str]

    @property
    def room(self) -> str:
        return self.name.partition(".")[0]

    def reaches(self, *targets: str) -> list[str]:
        """What it imports of `targets` or of anything inside them."""
        return sorted(name for name in self.imports if is_in(name, targets))


def is_in(name: str, targets: tuple[str, ...]) -> bool:
    return any(name == target or name.startswith(f"{target}.") for target in targets)


def read(name: str, source: str, *, package: bool = False) -> Module:
    """Parse `source`; imports inside functions and type-checking blocks count too."""
    base = name.split(".") if package else name.split(".")[:-1]
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            found.add(origin)
            found.update(f"{origin}.{alias.name}" for alias in node.names)
    return Module(name=name, imports=frozenset(found))


def modules() -> Iterator[Module]:
    for room in FLOORS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if package else parts)
            yield read(name, path.read_text(encoding="utf-8"), package=package)


def violations(module: Module) -> list[str]:
    """Every broken arrow of `module`, each as one sentence."""
    return [
        *upward(module),
        *impure(module),
        *misplaced(module, GEOMETRY, "gis"),
        *misplaced(module, PROVIDERS, "notifier"),
        *carrier(module),
        *page(module),
        *outsiders(module),
    ]


def upward(module: Module) -> Iterator[str]:
    for other, floor in FLOORS.items():
        if other != module.room and floor >= FLOORS[module.room] and module.reaches(other):
            yield f"{module.name} imports {other}, which is not below {module.room}"


def impure(module: Module) -> Iterator[str]:
    if module.name not in PURE:
        return
    for name in sorted(module.imports):
        ours = name == "outage" or is_in(name, PURE)
        if not ours and name.partition(".")[0] not in sys.stdlib_module_names:
            yield f"{module.name} imports {name}; it may use the standard library only"


def misplaced(module: Module, libraries: tuple[str, ...], home: str) -> Iterator[str]:
    if module.room != home:
        for name in module.reaches(*libraries):
            yield f"{module.name} imports {name}; only {home} may"


def carrier(module: Module) -> Iterator[str]:
    inside = is_in(module.name, ("notifier.carrier",)) or module.room == "workers"
    if not inside and module.reaches("notifier.carrier"):
        yield f"{module.name} imports the carrier simulator; only workers may"


def page(module: Module) -> Iterator[str]:
    if module.name in PAGE:
        for name in module.reaches(*PAGE_NEVER):
            yield f"{module.name} imports {name}; the page process serves files only"


def outsiders(module: Module) -> Iterator[str]:
    for name in module.reaches("tests", "scripts"):
        yield f"{module.name} imports {name}, which is not part of the product"


def test_every_import_points_down() -> None:
    everything = list(modules())
    assert {module.room for module in everything} == set(FLOORS)
    assert [broken for module in everything for broken in violations(module)] == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("outage.desk", "import gis"),
        ("gis.reader", "from notifier import policy"),
        ("counter.app", "def late():\n    import console.app"),
        ("status_page.feeds.atom", "from ...gis import shapes"),
        ("outage.model", "import pydantic"),
        ("outage.lifecycle", "from outage import journal"),
        ("outage.lifecycle", "from . import tables"),
        ("notifier.planner", "import shapely.geometry"),
        ("workers.jobs", "from twilio.rest import Client"),
        ("notifier.channels.sms", "from notifier.carrier import app"),
        ("console.api", "from notifier import carrier"),
        ("status_page.app", "from outage import database"),
        ("status_page.store", "from outage.tables import outages"),
        ("status_page.stream", "import sqlalchemy as sa"),
        ("workers.cli", "from tests import conftest"),
    ],
)
def test_a_broken_arrow_is_seen(name: str, source: str) -> None:
    assert violations(read(name, source)), source


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("outage.lifecycle", "from datetime import UTC\nfrom outage.model import Outage"),
        ("gis.shapes", "import shapely\nfrom outage import model"),
        ("workers.cli", "from notifier.carrier import app\nimport console.app"),
        ("status_page.publisher", "import sqlalchemy"),
        ("outage.gist", "import gistools"),
    ],
)
def test_a_fitting_import_passes(name: str, source: str) -> None:
    assert violations(read(name, source)) == []


def loaded_by(module: str) -> frozenset[str]:
    """The names in `sys.modules` of a fresh interpreter that has imported `module`."""
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


def needs(module: str) -> pytest.MarkDecorator:
    room, _, name = module.rpartition(".")
    there = (ROOT / room / f"{name}.py").exists()
    return pytest.mark.skipif(not there, reason=f"{module} has not been written yet")


@needs("status_page.app")
def test_a_page_process_never_loads_the_database_or_a_door_for_staff() -> None:
    loaded = Module(name="status_page.app", imports=loaded_by("status_page.app"))
    assert loaded.reaches(*PAGE_NEVER) == []


@needs("workers.jobs")
def test_a_sender_process_never_loads_geometry() -> None:
    loaded = Module(name="workers.jobs", imports=loaded_by("workers.jobs"))
    assert loaded.reaches(*GEOMETRY) == []


def test_what_a_process_loads_is_really_seen() -> None:
    assert find_spec("shapely") is not None
    assert "shapely" in loaded_by("shapely")
