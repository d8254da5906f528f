import re
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import clock, deadlines, desk, journal, register
from outage import commands as c
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.errors import (
    InvalidCommandError,
    NobodyInsideError,
    NotAllowedNowError,
    TooManyRecipientsError,
    UnknownOutageError,
    VersionConflictError,
)
from outage.journal import JournalEntry
from outage.model import (
    Actor,
    CrewStatus,
    JournalKind,
    Kind,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Reason,
    Service,
    Status,
)
from tests.unit.outage.town import CREW, DISPATCHER, declare

FEED = Actor(kind="feed", name="oms")


def shape(premises: int, digest: str = "d1") -> MatchedShape:
    return MatchedShape(
        wkb=b"\x01", digest=digest, vertices=5, premise_count=premises, premises_version=1
    )


def command() -> c.Declare:
    return c.Declare(
        key=OutageKey(0), id=OutageId(""), service=Service.ELECTRIC, kind=Kind.UNPLANNED
    )


def entries(db: Database) -> list[JournalEntry]:
    with db.read() as conn:
        return journal.entries_after(conn, 0)


def nothing_on_record(db: Database) -> bool:
    with db.read() as conn:
        return all(
            conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() == 0
            for table in (t.outages, t.journal, t.shapes, t.notes, t.etrs)
        )


def concluded(db: Database, outage: Outage, out: int) -> Outage:
    """What gis does at the end of the newest step."""
    with db.write() as conn:
        key = register.last_restoration(conn, outage.key, inferred=None)
        assert key is not None
        return desk.conclude(conn, key, out=out, premises=1)


def test_a_declared_outage_and_its_entry_are_on_record_together(database: Database) -> None:
    with database.write() as conn:
        outage = desk.declare(conn, command(), actor=DISPATCHER, shape=shape(3))
    with database.read() as conn:
        assert register.load(conn, outage.id.lower()) == outage
        row = conn.execute(t.outages.select()).one()
    assert (row.premise_count, row.shape_digest, row.last_number) == (3, "d1", 1)
    (entry,) = entries(database)
    assert (entry.kind, entry.actor) == (JournalKind.DECLARED, "dispatcher:dana")


@pytest.mark.parametrize(
    ("premises", "limit", "error"),
    [(0, None, NobodyInsideError), (11, 10, TooManyRecipientsError)],
)
def test_a_shape_that_matches_nobody_or_too_many_is_refused_and_leaves_nothing(
    database: Database, premises: int, limit: int | None, error: type[Exception]
) -> None:
    with pytest.raises(error), database.write() as conn:
        desk.declare(conn, command(), actor=DISPATCHER, shape=shape(premises), max_premises=limit)
    assert nothing_on_record(database)


@pytest.mark.parametrize(
    ("place", "problem"),
    [("x" * 201, "201 characters"), ("Call 202-555-0100", "phone"), ("a@example.org", "e-mail")],
)
def test_a_place_that_the_public_must_not_read_is_refused_unless_a_feed_says_it(
    database: Database, place: str, problem: str
) -> None:
    said = replace(command(), place=place)

    with pytest.raises(InvalidCommandError, match=problem), database.write() as conn:
        desk.declare(conn, said, actor=DISPATCHER, allow_empty=True)
    assert nothing_on_record(database)
    with database.write() as conn:
        outage = desk.declare(conn, said, actor=FEED, allow_empty=True)
    with pytest.raises(InvalidCommandError, match=problem), database.write() as conn:
        desk.revise(conn, outage.id, c.Revise(place=place), actor=DISPATCHER)


@pytest.mark.parametrize("field", ["note", "public_message"])
def test_words_without_end_are_refused(database: Database, field: str) -> None:
    outage = declare(database)
    words = {field: "x" * 4001}
    with (
        pytest.raises(InvalidCommandError, match=f"{field}: is 4,001 characters long"),
        database.write() as conn,
    ):
        desk.report_progress(
            conn,
            outage.id,
            c.Report(observed_at=business_now(conn)),
            actor=DISPATCHER,
            note=words.get("note"),
            public_message=words.get("public_message"),
        )


