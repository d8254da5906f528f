"""Of an address no more than its street: neither house nor unit, whichever way it is written.

A link or an answer may be read by others than who lives there. What cannot be told from a house or
a unit is not shown at all; for "22nd Avenue" and "County Road 12" it can be told. Pure.
"""

import re
import unicodedata

_LONGEST = 200
"""A longer one is no address, and would take long to be read."""
_GAPS = re.compile(r"\s+")
_UNIT_NAMES = (
    "apt|apartment|unit|suite|ste|lot|trlr|trailer|bldg|building|fl|floor|rm|room|space|spc|slip|"
    "penthouse|ph|bsmt|basement|upper|lower|rear|front|side|no|nr|num|number|número|numero|n[º°]|"
    "int|interior|ext|exterior|piso|planta|puerta|depto|dpto|dep|departamento|oficina|local|"
    "appartement|appt|app|bureau|étage|etage|porte|bte"
)
_NUMBER = r"[\w/-]*[\d\u00bc-\u00be][\w/-]*"
_PART = rf"(?:{_NUMBER}|[^\W\d])"
"""What a unit or a house is called: with a figure in it, or by one letter."""
_UNIT_FIRST = re.compile(
    rf"^(?:(?:{_UNIT_NAMES})\b\.?\s*#?\s*|#\s*){_PART}(?=\s|$)\s*[-:;]?\s*", re.IGNORECASE
)
_UNIT_LAST = re.compile(
    rf"\s+(?:#.*|(?:{_UNIT_NAMES})\b\.?\s*#?\s*{_PART}(?:\s.*)?"
    r"|(?:apt|apartment|unit|suite|ste|penthouse|ph|bsmt|basement)\b.*|(?:upper|lower|rear|front))$",
    re.IGNORECASE,
)
_HOUSE = re.compile(rf"#?\s*{_NUMBER}(?:\s*[-\u2013&]\s*{_NUMBER})*(?:\s+|$)", re.IGNORECASE)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|er|re|ère|e|ème)(?!\w)", re.IGNORECASE)
_AWAY = r"(?:north|south|east|west|[ns][ew]?|[ew])"
_NUMBERED = re.compile(
    rf"(?:(?:old|{_AWAY}|us|u\.s\.|state|county|co|township|twp|provincial|forest|ranch|rural)\s+)*"
    r"(?:highway|hwy|route|rte|rt|road|rd|interstate|i|fm|cr|sr)[\s-]\d{1,4}[a-z]?"
    rf"(?:\s+{_AWAY})?",
    re.IGNORECASE,
)
"""A road that is called by a number: only behind a house's number, or it may be the house's."""
_SPELT = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|uno|dos|tres|deux|trois"
_NO_STREET = re.compile(rf"(?:c\s?/\s?o|attn|attention|{_SPELT})\b", re.IGNORECASE)
"""A person, or a house whose number is written in letters."""
_STREET_FIRST = re.compile(
    r"((?:calle|c/|avenida|avda?\.?|paseo|plaza|camino|carrera|rue|chemin|boulevard|avenue|place|"
    r"impasse|allée|via)\s+\S.*?)\s+\d+\s?[a-z]?$",
    re.IGNORECASE,
)
"""Spain, Latin America and France write the house behind the street too."""


def street_of(address: str) -> str:
    """Return the street of an address; empty where none can be shown."""
    if len(address) > _LONGEST:
        return ""
    pieces = address.replace(";", ",").split(",")
    read = [_street(_GAPS.sub(" ", piece).strip()) for piece in pieces]
    first = next(((at, *one) for at, one in enumerate(read) if one[0]), None)
    if first is None:
        return ""
    at, street, behind_house = first
    by_number = behind_house and _NUMBERED.fullmatch(street)
    # A name or "Basement" may stand before the piece that has the house and the street.
    whole = not behind_house and street == _GAPS.sub(" ", pieces[at]).strip()
    before_it = whole and any(later[0] and later[1] for later in read[at + 1 :])
    if before_it and not any(map(_HOUSE.fullmatch, map(str.strip, pieces[:at]))):
        return ""
    if _NO_STREET.match(street) or (_has_number(street) and not by_number):
        return ""
    return street


def _street(piece: str) -> tuple[str, bool]:
    """What of one piece between commas is no house and no unit; whether a house stood before it."""
    street, behind_house = _UNIT_FIRST.sub("", piece), False
    while (house := _HOUSE.match(street)) and not _ORDINAL.match(street):
        street, behind_house = street[house.end() :], True
    street = _UNIT_LAST.sub("", street).strip()
    before_house = _STREET_FIRST.fullmatch(street)
    return before_house[1] if before_house and not behind_house else street, behind_house


def _has_number(street: str) -> bool:
    left = _ORDINAL.sub("", street)
    return any(unicodedata.category(letter).startswith("N") for letter in left)
