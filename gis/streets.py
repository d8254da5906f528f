"""Addresses as house number and street, each street written in one way."""

from __future__ import annotations

import re
from functools import lru_cache

_ADDRESS = re.compile(
    r"\s*(?:#?\s*[0-9a-z]{1,6}\s*-\s*)?"  # a unit before the number: 101-1467 E 22nd Av
    r"(?P<number>\d{1,7})(?:\s*1/2|[a-z](?=\s))?\s+"
    r"(?P<street>\S.*)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"(?:,.*|\s+(?:#|(?:apt|apartment|unit|suite|ste|lot|trlr|bldg|fl|floor|rm|room)\b).*)$",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[.'’]")
_GAPS = re.compile(r"[\s_]+")
# The commonest of what the US Postal Service (Publication 28) and Canada Post abbreviate.
_WORDS = {
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
    "avenue": "ave",
    "av": "ave",
    "boulevard": "blvd",
    "circle": "cir",
    "court": "ct",
    "crt": "ct",
    "crescent": "cres",
    "cr": "cres",
    "drive": "dr",
    "highway": "hwy",
    "lane": "ln",
    "parkway": "pkwy",
    "place": "pl",
    "road": "rd",
    "square": "sq",
    "street": "st",
    "terrace": "ter",
    "terr": "ter",
    "trail": "trl",
    "way": "way",
}


@lru_cache(maxsize=65_536)
def normalise(street: str) -> str:
    """Return a street's name as it is compared: ``East 22nd Avenue`` is ``e 22nd ave``.

    Words that only begin or end a name are shortened there alone: ``St Johns Court`` keeps
    its saint.
    """
    # Gaps first: in long ones the search for a unit would begin anew at every blank.
    words = _MARKS.sub("", _UNIT.sub("", _GAPS.sub(" ", street))).casefold().split()
    last = len(words) - 1
    # A direction may stand behind the type: 22nd Avenue East.
    ends = {0, last, last - 1} if last > 1 else {0, last}
    return " ".join(_WORDS.get(word, word) if at in ends else word for at, word in enumerate(words))


def parse(address: str) -> tuple[int | None, str | None]:
    """Split an address into its house number and its normalised street.

    An address without a number has neither: it names a place, not a house on a street.
    """
    # Gaps first, as for a street: in long ones the search would begin anew at every blank.
    found = _ADDRESS.match(_GAPS.sub(" ", address))
    if found is None:
        return None, None
    street = normalise(found["street"])
    return (int(found["number"]), street) if street else (None, None)
