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


def check(text: str) -> None:
    """Refuse text that names a person's phone, e-mail address or house.

    Raises `InvalidCommandError`, which does not quote the text.
    """
    if _EMAIL.search(text):
        raise InvalidCommandError(
            field="public_message", problem="holds an e-mail address; the public must not see it"
        )
    if _PHONE.search(_CLOCK_OR_DATE.sub(" , ", text)):
        raise InvalidCommandError(
            field="public_message",
            problem="holds a phone number; the page shows the utility's own from the site file",
        )
    if _HOUSE.search(_BLOCK.sub(" ", text)):
        raise InvalidCommandError(
            field="public_message", problem="holds a house number; name the street or block"
        )
