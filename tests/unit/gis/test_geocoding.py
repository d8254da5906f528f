"""Places by address points: what is sure, and why the rest is not."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from gis.geocoding import Fit, Geocoded, Unplaced, geocode, placed, unplaced
from gis.importing.loading import load_premises
from gis.premises import Premises, ReadOptions, read_premises
from outage import tables as t
from outage.database import Database
from outage.loading import LoadOptions
from outage.model import Actor

ACTOR = Actor(kind="cli", name="import")
HEAD = "premise_id,address,city,postal_code,longitude,latitude\n"


def points(folder: Path, *rows: str) -> Premises:
    path = folder / "points.csv"
    numbered = (f"{number},{row}" for number, row in enumerate(rows, 1))
    path.write_text(HEAD + "\n".join(numbered) + "\n")
    return read_premises(path, ReadOptions(mapping={}))


def found(premise: Unplaced, of: Premises) -> Geocoded:
    (one,) = geocode([premise], of)
    return one


def premise(address: str, city: str = "", postal_code: str = "") -> Unplaced:
    return Unplaced(id="P", address=address, city=city, region="", postal_code=postal_code)


@pytest.mark.parametrize(
    ("asked", "fit", "hint"),
    [
        (premise("10 Main Street", "TROY"), Fit.EXACT, ""),
        (premise("10 main st.", "", "12180-1234"), Fit.EXACT, ""),
        (premise("10 Main St"), Fit.LIKELY, ""),
        (premise("10 Main St, Apt 4", "Troy"), Fit.EXACT, ""),
        (premise("10 Main St", "Albany"), Fit.ELSEWHERE, "it is there in troy 12180"),
        (premise("10 Main St", "Troy", "99999"), Fit.ELSEWHERE, "it is there in troy 12180"),
        (premise("11 Main St", "Troy"), Fit.NO_NUMBER, ""),
        (premise("10 Mian Street", "Troy"), Fit.NO_STREET, "there is main st"),
        (premise("10 Zebra Loop", "Troy"), Fit.NO_STREET, ""),
        (premise("PO Box 7", "Troy"), Fit.NO_ADDRESS, ""),
        (premise(""), Fit.NO_ADDRESS, ""),
        (premise("5 Oak Ave"), Fit.SEVERAL, "2 points lie apart"),
        (premise("5 Oak Ave", "Troy"), Fit.EXACT, ""),
        (premise("7 Elm Ave", "Troy"), Fit.LIKELY, ""),
    ],
)
def test_only_what_is_sure_gets_a_place(
    tmp_path: Path, asked: Unplaced, fit: Fit, hint: str
) -> None:
    read = points(
        tmp_path,
        "10 MAIN ST,Troy,12180,-73.7,42.7",
        "10 Main Street Unit 2,Troy,12180,-73.7001,42.7",
        "5 Oak Ave,Troy,12180,-73.6,42.6",
        "5 Oak Ave,Albany,12207,-73.8,42.6",
        "7 Elm Ave,,,-73.5,42.5",
        "9 Nowhere Rd,Troy,12180,,",
    )
    one = found(asked, read)
    assert (one.fit, one.hint) == (fit, hint)
    assert (one.longitude is not None) == fit.places
    if asked.address.startswith("10") and fit.places:
        assert one.longitude == pytest.approx(-73.70005)


def test_points_without_a_place_place_nothing(tmp_path: Path) -> None:
    read = points(tmp_path, "9 Nowhere Rd,Troy,12180,,", "1 A St,Troy,12180,-73.7,42.7")
    assert found(premise("9 Nowhere Rd"), read).fit is Fit.NO_STREET


def test_a_sheet_without_coordinates_is_loaded_placed_and_loaded_again(
    database: Database, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("premise_id,address,city\nA,10 Main St,Troy\nB,PO Box 7,Troy\n")

    def load() -> tuple[int, int]:
        read = read_premises(sheet, ReadOptions(mapping={}, placeless=True))
        loaded = load_premises(database, read, LoadOptions(), actor=ACTOR)
        return loaded.added, loaded.changed

    def places() -> dict[str, float | None]:
        p = t.premises.c
        with database.read() as conn:
            return {row.id: row.longitude for row in conn.execute(sa.select(p.id, p.longitude))}

    assert load() == (2, 0)
    with database.read() as conn:
        asked = unplaced(conn)
    assert [one.id for one in asked] == ["A", "B"]
    read = points(tmp_path, "10 Main St,Troy,12180,-73.7,42.7")
    sure = [one for one in geocode(asked, read) if one.fit.places]
    done = load_premises(database, placed(sure, read), LoadOptions(partial=True), actor=ACTOR)
    assert (done.changed, done.closed) == (1, 0)
    assert places() == {"A": -73.7, "B": None}
    # The sheet says nothing of places, so that it takes none away.
    assert load() == (0, 0)
    sheet.write_text("premise_id,address,city\nA,10 Main St,Troy NY\nB,PO Box 7,Troy\n")
    assert load() == (0, 1)
    assert places() == {"A": -73.7, "B": None}
    with database.read() as conn:
        assert [one.id for one in unplaced(conn)] == ["B"]


def test_coordinates_of_a_sheet_that_has_none_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("premise_id,longitude,latitude\nA,-73.7,42.7\nB,x,y\n")
    read = read_premises(path, ReadOptions(mapping={}, placeless=True))
    assert (len(read), len(read.unplaced), read.rejected) == (2, 2, ())
