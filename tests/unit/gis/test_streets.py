from __future__ import annotations

import pytest

from gis.streets import normalise, parse


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("1467 E 22Nd Av", (1467, "e 22nd ave")),
        ("1467 East 22nd Avenue", (1467, "e 22nd ave")),
        ("101-1467 E. 22nd Ave.", (1467, "e 22nd ave")),
        ("1467A E 22nd Ave #5", (1467, "e 22nd ave")),
        ("1467 1/2 E 22nd Ave, Apt 5", (1467, "e 22nd ave")),
        ("1467 22nd Avenue East", (1467, "22nd ave e")),
        ("12 St Johns Court", (12, "st johns ct")),
        ("12 Court Street", (12, "ct st")),
        ("4736 Victoria Drive", (4736, "victoria dr")),
        ("5 O'Brien Rd Unit B", (5, "obrien rd")),
        ("7 Broadway", (7, "broadway")),
        ("Lighthouse Point", (None, None)),
        ("12", (None, None)),
        ("", (None, None)),
    ],
)
def test_an_address_is_a_house_number_and_a_street(
    address: str, expected: tuple[int | None, str | None]
) -> None:
    assert parse(address) == expected


def test_a_street_is_the_same_however_people_write_it() -> None:
    written = ["E 22nd Ave", "East 22nd Avenue", " e.  22ND av "]
    assert {normalise(name) for name in written} == {"e 22nd ave"}


def test_a_wall_of_blanks_in_an_address_is_passed_at_once() -> None:
    # For a pattern that begins anew at every blank this would be hours.
    blanks = " " * 1_000_000
    assert parse(f"12 Main{blanks}St{blanks}Apt 5") == (12, "main st")
