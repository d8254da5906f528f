from pathlib import Path

import pytest

from outage.database import Database
from tests.integration.status_page.town import Town


@pytest.fixture
def town(database: Database, tmp_path: Path) -> Town:
    return Town(database, tmp_path / "published")
