"""The servers of the load test: ours, and those it is held against. Each is a process of its own.

Run as a program it is one of ours: `python -m tests.bench.page_servers ours|queues|bare PORT …`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from status_page.app import create_app
from status_page.protocol import Protocol
from workers import server
from workers.commands.page import WAITING_CONNECTIONS, raise_file_limit

_NCHAN = "ngx_nchan_module.so"
_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"))
_CONFIGURATION = """
load_module {module};
daemon off; user root; worker_processes 1; worker_rlimit_nofile {files};
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 8m; client_body_buffer_size 8m;
  server {{
    listen 127.0.0.1:{port} backlog={backlog};
    location = /publish {{ nchan_publisher; nchan_channel_id page; }}
    location = /stream {{
      nchan_subscriber eventsource; nchan_channel_id page;
      nchan_subscriber_first_message newest;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server by its port, with what it has used."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_s(self) -> float:
        """Seconds on a processor so far, of it and of its children."""
        return sum(
            int((task / "schedstat").read_text().split()[0]) / 1e9
            for process in self._processes()
            for task in Path(f"/proc/{process}/task").iterdir()
        )

    def memory_kib(self) -> int:
        """What it and its children hold in memory now."""
        page_kib = os.sysconf("SC_PAGE_SIZE") // 1024
        return sum(
            int(Path(f"/proc/{process}/statm").read_text().split()[1]) * page_kib
            for process in self._processes()
        )

    def _processes(self) -> list[int]:
        own = self.process.pid
        told = Path(f"/proc/{own}/task/{own}/children").read_text()
        return [own, *(int(each) for each in told.split())]


@contextmanager
def running(words: list[str], port: int) -> Iterator[Server]:
    """Run a server until it listens, and end it."""
    process = subprocess.Popen(words)
    try:
        await_listening(process, port)
        yield Server(port=port, process=process)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until a process listens, a minute at most."""
    until = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit("A server of the load test has not begun to listen.")
        time.sleep(0.02)


def words_for(what: str, port: int, *more: str) -> list[str]:
    """Return the command of one of our own servers."""
    return [sys.executable, "-m", "tests.bench.page_servers", what, str(port), *more]


def nchan_module() -> Path | None:
    """Return nginx's Nchan module, where it and nginx are installed."""
    if shutil.which("nginx") is None:
        return None
    return next((each / _NCHAN for each in _MODULES if (each / _NCHAN).exists()), None)


def words_for_nchan(module: Path, port: int, folder: Path, files: int) -> list[str]:
    """Write nginx's configuration; return its command."""
    folder.mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            module=module,
            port=port,
            folder=folder,
            files=files,
            connections=files - 64,
            backlog=WAITING_CONNECTIONS,
        )
    )
    return ["nginx", "-p", str(folder), "-c", str(configuration)]


def ours(port: int, folder: str, redis_url: str) -> None:
    """Run `page` as `outage page` does, but for its share for one address."""
    raise_file_limit()
    app = create_app(Path(folder), redis_url or None, most_from_one=10**6)
    server.listen(app, host="127.0.0.1", port=port, http=Protocol, backlog=WAITING_CONNECTIONS)


def queues(port: int) -> None:
    """Run sse-starlette as one would: a queue for each client, filled by who publishes."""
    raise_file_limit()
    clients: set[asyncio.Queue[str]] = set()

    async def told(queue: asyncio.Queue[str]) -> AsyncIterator[ServerSentEvent]:
        clients.add(queue)
        try:
            while True:
                yield ServerSentEvent(await queue.get(), event="generation")
        finally:
            clients.discard(queue)

    async def stream(_request: Request) -> Response:
        return EventSourceResponse(told(asyncio.Queue()))

    async def publish(request: Request) -> Response:
        text = (await request.body()).decode()
        for queue in clients:
            queue.put_nowait(text)
        return Response()

    routes = [Route("/stream", stream), Route("/publish", publish, methods=["POST"])]
    server.listen(
        Starlette(routes=routes), host="127.0.0.1", port=port, backlog=WAITING_CONNECTIONS
    )


def bare(port: int, folder: str) -> None:
    """Run the least that can answer: a function with ready bytes and headers, and a 304."""
    told = json.loads((Path(folder) / "headers.json").read_text())
    body = (Path(folder) / "body").read_bytes()
    full = _start(200, told)
    unchanged = _start(304, {name: told[name] for name in told if name != "content-length"})
    content = {"type": "http.response.body", "body": body}
    nothing = {"type": "http.response.body", "body": b""}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        conditional = any(name == b"if-none-match" for name, _ in scope["headers"])
        await send(unchanged if conditional else full)
        await send(nothing if conditional else content)

    server.listen(app, host="127.0.0.1", port=port, lifespan="off")


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    told = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": told}


if __name__ == "__main__":
    _what, _port, *_more = sys.argv[1:]
    _known: Mapping[str, Callable[..., None]] = {"ours": ours, "queues": queues, "bare": bare}
    _known[_what](int(_port), *_more)
