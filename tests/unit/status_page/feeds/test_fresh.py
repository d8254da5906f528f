"""A feed is written when it changed, and at no other time."""

import dataclasses
import re
from pathlib import Path

from outage.model import Kind
from status_page.edition import Edition
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, outage, sample, status

NAMING = {"feeds/outages.geojson"}


def feeds(edition: Edition) -> set[str]:
    return {
        name
        for name, _ in edition.files
        if name.startswith("feeds/")
        and name.endswith((".atom", ".csv", ".geojson", ".ics", ".xml"))
    }


def test_time_alone_writes_no_feed_but_the_one_that_names_the_generation(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    assert feeds(press.publish(status(*sample()))) > {"feeds/outages.csv", "feeds/planned.ics"}
    assert feeds(press.publish(status(*sample(), as_of=NOW + hours(1)))) == NAMING
    restarted = Publication(tmp_path)
    assert feeds(restarted.publish(status(*sample(), as_of=NOW + hours(2)))) == NAMING


def test_only_feeds_that_say_something_else_are_written(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status(*sample()))
    changed = outage(16, matched=77)
    assert feeds(press.publish(status(*sample(), changed))) == {
        "feeds/outages.csv",
        "feeds/outages.geojson",
        "feeds/outages.atom",
        "feeds/es/outages.atom",
        "feeds/odin.xml",
        "feeds/cap.atom",
        "feeds/cap/O-7K3M16.xml",
    }
    planned = outage(17, kind=Kind.PLANNED, planned_start=NOW + hours(3))
    assert "feeds/planned.ics" in feeds(press.publish(status(*sample(), changed, planned)))


def test_another_address_is_in_every_feed(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*sample()))
    moved = dataclasses.replace(SITE, address="https://outages.example.org")
    Publication(tmp_path, moved).publish(status(*sample()))
    for path in (tmp_path / "feeds").rglob("*"):
        if path.suffix in {".atom", ".csv", ".geojson", ".ics", ".xml"}:
            told = re.sub(rb"<references>.*?</references>|\r\n ", b"", path.read_bytes())
            assert b"127.0.0.1" not in told, path
