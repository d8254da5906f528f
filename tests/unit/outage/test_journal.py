from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from outage import journal, register
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from outage.errors import UnknownOutageError
from outage.journal import JournalEntry, LostLeaseError, WorkItem
from outage.model import JournalKind, OutageKey
from tests.unit.outage import town


@dataclass(kw_only=True)
class Listener:
    """A reader that does what a test tells it to."""

    name: str = "listener"
    wants: frozenset[str] = frozenset({JournalKind.PROGRESS})
    does: Callable[[Database, WorkItem], None] | None = None
    urgent: set[int] = field(default_factory=set)
    worked: list[int] = field(default_factory=list)

    def priority(self, entry: JournalEntry) -> int:
        return 0 if entry.number in self.urgent else 5

    def outages(self, conn: sa.Connection, entry: JournalEntry) -> list[OutageKey]:
        del conn
        return [] if entry.outage_key is None else [entry.outage_key]

    def work(self, db: Database, item: WorkItem) -> None:
        if self.does is not None:
            self.does(db, item)
        with db.write() as conn:
            journal.finish(conn, item)
        self.worked.append(item.entry.number)


def append(db: Database, outage_key: int) -> int:
    with db.write() as conn:
        return journal.append(conn, kind=JournalKind.PROGRESS, actor="crew", outage_key=outage_key)


def append_and_fail(db: Database, outage_key: int) -> None:
    with db.write() as conn:
        journal.append(conn, kind=JournalKind.PROGRESS, actor="crew", outage_key=outage_key)
        register.load(conn, "O-NONE")


def drain(db: Database, reader: Listener) -> None:
    while journal.turn(db, reader):
        pass


def forget_waiting(db: Database) -> None:
    """What would otherwise take seconds: retries are due, leases have run out."""
    with db.write() as conn:
        items = t.work_items.c
        conn.execute(
            t.work_items.update().where(items.retry_at.is_not(None)).values(retry_at=EPOCH)
        )
        conn.execute(
            t.work_items.update().where(items.lease_until.is_not(None)).values(lease_until=EPOCH)
        )


def fails_on(*numbers: int) -> Callable[[Database, WorkItem], None]:
    def does(db: Database, item: WorkItem) -> None:
        del db
        if item.entry.number in numbers:
            message = "as the test wants"
            raise RuntimeError(message)

    return does


def test_numbers_have_no_gaps_and_a_rolled_back_one_is_given_again(database: Database) -> None:
    outage = town.declare(database)
    first = append(database, outage.key)
    with database.write() as conn:
        journal.append(conn, kind=JournalKind.PROGRESS, actor="crew", outage_key=outage.key)
        conn.rollback()
    assert append(database, outage.key) == first + 1


def test_an_entry_keeps_what_the_outage_was_like_after_it(database: Database) -> None:
    outage = town.declare(database)
    with database.read() as conn:
        entry = journal.entries_after(conn, 0)[0]
    assert entry.outage_key == outage.key
    assert (entry.state["status"], entry.state["crew_status"]) == ("confirmed", None)


def test_a_reader_works_only_what_it_wants(database: Database) -> None:
    outage = town.declare(database)
    number = append(database, outage.key)
    reader = Listener()
    drain(database, reader)
    assert reader.worked == [number]
    with database.read() as conn:
        assert journal.is_idle(conn, reader.name)


def test_items_of_one_outage_go_in_order_and_urgent_outages_go_first(database: Database) -> None:
    slow, urgent = town.declare(database), town.declare(database)
    first = [append(database, slow.key), append(database, slow.key)]
    second = [append(database, urgent.key), append(database, urgent.key)]
    reader = Listener(urgent={*second, first[1]})
    drain(database, reader)
    # The slow outage's second entry is urgent too, and still waits for its first.
    assert reader.worked == [*second, *first]


