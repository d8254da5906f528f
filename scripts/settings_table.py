"""Write the table of docs/settings.md from outage/settings.py; --check only compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from outage.settings import markdown  # noqa: E402 - found through the line above

BEGIN, END = "<!-- settings -->\n", "\n<!-- end of settings -->"


def main() -> int:
    """Return 1 when --check finds the page out of date, else 0."""
    page = ROOT / "docs" / "settings.md"
    old = page.read_text(encoding="utf-8")
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}{markdown()}{END}{after}"
    if "--check" not in sys.argv:
        page.write_text(new, encoding="utf-8")
    elif new != old:
        print("docs/settings.md is out of date; run scripts/settings_table.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
