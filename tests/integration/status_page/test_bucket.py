"""The page in a bucket of a real S3-compatible server: what a CDN in front of it would hand out."""

import gzip
import itertools
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from pathlib import Path

import brotli
import obstore
import pytest
import zstandard

from outage.model import Status
from status_page.bucket import LEDGER, Bucket, BucketStore, address
from status_page.errors import NewerPublication
from status_page.media import plain
from status_page.pointer import Pointer
from status_page.store import KEEP_GENERATIONS_S, KEEP_PARTS_S, POINTER
from tests.integration.status_page.bucket_killed import some
from tests.integration.status_page.bucket_server import BucketServer, serve
from tests.unit.status_page.storm import NOW, Publication, outage, sample, status

_PREFIXES = itertools.count()
LIVES = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    def free_port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    with serve(tmp_path_factory.mktemp("weed") / "data", free_port) as found:
        yield found


@pytest.fixture
def bucket(server: BucketServer) -> Bucket:
    return server.bucket(f"test/{next(_PREFIXES)}")


Fetch = Callable[[str], tuple[bytes, Message]]


@pytest.fixture
def fetch(bucket: Bucket) -> Fetch:
    """What any HTTP client is given for a key."""

    def get(key: str) -> tuple[bytes, Message]:
        signed = obstore.sign(bucket.open(), "GET", key, timedelta(minutes=5))
        with urllib.request.urlopen(signed, timeout=10) as answer:
            return answer.read(), answer.headers

    return get


def keys(bucket: Bucket) -> set[str]:
    return {each["path"] for batch in obstore.list(bucket.open()) for each in batch}


def published(bucket: Bucket, folder: Path) -> tuple[Publication, BucketStore]:
    store = BucketStore(bucket, folder)
    return Publication(folder, store=store), store


