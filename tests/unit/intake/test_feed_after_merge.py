"""A feed that goes on listing outages which a person has merged (DECISIONS 11, 12)."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from intake.absence import Fate
from outage import desk, register, regrouping
from outage import tables as t
from outage import where as w
from outage.columns import from_ms
from outage.commands import Declare
from outage.database import Database
from outage.model import Actor, Kind, MatchedShape, OutageId, OutageKey, Parting, Service
from tests.unit.intake.feed_rows import FETCHED, SQUARE, row
from tests.unit.intake.test_feed import Storm

DISPATCHER = Actor(kind="dispatcher", name="7")
LATER = [x + 1 for x in SQUARE]
AWAY = [x + 3 for x in SQUARE]
EVENING = (FETCHED + 7200) * 1000
NIGHT = (FETCHED + 14400) * 1000


@pytest.fixture
def storm(database: Database) -> Storm:
    return Storm(database, baseline=False)


def merge(storm: Storm, outage: int, into: int) -> None:
    """Merge by the places of the outages in the order in which they were declared."""
    ids = [each["id"] for each in storm.outages()]
    with storm.db.write() as conn:
        one, heir = register.load(conn, ids[outage]), register.load(conn, ids[into])
        place = regrouping.place_of_both(conn, one, heir)
        shape = None if place is None else matched(place)
        regrouping.merge(conn, one.id, into=heir.id, actor=DISPATCHER, shape=shape)


def matched(place: w.Where) -> MatchedShape:
    return MatchedShape(
        wkb=b"",
        digest=w.digest(place),
        vertices=0,
        premise_count=6,
        premises_version=1,
        spec=w.to_spec(place),
    )


def split(storm: Storm, outage: int) -> None:
    """Split one of the outages, by the order in which they were declared, by a circuit."""
    ids = [each["id"] for each in storm.outages()]
    cut: w.Where = w.Devices(paths=("circuit:F12",))
    with storm.db.write() as conn:
        place = register.place(conn, register.load(conn, ids[outage]).shape_digest)
        assert place is not None
        parting = Parting(
            part=matched(cut),
            moving=matched(w.Both(one=place, other=cut)),
            staying=matched(w.But(one=place, without=cut)),
            moves=3,
            stays=3,
        )
        regrouping.split(conn, ids[outage], parting, actor=DISPATCHER)


def kinds(storm: Storm, after: int) -> list[tuple[str, int | None]]:
    return storm.journal()[after:]


def etr(number: int, at: int, **more: object) -> dict[str, Any]:
    return row(number, polygon=[], crewEtr=at, showEtr=True, **more)


def test_a_row_that_goes_on_is_not_another_outage_whatever_it_does(storm: Storm) -> None:
    storm.sees(row(1), row(2, polygon=LATER))
    merge(storm, 0, 1)
    before = len(storm.journal())
    storm.sees(row(1), row(2, polygon=LATER, numCustomersOut=11))
    # It changes, leaves the list, is away for long, and comes back.
    storm.sees(row(1, cause="Fire"), row(2, polygon=LATER, numCustomersOut=11))
    for number in range(5):
        storm.sees(row(2, polygon=LATER, numCustomersOut=20 + number))
    found = storm.sees(row(1, cause="Fire"), row(2, polygon=LATER, numCustomersOut=30))
    assert found.fates == {Fate.RETURNED: 1, Fate.CHANGED: 1}
    assert found.problems == ()
    gone, heir = storm.outages()
    assert (gone["status"], gone["close_reason"]) == ("closed", "merged")
    assert (heir["status"], heir["unlisted_since"]) == ("confirmed", None)
    assert (heir["cause"], heir["reported_customers"]) == ("wind", 30)
    assert {key for _, key in kinds(storm, before)} == {heir["key"]}
    assert {kind for kind, _ in kinds(storm, before)} == {"revised"}


def test_the_row_of_the_one_it_goes_on_under_speaks_for_both(storm: Storm) -> None:
    storm.sees(etr(1, EVENING), etr(2, NIGHT))
    merge(storm, 0, 1)
    before = len(storm.journal())
    storm.sees(etr(1, EVENING, crewStatusDescription="Crew on-site"), etr(2, NIGHT))
    assert kinds(storm, before) == []
    assert storm.outages()[1]["etr_latest"] == from_ms(NIGHT)


def test_where_that_one_is_not_of_the_feed_the_first_merged_row_speaks(storm: Storm) -> None:
    storm.sees(etr(1, EVENING), etr(2, NIGHT))
    with storm.db.write() as conn:
        key, name = OutageKey(0), OutageId("")
        command = Declare(key=key, id=name, service=Service.ELECTRIC, kind=Kind.UNPLANNED)
        drawn = desk.declare(conn, command, actor=DISPATCHER).id
    merge(storm, 1, 2)
    merge(storm, 0, 2)
    storm.sees(etr(1, NIGHT), etr(2, EVENING, crewStatusDescription="Crew on-site"))
    heir = storm.outages()[2]
    assert (heir["id"], heir["etr_latest"]) == (drawn, from_ms(NIGHT))
    assert heir["crew_status"] == "assigned"
    storm.sees(row(1, polygon=[]), etr(2, EVENING))
    assert storm.outages()[2]["etr_latest"] == from_ms(NIGHT)
    # Whoever declared it says when it is over: not the list.
    for number in range(4):
        storm.sees(row(3, numCustomersOut=number))
    heir = storm.outages()[2]
    assert (heir["status"], heir["unlisted_since"]) == ("confirmed", None)


def test_it_is_listed_as_long_as_one_of_its_rows_is(storm: Storm) -> None:
    storm.sees(row(1), row(2, polygon=LATER), row(3, polygon=AWAY))
    merge(storm, 0, 1)
    for number in range(4):
        storm.sees(row(1), row(3, polygon=AWAY, numCustomersOut=number))
    heir = storm.outages()[1]
    assert (heir["status"], heir["unlisted_since"]) == ("confirmed", None)
    missing_since = from_ms((FETCHED + 900 * storm.number) * 1000)
    for number in range(3):
        storm.sees(row(3, polygon=AWAY, numCustomersOut=10 + number))
    gone, heir, _ = storm.outages()
    assert (heir["status"], heir["close_reason"]) == ("closed", "no_longer_listed")
    assert heir["unlisted_since"] == missing_since
    # Back within a day: the one it goes on under, and not the one that was merged.
    storm.sees(row(1), row(3, polygon=AWAY, numCustomersOut=20))
    gone, heir, _ = storm.outages()
    assert (gone["status"], heir["status"]) == ("closed", "confirmed")


def test_a_new_shape_of_either_moves_nobody_and_is_said(storm: Storm) -> None:
    storm.sees(row(1), row(2, polygon=LATER))
    merge(storm, 0, 1)
    before = storm.outages()[1]["shape_digest"]
    moved = [x + 2 for x in SQUARE]
    for rows in (
        (row(1, polygon=moved), row(2, polygon=LATER)),
        (row(1, polygon=moved), row(2, polygon=moved)),
    ):
        [problem] = storm.sees(*rows).problems
        assert "its new shape was not taken, because a person has merged" in problem.sentence
    assert storm.outages()[1]["shape_digest"] == before
    with storm.db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.outages)).scalar() == 2


def test_a_new_shape_of_one_that_a_person_has_split_moves_nobody_and_is_said(storm: Storm) -> None:
    storm.sees(row(1), row(2, polygon=LATER))
    split(storm, 0)
    places = [outage["shape_digest"] for outage in storm.outages()]
    [problem] = storm.sees(row(1, polygon=AWAY), row(2, polygon=LATER)).problems
    assert "its new shape was not taken, because a person has merged or split" in problem.sentence
    assert [outage["shape_digest"] for outage in storm.outages()] == places
