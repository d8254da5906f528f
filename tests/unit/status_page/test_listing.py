"""The whole list, page by page."""

import dataclasses
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from status_page.feeds.listing import _begins_page
from status_page.rendering import MOST
from status_page.store import FolderStore
from tests.unit.status_page.storm import SITE, Publication, outage, status, storm
from tests.unit.status_page.test_store import Doomed, Killed


def walked(folder: Path, language: str = "en") -> list[list[str]]:
    """Ids on each page of the list, from link to link."""
    pages, name = [], "first"
    while name:
        html = (folder / "feeds" / "list" / language / f"{name}.html").read_text()
        pages.append(re.findall(r'<li id="o-([^"]+)"', html))
        following = re.search(r'href="([^"]+)\.html" rel="next"', html)
        name = following[1] if following else ""
    return pages


def test_every_outage_stands_on_one_page_of_the_list_in_its_order(tmp_path: Path) -> None:
    outages = storm(90)
    Publication(tmp_path).publish(status(*outages))
    expected = [each.id for each in sorted(outages, key=lambda each: each.order)]
    for language in SITE.languages:
        pages = walked(tmp_path, language)
        assert [one for page in pages for one in page] == expected
        assert len(pages) > 1
    shown = re.findall(r'<li id="o-([^"]+)"', (tmp_path / "index.html").read_text())
    assert shown == expected[:MOST]


def test_one_change_in_a_long_list_rewrites_few_of_its_pages(tmp_path: Path) -> None:
    outages = storm(120)
    publication = Publication(tmp_path)
    publication.publish(status(*outages))
    changed = dataclasses.replace(outages[8], matched=4444)
    edition = publication.publish(status(*outages[:8], changed, *outages[9:]))
    rewritten = [name for name, _ in edition.files if name.startswith("feeds/list/en/")]
    assert 1 <= len(rewritten) <= 4
    assert len(walked(tmp_path)) > 2
    assert walked(tmp_path)[0][0] == changed.id


def test_the_first_change_after_a_restart_rewrites_few_of_them_too(tmp_path: Path) -> None:
    outages = storm(120)
    Publication(tmp_path).publish(status(*outages))
    changed = dataclasses.replace(outages[8], matched=4444)
    edition = Publication(tmp_path).publish(status(*outages[:8], changed, *outages[9:]))
    rewritten = [name for name, _ in edition.files if name.startswith("feeds/list/en/")]
    assert 1 <= len(rewritten) <= 4
    assert walked(tmp_path)[0][0] == changed.id


def pages(folder: Path) -> dict[str, str]:
    """Every page of the list and of an outage, but for the generation that it names."""
    found = [*folder.glob("feeds/list/*/*.html"), *folder.glob("**/outages/*.html")]
    return {
        str(each.relative_to(folder)): re.sub(r"e1-[0-9]+", "", each.read_text()) for each in found
    }


def test_killed_anywhere_the_next_generation_leaves_no_page_of_what_never_was(
    tmp_path: Path,
) -> None:
    outages = storm(45)
    first = status(*outages)
    Publication(tmp_path / "first").publish(first)
    # One that begins a page goes, another comes, and one moves to the front.
    begins = [page[0] for page in walked(tmp_path / "first")][1]
    comes = next(each for each in (f"O-N{at:03}" for at in range(999)) if _begins_page(each))
    second = status(
        *(each for each in outages if each.id not in {begins, outages[8].id}),
        dataclasses.replace(outages[8], matched=4444),
        dataclasses.replace(outages[20], id=comes),
    )
    # Then all is as it was, or as it was to be, or something else has happened.
    third = status(*second.outages[3:], dataclasses.replace(outages[0], matched=7))
    expected = []
    for at, state in enumerate((first, second, third)):
        Publication(tmp_path / f"new{at}").publish(state)
        expected.append((state, pages(tmp_path / f"new{at}")))
    kills = 0
    for left in range(8, 1_000, 25):
        folder = tmp_path / str(left)
        shutil.copytree(tmp_path / "first", folder)
        try:
            Publication(folder, store=Doomed(folder, left)).publish(second)
        except Killed:
            kills += 1
        else:
            break
        state, whole = expected[kills % 3]
        again = Publication(folder)
        again.number = 9
        again.publish(state)
        assert pages(folder) == whole, left
        assert not Publication(folder).press.has_changed(state)
    assert kills > 4


def test_pages_that_no_outage_begins_any_more_are_taken_away(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*storm(90)))
    publication.publish(status(outage(1)))
    assert walked(tmp_path) == [["O-7K3M1"]]
    assert [path.name for path in (tmp_path / "feeds/list/en").glob("*.html")] == ["first.html"]


def test_they_are_taken_away_after_a_restart_too(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*storm(90)))
    assert len(list((tmp_path / "feeds/list/en").glob("*.html"))) > 1
    Publication(tmp_path).publish(status(outage(1)))
    for language in SITE.languages:
        assert [each.name for each in (tmp_path / "feeds/list" / language).glob("*.html")] == [
            "first.html"
        ]


def test_what_a_killed_publisher_has_left_goes_with_the_next_generation(tmp_path: Path) -> None:
    class Killed(FolderStore):
        def remove(self, names: Iterable[str]) -> None:
            raise KeyboardInterrupt(*names)

    Publication(tmp_path).publish(status(*storm(90)))
    with pytest.raises(KeyboardInterrupt):
        Publication(tmp_path, store=Killed(tmp_path)).publish(status(outage(1)))
    assert len(list((tmp_path / "outages").glob("*.html"))) > 1
    publication = Publication(tmp_path)
    publication.publish(status(outage(1), outage(2)))
    assert {each.stem for each in (tmp_path / "outages").glob("*.html")} == {"O-7K3M1", "O-7K3M2"}
    listed = {each for page in walked(tmp_path) for each in page}
    assert listed == {"O-7K3M1", "O-7K3M2"}
    named = len(walked(tmp_path))
    assert len(list((tmp_path / "feeds/list/en").glob("*.html"))) == named


def test_a_list_of_nothing_says_so(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status())
    said = (tmp_path / "feeds" / "list" / "en" / "first.html").read_text()
    assert "No outages are reported now." in said


def test_the_first_page_leads_to_the_rest_only_where_there_is_more(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    for size, hidden in ((MOST, True), (MOST + 1, False)):
        publication.publish(status(*storm(size)))
        html = (tmp_path / "index.html").read_text()
        more = html[html.index('id="now"') :].split('<p class="more"')[1]
        assert more.startswith(" hidden") is hidden
