"""`page` before a counter: what goes through, what does not, and what is said when it is away."""

import dataclasses
import html
import http.server
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from outage import visitors
from status_page.app import create_app
from status_page.forwarding import Forwarding
from status_page.words import catalogue, languages
from tests.unit.status_page.storm import SITE, Publication, status

KEY = "made-up-edge-key"


class _Counter(http.server.BaseHTTPRequestHandler):
    seen: list[tuple[str, str, dict[str, str], bytes]] = []  # noqa: RUF012  # of one test, cleared

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        asked = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, asked, self.rfile.read(size)))
        self.send_response(HTTPStatus.SEE_OTHER if self.command == "POST" else HTTPStatus.OK)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'self'"),
            ("Cache-Control", "no-store"),
            ("Set-Cookie", "who=1"),
            ("Location", "/s/abc?said=out"),
            ("Content-Length", "5"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"hello")

    do_POST = do_GET  # noqa: N815  # the name that the library looks for

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def counter() -> Iterator[str]:
    _Counter.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Counter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def page(folder: Path, counter: str, key: str = KEY) -> TestClient:
    trusted = [ip_network("10.0.0.0/8")]
    forwarding = Forwarding(counter, key, trusted, phone="800 555 0100")
    app = create_app(folder, forwarding=forwarding)
    return TestClient(app, follow_redirects=False, client=("10.0.0.1", 1))


def test_what_is_asked_goes_through_and_nothing_says_who_asks(tmp_path: Path, counter: str) -> None:
    sent = {
        "cookie": "a=b",
        "authorization": "Bearer x",
        "x-forwarded-for": "192.0.2.7",
        "sec-fetch-site": "same-origin",
        "accept-language": "es",
        visitors.HEADER: "1.2.3.4 1 x",
    }
    with page(tmp_path, counter) as client:
        answer = client.post("/s/abc?lang=es", data={"do": "out"}, headers=sent)
    assert (answer.status_code, answer.text) == (303, "hello")
    assert answer.headers["location"] == "/s/abc?said=out"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'self'"
    assert "set-cookie" not in answer.headers
    ((method, path, asked, body),) = _Counter.seen
    assert (method, path, body) == ("POST", "/s/abc?lang=es", b"do=out")
    assert (asked["sec-fetch-site"], asked["accept-language"]) == ("same-origin", "es")
    assert not {"cookie", "authorization", "x-forwarded-for"} & asked.keys()
    at = float(asked[visitors.HEADER].split()[1])
    assert visitors.read(asked[visitors.HEADER], KEY, at) == "192.0.2.7"


def test_a_line_that_the_visitor_made_up_does_not_hide_that_of_the_proxy(
    tmp_path: Path, counter: str
) -> None:
    lines = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-for", "192.0.2.7")]
    with page(tmp_path, counter) as client:
        client.get("/s/abc", headers=lines)
    ((_, _, asked, _),) = _Counter.seen
    at = float(asked[visitors.HEADER].split()[1])
    assert visitors.read(asked[visitors.HEADER], KEY, at) == "192.0.2.7"


def test_only_the_listed_paths_go_through(tmp_path: Path, counter: str) -> None:
    with page(tmp_path, counter) as client:
        for path in ("/s/page.css", "/s/abc", "/s/abc/unsubscribe", "/s/%2e%2e%2fhooks"):
            client.get(path)
        for path in ("/hooks/twilio/status", "/s/abc/more", "/s/", "/s/a/../../healthz"):
            client.get(path)
        for path in (
            "/s/%2e%2e",
            "/s/%2e%2e/unsubscribe",
            "/s/%2e/unsubscribe",
            "/s/a%0a",
            "/s/a.b",
        ):
            assert client.get(path).status_code == 404
        client.delete("/s/abc")
        for path in ("/lookup", "/lookup/more", "/lookups", "/crew/abc"):
            client.post(path)
    assert [path for _, path, _, _ in _Counter.seen] == [
        "/s/page.css",
        "/s/abc",
        "/s/abc/unsubscribe",
        "/lookup",
    ]


def test_a_counter_that_is_away_is_said_in_a_sentence(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with page(tmp_path, f"http://127.0.0.1:{free_port()}") as client:
        answers = [client.get("/s/abc"), client.post("/lookup", data={"place": "x"})]
    for answer in answers:
        assert answer.status_code == 503
        assert "please try again in a few minutes, or call 800 555 0100" in answer.text
        assert answer.headers["retry-after"] == "120"
        assert answer.headers["cache-control"] == "no-store"


def test_a_counter_that_is_away_is_said_in_the_language_of_the_form_and_the_help_stays(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    published = tmp_path / "published"
    site = dataclasses.replace(SITE, languages=("en", *set(languages()) - {"en"}))
    Publication(published, site).publish(status())
    with page(published, f"http://127.0.0.1:{free_port()}") as client:
        for language in languages():
            answer = client.post("/report", data={"lang": language, "place": "x"})
            said = html.unescape(answer.text)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "content-security-policy" in answer.headers
            assert f'<html lang="{language}"' in said
            assert catalogue(language)["away.report"] in said
            assert '<a href="tel:911"' in said
        shown = client.get("/subscribe?lang=es").text
        assert catalogue("es")["away.subscribe"] in shown
        wished = client.get("/s/abc", headers={"accept-language": "ar"}).text
        assert catalogue("ar")["away.lookup"] in wished
        foreign = client.post("/lookup", content=b"lang=%ff..%2f&place=x")
        assert catalogue("en")["away.lookup"] in foreign.text
        told = client.post("/lookup", data={"lang": "es"}, headers={"accept": "application/json"})
        assert told.json()["title"].startswith("We cannot look up your place just now")


def test_without_a_key_nobody_is_named(tmp_path: Path, counter: str) -> None:
    with page(tmp_path, counter, key="") as client:
        client.get("/s/abc")
    assert visitors.HEADER not in _Counter.seen[0][2]
