"""ODIN's profile by its own words: no schema of it is at hand, so the rules stand here."""

import dataclasses
import uuid
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from outage.model import Kind, Service, Status
from status_page.view import PublicArea
from tests.unit.status_page.feeds.play import HOSTILE, states
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, outage, status

PO = "{http://iec.ch/TC57/2014/PubOutages#}"
ORDER = (
    "mRID",
    "Names",
    "cause",
    "communityDescriptor",
    "metersAffected",
    "reportedStartTime",
    "statusKind",
    "EstimatedRestorationTime",
    "OutageArea",
)
AREAS = (
    PublicArea(name="Springfield", kind="county", served=41_200),
    PublicArea(name="Shelbyville", kind="county", served=8_900),
    PublicArea(name="97477", kind="postal_code", served=900),
)
COUNTIES = dataclasses.replace(SITE, areas=AREAS)


def read(folder: Path) -> list[etree._Element]:
    """Parse the file and hold it against the profile; return its outages."""
    content = (folder / "feeds/odin.xml").read_bytes()
    root = etree.fromstring(content)
    assert root.tag == f"{PO}PubOutages"
    # Consumers look for the words as they are: one default namespace and no prefix.
    assert root.nsmap == {None: PO[1:-1]}
    assert content.count(b"xmlns") == 1
    found = list(root)
    assert all(each.tag == f"{PO}Outage" for each in found)
    for each in found:
        names = [child.tag.removeprefix(PO) for child in each]
        assert names == sorted(names, key=ORDER.index)
        uuid.UUID(text(each, "mRID"))
        assert int(text(each, "metersAffected") or 0) >= 0
        for name in ("reportedStartTime", f"OutageArea/{PO}earliestReportedTime"):
            if text(each, name):
                assert datetime.fromisoformat(text(each, name)).tzinfo is not None
        kind = text(each, f"OutageArea/{PO}outageAreaKind")
        assert kind in {"", "county", "zipcode"}
        if kind:
            assert int(text(each, f"OutageArea/{PO}metersServed")) > 0
    assert len({text(each, "mRID") for each in found}) == len(found)
    return found


def text(root: etree._Element, name: str) -> str:
    return root.findtext(f"{PO}{name}") or ""


@pytest.mark.parametrize("site", [SITE, COUNTIES])
def test_every_generation_of_a_storm_keeps_the_profile(tmp_path: Path, site: object) -> None:
    press = Publication(tmp_path, site)  # type: ignore[arg-type]  # a PublicSite
    told = set()
    for state in states():
        press.publish(state)
        found = read(tmp_path)
        told.add(bool(found))
        assert len(found) == sum(
            each.interrupts and each.service is Service.ELECTRIC for each in state.outages
        )
    assert told == {True, False}


def test_no_outage_is_an_empty_root_that_says_so(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1, service=Service.WATER)))
    assert read(tmp_path) == []
    assert (
        b"<!-- No outage: nobody is reported without power. -->"
        in (tmp_path / "feeds/odin.xml").read_bytes()
    )


def test_a_county_has_its_total_and_how_many_are_served_there(tmp_path: Path) -> None:
    Publication(tmp_path, COUNTIES).publish(
        status(
            outage(
                1,
                matched=1_000,
                areas=(("county", "Springfield"), ("postal_code", "97477")),
                started=NOW - hours(9),
            ),
            outage(2, matched=200, reported=300, areas=(("county", "Springfield"),)),
            outage(3, matched=3, areas=(("county", "Springfield"),)),
            outage(4, matched=50, areas=()),
            outage(5, matched=70, areas=(("county", "Shelbyville"),), status=Status.PREDICTED),
            outage(6, matched=70, areas=(("county", "Shelbyville"),), kind=Kind.ADVISORY),
        )
    )
    total, single = read(tmp_path)
    assert text(total, "communityDescriptor") == "Springfield"
    assert text(total, "metersAffected") == "1301", "a masked count adds 1"
    area = [child.text for child in total.iterfind(f"{PO}OutageArea/*")]
    assert area == ["2026-11-22T14:15:00.000Z", "41200", "county"]
    assert text(single, f"Names/{PO}name") == "O-7K3M4"
    assert text(single, "metersAffected") == "50"


def test_without_counties_totals_are_given_for_postal_codes(tmp_path: Path) -> None:
    site = dataclasses.replace(SITE, areas=AREAS[2:])
    Publication(tmp_path, site).publish(status(outage(1, areas=(("postal_code", "97477"),))))
    (total,) = read(tmp_path)
    assert text(total, f"OutageArea/{PO}outageAreaKind") == "zipcode"


def test_an_outage_keeps_its_id_and_a_county_its_own(tmp_path: Path) -> None:
    press = Publication(tmp_path, COUNTIES)
    press.publish(status(outage(1), outage(2, areas=(("county", "Springfield"),))))
    before = [text(each, "mRID") for each in read(tmp_path)]
    press.publish(status(outage(1, matched=7), outage(3, areas=(("county", "Springfield"),))))
    assert [text(each, "mRID") for each in read(tmp_path)] == before


def test_a_drill_is_no_outage(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1), drill=True))
    assert read(tmp_path) == []
    assert b"drill or replay" in (tmp_path / "feeds/odin.xml").read_bytes()


def test_what_people_wrote_is_text(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*(outage(n, area=each) for n, each in enumerate(HOSTILE))))
    assert len(read(tmp_path)) == len(HOSTILE)
