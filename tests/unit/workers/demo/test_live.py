"""The demo keeps off everything that is not its own, and says what can be typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outage import schema
from outage import tables as t
from outage.database import open_database
from outage.errors import SettingsError
from workers.checkup import doctor
from workers.demo import live, stage
from workers.errors import DemoError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("OUTAGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("fresh", [False, True])
def test_a_home_with_records_of_its_own_is_left_as_it_is(home: Path, *, fresh: bool) -> None:
    home.mkdir()
    (home / "outage.db").write_bytes(b"a utility's own")

    with pytest.raises(DemoError, match="no"):
        live.run(fresh=fresh)

    assert [path.name for path in home.iterdir()] == ["outage.db"]
    assert (home / "outage.db").read_bytes() == b"a utility's own"


def test_a_database_with_accounts_of_its_own_gets_no_storm(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = open_database(database_url)
    schema.upgrade(db)
    with db.write() as conn:
        conn.execute(t.accounts.insert().values(key=1, id="A1"))
    db.close()
    monkeypatch.setenv("OUTAGE_DATABASE_URL", database_url)

    for _ in range(2):
        with pytest.raises(DemoError, match="holds accounts already"):
            live.run(fresh=False)

    assert not (home / live.TOKEN).exists()


def test_a_port_that_is_no_number_is_a_refusal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTAGE_PAGE_PORT", "http")

    with pytest.raises(SettingsError, match="OUTAGE_PAGE_PORT must be a whole number"):
        live.run(fresh=False)

    assert not (home / "outage.db").exists()


def test_another_shell_that_reads_the_env_file_means_the_demo(home: Path) -> None:
    told = stage.environment(home, {}, hold_s=5)

    path = stage.write_env(home, told)
    said = subprocess.run(
        ["sh", "-c", f'. {path}; echo "$OUTAGE_HOME $OUTAGE_SEND"; echo "$PATH"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert said[0] == f"{home} live"
    assert said[1].startswith(str(Path(sys.executable).parent))
    assert path.stat().st_mode & 0o077 == 0


def test_the_doctor_says_that_a_home_is_the_demos(home: Path) -> None:
    stage.environment(home, {}, hold_s=5)

    said = {check.name: check.says for check in doctor({"OUTAGE_HOME": str(home)})}

    assert "carrier simulator" in said["demo"]
