"""A text as it is compared: no case, no accents, no marks, one blank between words."""

import re
import unicodedata

_ENDINGS = re.compile(r"'(?=(?:t|s|m|re|ll|ve|d)\b)")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u00b4`\u2032", "'"))
_LAST_LATIN = "\u024f"
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_GURMUKHI = re.compile(r"[\u0a00-\u0a7f]")


def plain(text: str) -> str:
    """Write a text, or a phrase to be looked for in one, in the one way they are compared.

    "Don't" becomes ``dont`` and "l'électricité" ``l electricite``. Latin letters lose their
    accents; those of other scripts keep theirs, which are vowels.
    """
    folded = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
    folded = _INVISIBLE.sub("", _ENDINGS.sub("", folded))
    return " ".join("".join(map(_or_blank, _without_accents(folded))).split())


def compact(text: str) -> str:
    """Take the blanks out, for a script that has none."""
    return text.replace(" ", "")


def script_of(text: str) -> str | None:
    """Return the language that a text's script alone gives away."""
    if _HAN.search(text):
        return "zh"
    return "pa" if _GURMUKHI.search(text) else None


def _without_accents(text: str) -> str:
    kept: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(character):
            base = character
        elif base <= _LAST_LATIN:
            continue
        kept.append(character)
    return "".join(kept)


def _or_blank(character: str) -> str:
    return character if unicodedata.category(character)[0] in "LNM" else " "
