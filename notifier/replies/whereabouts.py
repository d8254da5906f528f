"""Where somebody says they are: a house number, a postal code, an account. Pure."""

import re

from notifier.replies.intents import Asked, Context, NamedPlace
from notifier.replies.plain import plain

_POSTAL = re.compile(
    r"(?<![A-Z0-9-])(?:(?P<ca>[ABCEGHJ-NPRSTVXY]\d[A-Z])[ -]?(?P<ca2>\d[A-Z]\d)|"
    r"(?P<us>\d{5})(?:-\d{4})?)(?![A-Z0-9-])"
)
_ACCOUNT = re.compile(r"(?<![A-Z0-9-])(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{2,23}(?![A-Z0-9-])")
_HOUSE = re.compile(r"(?<![A-Z0-9-])(?:\d{1,5}[A-Z]?-)?(\d{1,6})[A-Z]?(?![A-Z0-9-])")
_AT_A_HOUSE = re.compile(
    r"(?<!\S)at 9 ?11 (?!(?:for|is|on|to|the|my|and|now|in)\b)(?:\S+ ){1,2}"
    r"(?:st|street|ave|avenue|rd|road|dr|drive|ln|lane|blvd|boulevard|ct|court|pl|place|hwy|way)"
    r"(?!\S)"
)
"""911 as a house's number. Without "at" it may be a cry for help with a street in it."""
_LONGEST = 160
"""A longer text tells a story; the numbers in it are anything."""


def named_place(text: str) -> NamedPlace | None:
    """Read which place a text names; None if it names none."""
    written = text.upper()
    if len(written) > _LONGEST:
        return None
    postal = _postal(written)
    rest = written if postal is None else written[: postal.start()] + " " + written[postal.end() :]
    house, account = _HOUSE.search(rest), _account(rest)
    if house is None and account is None:
        # Five digits alone may be an account; a postal code alone is a whole quarter.
        return NamedPlace(account=postal["us"]) if postal is not None and postal["us"] else None
    return NamedPlace(
        house_number=int(house[1]) if house else None,
        postal_code=None if postal is None else _spelled(postal),
        account=account,
        words=frozenset(plain(rest).split()),
    )


def without_house(text: str, words: str, context: Context) -> str:
    """The words but for 911 as a house number: before a street, or where one was asked for."""
    words = _AT_A_HOUSE.sub(" ", words)
    place = named_place(text) if context.asked in {Asked.WHO, Asked.WHICH} else None
    if place is None or not (place.postal_code or place.house_number in context.numbers):
        return words
    return words.removeprefix(f"{place.house_number} ")


def same_postal_code(one: str | None, other: str | None) -> bool:
    """Whether two postal codes are the same, however they are written."""
    return one is not None and other is not None and _bare(one) == _bare(other)


def _postal(written: str) -> re.Match[str] | None:
    """The last one in the text: a house number comes before it."""
    return next(iter(list(_POSTAL.finditer(written))[::-1]), None)


def _spelled(found: re.Match[str]) -> str:
    return found["us"] or f"{found['ca']} {found['ca2']}"


def _bare(code: str) -> str:
    return re.sub(r"[\s-]", "", code.upper())[:6].ljust(5)[: 6 if code[:1].isalpha() else 5]


def _account(rest: str) -> str | None:
    found = _ACCOUNT.search(rest)
    return found[0].strip("-") if found else None
