"""The figures of the last days, from a real record."""

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from outage import clock, commands, desk
from outage import tables as t
from outage.model import Kind, Outage, Status
from status_page.days import DAYS, Days
from status_page.reader import read_status
from status_page.view import PublicDay
from tests.integration.status_page.town import NOW, SITE, SOMEBODY, Town

YESTERDAY = datetime(2026, 11, 21, 20, tzinfo=UTC)


def days(town: Town, known: Days | None = None) -> dict[date, PublicDay]:
    with town.db.read() as conn:
        status, number = read_status(conn, send_mode="live")
        told = (known or Days(SITE.time_zone)).put(conn, status, number)
    return {each.day: each for each in told.days}


def at(town: Town, began: datetime, members: int, **facts: object) -> Outage:
    one = town.declare("Kerrisdale", started_at=began, **facts)
    with town.db.write() as conn:
        conn.execute(t.outages.update().where(t.outages.c.key == one.key).values(members=members))
    return one


def ended(town: Town, one: Outage, when: datetime) -> None:
    with town.db.write() as conn:
        desk.restore(conn, one.id, actor=SOMEBODY, at=when)
        key = conn.execute(sa.select(sa.func.max(t.restorations.c.key))).scalar_one()
        desk.conclude(conn, key, out=0, premises=10)
    # What gis says at the end of its work.
    town.matched(one, 0)
    with town.db.write() as conn:
        conn.execute(t.outages.update().where(t.outages.c.key == one.key).values(members=40))


def test_each_day_that_is_over_tells_what_began_and_how_long_it_lasted(town: Town) -> None:
    one = at(town, YESTERDAY, 40)
    at(town, YESTERDAY, 700)
    at(town, YESTERDAY, 60, kind=Kind.PLANNED)
    at(town, NOW - timedelta(hours=1), 9)
    at(town, YESTERDAY, 12, predicted=True)
    at(town, YESTERDAY, 12, kind=Kind.ADVISORY)
    ended(town, one, YESTERDAY + timedelta(hours=3))
    found = days(town)
    assert len(found) == DAYS
    assert (min(found), max(found)) == (date(2026, 8, 24), date(2026, 11, 21))
    assert found[date(2026, 11, 21)] == PublicDay(
        day=date(2026, 11, 21),
        outages=2,
        planned=1,
        affected=40,
        restored=1,
        minutes=180,
    )
    assert found[date(2026, 11, 20)] == PublicDay(day=date(2026, 11, 20))


def test_whom_an_outage_concerned_is_told_once_it_is_over(town: Town) -> None:
    one, two, known = at(town, YESTERDAY, 20), at(town, YESTERDAY, 3), Days(SITE.time_zone)
    which = t.outages.c.key == one.key
    with town.db.write() as conn:
        part = {"status": str(Status.PARTIALLY_RESTORED)}
        conn.execute(t.outages.update().where(which).values(part))
    # 17 are out, says its page, and that fewer than five are back: 20 would say that it is three.
    told = days(town, known)[date(2026, 11, 21)]
    assert (told.outages, told.affected, told.affected_few) == (2, 0, 0)
    for each, members in ((one, 20), (two, 3)):
        ended(town, each, YESTERDAY + timedelta(hours=3))
        of = t.outages.c.key == each.key
        with town.db.write() as conn:
            conn.execute(t.outages.update().where(of).values(members=members))
    told = days(town, known)[date(2026, 11, 21)]
    assert (told.outages, told.affected, told.affected_few) == (2, 20 + 1, 1)


def test_a_day_begins_and_ends_at_the_utilitys_midnight_also_when_clocks_change(
    town: Town,
) -> None:
    # On 1 November clocks go back in Vancouver, at 9:00 UTC: the day has 25 hours.
    for began in (
        datetime(2026, 11, 1, 6, 59, tzinfo=UTC),
        datetime(2026, 11, 1, 7, 0, tzinfo=UTC),
        datetime(2026, 11, 2, 7, 59, tzinfo=UTC),
        datetime(2026, 11, 2, 8, 0, tzinfo=UTC),
    ):
        at(town, began, 10)
    found = days(town)
    assert [found[date(2026, 10, 31) + timedelta(days=each)].outages for each in range(3)] == [
        1,
        2,
        1,
    ]