def test_restoring_nobody_is_refused_unless_it_is_meant(database: Database) -> None:
    outage = declare(database)
    with pytest.raises(NobodyInsideError), database.write() as conn:
        desk.restore(conn, outage.id, actor=DISPATCHER, shape=shape(0))
    with database.write() as conn:
        desk.restore(conn, outage.id, actor=FEED, shape=shape(0), allow_empty=True)
    assert entries(database)[-1].kind == JournalKind.RESTORING


def test_an_unknown_outage_is_refused_by_name(database: Database) -> None:
    with pytest.raises(UnknownOutageError, match="O-NONE"), database.write() as conn:
        desk.cancel(conn, "O-NONE", actor=DISPATCHER)


def test_a_crews_public_message_waits_for_a_dispatcher(database: Database) -> None:
    outage = declare(database)
    with database.write() as conn:
        report = c.Report(observed_at=business_now(conn))
        desk.report_progress(
            conn, outage.id, report, actor=CREW, public_message="Two poles are down."
        )
    with database.read() as conn:
        assert register.load(conn, outage.id).public_message_key is None
        key = conn.execute(sa.select(t.notes.c.key)).scalar_one()
    with database.write() as conn:
        approved = desk.approve(conn, outage.id, key, actor=DISPATCHER)
    assert approved.public_message_key == key
    before = len(entries(database))
    with database.write() as conn:
        desk.approve(conn, outage.id, key, actor=DISPATCHER)
    assert len(entries(database)) == before


def test_a_message_of_another_outage_cannot_be_approved(database: Database) -> None:
    one, other = declare(database), declare(database)
    with database.write() as conn:
        report = c.Report(observed_at=business_now(conn))
        desk.report_progress(conn, one.id, report, actor=CREW, public_message="Poles are down.")
    with pytest.raises(InvalidCommandError, match="no such message"), database.write() as conn:
        desk.approve(conn, other.id, 1, actor=DISPATCHER)


def test_the_journal_holds_no_words_that_people_wrote(database: Database) -> None:
    outage = declare(database)
    with database.write() as conn:
        report = c.Report(observed_at=business_now(conn), crew_status=CrewStatus.ARRIVED)
        desk.report_progress(
            conn,
            outage.id,
            report,
            actor=CREW,
            note="Ask for Mrs Example",
            public_message="Poles are down.",
        )
    with database.read() as conn:
        rows = str(conn.execute(sa.select(t.journal.c.data, t.journal.c.state)).all())
    assert "Example" not in rows
    assert "Poles" not in rows


def test_a_note_of_blanks_is_no_note(database: Database) -> None:
    outage = declare(database)
    with database.write() as conn:
        report = c.Report(observed_at=business_now(conn))
        desk.report_progress(conn, outage.id, report, actor=CREW, note="  \n")
    assert len(entries(database)) == 1


def test_the_same_update_again_changes_nothing(database: Database) -> None:
    outage = declare(database)
    with database.read() as conn:
        now = business_now(conn)
    report = c.Report(
        observed_at=now,
        crew_status=CrewStatus.ENROUTE,
        etr=c.GivenEtr(latest=now + timedelta(hours=2, microseconds=123)),
    )
    for _ in range(3):
        with database.write() as conn:
            after = desk.report_progress(conn, outage.id, report, actor=FEED).outage
    assert after.version == outage.version + 1
    assert len(entries(database)) == 2
    with database.read() as conn:
        assert len(conn.execute(t.etrs.select()).all()) == 1


def test_a_revision_of_an_older_version_is_refused(database: Database) -> None:
    outage = declare(database)
    revise = c.Revise(place="Elm Street")
    with database.write() as conn:
        desk.revise(conn, outage.id, revise, actor=DISPATCHER, seen_version=outage.version)
    with pytest.raises(VersionConflictError), database.write() as conn:
        desk.revise(
            conn, outage.id, c.Revise(place="Oak"), actor=DISPATCHER, seen_version=outage.version
        )


