import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_on_messages_shows_the_table_of_kinds() -> None:
    script = ROOT / "scripts" / "messages_table.py"
    subprocess.run([sys.executable, script, "--check"], check=True)
