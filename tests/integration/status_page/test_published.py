"""What of a record the public gets to see."""

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outage import clock, commands, deadlines, desk, journal, regrouping
from outage import tables as t
from outage.model import CrewStatus, Kind
from outage.site import NEUTRAL
from status_page.media import ENCODINGS
from status_page.publisher import Publisher
from status_page.store import POINTER, FolderStore
from tests.integration.status_page.town import NOW, SOMEBODY, Town


def test_an_outage_is_published_from_its_declaration_on_and_counted_once_matched(
    town: Town,
) -> None:
    one = town.declare(reported_customers=45)
    assert town.publisher.turn() is True
    assert "Counting is under way; 45 customers reported out" in town.page()
    assert town.is_idle
    town.matched(one, 37)
    town.publisher.turn()
    assert "37 homes and businesses out" in town.page()
    assert "37 homes and businesses out" in town.page(f"outages/{one.id}.html")
    assert town.pointer.counts == {
        "outages": 1,
        "matched": 37,
        "reported": 45,
        "counting": 0,
        "listed": 1,
        "matched_few": 0,
        "reported_few": 0,
    }


def test_few_premises_are_never_counted_in_public(town: Town) -> None:
    """Not on a page, not in a file, and not by taking one sum from another."""
    several, few = town.declare("Fairview", reported_customers=1), town.declare()
    town.matched(several, 40)
    town.matched(few, 3)
    town.publisher.turn()
    assert "Fewer than 5 homes and businesses out" in town.page()
    assert "fewer than 5 customers reported out" in town.page()
    assert "At least 41" in town.page()
    counts = town.pointer.counts
    assert (counts["matched"], counts["matched_few"]) == (41, 1)
    assert (counts["reported"], counts["reported_few"]) == (1, 1)
    before = everything(town.folder)
    for other in (1, 2, 4):
        town.matched(few, other)
        town.publisher.turn()
        assert town.is_idle
        assert everything(town.folder) == before


