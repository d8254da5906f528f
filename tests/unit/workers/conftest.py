from collections.abc import Iterator
from pathlib import Path

import pytest

from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from tests.migrated import migrated
from tests.unit.outage.town import settle
from tests.unit.workers.desk import Refuse, Run
from workers import cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def town(home: Path) -> Iterator[Database]:
    """Ten premises, the first six of them inside the square."""
    db = migrated(home / "outage.db")
    settle(db, 10)
    with db.write() as conn:
        premises = t.premises.c
        for key in range(1, 11):
            place = {"longitude": -97.95, "latitude": 29.05 if key <= 6 else 29.5}
            conn.execute(t.premises.update().where(premises.key == key).values(**place))
        conn.execute(
            t.premises_versions.insert().values(
                version=1, at=EPOCH, premises=10, unplaced=0, digest="x"
            )
        )
    yield db
    db.close()


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that must end well, and gives what it printed."""

    def run(*words: str) -> str:
        code = cli.run(words)
        said = capsys.readouterr()
        assert (code, said.err) == (0, "")
        return said.out

    return run


@pytest.fixture
def refuse(home: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must be refused with exit 1, and gives its one line."""

    def refuse(*words: str) -> str:
        code = cli.run(words)
        said = capsys.readouterr()
        assert (code, said.out) == (1, "")
        assert said.err.startswith("outage: ")
        assert said.err.count("\n") == 1
        assert "Traceback" not in said.err
        return said.err

    return refuse
