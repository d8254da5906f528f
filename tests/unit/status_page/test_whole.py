"""In a storm what holds every outage follows at a slower beat; all the rest is there at once."""

import json
import re
from pathlib import Path

import pytest

from outage.model import Status
from status_page import press
from status_page.edition import Edition
from status_page.view import PublicOutage
from tests.unit.status_page.storm import NOW, Publication, outage, status

WHOLE = {
    "feeds/outages.geojson",
    "feeds/outages.csv",
    "feeds/outages.atom",
    "feeds/es/outages.atom",
    "feeds/cap.atom",
    "feeds/odin.xml",
    "feeds/areas.json",
    "feeds/planned.ics",
    "feeds/print-en.html",
    "feeds/print-es.html",
}


@pytest.fixture(autouse=True)
def _storm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three outages are a storm."""
    monkeypatch.setattr(press, "FEW_LISTED", 2)


def town(**facts: object) -> list[PublicOutage]:
    return [outage(1, **facts), outage(2), outage(3)]


def names(edition: Edition) -> set[str]:
    return {name for name, _ in edition.files}


def bring_up(publication: Publication) -> set[str]:
    draft = publication.press.whole()
    assert draft is not None
    files = [(name, content) for name, content in publication.press.made(draft) if content]
    publication.store.write(files)
    publication.press.written()
    return {name for name, _ in files}


def told(folder: Path) -> set[str]:
    """Ids and sorts of the messages that the list of them names."""
    return set(re.findall(r"<summary>(\w+ [\w-]+)\.", (folder / "feeds/cap.atom").read_text()))


def test_pages_lists_deltas_and_messages_are_there_at_once_and_feeds_follow(
    tmp_path: Path,
) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(*town()))
    assert names(first) >= WHOLE
    assert not publication.press.is_behind
    second = publication.publish(status(*town(matched=7)))
    assert names(second) >= {
        "index.html",
        "outages/O-7K3M1.html",
        "feeds/cap/O-7K3M1.xml",
        "feeds/list/en/first.html",
        "feeds/embed.html",
        second.pointer.manifest,
        second.pointer.delta("en"),
    }
    assert not names(second) & WHOLE
    assert publication.press.is_behind
    old = json.loads((tmp_path / "feeds/outages.geojson").read_bytes())
    assert old["generation"] == first.pointer.id
    assert bring_up(publication) <= WHOLE
    assert not publication.press.is_behind
    feed = json.loads((tmp_path / "feeds/outages.geojson").read_bytes())
    assert feed["generation"] == second.pointer.id
    assert [each["properties"]["matched"] for each in feed["features"]] == [7, 102, 103]
    assert bring_up(publication) == set()


def test_where_they_are_few_all_of_it_is_one_generation(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town()[:2]))
    edition = publication.publish(status(*town(matched=7)[:2]))
    assert "feeds/outages.geojson" in names(edition)
    assert not publication.press.is_behind


def test_whoever_was_killed_before_the_feeds_leaves_them_to_the_next(tmp_path: Path) -> None:
    killed = Publication(tmp_path)
    killed.publish(status(*town()[:2]))
    now = [outage(2, status=Status.RESTORED, restored=NOW), outage(3), outage(4)]
    killed.publish(status(outage(1), *now))
    assert told(tmp_path) == {"Alert O-7K3M1", "Alert O-7K3M2"}
    again = Publication(tmp_path)
    state = status(outage(1), *now)
    assert not again.press.has_changed(state)
    assert again.press.is_behind
    again.press.confirm(state, NOW, with_lists=False)
    assert {"feeds/outages.geojson", "feeds/cap.atom"} <= bring_up(again)
    assert told(tmp_path) == {
        "Alert O-7K3M1",
        "Cancel O-7K3M2",
        "Alert O-7K3M3",
        "Alert O-7K3M4",
    }


def test_a_message_stays_as_long_as_the_list_of_them_names_it(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town(), outage(4)))
    publication.publish(status(*town()))
    message = tmp_path / "feeds/cap/O-7K3M4.xml"
    assert message.exists()
    assert "Alert O-7K3M4" in told(tmp_path)
    # Nor does it stay for good where this one is killed here.
    again = Publication(tmp_path)
    again.publish(status(*town(matched=7)))
    bring_up(again)
    again.publish(status(*town(matched=8)))
    assert not message.exists()
    assert "Alert O-7K3M4" not in told(tmp_path)


def test_a_message_stays_until_a_list_without_it_is_written(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town(), outage(4)))
    publication.publish(status(*town()))
    message = tmp_path / "feeds/cap/O-7K3M4.xml"
    draft = publication.press.whole()
    assert draft is not None
    made = publication.press.made(draft)
    publication.publish(status(*town(matched=7)))
    assert message.exists()
    publication.store.write((name, content) for name, content in made if content)
    publication.press.written()
    publication.publish(status(*town(matched=8)))
    assert not message.exists()


def test_a_list_that_is_being_written_keeps_its_messages_too(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town()))
    publication.publish(status(*town(), outage(4)))
    draft = publication.press.whole()
    assert draft is not None
    made = publication.press.made(draft)
    publication.publish(status(*town()))
    publication.store.write((name, content) for name, content in made if content)
    publication.press.written()
    assert "Alert O-7K3M4" in told(tmp_path)
    assert (tmp_path / "feeds/cap/O-7K3M4.xml").exists()


@pytest.mark.parametrize("restarted", [False, True])
def test_the_list_names_no_message_of_an_edition_that_is_not_written(
    tmp_path: Path, *, restarted: bool
) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town()))
    publication.publish(status(*town(matched=7)))
    if restarted:
        publication = Publication(tmp_path)
        publication.press.has_changed(status(*town(matched=7)))
        publication.press.confirm(status(*town(matched=7)), NOW, with_lists=False)
    draft = publication.press.whole()
    assert draft is not None
    publication.press.edition(
        status(*town(matched=8), outage(4)),
        epoch="e1",
        number=3,
        journal_number=3,
        checked_at=NOW,
    )
    content = dict(publication.press.made(draft))["feeds/cap.atom"]
    assert content is not None
    named = re.findall(rb"<summary>\w+ ([\w.-]+)<", content)
    assert sorted(named) == [b"O-7K3M1.e1-2", b"O-7K3M2.e1-1", b"O-7K3M3.e1-1"]


def test_what_is_kept_of_a_published_outage_is_what_is_needed_again(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(status(*town()))
    for each in publication.press.issued.printed.values():
        assert (each.content, each.details, each.facts) == (b"", {}, {})
    again = Publication(tmp_path)
    assert not again.press.has_changed(status(*town()))
    assert all(each.outage for each in again.press.issued.printed.values())
    # Another send mode makes all pages anew, from what is known.
    edition = again.publish(status(*town(), send_mode="shadow"))
    assert {f"outages/O-7K3M{number}.html" for number in (1, 2, 3)} <= names(edition)