def test_a_restoration_is_concluded_and_can_be_taken_back_once(database: Database) -> None:
    outage = declare(database)
    with database.write() as conn:
        desk.restore(conn, outage.id, actor=DISPATCHER)
    assert concluded(database, outage, out=0).status is Status.RESTORED
    with database.write() as conn:
        assert desk.reopen(conn, outage.id, actor=DISPATCHER).status is Status.CONFIRMED
    assert entries(database)[-1].data["restoration"] == 1
    with pytest.raises(NotAllowedNowError), database.write() as conn:
        desk.reopen(conn, outage.id, actor=DISPATCHER)


def test_an_end_that_was_taken_back_is_not_taken_back_again(database: Database) -> None:
    outage = declare(database)
    for _ in range(2):
        with database.write() as conn:
            desk.unlist(conn, outage.id, actor=FEED)
    with database.write() as conn:
        desk.end_unlisted(conn, outage.id, actor=FEED, at=business_now(conn))
    concluded(database, outage, out=0)
    with database.write() as conn:
        desk.relist(conn, outage.id, actor=FEED)
        desk.unlist(conn, outage.id, actor=FEED)
        desk.relist(conn, outage.id, actor=FEED)
    kinds = [entry.kind for entry in entries(database)]
    assert kinds == ["declared", "unlisted", "restoring", "reopened", "unlisted", "listed"]


def test_what_is_closed_as_no_longer_listed_comes_back(database: Database) -> None:
    outage = declare(database)
    with database.write() as conn:
        desk.unlist(conn, outage.id, actor=FEED)
        desk.close(conn, outage.id, actor=FEED, reason=Reason.NO_LONGER_LISTED)
        assert desk.relist(conn, outage.id, actor=FEED).status is Status.CONFIRMED


def test_reopening_what_was_closed_takes_no_step_back_that_somebody_gave(
    database: Database,
) -> None:
    outage, heir = declare(database), declare(database)
    with database.write() as conn:
        desk.restore(conn, outage.id, actor=DISPATCHER, shape=shape(1))
    concluded(database, outage, out=3)
    with database.write() as conn:
        desk.unlist(conn, outage.id, actor=FEED)
        reason = Reason.NO_LONGER_LISTED
        desk.close(conn, outage.id, actor=FEED, reason=reason, successor=heir.key)
        desk.reopen(conn, outage.id, actor=DISPATCHER)
        row = conn.execute(t.outages.select().where(t.outages.c.key == outage.key)).one()
        (step,) = conn.execute(t.restorations.select()).all()
    assert entries(database)[-1].data["restoration"] is None
    assert step.taken_back_at is None
    # It is its own outage again: nobody's last word about it is looked up under the other.
    assert row.merged_into is None


def test_two_commands_may_bring_the_same_shape_at_the_same_time(database: Database) -> None:
    outages = [declare(database), declare(database)]
    inside = threading.Event()

    def second() -> None:
        inside.wait(10)
        with database.write() as conn:
            desk.restore(conn, outages[1].id, actor=DISPATCHER, shape=shape(1))

    with ThreadPoolExecutor() as pool:
        other = pool.submit(second)
        with database.write() as conn:
            desk.restore(conn, outages[0].id, actor=DISPATCHER, shape=shape(1))
            inside.set()
            # On PostgreSQL the other one has by now looked for the shape and found none.
            wait([other], timeout=0.3)
        other.result(30)
    with database.read() as conn:
        assert len(conn.execute(t.restorations.select()).all()) == 2


def test_service_cannot_come_back_before_it_went_or_in_the_future(database: Database) -> None:
    outage = declare(database)
    for wrong in (timedelta(hours=-1), timedelta(hours=1)):
        with pytest.raises(InvalidCommandError, match=r"^at:"), database.write() as conn:
            desk.restore(conn, outage.id, actor=DISPATCHER, at=outage.started_at + wrong)


def test_an_etr_that_passes_is_put_on_record_once(database: Database) -> None:
    with database.read() as conn:
        now = business_now(conn)
    outage = declare(database, etr=c.GivenEtr(latest=now + timedelta(hours=1)))
    with database.read() as conn:
        due = deadlines.next_due(conn)
    assert due is not None
    assert outage.etr is not None
    assert due == outage.etr.latest
    with database.write() as conn:
        assert deadlines.note_due(conn) == 0
        clock.hold(conn, now)
        clock.move_to(conn, due)
        assert deadlines.note_due(conn) == 1
    with database.write() as conn:
        assert deadlines.note_due(conn) == 0
        assert deadlines.next_due(conn) is None


