"""The made-up utility goes in by the door that everybody uses: `outage import`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from workers.child import of_ours
from workers.demo import utility
from workers.errors import DemoError


def load_utility(folder: Path, environment: Mapping[str, str]) -> Path:
    """Make the utility's files in ``folder`` and import them; return the accounts' file.

    Raises `DemoError` with the last thing the import said.
    """
    premises, accounts = utility.write_files(folder)
    for what, path in (("premises", premises), ("accounts", accounts)):
        child = of_ours("import", what, str(path), "--json", name="import", environment=environment)
        done = subprocess.run(
            child.command, env=dict(child.environment), capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise DemoError(f"the made-up {what} could not be loaded: {said}")
    return accounts
