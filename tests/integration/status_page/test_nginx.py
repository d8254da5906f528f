"""The published folder behind plain nginx, with the example of the documentation, says the same."""

import contextlib
import http.client
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from status_page.app import create_app
from status_page.headers import OPEN, SECURITY
from tests.unit.status_page.storm import Publication, outage, sample, status

EXAMPLE = Path(__file__).parents[3] / "docs/nginx.conf"
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_static_module.so")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx is installed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes


Ask = Callable[..., Answer]


def configuration(folder: Path, port: int, home: Path) -> str:
    example = EXAMPLE.read_text().replace("FOLDER;", f"{folder};")
    example = example.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    if not BROTLI.exists():
        example = example.replace("brotli_static on;", "")
    modules = f"load_module {BROTLI};" if BROTLI.exists() else ""
    places = " ".join(
        f"{kind}_temp_path {home};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{modules} daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;"
        f" events {{}} http {{ access_log off; {places}\n{example}\n}}"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publication = Publication(tmp_path / "published")
    publication.publish(status(*sample(), outage(20)))
    publication.publish(status(*sample()))
    return tmp_path / "published"


@pytest.fixture
def ask(folder: Path, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Ask]:
    port = free_port()
    (tmp_path / "nginx.conf").write_text(configuration(folder, port, tmp_path))
    command = [NGINX or "", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    process = subprocess.Popen([*command, "-e", str(tmp_path / "error.log")])

    def ask(path: str, **headers: str) -> Answer:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as to:
            to.request("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = to.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=told, content=answer.read())

    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                ask("/")
                break
            assert process.poll() is None, (tmp_path / "error.log").read_text()
            time.sleep(0.05)
        yield ask
    finally:
        process.terminate()
        process.wait()


def test_nginx_alone_answers_what_our_own_process_answers(ask: Ask, folder: Path) -> None:
    with TestClient(create_app(folder), follow_redirects=False) as ours:
        pointer = ours.get("/status.json").json()
        static = [f"/static/{path.name}" for path in (folder / "static").glob("*-*.??*")]
        paths = [
            "/",
            "/es/",
            "/status.json",
            "/outages/O-7K3M1",
            "/es/outages/O-7K3M1",
            f"/{pointer['manifest']}",
            f"/{pointer['deltas']['es']}",
            "/outages/O-7K3M20",
            "/es/outages/O-NONE",
            "/nothing",
            "/feeds/outages.geojson",
            "/feeds/outages.csv",
            "/feeds/cap/O-7K3M1.xml",
            "/embed",
            "/embed?lang=es",
            "/embed?lang=../../status",
            *(each for each in static if not each.endswith((".gz", ".br", ".zst"))),
        ]
        for path in paths:
            there, here = (
                ask(path, accept="text/html"),
                ours.get(path, headers={"accept": "text/html"}),
            )
            assert (there.status, there.content) == (here.status_code, here.content), path
            for name in ("content-type", "cache-control", *OPEN, *SECURITY):
                assert there.headers.get(name) == here.headers.get(name), (path, name)


@pytest.mark.parametrize("path", ["/embed/..%2findex.html", "/feeds/..%2findex.html"])
def test_another_way_to_write_an_address_opens_nothing_to_other_sites(ask: Ask, path: str) -> None:
    answer = ask(path)
    assert (answer.status, answer.content) == (200, ask("/").content)
    assert answer.headers["content-security-policy"] == SECURITY["content-security-policy"]
    assert not OPEN.keys() & answer.headers.keys()


def test_nginx_sends_the_twins_that_were_published(ask: Ask, folder: Path) -> None:
    page = folder / "outages/O-7K3M1.html"
    for accepted, end, name in (
        ("gzip, deflate", ".gz", "gzip"),
        *([("gzip, deflate, br, zstd", ".br", "br")] if BROTLI.exists() else []),
    ):
        answer = ask("/outages/O-7K3M1", accept_encoding=accepted)
        assert answer.headers["content-encoding"] == name
        assert "Accept-Encoding" in answer.headers["vary"]
        assert answer.content == Path(f"{page}{end}").read_bytes()
    plain = ask("/outages/O-7K3M1", accept_encoding="identity")
    assert "content-encoding" not in plain.headers
    assert plain.content == page.read_bytes()
    again = ask("/outages/O-7K3M1", if_none_match=plain.headers["etag"])
    assert (again.status, again.content) == (304, b"")


def test_nginx_hands_out_no_twin_by_its_name(ask: Ask) -> None:
    assert ask("/index.html.gz").status == 404
    assert ask("/status.json.new").status == 404
