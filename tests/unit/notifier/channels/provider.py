"""A provider made of a script: it answers what the test says and keeps what it was asked.

Whatever it is asked has to keep to Twilio's or SendGrid's contract, or the test fails at its end.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.contracts import problems


@dataclass(frozen=True, slots=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes
    caller: int = 0
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    after: Callable[[], object] = lambda: None


@dataclass(slots=True)
class Provider:
    answer: Callable[[Call], Answer]
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Call], Answer]) -> Iterator[Provider]:
    provider = Provider(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            caller = self.client_address[1]
            call = Call(self.path, dict(self.headers), body, caller, self.command)
            provider.calls.append(call)
            provider.problems.extend(problems(call.method, call.path, call.body))
            reply = provider.answer(call)
            reply.after()
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                pass  # the caller has given up, as the test wanted

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not provider.problems, provider.problems
