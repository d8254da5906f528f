"""What has happened to an outage, as its page tells it, from a real journal."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import commands, desk, journal, taking_back
from outage import tables as t
from outage.database import Database, wall_now
from outage.deadlines import note_due
from outage.model import Cause, CrewStatus, JournalKind, Outage, Reason
from status_page.moments import moments
from status_page.reader import read_status
from status_page.store import FolderStore
from status_page.timeline import Timelines
from status_page.view import PublicOutage
from tests.integration.status_page.town import NOW, SOMEBODY, Town


def told(db: Database, timelines: Timelines, one: Outage) -> PublicOutage:
    with db.read() as conn:
        status, number = read_status(conn, send_mode="live")
        status = timelines.put(conn, status, number)
    return next(each for each in status.outages if each.id == one.id)


def restored(town: Town, one: Outage, out: int) -> None:
    """What gis does once a step has been recorded."""
    with town.db.write() as conn:
        key = conn.execute(sa.select(sa.func.max(t.restorations.c.key))).scalar_one()
        desk.conclude(conn, key, out=out, premises=10, more=out > 0)
        data = {"kind": JournalKind.RESTORING, "restoration": key}
        journal.append(conn, kind=JournalKind.MATCHED, actor="gis", outage_key=one.key, data=data)


def test_an_outages_page_tells_what_has_happened_and_nothing_internal(town: Town) -> None:
    timelines = Timelines()
    one = town.declare(cause=Cause.UNKNOWN)
    assert [each.what for each in told(town.db, timelines, one).steps] == ["known"]
    town.move(minutes=10)
    town.report(one, crew_status=CrewStatus.ENROUTE)
    town.report(one, etr=commands.GivenEtr(latest=NOW + timedelta(hours=2), published=False))
    town.report(one, etr=commands.GivenEtr(latest=NOW + timedelta(hours=3)))
    town.report(one, public_message="A proposal that nobody has approved.")
    for cause in (Cause.TREE, Cause.EQUIPMENT):
        with town.db.write() as conn:
            desk.revise(conn, one.id, commands.Revise(cause=cause), actor=SOMEBODY)
    with town.db.write() as conn:
        taking_back.take_back(conn, one.id, actor=SOMEBODY)
    with town.db.write() as conn:
        desk.restore(conn, one.id, actor=SOMEBODY, at=NOW + timedelta(minutes=5))
    restored(town, one, out=0)
    with town.db.write() as conn:
        desk.reopen(conn, one.id, actor=SOMEBODY, reason=Reason.MISTAKE)
    outage = told(town.db, timelines, one)
    assert [(each.what, each.code) for each in outage.steps] == [
        ("known", ""),
        ("crew", "enroute"),
        ("cause", "tree"),
        ("cause", "equipment"),
        ("taken_back", ""),
        ("cause", "tree"),
        ("restored", ""),
        ("reopened", ""),
    ]
    back = next(each for each in outage.steps if each.what == "restored")
    assert back.at == NOW + timedelta(minutes=5)
    assert [each.latest for each in outage.etrs] == [NOW + timedelta(hours=3)]
    # Read bit by bit or at once, it is the same story.
    assert told(town.db, Timelines(), one) == outage
    town.publisher.turn()
    page = town.page(f"outages/{one.id}.html")
    assert "Corrected: service was not back, the outage goes on" in page
    assert "Cause: Tree on the lines" in page
    for hidden in ("NOTE", "proposal", "dispatcher"):
        assert hidden not in page
    assert all("etr" not in each.what for each in outage.steps)
    assert [each.what for each in moments(outage)].count("etr") == 1


def test_an_entry_is_read_once_and_what_is_shown_no_more_is_forgotten(town: Town) -> None:
    timelines = Timelines()
    first, second = town.declare(), town.declare("Marpole")
    told(town.db, timelines, first)
    asked: list[str] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        asked.append(str(arguments[2]))

    try:
        told(town.db, timelines, second)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert not any("journal.data" in each for each in asked)
    with town.db.write() as conn:
        desk.cancel(conn, first.id, actor=SOMEBODY)
    town.move(hours=7)
    assert told(town.db, timelines, second).steps == told(town.db, Timelines(), second).steps
    assert {each.what for each in told(town.db, timelines, second).steps} == {"known"}


class Killed(BaseException):
    """The process ends here."""


class Doomed(FolderStore):
    """Is killed in front of the first file that it would put in place."""

    def _rename(self, _old: Path, _new: Path) -> None:
        raise Killed


def test_killed_before_a_step_is_told_the_next_one_tells_it(town: Town) -> None:
    one = town.declare()
    town.report(one, etr=commands.GivenEtr(latest=NOW + timedelta(hours=1)))
    town.move(hours=2)
    # Time alone makes the page say so, and is published.
    town.publisher.turn()
    said = "The expected time has passed"
    before = town.page(f"outages/{one.id}.html").count(said)
    town.publisher.close()
    with town.db.write() as conn:
        assert note_due(conn)
    doomed = town.another(Doomed(town.folder))
    with pytest.raises(Killed):
        doomed.turn()
    with town.db.write() as conn:
        # What ends with the process.
        conn.execute(t.leases.update().values(until=wall_now(conn)))
    last = town.another()
    last.turn()
    assert town.page(f"outages/{one.id}.html").count(said) == before + 1
    assert not last.turn()


def test_a_record_that_was_put_back_is_read_anew(town: Town) -> None:
    one = town.declare()
    timelines = Timelines()
    with town.db.read() as conn:
        status, number = read_status(conn, send_mode="live")
        timelines.put(conn, status, number + 100)
    town.report(one, crew_status=CrewStatus.ARRIVED)
    assert [each.what for each in told(town.db, timelines, one).steps] == ["known", "crew"]