def everything(folder: Path) -> dict[str, bytes]:
    """All that is published but what moves with the clock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != POINTER
    }


def test_the_outline_that_gis_has_drawn_is_in_the_facts_while_the_outage_lasts(town: Town) -> None:
    one = town.declare()
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    with town.db.write() as conn:
        conn.execute(t.outages.update().values(outline=json.dumps(square)))
    town.matched(one, 37)
    town.publisher.turn()
    assert facts(town)["outline"] == square
    with town.db.write() as conn:
        desk.cancel(conn, one.id, actor=SOMEBODY)
    town.publisher.turn()
    assert facts(town)["outline"] is None


def facts(town: Town) -> dict[str, Any]:
    """What the newest part says of the only outage."""
    manifest = json.loads((town.folder / town.pointer.manifest).read_bytes())
    (part,) = manifest["outages"].values()
    found: dict[str, Any] = json.loads((town.folder / "generations/parts" / part).read_bytes())
    return dict(found["facts"])


def test_internal_notes_and_proposed_messages_are_not_public(town: Town) -> None:
    one = town.declare()
    town.report(one, public_message="PROPOSED", crew_status=CrewStatus.ARRIVED)
    town.publisher.turn()
    everything = b"".join(
        path.read_bytes() for path in town.folder.rglob("*") if path.suffix in {".html", ".json"}
    ).decode()
    assert "Crew on site" in everything
    assert "PROPOSED" not in everything
    assert "NOTE" not in everything
    with town.db.write() as conn:
        key = conn.execute(
            sa.select(t.notes.c.key).where(t.notes.c.text == "PROPOSED")
        ).scalar_one()
        desk.approve(conn, one.id, key, actor=SOMEBODY)
    town.publisher.turn()
    assert "PROPOSED" in town.page(f"outages/{one.id}.html")


def test_an_estimate_is_public_only_when_it_is_published(town: Town) -> None:
    hidden = commands.GivenEtr(latest=NOW + timedelta(hours=2), published=False)
    one = town.declare(etr=hidden)
    town.publisher.turn()
    assert "No estimate yet." in town.page()
    town.report(one, etr=commands.GivenEtr(latest=NOW + timedelta(hours=3)))
    town.publisher.turn()
    assert "Sunday 22 Nov, 6:15 PM PST" in town.page()
    town.report(one, etr=commands.GivenEtr(latest=NOW + timedelta(hours=5)))
    town.publisher.turn()
    history = town.page(f"outages/{one.id}.html")
    assert "6:15 PM PST" in history
    assert "8:15 PM PST" in history
    assert "5:15 PM PST" not in history


def test_an_estimate_that_passes_is_said_to_have_passed(town: Town) -> None:
    town.declare(etr=commands.GivenEtr(latest=NOW + timedelta(hours=2)))
    town.publisher.turn()
    town.move(hours=2)
    with town.db.write() as conn:
        assert deadlines.note_due(conn) == 1
    town.publisher.turn()
    assert "The estimated time (Sunday 22 Nov, 5:15 PM PST) has passed." in town.page()


def test_a_promised_moment_that_has_passed_is_promised_no_more(town: Town) -> None:
    one = town.declare()
    town.report(
        one,
        crew_status=CrewStatus.ENROUTE,
        crew_eta=NOW + timedelta(hours=1),
        next_update_by=NOW + timedelta(hours=1),
    )
    town.publisher.turn()
    assert "Next update by Sunday 22 Nov, 4:15 PM PST" in town.page()
    assert "expected there Sunday 22 Nov, 4:15 PM PST" in town.page()
    town.move(hours=1)
    town.publisher.touch()
    assert "4:15 PM" not in town.page("index.html").partition("Outages now")[2]
    assert "Crew on its way" in town.page()
    assert "No estimate yet." in town.page()


@pytest.mark.parametrize("again", [desk.reopen, desk.start])
def test_nobody_is_only_said_once_it_has_been_counted(
    town: Town, again: Callable[..., object]
) -> None:
    planned: dict[str, Any] = {"started_at": None, "planned_start": NOW, "kind": Kind.PLANNED}
    one = town.declare(**(planned if again is desk.start else {}))
    town.matched(one, 0)
    with town.db.write() as conn:
        if again is desk.reopen:
            values = {"status": "restored", "restored_at": NOW, "premises_restored": 9}
            conn.execute(t.outages.update().values(**values))
        journal.move_cursor(conn, "gis", journal.last_number(conn))
    with town.db.write() as conn:
        again(conn, one.id, actor=SOMEBODY)
    town.publisher.turn()
    assert "Counting is under way" in town.page()
    assert "No homes" not in town.page()
    with town.db.write() as conn:
        journal.move_cursor(conn, "gis", journal.last_number(conn))
    town.publisher.touch()
    assert "No homes or businesses found inside the area" in town.page()


def test_a_bookmark_of_a_merged_outage_leads_on_to_the_one_it_goes_on_under(town: Town) -> None:
    first, second, third = (town.declare(place) for place in ("Fairview", "Marpole", "Dunbar"))
    town.publisher.turn()
    for one, heir in ((first, second), (second, third)):
        with town.db.write() as conn:
            regrouping.merge(conn, one.id, into=heir.id, actor=SOMEBODY, shape=None)
        town.publisher.turn()
    for merged in (first, second):
        page = (town.folder / f"outages/{merged.id}.html").read_text()
        assert f'href="/outages/{third.id}"' in page
    assert town.pointer.counts["listed"] == 1
    with town.db.write() as conn:
        desk.cancel(conn, third.id, actor=SOMEBODY)
    town.move(hours=7)
    town.publisher.touch()
    assert list((town.folder / "outages").iterdir()) == []


def test_only_what_is_restored_has_a_time_of_restoration(town: Town) -> None:
    town.declare()
    with town.db.write() as conn:
        values = {
            "status": "closed",
            "closed_at": NOW,
            "restored_at": NOW,
            "close_reason": "no_longer_listed",
        }
        conn.execute(t.outages.update().values(**values))
    town.publisher.turn()
    pages = [path.read_text() for path in (town.folder / "outages").glob("*.html")]
    assert len(pages) == 1
    assert "<dt>Restored</dt>" not in pages[0]


@pytest.mark.parametrize("status", ["restored", "closed", "cancelled"])
def test_nobody_is_out_of_what_is_over_though_its_members_are_on_record(
    town: Town, status: str
) -> None:
    one = town.declare()
    town.matched(one, 120)
    with town.db.write() as conn:
        values: dict[str, Any] = {"status": status, "premises_out": 0, "premises_restored": 120}
        if status != "cancelled":
            values["restored_at"] = NOW
        conn.execute(t.outages.update().values(**values))
    town.publisher.turn()
    (feature,) = json.loads((town.folder / "feeds/outages.geojson").read_bytes())["features"]
    told = feature["properties"]
    assert told["matched"] == 0
    assert told["restored_count"] == (0 if status == "cancelled" else 120)


def test_what_a_feed_no_longer_lists_is_said_to_be_just_that(town: Town) -> None:
    one = town.declare()
    town.matched(one, 5)
    with town.db.write() as conn:
        desk.unlist(conn, one.id, actor=SOMEBODY)
    town.publisher.turn()
    assert "does not mean that service is back" in town.page()


def test_a_code_of_a_newer_release_does_not_stop_the_page(town: Town) -> None:
    town.declare()
    with town.db.write() as conn:
        conn.execute(t.outages.update().values(cause="meteorite", crew_status="teleported"))
    town.publisher.turn()
    assert "Cause Other Crew Not known yet" in town.page()


def test_what_is_over_leaves_the_page_after_six_hours_of_business_time(town: Town) -> None:
    one = town.declare()
    with town.db.write() as conn:
        desk.cancel(conn, one.id, actor=SOMEBODY)
    town.publisher.turn()
    assert "withdrawn" in town.page()
    town.move(hours=5.9)
    town.publisher.touch()
    assert "withdrawn" in town.page()
    town.move(hours=0.2)
    town.publisher.touch()
    assert "withdrawn" not in town.page()
    assert not (town.folder / f"outages/{one.id}.html").exists()


def test_a_drill_and_the_send_mode_are_on_the_page(town: Town) -> None:
    town.publisher.turn()
    assert town.pointer.drill
    assert "Drill or replay." in town.page()
    with town.db.write() as conn:
        clock.release(conn)
    town.publisher.touch()
    assert not town.pointer.drill
    assert "Drill or replay." not in town.page()
    town.publisher.close()
    Publisher(town.db, FolderStore(town.folder), NEUTRAL, send_mode="shadow", gather_s=0).turn()
    assert "no texts or e-mails are sent" in town.page()
    assert "has not been set up" in town.page()


def phones(texts: Iterable[str]) -> list[str]:
    return [found for text in texts for found in re.findall(r"\b\d{3}-555-01\d\d\b", text)]


def test_nothing_about_accounts_reaches_a_published_file(town: Town) -> None:
    with town.db.write() as conn:
        conn.execute(t.accounts.insert().values(id="ACCOUNT-77", name="SECRET NAME"))
        conn.execute(t.endpoints.insert().values(kind="phone", address="604-555-0199"))
    town.declare()
    town.publisher.turn()
    texts = [
        path.read_text()
        for path in town.folder.rglob("*")
        if path.suffix not in ENCODINGS and path.is_file()
    ]
    assert phones(texts) == []
    assert not [text for text in texts if "SECRET NAME" in text or "ACCOUNT-77" in text]
