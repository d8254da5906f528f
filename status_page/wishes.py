"""Which language a visitor asks for (RFC 9110, 12.5.4)."""

from collections.abc import Sequence

_MOST = 20
"""Wishes that are looked at; browsers send a handful."""
_LONGEST = 512
"""Characters that are looked at; anybody may send megabytes."""


def preferred(header: str, spoken: Sequence[str]) -> str:
    """Return the spoken language that an ``Accept-Language`` header wishes for most, or the first.

    ``zh-Hant-TW`` is content with ``zh``: a page in the language is better than none.
    """
    wishes = [_wish(part) for part in header[:_LONGEST].split(",")[:_MOST]]
    # Of equal weight, the one named first.
    for tag, _ in sorted(wishes, key=lambda wish: -wish[1]):
        primary = tag.partition("-")[0]
        if primary in spoken:
            return primary
        if tag == "*":
            break
    return spoken[0]


def _wish(part: str) -> tuple[str, float]:
    tag, _, weight = part.partition(";")
    name = tag.strip().lower()
    try:
        quality = float(weight.replace(" ", "").removeprefix("q=") or 1)
    except ValueError:
        return "", 0.0
    return (name, quality) if 0 < quality <= 1 else ("", 0.0)
