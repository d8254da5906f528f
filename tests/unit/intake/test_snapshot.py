from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from intake import catalogue
from intake.instants import instant
from intake.mapping import InstantField
from intake.row import FeedRow
from intake.snapshot import Snapshot, Unusable, read
from outage.model import Cause, CrewStatus, Kind, Reason
from tests.unit.intake.feed_rows import FETCHED, SQUARE, line, row

MAPPING = catalogue.load("bchydro")
AT = datetime.fromtimestamp(FETCHED, UTC)


def snapshot(text: bytes) -> Snapshot:
    found = read(7, text, MAPPING)
    assert isinstance(found, Snapshot)
    return found


def the_row(**changes: object) -> tuple[FeedRow, list[str]]:
    found = snapshot(line(row(1, **changes)))
    assert all(problem.line == 7 for problem in found.problems)
    return found.rows[0], [problem.sentence for problem in found.problems]


def test_a_row_is_read_through_the_mapping() -> None:
    etr = (FETCHED + 3600) * 1000
    found, problems = the_row(crewEtr=etr, showEtr=True, crewStatusDescription="Suspended")
    assert problems == []
    assert found.source_id == "1"
    assert found.started == AT - timedelta(minutes=10)
    assert (found.etr, found.etr_published) == (AT + timedelta(hours=1), True)
    assert (found.cause, found.kind) == (Cause.WIND, Kind.UNPLANNED)
    assert (found.crew_status, found.crew_reason) == (CrewStatus.AWAITING, Reason.SUSPENDED)
    assert found.customers == 10
    assert found.place == "North of STREET 1, Burnaby"


def test_an_open_ring_is_closed() -> None:
    found, _ = the_row()
    assert found.shape is not None
    [ring] = json.loads(found.shape)["coordinates"]
    assert ring == [[-123.0, 49.0], [-122.9, 49.0], [-122.9, 49.1], [-123.0, 49.1], [-123.0, 49.0]]


def test_an_etr_that_may_not_be_shown_is_kept_inside() -> None:
    found, _ = the_row(crewEtr=(FETCHED + 3600) * 1000, showEtr=False)
    assert found.etr is not None
    assert not found.etr_published


def test_a_crew_eta_that_may_not_be_shown_is_not_taken() -> None:
    assert the_row(crewEta=FETCHED * 1000, showEta=False)[0].crew_eta is None
    assert the_row(crewEta=FETCHED * 1000, showEta=True)[0].crew_eta == AT


def test_words_that_mean_nothing_are_not_shown() -> None:
    assert the_row(area="Unavailable")[0].place == "Burnaby"
    assert the_row(area=" two\n  lines\x00 ")[0].place == "two lines, Burnaby"


def test_an_outage_without_a_polygon_is_no_problem() -> None:
    found, problems = the_row(polygon=[])
    assert (found.shape, found.unreadable, problems) == (None, frozenset(), [])


@pytest.mark.parametrize(
    ("polygon", "why"),
    [
        ([0, 0, 0, 0, 0, 0], "it has a point at 0, 0"),
        ([*SQUARE, 0, 0], "it has a point at 0, 0"),
        (SQUARE[:-1], "not a list of pairs of numbers"),
        ("somewhere", "not a list of pairs of numbers"),
        (SQUARE[:4], "2 different points make no ground"),
        ([*SQUARE, "x", 1], "is not a point"),
        ([*SQUARE, 500, 49], "(500, 49) is not on the globe"),
        ([*SQUARE, 10**400, 49], "is not on the globe"),
        ([*SQUARE, float("nan"), 49], "is not on the globe"),
        ([*SQUARE, float("inf"), 49], "is not on the globe"),
    ],
)
def test_a_polygon_that_cannot_be_is_reported_and_leaves_the_earlier_one(
    polygon: object, why: str
) -> None:
    found, [problem] = the_row(polygon=polygon)
    assert found.shape is None
    assert found.unreadable == {"shape"}
    assert problem.startswith("Outage 1, field 'polygon': ")
    assert why in problem
    assert problem.endswith("; the shape was left as it was.")


@pytest.mark.parametrize(
    ("field", "value", "fact"),
    [
        ("crewEtr", "soon", "etr"),
        ("dateOff", -5, "started"),
        ("numCustomersOut", "many", "customers"),
        ("numCustomersOut", -1, "customers"),
        ("numCustomersOut", True, "customers"),
        ("numCustomersOut", 10**30, "customers"),
    ],
)
def test_a_field_that_cannot_be_read_is_reported_and_keeps_what_was_known(
    field: str, value: object, fact: str
) -> None:
    found, [problem] = the_row(**{field: value})
    assert found.unreadable == {fact}
    assert problem.startswith(f"Outage 1, field {field!r}: ")


