import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from status_page.answers import SERVED, KeptAnswers, Served
from status_page.app import create_app
from status_page.shelf import Shelf
from tests.unit.status_page.storm import Publication, outage, sample, status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.html").write_text("not published")
    folder = tmp_path / "published"
    Publication(folder).publish(status(*sample()))
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(create_app(folder)) as client:
        yield client


def test_the_list_and_each_outage_are_served_in_each_language(client: TestClient) -> None:
    assert "Outages now" in client.get("/").text
    for path in ("/es/", "/?lang=es"):
        assert "Interrupciones ahora" in client.get(path).text
    assert "Downtown Eastside" in client.get("/outages/O-7K3M2").text
    assert "Corte de luz" in client.get("/es/outages/O-7K3M2").text
    assert "Corte de luz" in client.get("/outages/o-7k3m2?lang=es").text


def test_a_language_without_pages_gives_the_default_or_nothing(client: TestClient) -> None:
    assert client.get("/?lang=xx").text == client.get("/").text
    assert client.get("/xx/").status_code == 404
    assert client.get("/es", follow_redirects=False).headers["location"] == "/es/"


def test_an_unknown_outage_gets_a_page_or_a_problem_document(client: TestClient) -> None:
    page = client.get("/outages/O-NONE")
    assert page.status_code == 404
    assert "No such outage here" in page.text
    problem = client.get("/outages/O-NONE", headers={"accept": "application/json"})
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["title"] == "No such outage is listed"


@pytest.mark.parametrize("path", ["/", "/outages/O-7K3M1", "/status.json", "/es/"])
def test_what_has_not_changed_is_not_sent_again(client: TestClient, path: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", ["/", "/outages/O-7K3M1", "/status.json", "/es/", "/?lang=es"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_answer_from_memory_is_the_same_as_the_first(
    client: TestClient, path: str, encoding: str
) -> None:
    headers = {"accept-encoding": encoding}
    first = client.get(path, headers=headers)
    unchanged = headers | {"if-none-match": first.headers["etag"]}
    # Two sorts of tag: one that is compared at once, one that has to be looked for in a list.
    listed = headers | {"if-none-match": f'"other", {first.headers["etag"]}'}
    again = client.get(path, headers=headers)
    quick, slow = client.get(path, headers=unchanged), client.get(path, headers=listed)
    assert (again.status_code, again.content) == (200, first.content)
    assert dict(again.headers) == dict(first.headers)
    assert (quick.status_code, quick.content) == (slow.status_code, slow.content) == (304, b"")
    assert dict(quick.headers) == dict(slow.headers)


def test_memory_keeps_apart_who_asks_differently(client: TestClient) -> None:
    asked = {"gzip": "en", "identity": "es"}
    for _ in range(2):
        for encoding, language in asked.items():
            answer = client.get(
                "/",
                headers={"accept-encoding": encoding, "accept-language": language},
                follow_redirects=False,
            )
            assert answer.status_code == (200 if language == "en" else 302)
    # Of a header that comes twice the first counts; the other must not be answered with it later.
    client.get("/", headers=[("accept-encoding", "gzip"), ("accept-encoding", "identity")])
    plain = client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_a_question_of_many_words_is_answered_and_not_kept(folder: Path, where: str) -> None:
    async def told(_message: Message) -> None:
        pass

    async def nothing() -> Message:
        return {"type": "http.request"}

    def times_asked(length: int) -> int:
        asked = 0
        words = "x" * length
        item = Shelf(folder).take("status.json")
        assert item is not None

        async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
            nonlocal asked
            asked += 1
            scope[SERVED] = Served(item=item, headers={})

        async def ask(kept: KeptAnswers) -> None:
            scope = {
                "type": "http",
                "method": "GET",
                "path": f"/{words if where == 'path' else ''}",
                "query_string": words.encode() if where == "query" else b"",
                "headers": [(b"accept-language", words.encode())] if where == "header" else [],
            }
            await kept(scope, nothing, told)

        kept = KeptAnswers(inner)
        for _ in range(2):
            asyncio.run(ask(kept))
        return asked

    assert (times_asked(2_000), times_asked(2_100)) == (1, 2)


def test_a_long_list_of_wishes_or_tags_is_read_at_its_beginning_only(client: TestClient) -> None:
    headers = {"accept-language": "en" + ",x" * 1_000 + ",es;q=1"}
    first = client.get("/", headers=headers, follow_redirects=False)
    assert first.status_code == 200
    # What comes first still counts, what comes behind all that does not.
    tag = first.headers["etag"]
    for tags, status_code in ((f"{tag}{', x' * 1_000}", 304), (f"{'x, ' * 1_000}{tag}", 200)):
        assert client.get("/", headers={"if-none-match": tags}).status_code == status_code


def test_what_is_taken_away_is_not_answered_from_memory(client: TestClient, folder: Path) -> None:
    assert client.get("/outages/O-7K3M1").status_code == 200
    Publication(folder).publish(status(outage(2)))
    assert client.get("/outages/O-7K3M1").status_code == 404


