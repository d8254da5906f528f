"""Write the table of docs/settings.md from outage/settings.py; --check only compares."""

import sys
from pathlib import Path

from page_table import keep

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from outage.settings import markdown  # noqa: E402 - found through the line above

if __name__ == "__main__":
    sys.exit(keep("settings.md", "settings", markdown()))