@pytest.mark.parametrize(
    ("day", "begins", "hours"),
    [
        # On the second Sunday of March clocks in New York jump from 2:00 to 3:00, and on the first
        # of November from 2:00 back to 1:00.
        (date(2027, 3, 14), datetime(2027, 3, 14, 5, tzinfo=UTC), 23),
        (date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        (date(2026, 11, 8), datetime(2026, 11, 8, 5, tzinfo=UTC), 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_say(
    town: Town, day: date, begins: datetime, hours: int
) -> None:
    """It tells what began in just these, and how long that lasted by the hours that passed."""
    zone, whole = "America/New_York", timedelta(hours=hours)
    with town.db.write() as conn:
        clock.move_to(conn, max(NOW, begins + timedelta(days=2, hours=12)))
    second = timedelta(seconds=1)
    for began in (begins - second, begins, begins + whole - second, begins + whole):
        # Each over the hour that there is twice, or is not.
        ended(town, at(town, began, 10), began + timedelta(hours=8))
    found = days(town, Days(zone))
    assert len(found) == DAYS
    around = [found[day + timedelta(days=each)] for each in (-1, 0, 1)]
    assert [each.outages for each in around] == [1, 2, 1]
    assert [each.average for each in around] == [480, 480, 480]
    assert sum(each.outages for each in found.values()) == 4
    with town.db.read() as conn:
        midnight = begins + whole
        status, number = read_status(conn, send_mode="live")
        for when, is_over in ((midnight - second, False), (midnight, True)):
            told = Days(zone).put(conn, dataclasses.replace(status, as_of=when), number)
            assert (day in {each.day for each in told.days}) is is_over


def test_what_becomes_of_an_outage_later_corrects_its_day_and_nothing_is_counted_anew(
    town: Town,
) -> None:
    known = Days(SITE.time_zone)
    one, two = at(town, YESTERDAY, 40), at(town, YESTERDAY, 700)
    assert days(town, known) == days(town)
    ended(town, one, YESTERDAY + timedelta(hours=5))
    with town.db.write() as conn:
        desk.cancel(conn, two.id, actor=SOMEBODY)
    with town.db.write() as conn:
        desk.reopen(conn, one.id, actor=SOMEBODY)
    asked: list[tuple[str, object]] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def note(*arguments: object) -> None:
        asked.append((str(arguments[2]), arguments[3]))

    try:
        corrected = days(town, known)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert not any("outages.started_at >=" in each for each, _ in asked)
    assert corrected == days(town)
    day = corrected[date(2026, 11, 21)]
    assert (day.outages, day.affected, day.restored, day.minutes) == (1, 0, 0, 0.0)
    with town.db.write() as conn:
        desk.revise(
            conn, one.id, commands.Revise(started_at=NOW - timedelta(days=3)), actor=SOMEBODY
        )
    assert days(town, known) == days(town)
    assert days(town, known)[date(2026, 11, 21)].outages == 0


def test_days_leave_after_ninety_and_the_day_that_ends_is_published(town: Town) -> None:
    at(town, NOW - timedelta(days=89), 40)
    at(town, NOW - timedelta(hours=1), 50)
    assert town.publisher.turn()
    table = town.folder / "feeds/days.csv"
    first = table.read_text().splitlines()
    assert len(first) == DAYS + 1
    assert first[2].startswith("2026-08-25,1,0,0,0,")
    number = town.pointer.number
    with town.db.write() as conn:
        clock.move_to(conn, NOW + timedelta(hours=9))
    town.publisher.touch()
    # Nothing else has changed, and the day is over.
    assert town.pointer.number == number + 1
    rows = table.read_text().splitlines()
    assert rows[-1].startswith("2026-11-22,1,0,0,0,")
    assert rows[1].startswith("2026-08-25,1,")
    town.move(days=2)
    town.publisher.touch()
    assert all(not each.startswith("2026-08-25") for each in table.read_text().splitlines())
    page = town.page("feeds/days-en.html")
    assert "Outages begun, day by day from Aug 27 to Nov 24. Most: 1 on Nov 22. In all: 1." in page
