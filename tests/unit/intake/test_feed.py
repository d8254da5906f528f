"""What a feed's snapshots come to on record, on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gis.errors import GisError
from gis.shapes import ShapeLimits, accept
from intake import catalogue
from intake.absence import Fate
from intake.feed import Applied, Feed, Health
from intake.snapshot import read
from outage import clock, desk
from outage import tables as t
from outage.columns import from_ms
from outage.database import Database
from outage.model import Actor, MatchedShape, Service
from tests.unit.intake.feed_rows import FETCHED, SQUARE, line, row

REFUSED = [-123.0, 49.0, -122.9, 49.1, -122.9, 49.0, -123.0, 49.1]


class Premises:
    """A matcher in a country where every shape holds the same number of premises."""

    def __init__(self, inside: int) -> None:
        self.inside = inside
        self.asked = 0

    def match(self, geojson: str, service: Service) -> MatchedShape:
        assert service is Service.ELECTRIC
        self.asked += 1
        shape = accept(geojson, limits=ShapeLimits())
        if shape.repaired:
            raise GisError
        return MatchedShape(
            wkb=shape.wkb,
            digest=shape.hash,
            vertices=shape.vertices,
            premise_count=self.inside,
            premises_version=1,
        )


class Storm:
    """A feed on record, fed with snapshots a quarter of an hour apart."""

    def __init__(
        self,
        db: Database,
        *,
        inside: int = 3,
        baseline: bool = True,
        reviewer: Actor | None = None,
        max_premises: int | None = None,
    ) -> None:
        self.db = db
        self.matcher = Premises(inside)
        self.feed = Feed(
            db,
            catalogue.load("bchydro"),
            self.matcher,
            baseline=baseline,
            reviewer=reviewer,
            max_premises=max_premises,
        )
        self.number = 0

    def sees(self, *rows: dict[str, Any], text: bytes | None = None) -> Applied:
        at = FETCHED + 900 * self.number
        self.number += 1
        with self.db.write() as conn:
            clock.hold(conn, from_ms(at * 1000))
        text = line(*rows, fetched=at) if text is None else text
        return self.feed.apply(read(self.number, text, catalogue.load("bchydro")))

    def outages(self) -> list[sa.RowMapping]:
        with self.db.read() as conn:
            return list(conn.execute(t.outages.select().order_by(t.outages.c.key)).mappings())

    def journal(self) -> list[tuple[str, int | None]]:
        with self.db.read() as conn:
            rows = conn.execute(t.journal.select().order_by(t.journal.c.number))
            return [(entry.kind, entry.outage_key) for entry in rows]

    def health(self) -> sa.RowMapping:
        with self.db.read() as conn:
            return conn.execute(t.feeds.select()).mappings().one()


@pytest.fixture
def storm(database: Database) -> Storm:
    return Storm(database)


def test_a_row_becomes_an_outage_known_by_its_source(storm: Storm) -> None:
    storm.sees(row(1, crewEtr=(FETCHED + 7200) * 1000, showEtr=True))
    [outage] = storm.outages()
    assert (outage["source"], outage["source_id"]) == ("bchydro", "1")
    assert outage["place"] == "North of STREET 1, Burnaby"
    assert outage["status"] == "confirmed"
    assert (outage["crew_status"], outage["cause"]) == ("assigned", "wind")
    assert (outage["reported_customers"], outage["premise_count"]) == (10, 3)
    assert outage["started_at"] == from_ms((FETCHED - 600) * 1000)
    assert (outage["etr_source"], outage["etr_published"]) == ("crew", True)


def test_the_first_snapshot_is_a_silent_baseline_and_later_ones_are_not(storm: Storm) -> None:
    storm.sees(row(1))
    storm.sees(row(1), row(2))
    assert [outage["silent"] for outage in storm.outages()] == [True, False]


def test_the_first_snapshot_can_be_told(database: Database) -> None:
    storm = Storm(database, baseline=False)
    storm.sees(row(1))
    assert [outage["silent"] for outage in storm.outages()] == [False]


def test_what_has_not_changed_says_nothing(storm: Storm) -> None:
    storm.sees(row(1))
    before = storm.journal()
    assert storm.sees(row(1, lastUpdated=1)).fates == {Fate.UNCHANGED: 1}
    assert storm.journal() == before
    assert storm.matcher.asked == 1


def test_what_has_changed_is_revised_and_reported(storm: Storm) -> None:
    storm.sees(row(1))
    storm.sees(row(1, cause="Fire", crewStatusDescription="Suspended", numCustomersOut=99))
    [outage] = storm.outages()
    assert (outage["cause"], outage["reported_customers"]) == ("fire", 99)
    assert (outage["crew_status"], outage["crew_reason"]) == ("awaitingCrewAssignment", "suspended")
    assert [kind for kind, _ in storm.journal()] == ["declared", "revised", "progress"]


def test_an_etr_comes_moves_is_hidden_and_goes(storm: Storm) -> None:
    etr = (FETCHED + 7200) * 1000
    storm.sees(row(1))
    storm.sees(row(1, crewEtr=etr, showEtr=True))
    storm.sees(row(1, crewEtr=etr, showEtr=False))
    storm.sees(row(1))
    with storm.db.read() as conn:
        versions = conn.execute(t.etrs.select().order_by(t.etrs.c.version)).all()
    assert [version.published for version in versions] == [True, False]
    [outage] = storm.outages()
    assert (outage["etr_version"], outage["etr_withdrawn"]) == (None, True)


def test_a_shape_that_moves_is_matched_again_and_one_that_stays_is_not(storm: Storm) -> None:
    storm.sees(row(1))
    storm.sees(row(1, numCustomersOut=11))
    assert storm.matcher.asked == 1
    storm.sees(row(1, polygon=[*SQUARE, -123.05, 49.05]))
    assert storm.matcher.asked == 2
    with storm.db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.shapes)).scalar() == 2


@pytest.mark.parametrize("bad", [[0, 0, 0, 0, 0, 0], [], REFUSED, SQUARE[:-1]])
def test_a_shape_that_cannot_be_leaves_the_earlier_one(storm: Storm, bad: list[float]) -> None:
    storm.sees(row(1))
    before = storm.outages()[0]["shape_digest"]
    found = storm.sees(row(1, polygon=bad, cause="Fire"))
    [outage] = storm.outages()
    assert (outage["shape_digest"], outage["cause"]) == (before, "fire")
    assert len(found.problems) == (1 if bad else 0)
    assert all("Outage 1" in problem.sentence for problem in found.problems)


def test_an_outage_without_a_shape_is_recorded(storm: Storm) -> None:
    storm.sees(row(1, polygon=[]))
    [outage] = storm.outages()
    assert (outage["status"], outage["shape_digest"]) == ("confirmed", None)


def test_a_shape_that_matches_nobody_is_recorded(database: Database) -> None:
    storm = Storm(database, inside=0)
    storm.sees(row(1))
    assert storm.outages()[0]["premise_count"] == 0


def test_a_shape_over_the_limit_tells_nobody_and_is_said(database: Database) -> None:
    storm = Storm(database, inside=3, max_premises=2)
    [problem] = storm.sees(row(1)).problems
    assert "3 premises are more than the limit of 2" in problem.sentence
    assert storm.outages()[0]["shape_digest"] is None


def test_an_outage_that_leaves_is_no_longer_listed_then_closed_as_of_its_first_absence(
    storm: Storm,
) -> None:
    storm.sees(row(1), row(2))
    storm.sees(row(2, numCustomersOut=1))
    gone = storm.outages()[0]
    missing_since = from_ms((FETCHED + 900) * 1000)
    assert (gone["status"], gone["unlisted_since"]) == ("confirmed", missing_since)
    storm.sees(row(2, numCustomersOut=2))
    assert storm.sees(row(2, numCustomersOut=3)).fates[Fate.CLOSED] == 1
    gone = storm.outages()[0]
    assert (gone["status"], gone["close_reason"]) == ("closed", "no_longer_listed")
    assert gone["unlisted_since"] == missing_since


def test_an_outage_that_returns_goes_on_as_the_same_one(storm: Storm) -> None:
    storm.sees(row(1), row(2))
    for number in range(3):
        storm.sees(row(2, numCustomersOut=number))
    assert storm.outages()[0]["status"] == "closed"
    storm.sees(row(1, cause="Fire"), row(2))
    first, _ = storm.outages()
    assert (first["status"], first["unlisted_since"], first["cause"]) == ("confirmed", None, "fire")
    with storm.db.read() as conn:
        assert conn.execute(sa.select(sa.func.sum(t.feed_outages.c.returns))).scalar() == 1


def test_an_outage_that_returns_after_a_day_is_a_new_one(storm: Storm) -> None:
    storm.sees(row(1), row(2))
    for number in range(3):
        storm.sees(row(2, numCustomersOut=number))
    storm.number += 100
    storm.sees(row(1), row(2))
    old, _, new = storm.outages()
    assert (old["status"], new["status"]) == ("closed", "confirmed")
    assert new["source_id"] == "1#1"
    storm.sees(row(1, cause="Fire"), row(2))
    assert storm.outages()[2]["cause"] == "fire"


def test_a_successor_over_the_same_ground_is_put_on_record_before_the_end(storm: Storm) -> None:
    elsewhere = [x + 1 for x in SQUARE]
    storm.sees(row(1), row(2, polygon=elsewhere))
    storm.sees(row(3), row(2, polygon=elsewhere))
    with storm.db.read() as conn:
        one = conn.execute(t.feed_outages.select().where(t.feed_outages.c.source_id == "1")).one()
    assert one.successor == "3"


def test_an_empty_a_torn_and_a_repeated_snapshot_change_nothing_but_the_health(
    storm: Storm,
) -> None:
    storm.sees(row(1), row(2))
    journal, outages = storm.journal(), storm.outages()
    for _ in range(4):
        assert storm.sees().health is Health.EMPTY
        assert storm.sees(text=b'{"fetched": 17000').health is Health.UNREADABLE
        assert storm.sees(row(1), row(2)).health is Health.REPEATED
    assert (storm.journal(), storm.outages()) == (journal, outages)
    assert storm.health()["health"] == '{"empty": 4, "good": 1, "repeated": 4, "unreadable": 4}'


def test_an_older_snapshot_changes_nothing(storm: Storm) -> None:
    storm.sees(row(1), row(2))
    late = line(row(1, cause="Fire"), fetched=FETCHED - 60)
    assert storm.sees(text=late).health is Health.LATE
    assert storm.outages()[0]["cause"] == "wind"


def test_when_most_vanish_at_once_rows_apply_and_nothing_ends(storm: Storm) -> None:
    storm.sees(*(row(number) for number in range(10)))
    found = storm.sees(row(0, cause="Fire"))
    assert found.health is Health.HELD
    assert "9 of 10 outages (90 customers) are gone at once" in found.problems[0].sentence
    for number in range(5):
        storm.sees(row(0, cause="Fire", numCustomersOut=number))
    assert [outage["status"] for outage in storm.outages()] == ["confirmed"] * 10
    assert storm.outages()[0]["cause"] == "fire"
    assert storm.health()["held_since"] is not None
    assert ("feedHeld", None) in storm.journal()


def test_whoever_answers_for_a_mass_absence_is_on_record(database: Database) -> None:
    reviewer = Actor(kind="cli", name="assume-reviewed")
    storm = Storm(database, reviewer=reviewer)
    storm.sees(*(row(number) for number in range(10)))
    for number in range(3):
        storm.sees(row(0, numCustomersOut=number))
    assert [outage["status"] for outage in storm.outages()] == ["confirmed"] + ["closed"] * 9
    with storm.db.read() as conn:
        entry = conn.execute(t.journal.select().where(t.journal.c.kind == "feedReviewed")).one()
    assert entry.actor == "cli:assume-reviewed"


def test_a_snapshot_cut_off_in_the_middle_is_taken_up_where_it_was(storm: Storm) -> None:
    storm.sees(row(1), row(2))
    with storm.db.write() as conn:
        # As if the process had been killed before the end of the snapshot was on record.
        conn.execute(
            t.feeds.update().values(last_digest=None, last_snapshot_at=None, good_snapshots=0)
        )
    before = storm.journal()
    storm.number = 0
    assert storm.sees(row(1), row(2)).fates == {Fate.UNCHANGED: 2}
    assert storm.journal() == before


def test_what_the_desk_refuses_is_said_once(storm: Storm) -> None:
    storm.sees(row(1))
    with storm.db.write() as conn:
        desk.cancel(conn, storm.outages()[0]["id"], actor=Actor(kind="dispatcher"))
    [problem] = storm.sees(row(1, cause="Fire")).problems
    assert problem.sentence.startswith("Outage 1: revise does not apply")
    assert storm.sees(row(1, cause="Fire"), row(2)).problems == ()
