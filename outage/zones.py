"""Which rules of time zones count: the system's, or those this program was installed with.

Rules change by law, now and then within months. A machine that is seldom updated would tell every
time an hour wrong from then on, so the newer of the two are used.
"""

import os
import zoneinfo
from pathlib import Path

import tzdata

OURS: str = tzdata.IANA_VERSION
"""Of the rules that came with this program, like ``2026f``."""
_LIST = "tzdata.zi"
_BEGINS = "# version "


def of_system() -> str:
    """Return the version of the system's rules; empty where it does not say."""
    for folder in zoneinfo.TZPATH:
        try:
            with (Path(folder) / _LIST).open(encoding="utf-8") as listed:
                first = listed.readline().strip()
        except OSError:
            continue
        if first.startswith(_BEGINS):
            return first.removeprefix(_BEGINS)
    return ""


def use_newest() -> None:
    """Let this process use the newer rules; call it before it looks at any zone.

    An operator who names a folder in ``PYTHONTZPATH`` has decided.
    """
    if "PYTHONTZPATH" not in os.environ and of_system() < OURS:
        zoneinfo.reset_tzpath(to=())
        zoneinfo.ZoneInfo.clear_cache()


def in_use() -> str:
    """Say in words which rules this process uses."""
    if not zoneinfo.TZPATH:
        return f"{OURS}, installed with this program"
    return f"{of_system() or 'of an unknown version'}, of this system"
