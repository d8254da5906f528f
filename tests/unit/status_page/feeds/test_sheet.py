import dataclasses
import re
from datetime import timedelta
from pathlib import Path

from outage.model import Service
from status_page.feeds.sheet import MOST
from status_page.view import PublicArea, PublicOutage, PublicResource
from tests.unit.status_page.storm import NOW, SITE, Publication, outage, sample, status, storm

NOTICE = "DO NOT DRINK THE WATER WITHOUT BOILING IT FIRST."
AREAS = tuple(PublicArea(name=name, kind="county", served=9000) for name in ("A", "B"))
OWN = dataclasses.replace(
    SITE,
    areas=AREAS,
    notices=((Service.WATER, "en", NOTICE),),
    resources=(PublicResource(kind="warming", name="Library", address="12 Main Street"),),
    address="https://status.example.org",
)


def sheet(folder: Path, *outages: PublicOutage, language: str = "en") -> str:
    Publication(folder, OWN).publish(status(*outages))
    return (folder / f"feeds/print-{language}.html").read_text()


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_it_says_as_of_when_whom_to_call_and_where_to_read_more(tmp_path: Path) -> None:
    said = words(sheet(tmp_path, *sample()))
    assert "Roseglen Power and Water · As of Sunday 22 Nov, 3:15 PM PST" in said
    assert "In danger? Call 911 first." in said
    assert "Always up to date at https://status.example.org/" in said
    assert "Service off and not on this list? Report it: 604-555-0142" in said
    assert "Library Warming centre 12 Main Street" in said


def test_outages_stand_once_below_their_areas_figures_most_people_first(
    tmp_path: Path,
) -> None:
    outages = (
        outage(1, matched=40, areas=(("county", "A"), ("county", "B"))),
        outage(2, matched=700, areas=(("county", "B"),)),
        outage(3, matched=3, areas=(("county", "A"),)),
        outage(4, matched=900),
        outage(5, matched=60, areas=(("zone", "no area of the site"),)),
    )
    said = words(sheet(tmp_path, *outages))
    order = [
        said.index(each)
        for each in (
            "B: 740 out of 9,000",
            "O-7K3M2",
            "A: At least 41 out of 9,000",
            "O-7K3M1",
            "O-7K3M3",
            "Elsewhere",
            "O-7K3M4",
            "O-7K3M5",
        )
    ]
    assert order == sorted(order)
    assert all(said.count(each.id) == 1 for each in outages)


def test_an_advisory_in_force_stands_on_it_with_its_whole_notice(tmp_path: Path) -> None:
    assert NOTICE in words(sheet(tmp_path, *sample()))
    assert NOTICE in words(sheet(tmp_path / "es", *sample(), language="es"))


def test_of_a_storm_the_largest_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    outages = storm(MOST + 9)
    html = sheet(tmp_path, *outages)
    assert html.count("<tr><td><strong><bdi>") == MOST
    assert "there are 9 more on the page" in words(html)
    least = min(outages, key=lambda each: max(each.matched or 0, each.reported or 0))
    assert least.id not in html


def test_it_follows_every_change_and_is_linked_in_its_language(tmp_path: Path) -> None:
    publication = Publication(tmp_path, OWN)
    publication.publish(status(outage(1)))
    publication.publish(status(outage(1, matched=4321)))
    assert "4,321 homes" in words((tmp_path / "feeds/print-en.html").read_text())
    assert 'href="/feeds/print-es.html"' in (tmp_path / "es/index.html").read_text()
    publication.publish(status())
    assert "No outages are reported now." in words((tmp_path / "feeds/print-en.html").read_text())


def test_without_script_it_says_too_when_it_was_looked_last(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*sample()))
    later = NOW + timedelta(hours=26)
    publication.press.confirm(status(*sample(), as_of=later), later, with_lists=True)
    for language in SITE.languages:
        html = (tmp_path / f"feeds/print-{language}.html").read_text()
        assert f'class="as-of" datetime="{later.isoformat()}"' in html
