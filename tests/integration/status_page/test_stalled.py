"""Whoever stands still in the middle of an upload spoils nothing that was published meanwhile."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest

from outage.database import Database
from status_page.bucket import Bucket, BucketStore
from status_page.media import encoding
from status_page.store import POINTER, FolderStore
from tests.integration.status_page.bucket_server import serve
from tests.integration.status_page.stalled import LENGTH_S
from tests.integration.status_page.town import Town
from tests.migrated import migrated

_NAMES = itertools.count()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    def free_port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    with serve(tmp_path_factory.mktemp("weed") / "data", free_port) as server:
        yield server.bucket("stalled")


def objects(bucket: Bucket) -> dict[str, bytes]:
    """What stands there under names that stay, but for what it says in another way too."""
    there = bucket.open()
    keys = [each["path"] for batch in obstore.list(there) for each in batch]
    return {
        key: bytes(obstore.get(there, key).bytes())
        for key in keys
        if not key.startswith(("generations/", "static/")) and not encoding(key)
    }


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    named = ((path.relative_to(folder).as_posix(), path) for path in paths)
    return {
        name: path.read_bytes()
        for name, path in named
        if not name.startswith(("generations/", "static/")) and path.suffix != ".new"
    }


class Stalled:
    """The process of `stalled`, stopped as a whole where it says that it is in the middle."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.status_page.stalled", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def await_(self, word: str) -> None:
        assert self._process.stdout
        assert self._process.stdout.readline() == f"{word}\n"

    def go_on(self) -> None:
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def finish(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        self.go_on()
        assert self._process.wait(60) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize("where", ["folder", "bucket"])
@pytest.mark.parametrize(("what", "after"), [("turn", 20), ("close", 1)])
def test_of_what_is_published_meanwhile_one_file_at_most_is_older(
    tmp_path: Path, request: pytest.FixtureRequest, where: str, what: str, after: int
) -> None:
    path = tmp_path / "record.db"
    db: Database = migrated(path)
    folder, own = tmp_path / "published", tmp_path / "another"
    words = [what, f"sqlite:///{path}", str(folder), str(after)]
    store: FolderStore | BucketStore = FolderStore(folder)
    if where == "bucket":
        found: Bucket = request.getfixturevalue("bucket")
        url = found.url.replace("?", f"{next(_NAMES)}?")
        there = Bucket(url=url, key_id=found.key_id, secret=found.secret)
        words += [there.url, there.key_id, there.secret]
        store = BucketStore(there, own)

    def published() -> dict[str, bytes]:
        return objects(there) if where == "bucket" else files(folder)

    town = Town(db, folder)
    town.declare("Kerrisdale")
    stalled = Stalled(*words)
    try:
        stalled.await_("ready")
        town.declare("Marpole")
        stalled.go_on()
        stalled.await_("here")
        stalled.stop()
        time.sleep(LENGTH_S + 0.2)
        town.declare("Oakridge")
        other = town.another(store)  # type: ignore[arg-type]  # a bucket is no folder
        assert other.turn()
        newer = published()
        stalled.finish()
        after_all = published()
    finally:
        stalled.kill()
    assert after_all[POINTER] == newer[POINTER]
    differing = {
        name for name in newer.keys() | after_all.keys() if newer.get(name) != after_all.get(name)
    }
    assert len(differing) <= 1, differing
    db.close()