def test_what_fails_five_times_is_parked_with_what_is_behind_it_and_the_rest_go_on(
    database: Database,
) -> None:
    poisoned, healthy = town.declare(database), town.declare(database)
    poison, behind = append(database, poisoned.key), append(database, poisoned.key)
    reader = Listener(does=fails_on(poison))
    for _ in range(journal.ATTEMPTS):
        drain(database, reader)
        forget_waiting(database)
    fine = append(database, healthy.key)
    drain(database, reader)
    assert reader.worked == [fine]
    with database.read() as conn:
        assert journal.is_idle(conn, reader.name)
        left = {row.number: row for row in conn.execute(t.work_items.select())}
    assert set(left) == {poison, behind}
    assert left[poison].parked_at is not None
    assert left[poison].attempts == journal.ATTEMPTS
    assert left[poison].error == "RuntimeError"
    with database.write() as conn:
        assert journal.unpark(conn) == 1
        assert journal.unpark(conn) == 0
    reader.does = None
    drain(database, reader)
    assert reader.worked == [fine, poison, behind]


def test_being_killed_is_not_failing(database: Database) -> None:
    number = append(database, town.declare(database).key)
    reader = Listener(does=fails_on(number))
    journal.expand(database, reader)
    for _ in range(journal.ATTEMPTS + 1):
        assert journal.claim(database, reader.name) is not None  # and then it is killed
        forget_waiting(database)
    assert journal.turn(database, reader)
    with database.read() as conn:
        left = conn.execute(t.work_items.select().where(t.work_items.c.number == number)).one()
    assert (left.attempts, left.parked_at) == (1, None)


def test_a_failure_waits_before_it_is_tried_again(database: Database) -> None:
    number = append(database, town.declare(database).key)
    reader = Listener(does=fails_on(number))
    assert journal.turn(database, reader)
    assert not journal.turn(database, reader)
    forget_waiting(database)
    reader.does = None
    assert journal.turn(database, reader)
    assert reader.worked == [number]


def test_a_leased_item_is_nobody_elses_until_its_lease_has_run_out(database: Database) -> None:
    append(database, town.declare(database).key)
    journal.expand(database, Listener())
    held = journal.claim(database, "listener")
    assert held is not None
    assert journal.claim(database, "listener") is None
    forget_waiting(database)
    taken = journal.claim(database, "listener")
    assert taken is not None
    assert (taken.key, taken.fence) == (held.key, held.fence + 1)
    # Who was slow and comes back finds its steps refused and its work not done twice.
    with pytest.raises(LostLeaseError), database.write() as conn:
        journal.advance(conn, held, {"step": 1})
    with pytest.raises(LostLeaseError), database.write() as conn:
        journal.finish(conn, held)
    with database.write() as conn:
        journal.finish(conn, taken)


def test_work_killed_between_steps_goes_on_at_the_step_it_had_reached(database: Database) -> None:
    append(database, town.declare(database).key)
    journal.expand(database, Listener())
    item = journal.claim(database, "listener")
    assert item is not None
    with database.write() as conn:
        journal.advance(conn, item, {"premise": 2_000})
    with database.write() as conn:
        journal.advance(conn, item, {"premise": 4_000})
        conn.rollback()  # killed before the second step committed
    forget_waiting(database)
    again = journal.claim(database, "listener")
    assert again is not None
    assert again.step == {"premise": 2_000}


def test_a_cursor_never_goes_back_when_two_relays_expand(database: Database) -> None:
    outage = town.declare(database)
    append(database, outage.key)
    assert journal.expand(database, Listener())
    assert not journal.expand(database, Listener())
    with database.read() as conn:
        assert journal.cursor(conn, "listener") == journal.last_number(conn)
        assert len(conn.execute(t.work_items.select()).all()) == 1


def test_the_bell_rings_after_a_commit_that_appended_and_only_then(database: Database) -> None:
    rung: list[int] = []
    database.after_append = lambda: rung.append(1)
    outage = town.declare(database)
    assert len(rung) == 1
    with pytest.raises(UnknownOutageError):
        append_and_fail(database, outage.key)
    with database.write() as conn:
        conn.execute(t.facts.insert().values(name="quiet", value=""))
    assert len(rung) == 1


def test_an_error_quotes_nothing_that_people_wrote(database: Database) -> None:
    row = {"name": "secret", "value": "+1 555 555 0100"}
    with database.write() as conn:
        conn.execute(t.facts.insert().values(**row))
    with pytest.raises(sa.exc.IntegrityError) as caught, database.write() as conn:
        conn.execute(t.facts.insert().values(**row))
    assert "0100" not in str(caught.value)
