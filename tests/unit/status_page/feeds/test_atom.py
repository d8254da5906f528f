"""Atom by feedparser, and by RFC 4287 where that is lenient."""

import dataclasses
import re
from datetime import datetime
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from outage.model import Kind, Service
from tests.unit.status_page.feeds.play import HOSTILE, states
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, outage, status

ATOM = "{http://www.w3.org/2005/Atom}"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_IRI = re.compile(r"(https?://|tag:)[^\s<>\"{}|\\^`]+")


def check(content: bytes) -> etree._Element:
    """Hold a feed against what the standard demands; return its root."""
    parsed = feedparser.parse(content)
    assert not parsed.bozo, parsed.get("bozo_exception")
    assert parsed.version == "atom10"
    root = etree.fromstring(content)
    assert root.tag == f"{ATOM}feed"
    ids = []
    for each in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(each.findall(f"{ATOM}{name}")) == 1
        ids.append(each.findtext(f"{ATOM}id") or "")
        updated = each.findtext(f"{ATOM}updated") or ""
        assert _DATE.fullmatch(updated)
        datetime.fromisoformat(updated)
        assert each.findtext(f"{ATOM}title")
        for name in ("generator", "icon", "logo", "rights", "subtitle", "summary", "content"):
            assert len(each.findall(f"{ATOM}{name}")) <= 1
        links = each.findall(f"{ATOM}link")
        assert all(_IRI.fullmatch(link.get("href") or "") for link in links)
        of_one_sort = [(x.get("rel"), x.get("type"), x.get("hreflang")) for x in links]
        assert len(set(of_one_sort)) == len(of_one_sort)
        # Without content an entry needs a link to what it stands for.
        assert any(link.get("rel") == "alternate" for link in links)
    assert all(_IRI.fullmatch(each) for each in ids)
    assert len(set(ids)) == len(ids)
    # Its author is the author of every entry.
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    return root


@pytest.mark.parametrize("name", ["outages.atom", "es/outages.atom", "cap.atom"])
def test_every_feed_of_a_storm_keeps_the_rules(tmp_path: Path, name: str) -> None:
    press = Publication(tmp_path)
    for state in states():
        press.publish(state)
        root = check((tmp_path / "feeds" / name).read_bytes())
        if name != "cap.atom":
            assert len(root.findall(f"{ATOM}entry")) == len(state.outages)


def test_a_feed_names_itself_and_the_page(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    parsed = feedparser.parse((tmp_path / "feeds/es/outages.atom").read_bytes())
    links = {each.rel: each.href for each in parsed.feed.links}
    assert links == {
        "self": "http://127.0.0.1:8000/feeds/es/outages.atom",
        "alternate": "http://127.0.0.1:8000/es/",
    }
    (entry,) = parsed.entries
    assert entry.link == "http://127.0.0.1:8000/es/outages/O-7K3M1"
    assert "hogares" in entry.summary


def test_a_feed_says_when_it_changed_and_not_when_it_was_written(tmp_path: Path) -> None:
    def updated() -> str:
        content = (tmp_path / "feeds/outages.atom").read_bytes()
        return str(feedparser.parse(content).feed.updated)

    press = Publication(tmp_path)
    press.publish(status(outage(1)))
    first = updated()
    press.publish(status(outage(1), as_of=NOW + hours(1)))
    Publication(tmp_path).publish(status(outage(1), as_of=NOW + hours(2)))
    assert updated() == first
    press = Publication(tmp_path)
    press.publish(status(outage(1, matched=7), as_of=NOW + hours(3)))
    second = updated()
    assert datetime.fromisoformat(second) == NOW + hours(3)
    press.publish(status(as_of=NOW + hours(4)))
    assert datetime.fromisoformat(updated()) == NOW + hours(4), "what has left is a change too"


def test_what_people_wrote_is_text_and_no_markup(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status(*(outage(n, area=each, message=each) for n, each in enumerate(HOSTILE))))
    root = check((tmp_path / "feeds/outages.atom").read_bytes())
    for entry in root.findall(f"{ATOM}entry"):
        summary = entry.find(f"{ATOM}summary")
        assert summary is not None
        assert len(summary) == 0
        assert summary.get("type", "text") == "text"
    told = " ".join(map(str, root.itertext()))
    assert "<script>alert(1)</script>" in told


def test_a_drill_says_so(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1), drill=True))
    parsed = feedparser.parse((tmp_path / "feeds/outages.atom").read_bytes())
    assert "Drill or replay." in parsed.feed.subtitle


def test_an_entry_carries_what_an_advisory_must_say(tmp_path: Path) -> None:
    notices = ((Service.WATER, "en", "BOIL IT & WAIT."),)
    state = outage(1, kind=Kind.ADVISORY, service=Service.WATER)
    Publication(tmp_path, dataclasses.replace(SITE, notices=notices)).publish(status(state))
    (entry,) = check((tmp_path / "feeds/outages.atom").read_bytes()).findall(f"{ATOM}entry")
    assert "BOIL IT & WAIT." in (entry.findtext(f"{ATOM}summary") or "")
