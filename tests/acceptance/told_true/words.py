"""What a text states, read out of its English words; other languages are held to their rows.

``Est. back Fri 6:00PM``, ``No return time yet``, ``As of``, and whether service is out or back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)\s?(?P<half>[AP]M)"
_DAY = r"(?P<day>Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s(?:[A-Z][a-z]+\s(?P<date>\d{1,2}),?\s)?"
_WHEN = rf"{_DAY}(?:\d{{4}},?\s)?(?:at\s)?{_CLOCK}"
ETR = re.compile(rf"(?:est\. back|estimated back:?|back by)\s{_WHEN}", re.IGNORECASE)
AS_OF = re.compile(rf"as of:?\s{_WHEN}", re.IGNORECASE)
MORE_BY = re.compile(rf"(?:more by|next update by:?)\s{_WHEN}", re.IGNORECASE)
NO_ETR = re.compile(r"no (?:return|new) time yet|estimated back: not known", re.IGNORECASE)
ON_SITE = re.compile(r"crew on site|crew: crew on site", re.IGNORECASE)
BACK = re.compile(r"\bshould be (?:back|on)\b", re.IGNORECASE)
STILL_OUT = re.compile(r"\bstill out\b|\bout at\b|\boff at .* since\b", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a text states; times as (weekday, hour, minute) on the clock of the place."""

    etr: tuple[str, int, int] | None
    no_etr: bool
    more_by: tuple[str, int, int] | None
    as_of: tuple[str, int, int] | None
    on_site: bool
    back: bool
    out: bool


def stated(body: str) -> Stated:
    """Read a text in English."""
    text = _SPACES.sub(" ", body)
    return Stated(
        etr=_when(ETR.search(text)),
        no_etr=NO_ETR.search(text) is not None,
        more_by=_when(MORE_BY.search(text)),
        as_of=_when(AS_OF.search(text)),
        on_site=ON_SITE.search(text) is not None,
        back=BACK.search(text) is not None,
        out=STILL_OUT.search(text) is not None,
    )


def undated(body: str) -> str:
    """A text without the time at which it holds: what is the same text a minute later."""
    return _SPACES.sub(" ", AS_OF.sub("", _SPACES.sub(" ", body))).strip()


def on_the_clock(at: int, zone: ZoneInfo) -> tuple[str, int, int]:
    """An instant as a text would state it there."""
    local = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    return local.strftime("%a"), local.hour, local.minute


def _when(found: re.Match[str] | None) -> tuple[str, int, int] | None:
    if found is None:
        return None
    hour = int(found["hour"]) % 12 + (12 if found["half"].upper() == "PM" else 0)
    return found["day"].title(), hour, int(found["minute"])
