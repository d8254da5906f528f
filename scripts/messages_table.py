"""Write the table of docs/messages.md from notifier/kinds.py; --check only compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from notifier.explain import SAID  # noqa: E402 - found through the line above
from notifier.kinds import Hold, Kind, Quiet  # noqa: E402 - as above

BEGIN, END = "<!-- kinds -->\n", "\n<!-- end of kinds -->"
HOLDS = {Hold.NONE: "", Hold.DETECTED: "`HOLD_S`", Hold.RESTORED: "`RESTORED_HOLD_S`"}


def table() -> str:
    """One line for each kind, in the order of the table."""
    lines = [
        (
            "| kind | tells somebody | at night | counts in a day | waits for | too old after | "
            "sent again if unknown |"
        ),
        "|---|---|---|---|---|---|---|",
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
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Return 1 when --check finds the page out of date, else 0."""
    page = ROOT / "docs" / "messages.md"
    old = page.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}{table()}{END}{after}"
    if "--check" not in sys.argv:
        page.write_text(new, encoding="utf-8")
    elif new != old:
        print("docs/messages.md is out of date; run scripts/messages_table.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
