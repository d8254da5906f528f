"""Of an address only the street is shown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.replies.street import street_of

STREETS = (
    "Main St", "E 22nd Ave", "W 7Th Av", "5th Avenue", "St. George St", "Lamey'S Mill Road",
    "Kingsway", "Leg-In-Boot Square", "Avenue B", "Floor Mill Rd", "Unity St", "Calle Mayor",
    "rue Principale", "1re Avenue", "County Road 12", "State Route 9", "Highway 61 N", "Elm Street",
)  # fmt: skip
HOUSES = (
    "12", "101-1467", "12B", "12-B", "#12", "12 1/2", "12½", "12 ½", "N6W23001", "12-14", "12 & 14",
    "4B 12", "Unit 5 12", "Unit 5, 12", "Apt. 4B, 12", "# 3 - 12", "Suite B 12",
)  # fmt: skip
UNITS = (
    "", " Apt 4B", ", Apt 4B", " #4", ", #4", " # 4B", " Unit 5", " unit B", " Suite 200",
    " Ste. 3", " Lot 9", " Bldg 2 Apt 7", " Fl 3", ", Floor 3", " Apt Four", " piso 2", ", 4",
    " No. 7", " app. 3", " Rm 12", " Upper 2", " Penthouse", ", Springfield, IL 62701",
)  # fmt: skip


@pytest.mark.parametrize("house", HOUSES)
@pytest.mark.parametrize("unit", UNITS)
def test_whatever_stands_around_a_street_is_left_out(house: str, unit: str) -> None:
    for street in STREETS:
        shown = street_of(f"{house} {street}{unit}")
        # Where it cannot be told apart, nothing is shown; never a number.
        assert shown in {street, ""}, (house, street, unit)


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("123 Main St Apt 4B", "Main St"),
        ("Unit 5, 12 Elm St", "Elm St"),
        ("Unit 5 12 Elm St", "Elm St"),
        ("12 1/2 Elm St", "Elm St"),
        ("101-1467 E 22nd Ave", "E 22nd Ave"),
        ("1 W 7Th Av", "W 7Th Av"),
        ("5th Avenue", "5th Avenue"),
        ("350 5th Avenue, Suite 300", "5th Avenue"),
        ("Calle Mayor 5", "Calle Mayor"),
        ("Calle Mayor, 5", "Calle Mayor"),
        ("Calle Mayor 5, 2º B", "Calle Mayor"),
        ("12, rue Principale", "rue Principale"),
        ("12 County Road 9", "County Road 9"),
        # It may be the ninth house on County Road.
        ("County Road 9", ""),
        ("Elm Street 12", ""),
        ("12 Elm Street 4", ""),
        ("Flat above 12 Elm Street", ""),
        ("12 ½ Elm St", "Elm St"),
        ("\uff11\uff12 Elm St", "Elm St"),
        ("", ""),
        ("12", ""),
        ("Kingsway", "Kingsway"),
        ("12 Elm St Upper", "Elm St"),
        ("12 Elm St, Upper", "Elm St"),
        ("Smith residence, 12 Elm St", ""),
        ("c/o John Smith, 12 Elm", ""),
        ("c/o John Smith", ""),
        ("Basement, 12 Elm", ""),
        ("One Elm St", ""),
        ("Twelve Elm Street", ""),
        ("1" * 100_000, ""),
    ],
)
def test_an_address_shows_its_street(address: str, street: str) -> None:
    assert street_of(address) == street


@given(st.text(alphabet="0123456789½²४Ⅻ -/#,.AB", max_size=12), st.sampled_from(STREETS[:4]))
def test_no_number_is_ever_shown_but_the_streets_own(noise: str, street: str) -> None:
    for address in (f"{noise} {street}", f"{street} {noise}", f"{street}, {noise}"):
        left = re.sub("22nd|7Th|5th", "", street_of(address))
        assert not any(letter.isnumeric() for letter in left)
