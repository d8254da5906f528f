"""A page process for tests, and a client that reads its stream as a plain HTTP client does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVE = """
import sys
from ipaddress import ip_network
from pathlib import Path
import uvicorn
from status_page.app import create_app
from status_page.protocol import Protocol
folder, port, redis_url, most, most_from_one, *trusted = sys.argv[1:]
app = create_app(
    Path(folder),
    redis_url or None,
    most_streams=int(most),
    most_from_one=int(most_from_one),
    trusted=[ip_network(each) for each in trusted],
)
uvicorn.run(
    app,
    port=int(port),
    http=Protocol,
    log_level="warning",
    proxy_headers=False,
    timeout_graceful_shutdown=1,
)
"""


class Page:
    """`page` as a process of its own."""

    def __init__(
        self, port: int, words: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._words = words
        self._environment = environment
        self._streams: list[Stream] = []
        self.start()

    @classmethod
    def serving(
        cls,
        folder: Path,
        port: int,
        *,
        redis_url: str = "",
        most: int = 1000,
        most_from_one: int = 1000,
        trusted: str = "",
    ) -> "Page":
        """Serve a folder, knowing nothing else."""
        limits = [str(most), str(most_from_one), *trusted.split()]
        return cls(port, ["-c", SERVE, str(folder), str(port), redis_url, *limits])

    def stream(self, query: str = "", last_event_id: str = "", forwarded: str = "") -> "Stream":
        self._streams.append(Stream(self.port, query, last_event_id, forwarded))
        return self._streams[-1]

    def end(self) -> None:
        for stream in self._streams:
            stream.close()
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, *self._words], env=self._environment)
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None, "the page process has ended"
                assert time.monotonic() < deadline, "the page process does not listen"
                time.sleep(0.05)

    def stop(self, with_signal: int = signal.SIGTERM) -> float:
        """Return how many seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(with_signal)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - began

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return str(answer.read().decode())

    def connections(self) -> int:
        count = 0
        for each in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                count += str(each.readlink()).startswith("socket:")
        return count

    def memory_kib(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event."""

    name: str
    id: str
    data: Any
    retry: str


class Stream:
    """Reads `/stream` from a bare socket."""

    def __init__(self, port: int, query: str, last_event_id: str, forwarded: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        header = f"Last-Event-ID: {last_event_id}\r\n" if last_event_id else ""
        header += f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
        self._socket.sendall(f"GET /stream?{query} HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        self._file = self._socket.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers = dict(self._headers())
        self._events = self._read()

    def _headers(self) -> Iterator[tuple[str, str]]:
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            yield name.lower(), value.strip()

    def _lines(self) -> Iterator[str]:
        rest = b""
        while size := int(self._file.readline() or b"0", 16):
            rest += self._file.read(size)
            self._file.readline()
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield line.decode()

    def _read(self) -> Iterator[Event]:
        found: dict[str, str] = {}
        for line in self._lines():
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif found:
                yield Event(
                    name=found.get("event", "message"),
                    id=found.get("id", ""),
                    data=json.loads(found["data"]),
                    retry=found.get("retry", ""),
                )
                found = {}

    def until(self, name: str) -> list[Event]:
        """Read until an event of this name has come."""
        seen = []
        for event in self._events:
            seen.append(event)
            if event.name == name:
                return seen
        raise AssertionError(f"the stream ended after {[each.name for each in seen]}")

    def close(self) -> None:
        self._file.close()
        self._socket.close()
