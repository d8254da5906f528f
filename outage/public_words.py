"""The check that words for the public pass: nobody's number, address or house (DECISIONS 14)."""

from __future__ import annotations

import re

from outage.errors import InvalidCommandError

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
_PHONE = re.compile(r"(?:\+|\b)\d(?:[\s().-]{0,2}\d){6,14}\b")
_CLOCK_OR_DATE = re.compile(r"\b(?:\d{4}-\d{2}-\d{2}|\d{1,2}:\d{2})\b")
_STREETS = (
    "street|st|avenue|ave|road|rd|drive|dr|lane|ln|court|ct|crescent|cres|boulevard|blvd|"
    "place|pl|way|terrace|highway|hwy"
)
_HOUSE = re.compile(
    rf"\b\d{{1,6}}[a-z]?\s+(?:[\w'.-]+\s+){{1,3}}?(?:{_STREETS})\b(?!\s+block)", re.IGNORECASE
)
_BLOCK = re.compile(r"\b\d+00\s+block\b", re.IGNORECASE)

_WORD, _DIGIT = re.compile(r"[\w./-]*\w"), re.compile(r"\d")
_SHORTEST_ID = 5
"""Shorter ones are in every text, and lead to nobody without more."""

LONGEST_PLACE = 200
LONGEST_TEXT = 4_000


def check_place(place: str) -> None:
    """Refuse the name of a place that is no name, or that leads to a person."""
    _check_length("place", place, LONGEST_PLACE)
    _check_contacts("place", place)
    _check_houses("place", place)


def check_note(text: str) -> None:
    """Refuse an internal note that is too long to be one."""
    _check_length("note", text, LONGEST_TEXT)


def check(text: str) -> None:
    """Refuse text that names a person's phone, e-mail address or house.

    Raises `InvalidCommandError`, which does not quote the text.
    """
    _check_length("public_message", text, LONGEST_TEXT)
    _check_contacts("public_message", text)
    _check_houses("public_message", text)


def like_ids(text: str) -> list[str]:
    """Return the words of a text that may be ids: with a digit, and not as short as a number."""
    return [
        word for word in _WORD.findall(text) if len(word) >= _SHORTEST_ID and _DIGIT.search(word)
    ]


def _check_houses(field: str, text: str) -> None:
    if _HOUSE.search(_BLOCK.sub(" ", text)):
        raise InvalidCommandError(
            field=field, problem="holds a house number; name the street or block"
        )


def _check_length(field: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise InvalidCommandError(
            field=field, problem=f"is {len(text):,} characters long; the most is {longest:,}"
        )


def _check_contacts(field: str, text: str) -> None:
    if _EMAIL.search(text):
        raise InvalidCommandError(
            field=field, problem="holds an e-mail address; the public must not see it"
        )
    if _PHONE.search(_CLOCK_OR_DATE.sub(" , ", text)):
        raise InvalidCommandError(
            field=field,
            problem="holds a phone number; the page shows the utility's own from the site file",
        )
