"""GSM 03.38: what fits into one text, and what a text costs.

Providers bill by segment. A text in the GSM-7 alphabet holds 160 septets in
one segment and 153 in each of several; one character outside it turns the
whole text into UCS-2, with 70 and 67. Source: 3GPP TS 23.038, section 6.2.1.
"""

import unicodedata

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€\f")

_ONE_GSM7, _MANY_GSM7 = 160, 153
_ONE_UCS2, _MANY_UCS2 = 70, 67

# Characters that have a plain stand-in. ñ, é, ü, à, è, ì, ò, ù are in the
# alphabet and stay; á, í, ó, ú are not and lose only their accent.
_STAND_INS = {
    "\u00a0": " ",
    "\u202f": " ",
    "\u2009": " ",
    "\t": " ",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2026": "...",
    "\u00ba": "o",
    "\u00aa": "a",
}


def fits_alphabet(text: str) -> bool:
    """Whether every character is in GSM-7, so that nothing turns the text into UCS-2."""
    return all(character in BASIC or character in EXTENDED for character in text)


def to_alphabet(text: str) -> str:
    """The text with each foreign character exchanged for its nearest in GSM-7.

    Character by character: what the alphabet holds is never touched, so "año"
    keeps its ñ while "teléfono aquí" becomes "teléfono aqui". A character with
    no near one stays, and the text is then sent as UCS-2.
    """
    return "".join(map(_to_alphabet, unicodedata.normalize("NFC", text)))


def _to_alphabet(character: str) -> str:
    if character in BASIC or character in EXTENDED:
        return character
    if character in _STAND_INS:
        return _STAND_INS[character]
    bare = unicodedata.normalize("NFD", character)[0]
    return bare if bare in BASIC else character


def septets(text: str) -> int:
    """Length in GSM-7 units: characters of the extension table take two."""
    return len(text) + sum(character in EXTENDED for character in text)


def segments(text: str) -> int:
    """How many segments a provider bills for this text; an empty one bills one."""
    if fits_alphabet(text):
        return _count([2 if c in EXTENDED else 1 for c in text], _ONE_GSM7, _MANY_GSM7)
    # A character outside the basic plane is two UTF-16 units and is never split.
    return _count([len(c.encode("utf-16-le")) // 2 for c in text], _ONE_UCS2, _MANY_UCS2)


def _count(widths: list[int], one: int, many: int) -> int:
    if sum(widths) <= one:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > many:
            count, used = count + 1, 0
        used += width
    return count