def test_every_object_says_what_it_is_and_how_long_it_may_be_kept(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    publication, _ = published(bucket, tmp_path)
    pointer = publication.publish(status(*sample())).pointer
    html = "text/html; charset=utf-8"
    for key, kind, kept in (
        ("index.html", html, "no-cache"),
        ("es/index.html", html, "no-cache"),
        ("outages/O-7K3M1", html, "no-cache"),
        ("404.html", html, "no-cache"),
        ("status.json", "application/json", "no-cache"),
        (pointer.manifest, "application/json", "public, max-age=31536000, immutable"),
        (pointer.delta("es"), "application/json", "public, max-age=31536000, immutable"),
    ):
        content, headers = fetch(key)
        assert (headers["content-type"], headers["cache-control"]) == (kind, kept), key
        assert headers["content-encoding"] is None
        assert headers["etag"]
        file = tmp_path / key
        assert content == (file if file.is_file() else tmp_path / f"{key}.html").read_bytes()
    styles = [key for key in keys(bucket) if key.startswith("static/") and key.endswith(".css")]
    assert {fetch(key)[1]["content-type"] for key in styles} == {"text/css; charset=utf-8"}


def test_compressed_twins_say_how_they_are_compressed(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    published(bucket, tmp_path)[0].publish(status(outage(1)))
    whole = fetch("outages/O-7K3M1")[0]
    unpack = {
        "gz": ("gzip", gzip.decompress),
        "br": ("br", brotli.decompress),
        "zst": ("zstd", zstandard.decompress),
    }
    for end, (name, decompress) in unpack.items():
        content, headers = fetch(f"outages/O-7K3M1.{end}")
        assert headers["content-encoding"] == name
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert decompress(content) == whole


def test_what_the_pointer_names_is_there_and_what_left_is_gone(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    publication, _ = published(bucket, tmp_path)
    publication.publish(status(outage(1), outage(2)))
    pointer = publication.publish(status(outage(1, matched=7))).pointer
    there = keys(bucket)
    assert Pointer.from_bytes(fetch(POINTER)[0]).id == pointer.id
    assert {f"generations/parts/{each}" for each in publication.press.issued.named} <= there
    assert not [key for key in there if "O-7K3M2" in key]
    assert b"7 homes" in fetch("outages/O-7K3M1")[0]


def test_of_two_publishers_on_two_hosts_the_one_that_comes_late_writes_no_pointer(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    first, _ = published(bucket, tmp_path / "one")
    first.publish(status(outage(1)))
    second, _ = published(bucket, tmp_path / "two")
    second.publish(status(outage(1, matched=50)))
    with pytest.raises(NewerPublication):
        first.publish(status(outage(1, matched=60)))
    assert Pointer.from_bytes(fetch(POINTER)[0]).number == second.number


def test_after_a_restart_only_what_changed_is_written(bucket: Bucket, tmp_path: Path) -> None:
    published(bucket, tmp_path)[0].publish(status(*sample()))
    again, _ = published(bucket, tmp_path)
    assert not again.press.has_changed(status(*sample()))
    edition = again.publish(status(*sample()[1:]))
    assert not [name for name, _ in edition.files if name.startswith("outages/")]


def test_a_host_without_the_folder_publishes_anew_and_takes_away_what_is_left(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    published(bucket, tmp_path / "lost")[0].publish(status(outage(1), outage(2)))
    shutil.rmtree(tmp_path / "lost")
    again, _ = published(bucket, tmp_path / "new")
    assert again.press.has_changed(status(outage(1)))
    pointer = again.publish(status(outage(1))).pointer
    assert (pointer.number, pointer.base) == (2, None)
    assert not [key for key in keys(bucket) if "O-7K3M2" in key]
    assert fetch("outages/O-7K3M1")[0]


def test_sweeping_a_bucket_waits_from_the_first_time_that_nothing_names_a_thing(
    bucket: Bucket, tmp_path: Path
) -> None:
    publication, store = published(bucket, tmp_path)
    publication.publish(status(outage(1)))
    before = publication.press.issued
    publication.publish(status(outage(1, matched=7)))
    issued = publication.press.issued
    assert before.pointer
    assert issued.pointer
    dropped = {f"generations/parts/{each}" for each in before.named - issued.named}
    old = f"generations/{before.pointer.id}"

    def sweep(now_s: float) -> set[str]:
        assert issued.pointer
        store.sweep(issued.pointer.id, set(issued.named), now_s)
        return keys(bucket)

    assert dropped <= sweep(1000.0)
    assert before.pointer.manifest in sweep(1000.0 + KEEP_GENERATIONS_S)
    there = sweep(1001.0 + KEEP_GENERATIONS_S)
    assert not [key for key in there if key.startswith(f"{old}/")]
    assert dropped <= there
    there = sweep(1001.0 + KEEP_PARTS_S)
    assert not dropped & there
    assert {f"generations/parts/{each}" for each in issued.named} <= there
    assert issued.pointer.manifest in there


def test_a_ledger_that_cannot_be_read_removes_nothing_early(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    publication, store = published(bucket, tmp_path)
    publication.publish(status(outage(1)))
    publication.publish(status(outage(1, matched=7)))
    issued = publication.press.issued
    assert issued.pointer
    obstore.put(bucket.open(), LEDGER, b"[1, 2")
    before = keys(bucket)
    store.sweep(issued.pointer.id, set(issued.named), 1e9)
    assert keys(bucket) == before
    assert set(json.loads(fetch(LEDGER)[0]).values()) == {1e9}


def test_on_another_host_cap_goes_on_from_what_the_bucket_tells(
    bucket: Bucket, tmp_path: Path
) -> None:
    def told(folder: Path) -> dict[str, str]:
        found = {}
        for path in (folder / "feeds/cap").glob("*.xml"):
            found[path.stem] = re.findall(r"<msgType>(\w+)<", path.read_text())[0]
        return found

    first, _ = published(bucket, tmp_path / "first")
    first.publish(status(outage(1), outage(2), outage(3)))
    assert set(told(tmp_path / "first").values()) == {"Alert"}
    message = (tmp_path / "first/feeds/cap/O-7K3M3.xml").read_bytes()
    second, _ = published(bucket, tmp_path / "second")
    second.number = first.number
    over = outage(2, status=Status.RESTORED, restored=NOW)
    second.publish(status(outage(1, matched=900), over, outage(3)))
    assert told(tmp_path / "second") == {
        "O-7K3M1": "Update",
        "O-7K3M2": "Cancel",
        "O-7K3M3": "Alert",
    }
    assert (tmp_path / "second/feeds/cap/O-7K3M3.xml").read_bytes() == message
    # The folder of the first host is out of date now.
    again, _ = published(bucket, tmp_path / "first")
    again.number = second.number
    again.publish(status(over, outage(3, status=Status.CLOSED)))
    assert told(tmp_path / "first")["O-7K3M3"] == "Cancel"


def test_killed_at_any_moment_it_stays_whole_and_nothing_is_left_for_good(
    bucket: Bucket, fetch: Fetch, tmp_path: Path
) -> None:
    chance = random.Random(1)
    words = [bucket.url, bucket.key_id, bucket.secret, str(tmp_path)]
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.status_page.bucket_killed", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert nursery.stdin
    assert nursery.stdout
    published(bucket, tmp_path)[0].publish(some(chance))
    pointed: set[str] = set()
    try:
        for seed in range(20):
            # Ever later, on a slow machine: not each life may end before it has done anything.
            if seed >= LIVES and len(pointed) > 1:
                break
            nursery.stdin.write(f"{seed}\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline())
            time.sleep(chance.uniform(0, 0.3 * (seed + 1)))
            os.kill(child, signal.SIGKILL)
            assert int(nursery.stdout.readline()) == -signal.SIGKILL
            pointed.add(whole(bucket, fetch))
    finally:
        nursery.stdin.close()
        nursery.stdout.close()
        nursery.wait(10)
    assert len(pointed) > 1
    publication, store = published(bucket, tmp_path)
    state = some(chance)
    pointer = publication.publish(state).pointer
    assert whole(bucket, fetch) == pointer.id
    issued = publication.press.issued
    now_s = time.time()
    # Once to find what nobody names, and once more after all of it has waited long enough.
    store.sweep(pointer.id, set(issued.named), now_s)
    store.sweep(pointer.id, set(issued.named), now_s + KEEP_PARTS_S + 1)
    there = {key for key in keys(bucket) if not key.startswith("fresh/")} - {LEDGER}
    # What another life would have published into an empty place is what there is, and no more
    # than that but the ends of alerts, of which nobody was told there.
    fresh, _ = published(replace(bucket, url=bucket.url.replace("?", "/fresh?")), tmp_path / "new")
    fresh.number = publication.number - 1
    fresh.publish(state)
    expected = keys(replace(bucket, url=bucket.url.replace("?", "/fresh?")))
    ends = {f"feeds/cap/{each.id}.xml" for each in state.outages if each.over}
    assert {key for key in there if plain(key) not in ends} == expected
    files = {path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)}
    assert {address(name) for name in files if not name.startswith("new/")} == there


def whole(bucket: Bucket, fetch: Fetch) -> str:
    """Hold that all that the pointer names is there; return which generation it is."""
    there = keys(bucket)
    pointer = Pointer.from_bytes(fetch(POINTER)[0])
    manifest = json.loads(fetch(pointer.manifest)[0])
    parts = {*manifest["outages"].values(), *manifest["summary"].values()}
    assert {f"generations/parts/{part}" for part in parts} <= there
    assert {pointer.delta(language) for language in pointer.languages} <= there
    assert {f"outages/{outage_}" for outage_ in manifest["outages"]} <= there
    return pointer.id


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