def test_an_etag_changes_with_the_content(client: TestClient, folder: Path) -> None:
    first = client.get("/")
    Publication(folder).publish(status(outage(1)))
    again = client.get("/", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.text != first.text


def test_pages_are_sent_compressed_to_whoever_takes_that(client: TestClient, folder: Path) -> None:
    packed = client.get("/", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"].startswith("Accept-Encoding")
    assert int(packed.headers["content-length"]) < 6000
    for end, name, accepted in (
        ("br", "br", "gzip, deflate, br, zstd"),
        ("zst", "zstd", "gzip;q=0.9, zstd"),
    ):
        with client.stream("GET", "/", headers={"accept-encoding": accepted}) as answer:
            assert answer.headers["content-encoding"] == name
            assert b"".join(answer.iter_raw()) == (folder / f"index.html.{end}").read_bytes()
    for refused in ("identity", "gzip;q=0", "deflate"):
        plain = client.get("/", headers={"accept-encoding": refused})
        assert "content-encoding" not in plain.headers
        assert (
            plain.content
            == packed.content
            == gzip.decompress((folder / "index.html.gz").read_bytes())
        )


def test_what_never_changes_may_be_kept_for_ever(client: TestClient) -> None:
    pointer = client.get("/status.json").json()
    for path in (pointer["manifest"], pointer["deltas"]["en"]):
        answer = client.get(f"/{path}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert client.get("/").headers["cache-control"] == "no-cache"


def test_head_answers_like_get_without_the_body(client: TestClient) -> None:
    for path in ("/", "/status.json", "/outages/O-7K3M1", "/healthz"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] != "0"
    assert client.head("/stream").headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    "path",
    [
        "/outages/..%2f..%2fsecret",
        "/outages/%2e%2e/secret.html",
        "/generations/../../secret.html",
        "/generations/%2e%2e/%2e%2e/secret.html",
        "/generations/parts/..%2f..%2f..%2fsecret.html",
        "/static/..%2f..%2fsecret.html",
        "/..%2fsecret.html",
        "/%2e%2e/outages/x",
        "/generations//etc/passwd",
        "/generations/parts/%00.json",
    ],
)
def test_no_path_leads_out_of_the_folder(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "not published" not in answer.text


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/nothing", "/status.json", "/healthz"):
        headers = client.get(path).headers
        assert "'unsafe" not in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers


def test_nothing_but_reading_is_allowed(client: TestClient) -> None:
    for path in ("/", "/outages/O-7K3M1", "/stream"):
        answer = client.post(path, json={}, headers={"accept": "application/json"})
        assert answer.status_code == 405
        assert answer.headers["content-type"] == "application/problem+json"


def test_before_anything_is_published_it_says_so(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path / "nothing")) as client:
        for path in ("/", "/status.json", "/stream"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) >= 5
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.get("/outages/O-1").status_code == 404


def test_it_is_ready_once_something_is_published(client: TestClient) -> None:
    assert client.get("/readyz").json() == {"status": "ready", "generation": "e1-1"}


def test_it_is_not_ready_once_nobody_watches_for_changes(client: TestClient) -> None:
    async def end() -> None:
        (watch,) = (each for each in asyncio.all_tasks() if each.get_name() == "watch the pointer")
        watch.cancel()
        await asyncio.wait([watch])

    assert client.portal is not None
    client.portal.call(end)
    assert client.get("/readyz").status_code == 503


def test_metrics_are_shown_to_this_machine_only(folder: Path) -> None:
    with TestClient(create_app(folder), client=("127.0.0.1", 1)) as local:
        assert "outage_page_streams 0" in local.get("/metrics").text
        assert local.get("/metrics", headers={"x-forwarded-for": "1.2.3.4"}).status_code == 404
    with TestClient(create_app(folder), client=("203.0.113.9", 1)) as far:
        assert far.get("/metrics").status_code == 404


def test_the_manifest_leads_to_every_part(client: TestClient) -> None:
    manifest = client.get("/" + client.get("/status.json").json()["manifest"]).json()
    assert len(manifest["outages"]) == 15
    for name in (*manifest["outages"].values(), *manifest["summary"].values()):
        answer = client.get(f"/generations/parts/{name}")
        assert answer.status_code == 200
        if name.endswith(".json"):
            assert json.loads(answer.content)["facts"]["id"] in manifest["outages"]


@pytest.mark.parametrize("path", ["/", "/outages/O-7K3M2"])
def test_who_comes_from_outside_is_led_to_their_own_language(client: TestClient, path: str) -> None:
    spanish = {"accept-language": "es-MX, en;q=0.5"}
    led = client.get(path, headers=spanish, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (302, f"/es{path}")
    assert "Accept-Language" in led.headers["vary"]
    for there in ("/es/", f"{path}?lang=en"):
        assert client.get(there, headers=spanish, follow_redirects=False).status_code == 200
    for more in ({"sec-fetch-site": "same-origin"}, {"sec-fetch-mode": "cors"}):
        stays = client.get(path, headers=spanish | more, follow_redirects=False)
        assert stays.status_code == 200
        assert "Accept-Language" in stays.headers["vary"]
    english = client.get(path, headers={"accept-language": "de, en"}, follow_redirects=False)
    assert english.status_code == 200


def test_the_utilitys_own_map_is_handed_out_in_ranges(client: TestClient, folder: Path) -> None:
    (folder / "tiles").mkdir()
    (folder / "tiles/town.pmtiles").write_bytes(bytes(range(200)))
    (folder / "tiles/town.txt").write_text("not a map")
    (folder / "tiles.pmtiles").write_text("beside it")
    answer = client.get("/tiles/town.pmtiles", headers={"range": "bytes=16-31"})
    assert (answer.status_code, answer.content) == (206, bytes(range(16, 32)))
    assert answer.headers["content-range"] == "bytes 16-31/200"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.headers["content-type"] == "application/vnd.pmtiles"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert len(client.get("/tiles/town.pmtiles").content) == 200
    beyond = client.get("/tiles/town.pmtiles", headers={"range": "bytes=900-"})
    assert beyond.status_code == 416
    for name in ("town.txt", "gone.pmtiles", "%2e%2e%2ftiles.pmtiles", "TOWN.pmtiles", ""):
        assert client.get(f"/tiles/{name}").status_code == 404
