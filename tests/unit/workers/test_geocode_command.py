"""`outage geocode`: from a sheet without coordinates to placed premises."""

import csv
import json
from pathlib import Path

from outage.database import Database
from tests.unit.workers.desk import Refuse, Run


def test_a_sheet_without_coordinates_becomes_placed_premises(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    sheet, points = tmp_path / "sheet.csv", tmp_path / "points.csv"
    review, export = tmp_path / "review.csv", tmp_path / "export.csv"
    sheet.write_text("premise_id,address,city\nA,10 Main St,Troy\nB,PO Box 7,Troy\nC,9 Elm,Troy\n")
    points.write_text(
        "OBJECTID,FULLADDR,CITY,X,Y\n1,10 MAIN STREET,TROY,-97.95,29.05\n2,9 Elm,,-97.95,29.06\n"
    )
    said = refuse("import", "premises", str(sheet), "--partial")
    assert "no column 'longitude'" in said
    assert "--no-places" in said
    run("import", "premises", str(sheet), "--partial", "--no-places")
    where = ["--points", str(points)]
    for field, column in {
        "premise_id": "OBJECTID",
        "address": "FULLADDR",
        "longitude": "X",
        "latitude": "Y",
    }.items():
        where += ["--map", f"{field}={column}"]
    assert "2 of 3 premises without a place would get one" in run("geocode", *where, "--dry-run")
    facts = json.loads(run("geocode", *where, "--exact", "--json"))
    assert facts == {
        "unplaced": 3,
        "placed": 1,
        "fits": {"exact": 1, "likely": 1, "no_address": 1},
    }
    said = run("geocode", *where, "--review", str(review))
    assert "1 of 2 premises without a place have one now" in said
    with review.open() as file:
        (left,) = csv.DictReader(file)
    assert (left["premise_id"], left["why"]) == ("B", "no_address")
    assert "1 premises" in run("geocode", "--export", str(export))
    with export.open() as file:
        assert [row["premise_id"] for row in csv.DictReader(file)] == ["B"]
    assert "cannot be written" in refuse("geocode", "--export", str(tmp_path / "no" / "x.csv"))


def test_where_all_are_placed_it_says_so(town: Database, run: Run, tmp_path: Path) -> None:
    points = tmp_path / "points.csv"
    points.write_text("premise_id,address,longitude,latitude\n1,10 Main St,-97.95,29.05\n")
    assert "Every premise has a place." in run("geocode", "--points", str(points))