def test_an_unlisted_crew_word_changes_nothing_and_is_reported() -> None:
    found, [problem] = the_row(crewStatusDescription="Crew at lunch")
    assert (found.crew_status, found.unreadable) == (None, frozenset({"crew"}))
    assert problem == "The crew word 'Crew at lunch' is not in the mapping; it changes nothing."


def test_an_unlisted_cause_counts_as_unknown_and_is_reported() -> None:
    found, [problem] = the_row(cause="Gremlins")
    assert found.cause is Cause.UNKNOWN
    assert "'Gremlins'" in problem


def test_a_word_that_is_not_there_at_all_is_no_problem() -> None:
    bare = {
        name: value
        for name, value in row(1).items()
        if name not in {"cause", "crewStatusDescription"}
    }
    found = snapshot(line(bare))
    assert (found.rows[0].cause, found.rows[0].crew_status, found.problems) == (
        Cause.UNKNOWN,
        None,
        (),
    )


def test_of_a_doubled_id_the_last_row_counts_and_it_is_reported() -> None:
    found = snapshot(line(row(1), row(2), row(1, cause="Fire")))
    assert [(r.source_id, r.cause) for r in found.rows] == [("1", Cause.FIRE), ("2", Cause.WIND)]
    assert [p.sentence for p in found.problems] == [
        "Outage 1 is listed more than once; the last row counts."
    ]


@pytest.mark.parametrize("bad", [None, "", {"a": 1}, True, "x" * 101, "a\x00", "\ud800"])
def test_a_row_without_an_id_is_left_out_and_the_list_proves_nobodys_absence(bad: object) -> None:
    found = snapshot(line(row(1), row(2, id=bad)))
    assert [r.source_id for r in found.rows] == ["1"]
    assert not found.complete
    assert "no usable id" in found.problems[0].sentence


def test_a_row_that_is_no_object_is_left_out() -> None:
    text = json.dumps({"fetched": FETCHED, "outages": [3, row(1)]}).encode()
    assert not snapshot(text).complete


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (line(row(1))[:-20], "The line is torn: its JSON stops in the middle."),
        (b"hello", "It is not JSON."),
        (b"\xff\xfe\x00", "It is not JSON."),
        (b"3", "It has no 'fetched'; this is no snapshot of BC Hydro public outage list."),
        (b'"text"', "It is not a JSON object or list."),
        (b'{"fetched": 1700000000}', "It has no 'outages'"),
        (b'{"fetched": "x", "outages": []}', "Field 'fetched': 'x' is not an instant in epoch_s."),
        (b'{"fetched": 1e300, "outages": []}', "is not an instant in epoch_s."),
        (b"[" * 100_000, "The line is torn"),
    ],
)
def test_a_line_that_is_no_snapshot_is_one_sentence(text: bytes, sentence: str) -> None:
    found = read(3, text, MAPPING)
    assert isinstance(found, Unusable)
    assert found.problem.line == 3
    assert sentence in found.problem.sentence


def test_the_same_list_has_the_same_digest_whenever_it_was_fetched() -> None:
    one, again = snapshot(line(row(1))), snapshot(line(row(1), fetched=FETCHED + 60))
    assert one.digest == again.digest != snapshot(line(row(2))).digest


def test_a_row_has_the_same_digest_as_long_as_it_says_the_same() -> None:
    assert the_row()[0].digest == the_row(lastUpdated=5)[0].digest
    assert the_row()[0].digest != the_row(numCustomersOut=11)[0].digest


@pytest.mark.parametrize(
    ("unit", "more", "value"),
    [
        ("epoch_ms", {}, FETCHED * 1000),
        ("epoch_s", {}, FETCHED),
        ("rfc3339", {}, "2023-11-14T22:13:20Z"),
        ("rfc3339", {}, "2023-11-14T14:13:20-08:00"),
        ("local", {"zone": "America/Vancouver"}, "2023-11-14T14:13:20"),
        (
            "local",
            {"zone": "America/Vancouver", "format": "%d/%m/%Y %I:%M:%S %p"},
            "14/11/2023 02:13:20 PM",
        ),
    ],
)
def test_an_instant_is_the_same_however_it_is_written(
    unit: str, more: dict[str, str], value: object
) -> None:
    field = InstantField.model_validate({"field": "x", "unit": unit} | more)
    assert instant(value, field) == AT
