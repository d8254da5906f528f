"""The scan finds nothing in a storm of ours, and each kind of person that is planted there."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outage import tables as t
from tests.acceptance.privacy_scan import People, read_people, scan
from tests.migrated import migrated
from tests.unit.status_page.storm import Publication, sample, status

PEOPLE = People(
    ids=frozenset({"acct-0001", "p-000017"}),
    names=frozenset({("rosa", "moreno")}),
    addresses=frozenset({("4127", "dunbar")}),
    mails=frozenset({"rosa@example.org"}),
    phones=frozenset({"6045550111"}),
    points=frozenset({(-123.11215, 49.24671)}),
    # Ten by ten, a house at each whole number.
    premises=np.array([(1, x, y) for x in range(10) for y in range(10)], dtype=float),
)
PUBLIC = ("604-555-0142",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Publication(tmp_path).publish(status(*sample()))
    return tmp_path


def test_who_must_not_be_found_is_read_from_a_record(tmp_path: Path) -> None:
    db = migrated(tmp_path / "outage.db")
    with db.write() as conn:
        conn.execute(t.accounts.insert().values(key=1, id="acct-0001", name="Rosa Moreno"))
    db.close()
    people = read_people(f"sqlite:///{tmp_path / 'outage.db'}")
    assert (people.ids, people.names) == (PEOPLE.ids & {"acct-0001"}, PEOPLE.names)
    assert people.areas == ()


def test_nothing_is_found_where_nobody_is(folder: Path) -> None:
    finding = scan(folder, PEOPLE, PUBLIC)
    assert finding.faults == []
    assert finding.files > 100


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("account ACCT-0001", "the id of an account or a premise"),
        ("premise p-000017.", "the id of an account or a premise"),
        ("for Rosa Moreno", "the name of an account"),
        ("at 4127 Dunbar Street", "a house number with its street"),
        ("rosa@example.org", "an e-mail address on record"),
        ("somebody.else@example.org", "an e-mail address"),
        ("6045550111", "a phone number on record"),
        ("+1 (604) 555-0111", "a phone number on record"),
        ("604-555-0199", "a phone number"),
        ("[-123.112151,49.246712]", "the point of a premise"),
        ("49.24671 -123.11215", "the point of a premise"),
    ],
)
def test_whatever_is_planted_is_found(folder: Path, planted: str, what: str) -> None:
    page = folder / "outages/O-7K3M1.html"
    page.write_text(page.read_text().replace("</main>", f"<p>{planted}</p></main>"))
    faults = scan(folder, PEOPLE, PUBLIC).faults
    assert faults == [f"outages/O-7K3M1.html holds {what}."]


def test_a_compressed_file_that_holds_something_else_is_looked_into(folder: Path) -> None:
    import gzip

    (folder / "index.html.gz").write_bytes(gzip.compress(b"Rosa Moreno"))
    assert scan(folder, PEOPLE, PUBLIC).faults == ["index.html.gz holds the name of an account."]


def square(folder: Path, number: int, west: float, east: float) -> None:
    ring = [(west, -1), (east, -1), (east, 9.5), (west, 9.5), (west, -1)]
    facts: dict[str, Any] = {
        "id": "O-7K3M1",
        "service": "electric",
        "outline": {"type": "Polygon", "coordinates": [ring]},
    }
    (folder / f"generations/parts/{number:040}.json").write_text(json.dumps({"facts": facts}))


def test_shapes_that_differ_by_nobody_or_by_many_are_fine(folder: Path) -> None:
    for number, east in enumerate((1.2, 1.8, 2.5, 7.5)):
        square(folder, number, -1, east)
    finding = scan(folder, PEOPLE, PUBLIC)
    assert (finding.faults, finding.shapes, finding.pairs) == ([], 4, 6)


def test_shapes_that_differ_by_a_few_or_hold_only_a_few_are_found(folder: Path) -> None:
    for number, (x, y) in enumerate(((-1.0, 2.5), (-1.0, 3.5))):
        square(folder, number, x, y)
    few = dataclasses.replace(PEOPLE, premises=PEOPLE.premises[PEOPLE.premises[:, 2] > 6])
    assert scan(folder, few, PUBLIC).faults == [
        "Two shapes of O-7K3M1 differ by 3 premises.",
    ]
    square(folder, 7, -1, 0.5)
    assert "A shape of O-7K3M1 holds 3 premises." in scan(folder, few, PUBLIC).faults


def test_areas_that_only_a_few_share_are_found(folder: Path) -> None:
    facts = {"id": "O-7K3M1", "service": "electric", "areas": ["Springfield", "97477"]}
    (folder / f"generations/parts/{1:040}.json").write_text(json.dumps({"facts": facts}))
    apart = ((1, frozenset({"springfield"}), 90), (1, frozenset({"97477"}), 90))
    shared = frozenset({"springfield", "97477", "elsewhere"})
    few = dataclasses.replace(PEOPLE, areas=(*apart, (3, shared, 4), (2, shared, 90)))
    assert scan(folder, few, PUBLIC).faults == ["The areas of O-7K3M1 have 4 premises in common."]
    many = dataclasses.replace(PEOPLE, areas=(*apart, (3, shared, 4), (1, shared, 1)))
    finding = scan(folder, many, PUBLIC)
    assert (finding.faults, finding.places) == ([], 1)


def test_numbers_in_what_ships_with_the_program_are_nobodys(folder: Path) -> None:
    coast = next((folder / "static").glob("world-*.json"))
    number = next(each for each in re.findall(r"\d{5,}", coast.read_text()))
    people = dataclasses.replace(PEOPLE, ids=frozenset({number}))
    assert scan(folder, people, PUBLIC).faults == []
    coast.write_text(coast.read_text() + " ")
    found = f"static/{coast.name} holds the id of an account or a premise."
    assert found in scan(folder, people, PUBLIC).faults
