"""How the publisher publishes: one at a time, whole or not at all, wherever it is killed."""

import dataclasses
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import commands, desk, journal, schema, taking_back
from outage import tables as t
from outage.model import JournalKind
from status_page.edition import Edition
from status_page.errors import NewerPublication
from status_page.press import Press
from status_page.publisher import Publisher
from status_page.store import POINTER, FolderStore
from status_page.view import PublicStatus
from tests.integration.status_page.town import SITE, SOMEBODY, Town


class Killed(BaseException):
    """The process ends here."""


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


def test_what_is_taken_back_leaves_the_page(town: Town) -> None:
    one = town.declare("Kerrisdale")
    with town.db.write() as conn:
        desk.revise(conn, one.id, commands.Revise(place="Marpole"), actor=SOMEBODY)
    town.publisher.turn()
    assert "Marpole" in town.page(f"outages/{one.id}.html")
    with town.db.write() as conn:
        taking_back.take_back(conn, one.id, actor=SOMEBODY)
    town.publisher.turn()
    page = town.page(f"outages/{one.id}.html")
    assert ("Marpole" in page, "Kerrisdale" in page) == (False, True)


def test_checked_at_moves_though_nothing_changes(town: Town) -> None:
    town.declare()
    town.publisher.turn()
    before = town.pointer
    time.sleep(0.01)
    town.publisher.touch()
    assert town.pointer.id == before.id
    assert town.pointer.checked_at > before.checked_at


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
    # It believes that it holds the lease, however slow the machine is.
    town.publisher._held_until_s = time.monotonic() + 60  # noqa: SLF001 - see above
    town.declare("Marpole")
    with pytest.raises(NewerPublication):
        town.publisher.turn()
    assert town.pointer == before


def while_it_is_made(patch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something once an edition has been printed and before it is written."""
    edition = Press.edition

    def slow(self: Press, *status: PublicStatus, **told: object) -> Edition:
        made = edition(self, *status, **told)  # type: ignore[arg-type]  # handed on as they are
        do()
        return made

    patch.setattr(Press, "edition", slow)


def test_a_generation_may_take_longer_than_the_lease(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_page.lease.LENGTH", timedelta(seconds=2))
    town.declare()
    other = town.another()
    turns = []

    def another_tries() -> None:
        time.sleep(3)
        turns.append(other.turn())

    with monkeypatch.context() as patch:
        while_it_is_made(patch, another_tries)
        assert town.publisher.turn() is True
    assert turns == [False]


def test_whoever_loses_the_lease_while_it_prints_writes_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("status_page.lease.LENGTH", timedelta(seconds=0.3))
    town.declare()
    town.publisher.turn()
    before = {path: path.read_bytes() for path in town.folder.rglob("*") if path.is_file()}
    town.declare("Marpole")

    def it_is_lost() -> None:
        with town.db.write() as conn:
            conn.execute(t.leases.update().values(fence=t.leases.c.fence + 1, holder="another"))
        # Whoever asks for it and is refused knows no fence any more.
        until = time.monotonic() + 20
        while town.publisher._lease.fence is not None:  # noqa: SLF001 - see above
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.2)

    with monkeypatch.context() as patch:
        while_it_is_made(patch, it_is_lost)
        with pytest.raises(NewerPublication):
            town.publisher.turn()
    assert before == {path: path.read_bytes() for path in town.folder.rglob("*") if path.is_file()}


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


@pytest.fixture
def storm(town: Town, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher to whom two outages are a storm."""
    monkeypatch.setattr("status_page.press.FEW_LISTED", 1)
    return Publisher(town.db, FolderStore(town.folder), SITE, send_mode="live", gather_s=0.001)


def listed(town: Town) -> set[str]:
    feed = json.loads((town.folder / "feeds/outages.geojson").read_bytes())
    return {each["properties"]["area"] for each in feed["features"]}


def turn_until(publisher: Publisher, true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        publisher.turn()
        time.sleep(0.01)


def test_in_a_storm_feeds_follow_beside_what_is_published(
    town: Town, storm: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.declare()
    town.declare("Marpole")
    storm.turn()
    turn_until(storm, lambda: listed(town) == {"Kerrisdale", "Marpole"})
    monkeypatch.setattr("status_page.publisher.WHOLE_S", 3600.0)
    town.declare("Oakridge")
    storm.turn()
    assert "Oakridge" in town.page()
    turn_until(storm, lambda: "Oakridge" in listed(town))
    town.declare("Killarney")
    storm.turn()
    storm.turn()
    assert "Killarney" in town.page()
    assert "Killarney" not in listed(town)
    storm.close()
    assert "Killarney" in listed(town)


def test_feeds_that_could_not_be_written_are_written_later(
    town: Town, storm: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.declare()
    town.declare("Marpole")
    storm.turn()
    town.declare("Oakridge")
    storm.turn()
    with monkeypatch.context() as patch:

        def full(_path: Path, _content: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr("status_page.store._put", full)
        with pytest.raises(OSError, match="No space"):
            turn_until(storm, lambda: False)
    turn_until(storm, lambda: "Oakridge" in listed(town))
