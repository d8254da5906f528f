"""What other sites show of the page: in a frame, and as a picture."""

import re
from pathlib import Path

from lxml import etree
from starlette.testclient import TestClient

from status_page.app import create_app
from tests.unit.status_page.feeds.play import states
from tests.unit.status_page.storm import Publication, outage, status

SVG = "{http://www.w3.org/2000/svg}"


def client(folder: Path) -> TestClient:
    return TestClient(create_app(folder))


def directives(header: str) -> dict[str, str]:
    return dict(each.strip().split(" ", 1) for each in header.split(";"))


def test_the_embedded_page_may_stand_in_a_frame_and_nothing_else_may(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    page = client(tmp_path)
    told = page.get("/embed")
    policy = directives(told.headers["content-security-policy"])
    assert policy.pop("frame-ancestors") == "*"
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in str(policy)
    for address in ("/", "/outages/O-7K3M1", "/feeds/embed.html", "/status.json", "/nowhere"):
        other = directives(page.get(address).headers["content-security-policy"])
        assert other.pop("frame-ancestors") == "'none'"
        assert other == policy
    again = page.get("/embed", headers={"if-none-match": told.headers["etag"]})
    assert again.status_code == 304
    assert "frame-ancestors *" in again.headers["content-security-policy"]
    assert not told.cookies


def test_without_script_it_says_all_there_is(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1, matched=1243), outage(2, matched=3)))
    html = client(tmp_path).get("/embed").text
    assert "At least 1,244" in html
    assert "Sunday 22 Nov, 3:15 PM PST" in html
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", html)
    assert all('target="_blank" rel="noopener"' in each for each in re.findall("<a [^>]*>", html))


def test_it_speaks_the_language_it_is_asked_for(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    page = client(tmp_path)
    assert 'lang="es"' in page.get("/embed?lang=es").text
    for unknown in ("", "xx", "../es", "en-US"):
        assert 'lang="en"' in page.get("/embed", params={"lang": unknown}).text


def test_before_anything_is_published_it_says_so(tmp_path: Path) -> None:
    assert client(tmp_path).get("/embed").status_code == 503


def test_a_drill_is_said_in_the_frame_and_never_counted_in_the_badge(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1), drill=True))
    assert "Drill or replay." in client(tmp_path).get("/embed").text
    texts = [each.text for each in badge(tmp_path).iter(f"{SVG}text")]
    assert texts == ["Outages now", "–"]


def badge(folder: Path) -> etree._Element:
    return etree.fromstring((folder / "feeds/badge.svg").read_bytes())


def test_the_badge_counts_what_the_page_counts(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for state in states():
        pointer = press.publish(state).pointer
        root = badge(tmp_path)
        assert root.tag == f"{SVG}svg"
        _, count = (each.text for each in root.iter(f"{SVG}text"))
        assert count == str(pointer.counts["outages"])
        title = root.findtext(f"{SVG}title") or ""
        assert title.endswith(f": {count}")
        assert not {"style", "onload", "href"} & {
            key for each in root.iter() for key in each.attrib
        }
    with client(tmp_path) as page:
        found = page.get("/feeds/badge.svg")
        assert found.headers["content-type"] == "image/svg+xml"
        assert found.headers["access-control-allow-origin"] == "*"


def test_each_feed_has_its_type_and_is_asked_for_again_cheaply(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    with client(tmp_path) as page:
        for name, kind in {
            "outages.geojson": "application/geo+json",
            "outages.csv": "text/csv; charset=utf-8",
            "outages.atom": "application/atom+xml; charset=utf-8",
            "es/outages.atom": "application/atom+xml; charset=utf-8",
            "cap.atom": "application/atom+xml; charset=utf-8",
            "cap/O-7K3M1.xml": "application/cap+xml",
            "planned.ics": "text/calendar; charset=utf-8",
            "schemas/delta.json": "application/json",
        }.items():
            found = page.get(f"/feeds/{name}")
            assert found.headers["content-type"] == kind
            etag = found.headers["etag"]
            assert page.get(f"/feeds/{name}", headers={"if-none-match": etag}).status_code == 304


def test_the_pages_name_the_feeds(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    with client(tmp_path) as page:
        for address in ("/", "/es/", "/outages/O-7K3M1"):
            root = etree.fromstring(page.get(address).text, etree.HTMLParser())
            links = [each for each in root.iter("link") if each.get("rel") == "alternate"]
            named = [each for each in links if (each.get("href") or "").startswith("/feeds/")]
            assert len(named) >= 5
            for each in named:
                found = page.get(each.get("href") or "")
                assert found.headers["content-type"].partition(";")[0] == each.get("type")
