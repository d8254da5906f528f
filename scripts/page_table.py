"""Keep a table of a page as the program says it is."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def keep(page: str, name: str, table: str) -> int:
    """Write ``table`` between the marks ``name`` of a page of docs; --check only compares.

    Returns 1 when --check finds the page out of date, else 0.
    """
    path, begin, end = ROOT / "docs" / page, f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    old = path.read_text(encoding="utf-8")
    before, _, rest = old.partition(begin)
    _, _, after = rest.partition(end)
    new = f"{before}{begin}{table}{end}{after}"
    if "--check" not in sys.argv:
        path.write_text(new, encoding="utf-8")
    elif new != old:
        print(f"docs/{page} is out of date; run {sys.argv[0]}", file=sys.stderr)
        return 1
    return 0
