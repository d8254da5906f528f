"""Totals by area, and a feed for each."""

import dataclasses
import json
from pathlib import Path

import feedparser
from starlette.testclient import TestClient

from status_page.app import create_app
from status_page.feeds.places import slug
from status_page.view import PublicArea
from tests.unit.status_page.feeds.test_atom import check
from tests.unit.status_page.feeds.test_fresh import feeds
from tests.unit.status_page.storm import SITE, Publication, outage, status

AREAS = (
    PublicArea(name="Springfield", kind="county", served=41_200),
    PublicArea(name="Kitsap & Île d’Orléans / 北", kind="postal code", served=900),
)
PLACES = dataclasses.replace(SITE, areas=AREAS)


def test_an_area_sums_up_what_is_public_of_its_outages(tmp_path: Path) -> None:
    there = (("county", "Springfield"),)
    Publication(tmp_path, PLACES).publish(
        status(outage(1, matched=1_000, areas=there), outage(2, matched=2, areas=there), outage(3))
    )
    first, second = json.loads((tmp_path / "feeds/areas.json").read_bytes())["areas"]
    assert first["served"] == 41_200
    assert (first["outages"], first["matched"], first["matched_few"]) == (2, 1_001, 1)
    assert (second["outages"], second["matched"]) == (0, 0)


def test_a_county_and_a_city_of_one_name_are_two_areas(tmp_path: Path) -> None:
    county, city = (
        PublicArea(name="Springfield", kind=kind, served=900) for kind in ("county", "city")
    )
    one = outage(1, matched=100, areas=((county.kind, county.name), (city.kind, city.name)))
    two = outage(2, matched=20, areas=((county.kind, county.name),))
    site = dataclasses.replace(SITE, areas=(county, city))
    Publication(tmp_path, site).publish(status(one, two))
    told = json.loads((tmp_path / "feeds/areas.json").read_bytes())["areas"]
    assert [(each["kind"], each["matched"]) for each in told] == [("county", 120), ("city", 100)]
    features = json.loads((tmp_path / "feeds/outages.geojson").read_bytes())["features"]
    assert [each["properties"]["areas"] for each in features] == [["Springfield"]] * 2


def test_each_area_has_a_feed_in_each_language_under_the_address_that_is_told(
    tmp_path: Path,
) -> None:
    press = Publication(tmp_path, PLACES)
    press.publish(status(outage(1, areas=(("county", "Springfield"),)), outage(2)))
    with TestClient(create_app(tmp_path)) as client:
        told = client.get("/feeds/areas.json").json()["areas"]
        for each, wanted in zip(told, (1, 0), strict=True):
            path = each["atom"].removeprefix(SITE.address)
            for address in (path, path.replace("/feeds/", "/feeds/es/")):
                found = client.get(address)
                assert found.status_code == 200, address
                check(found.content)
                parsed = feedparser.parse(found.content)
                assert len(parsed.entries) == wanted
                assert each["name"] in parsed.feed.title


def test_only_the_feed_of_the_area_that_changed_is_written(tmp_path: Path) -> None:
    press = Publication(tmp_path, PLACES)
    press.publish(
        status(
            outage(1, areas=(("county", "Springfield"),)),
            outage(2, areas=((AREAS[1].kind, AREAS[1].name),)),
        )
    )
    there = outage(1, areas=(("county", "Springfield"),), matched=7)
    written = feeds(
        press.publish(status(there, outage(2, areas=((AREAS[1].kind, AREAS[1].name),))))
    )
    assert {each for each in written if "/areas/" in each} == {
        "feeds/areas/county-springfield.atom",
        "feeds/es/areas/county-springfield.atom",
    }
    restarted = Publication(tmp_path, PLACES)
    written = feeds(restarted.publish(status(there, outage(2, areas=(("county", "Springfield"),)))))
    assert len({each for each in written if "/areas/" in each}) == 4


def test_no_two_areas_share_an_address() -> None:
    names = ("A B", "A-B", "a b ", "ÀB", "AB", "北", "南", "", "x" * 80, "x" * 81)
    made = [slug(PublicArea(name=each, kind="zone", served=9)) for each in names]
    assert len(set(made)) == len(names)
    assert all(each.isascii() and len(each) <= 60 for each in made)