def test_a_promised_update_reminds_the_desk_before_and_is_on_record_when_due(
    database: Database,
) -> None:
    with database.read() as conn:
        now = business_now(conn)
    promised = now + timedelta(hours=1)
    outage = declare(database, next_update_by=promised)
    found = []
    with database.write() as conn:
        clock.hold(conn, now)
        while (due := deadlines.next_due(conn)) is not None:
            clock.move_to(conn, due)
            deadlines.note_due(conn)
            found.append(due)
    last = [entry for entry in entries(database) if entry.actor == "clock"]
    assert outage.next_update_by is not None
    assert found == [outage.next_update_by - timedelta(minutes=15), outage.next_update_by]
    assert [entry.kind for entry in last] == [
        JournalKind.UPDATE_PROMPTED,
        JournalKind.UPDATE_PASSED,
    ]


def test_planned_work_is_brought_to_mind_once_for_each_start_it_had(database: Database) -> None:
    with database.read() as conn:
        now = business_now(conn)
    start = now + timedelta(days=2)
    outage = declare(database, kind=Kind.PLANNED, planned_start=start)
    with database.write() as conn:
        clock.hold(conn, now)
        clock.move_to(conn, start - timedelta(hours=24))
        assert deadlines.note_due(conn) == 1
        assert deadlines.note_due(conn) == 0
        desk.revise(
            conn,
            outage.id,
            c.Revise(planned_start=start + timedelta(hours=5)),
            actor=DISPATCHER,
        )
        assert deadlines.note_due(conn) == 0
        clock.move_to(conn, start - timedelta(hours=19))
        assert deadlines.note_due(conn) == 1


def test_an_advisory_is_lifted_by_somebodys_word_and_by_no_other_command(
    database: Database,
) -> None:
    outage = declare(database, kind=Kind.ADVISORY)
    with database.write() as conn:
        with pytest.raises(InvalidCommandError, match=r"^reference:"):
            desk.lift(conn, outage.id, actor=DISPATCHER, reference=" ")
        lifted = desk.lift(conn, outage.id, actor=DISPATCHER, reference="Laboratory 4711")
        note = conn.execute(sa.select(t.notes.c.text)).scalar_one()
    assert (lifted.status, lifted.close_reason, note) == (
        Status.CLOSED,
        Reason.DONE,
        "Laboratory 4711",
    )
    assert "4711" not in str(entries(database)[-1].data)
    dark = declare(database)
    with pytest.raises(NotAllowedNowError, match="only an advisory"), database.write() as conn:
        desk.lift(conn, dark.id, actor=DISPATCHER, reference="Laboratory 4711")


def test_a_command_that_fails_in_the_middle_leaves_nothing(database: Database) -> None:
    def half(conn: Connection) -> None:
        desk.declare(conn, command(), actor=DISPATCHER, shape=shape(1))
        desk.cancel(conn, "O-NONE", actor=DISPATCHER)

    with pytest.raises(UnknownOutageError), database.write() as conn:
        half(conn)
    assert nothing_on_record(database)


def test_no_command_writes_the_key_of_an_outage_that_is_on_record(database: Database) -> None:
    outage = declare(database)
    written: list[str] = []

    def keep(_conn: Connection, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE outages SET"):
            written.append(statement.partition(" WHERE ")[0])

    sa.event.listen(database.engine, "before_cursor_execute", keep)
    with database.write() as conn:
        report = c.Report(observed_at=business_now(conn), crew_status=CrewStatus.ENROUTE)
        desk.report_progress(conn, outage.id, report, actor=CREW)
    # SQLite looks through every row that may refer to a key for whose sake it is written.
    assert any("crew_status" in statement for statement in written)
    assert [found for found in written if re.search(r'[ "]key"?=', found)] == []
