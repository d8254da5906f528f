"""Write the table of docs/messages.md from notifier/kinds.py; --check only compares."""

import sys
from pathlib import Path

from page_table import keep

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from notifier.explain import SAID  # noqa: E402 - found through the line above
from notifier.kinds import Hold, Kind, Quiet  # noqa: E402 - as above

HOLDS = {Hold.NONE: "", Hold.DETECTED: "`HOLD_S`", Hold.RESTORED: "`RESTORED_HOLD_S`"}


def table() -> str:
    """One line for each kind, in the order of the table."""
    lines = [
        (
            "| kind | tells somebody | at night | counts in a day | waits for | too old after | "
            "sent again if unknown | followed | beyond the cap |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(_line, Kind)])


def _line(kind: Kind) -> str:
    rule = kind.rule
    old = rule.expires_after
    cells = (
        f"`{kind.public_name}`" + (f" ({kind.variant})" if kind.variant else ""),
        SAID[kind],
        "waits" if rule.quiet is Quiet.WAITS else "sent",
        "" if rule.critical else "yes",
        HOLDS[rule.hold],
        "" if old is None else f"{old.total_seconds() / 3600:g} h",
        "yes" if rule.resent else "no",
        "yes" if rule.followed else "",
        "yes" if rule.beyond_cap else "",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(keep("messages.md", "kinds", table()))
