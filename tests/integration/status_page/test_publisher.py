import dataclasses
import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outage import clock, commands, deadlines, desk, journal, regrouping, schema
from outage import tables as t
from outage.database import Database
from outage.model import Actor, CrewStatus, JournalKind, Kind, Outage, OutageId, OutageKey, Service
from outage.site import NEUTRAL, Site
from status_page.errors import NewerPublication
from status_page.pointer import Pointer
from status_page.publisher import NAME, Publisher
from status_page.store import POINTER, FolderStore

SOMEBODY = Actor(kind="dispatcher", name="7")
NOW = datetime(2026, 11, 22, 23, 15, tzinfo=UTC)
SITE = Site(name="Roseglen Power", short_name="Roseglen", time_zone="America/Vancouver")


class Killed(BaseException):
    """The process ends here."""


class Town:
    """A record, what people do to it, and the page that comes of it."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.folder = folder
        self.publisher = self.another()
        with db.write() as conn:
            clock.hold(conn, NOW)

    def another(self, store: FolderStore | None = None, site: Site = SITE) -> Publisher:
        return Publisher(
            self.db, store or FolderStore(self.folder), site, send_mode="live", gather_s=0
        )

    def declare(self, place: str = "Kerrisdale", **facts: object) -> Outage:
        values: dict[str, object] = {
            "key": OutageKey(0),
            "id": OutageId(""),
            "service": Service.ELECTRIC,
            "kind": Kind.UNPLANNED,
            "place": place,
            "started_at": NOW - timedelta(hours=1),
            **facts,
        }
        command = commands.Declare(**values)  # type: ignore[arg-type]  # checked by the desk
        with self.db.write() as conn:
            return desk.declare(conn, command, actor=SOMEBODY)

    def report(self, outage: Outage, public_message: str | None = None, **facts: object) -> None:
        command = commands.Report(observed_at=NOW, **facts)  # type: ignore[arg-type]  # as above
        with self.db.write() as conn:
            desk.report_progress(
                conn, outage.id, command, actor=SOMEBODY, public_message=public_message, note="NOTE"
            )

    def matched(self, outage: Outage, out: int) -> None:
        """What gis does at the end of a match."""
        with self.db.write() as conn:
            number = journal.append(
                conn, kind=JournalKind.MATCHED, actor="gis", outage_key=outage.key
            )
            conn.execute(
                t.outages.update()
                .where(t.outages.c.key == outage.key)
                .values(matched_number=number, members=out, premises_out=out)
            )

    def move(self, **time_: float) -> None:
        with self.db.write() as conn:
            clock.move_to(conn, clock.business_now(conn) + timedelta(**time_))

    @property
    def pointer(self) -> Pointer:
        return Pointer.from_bytes((self.folder / POINTER).read_bytes())

    def page(self, path: str = "index.html") -> str:
        html = (self.folder / path).read_text()
        return " ".join(re.sub(r"<[^>]*>", " ", html).split())

    @property
    def is_idle(self) -> bool:
        with self.db.read() as conn:
            return journal.is_idle(conn, NAME)


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    return Town(database, tmp_path / "published")


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


def test_with_nothing_to_do_a_turn_does_nothing(town: Town) -> None:
    assert town.publisher.turn() is True
    number = town.pointer.number
    assert town.publisher.turn() is False
    assert town.pointer.number == number


def test_entries_that_change_nothing_public_make_no_generation(town: Town) -> None:
    one = town.declare()
    town.publisher.turn()
    number = town.pointer.number
    with town.db.write() as conn:
        journal.append(conn, kind=JournalKind.MATCHED, actor="test", outage_key=one.key)
    town.publisher.turn()
    assert town.is_idle
    assert town.pointer.number == number


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


def test_an_estimate_that_passes_is_said_to_have_passed(town: Town) -> None:
    town.declare(etr=commands.GivenEtr(latest=NOW + timedelta(hours=2)))
    town.publisher.turn()
    town.move(hours=2)
    with town.db.write() as conn:
        assert deadlines.note_passed_etrs(conn) == 1
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


def test_checked_at_moves_though_nothing_changes(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    before = town.pointer
    time.sleep(0.01)
    town.publisher.touch()
    assert town.pointer.id == before.id
    assert town.pointer.checked_at > before.checked_at


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


def test_every_number_is_on_record_before_it_is_published_and_marked_after(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    town.declare("Marpole")
    town.publisher.turn()
    with town.db.read() as conn:
        rows = conn.execute(t.generations.select().order_by(t.generations.c.number)).all()
        epoch = schema.epoch(conn)
    assert [row.number for row in rows] == [1, 2]
    assert all(row.published_at is not None for row in rows)
    assert [row.manifest for row in rows][-1] == town.pointer.manifest
    assert town.pointer.id == f"{epoch}-2"
    assert town.pointer.base == f"{epoch}-1"
    manifest = json.loads((town.folder / town.pointer.manifest).read_text())
    assert manifest["journal_number"] == rows[-1].journal_number


def test_while_one_publishes_another_waits_and_takes_over_when_it_lets_go(town: Town) -> None:
    town.declare()
    other = town.another()
    assert town.publisher.turn() is True
    town.declare("Marpole")
    assert other.turn() is False
    town.publisher.close()
    assert other.turn() is True
    assert "Marpole" in town.page()


def test_whoever_has_lost_the_lease_writes_no_pointer(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    before = town.pointer
    with town.db.write() as conn:
        conn.execute(t.leases.update().values(fence=t.leases.c.fence + 1, holder="another"))
    town.declare("Marpole")
    with pytest.raises(NewerPublication):
        town.publisher.turn()
    assert town.pointer == before


def test_whoever_has_the_lease_again_after_a_break_looks_at_the_folder_first(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    with town.db.write() as conn:
        # As after a long sleep: the lease ran out, another one published and let go.
        conn.execute(t.leases.update().values(until=t.leases.c.until - 60_000))
    other = town.another()
    town.declare("Marpole")
    assert other.turn() is True
    other.close()
    between = town.pointer.id
    town.publisher._held_until_s = 0.0  # noqa: SLF001 - it slept
    town.declare("Oakridge")
    assert town.publisher.turn() is True
    assert town.pointer.base == between


def test_a_confirmation_never_takes_the_pointer_back(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    ahead = dataclasses.replace(town.pointer, number=town.pointer.number + 1)
    FolderStore(town.folder).write([(POINTER, ahead.to_bytes())])
    with pytest.raises(NewerPublication):
        town.publisher.touch()
    assert town.pointer == ahead


def test_a_full_disk_is_cleared_of_what_is_old_before_the_next_try(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.declare()
    town.publisher.turn()
    old = town.folder / "generations/parts" / ("0" * 40 + ".json")
    old.write_text("{}")
    os.utime(old, (0, 0))

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    town.declare("Marpole")
    with monkeypatch.context() as patch:
        patch.setattr("status_page.store._put", full)
        with pytest.raises(OSError, match="No space"):
            town.publisher.turn()
        with pytest.raises(OSError, match="No space"):
            town.publisher.turn()
    assert not old.exists()
    assert town.publisher.turn() is True
    assert "Marpole" in town.page()


def steps() -> Iterator[Callable[[pytest.MonkeyPatch], None]]:
    """Places between commits and files at which the publisher is killed."""

    def dies(*_args: object, **_more: object) -> None:
        raise Killed

    yield lambda patch: patch.setattr("status_page.press.Press.edition", dies)
    yield lambda patch: patch.setattr("status_page.store._sync", dies)
    yield lambda patch: patch.setattr("status_page.publisher.Publisher._must_hold", dies)
    yield lambda patch: patch.setattr("status_page.store.FolderStore.retire", dies)
    yield lambda patch: patch.setattr("status_page.store.FolderStore.remove", dies)
    yield lambda patch: patch.setattr("outage.journal.move_cursor", dies)


@pytest.mark.parametrize("step", range(6))
def test_killed_anywhere_the_next_one_goes_on(
    town: Town, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = town.declare()
    town.publisher.turn()
    town.matched(one, 12)
    town.declare("Marpole")
    with monkeypatch.context() as patch:
        list(steps())[step](patch)
        with pytest.raises(Killed):
            town.publisher.turn()
    pointed = town.pointer
    manifest = json.loads((town.folder / pointed.manifest).read_text())
    assert all(
        (town.folder / "generations/parts" / name).is_file()
        for name in manifest["outages"].values()
    )
    with town.db.write() as conn:
        conn.execute(t.leases.update().values(until=t.leases.c.until - 60_000))
    successor = town.another()
    assert successor.turn() is True
    assert town.is_idle
    assert "Marpole" in town.page()
    assert "12 homes and businesses out" in town.page()
    assert town.pointer.number >= pointed.number
    with town.db.read() as conn:
        numbers = conn.execute(sa.select(t.generations.c.number)).scalars().all()
    assert len(set(numbers)) == len(numbers)


def test_a_restored_backup_starts_a_new_epoch(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    town.declare("Marpole")
    town.publisher.turn()
    ahead = town.pointer
    with town.db.write() as conn:
        # As after a copy was put back: the record knows nothing of the second generation.
        conn.execute(t.generations.delete().where(t.generations.c.number == 2))
        conn.execute(sa.text("UPDATE counters SET value = 1 WHERE name = 'generation'"))
    town.publisher.close()
    town.declare("Oakridge")
    town.another().turn()
    assert town.pointer.epoch != ahead.epoch
    assert town.pointer.base is None
    assert "Oakridge" in town.page()


def test_changes_that_follow_each_other_closely_go_into_one_generation(town: Town) -> None:
    publisher = Publisher(town.db, FolderStore(town.folder), SITE, send_mode="live", gather_s=0.2)
    town.declare()
    publisher.turn()
    number = town.pointer.number
    started = time.monotonic()
    for place in ("Marpole", "Oakridge", "Killarney"):
        town.declare(place)
    publisher.turn()
    assert time.monotonic() - started < 5
    assert town.pointer.number == number + 1
    assert "Killarney" in town.page()


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
        if path.suffix != ".gz" and path.is_file()
    ]
    assert phones(texts) == []
    assert not [text for text in texts if "SECRET NAME" in text or "ACCOUNT-77" in text]
