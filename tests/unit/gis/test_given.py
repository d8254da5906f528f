import pytest

from gis.importing.given import shown


@pytest.mark.parametrize(
    "word",
    [
        "6045550142",
        "+16045550142",
        "+1 604 555 0142",
        "604-555-0142",
        "604.555.0142",
        "(604) 555-0142",
        "(604)5550142",
        "555-0142",
        "0664 5550142",
        "call 604 555 0142 first",
        "a.name@example.org",
        "12045550142;2",
    ],
)
def test_what_may_be_a_phone_or_an_email_is_never_shown(word: str) -> None:
    assert shown(word) is None
    assert shown("-123.1", word) is None


@pytest.mark.parametrize(
    "word",
    ["P-1042", "west", "-123.12345678901234", "491000.25", "5456000", "49,2", "2026-11-27", ""],
)
def test_ids_words_and_coordinates_are_shown(word: str) -> None:
    assert shown(word) == word


def test_what_is_long_is_cut_at_40_characters() -> None:
    assert shown("x" * 40) == "x" * 40
    assert shown("x" * 41) == "x" * 39 + "…"
