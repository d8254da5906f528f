import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from outage import tables as t
from outage.database import Database
from workers import cli
from workers.errors import BrokerMissing


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Puts a command named `try` on the table."""

    def _offer(action: Callable[[], None]) -> None:
        monkeypatch.setattr(
            sys.modules[__name__], "offered", click.Command("try", callback=action), raising=False
        )
        monkeypatch.setitem(cli.COMMANDS, "try", cli.Entry(f"{__name__}:offered", "Try."))

    return _offer


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


def test_every_command_of_the_table_can_be_loaded_and_explains_itself() -> None:
    context = click.Context(cli.outage)
    for name in cli.COMMANDS:
        command = cli.outage.get_command(context, name)
        assert command is not None
        assert command.help, name


def test_help_lists_every_command_and_loads_none() -> None:
    code = (
        "import sys, workers.cli as cli\n"
        "assert cli.run(['--help']) == 0\n"
        "print([name for name in sys.modules if name.startswith('workers.commands.')"
        " or name in ('sqlalchemy', 'geopandas', 'uvicorn')])"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert said.splitlines()[-1] == "[]"
    assert all(name in said for name in cli.COMMANDS)


def test_a_command_that_ends_well_is_0(offer: Callable[[Callable[[], None]], None]) -> None:
    offer(lambda: None)

    assert cli.run(["try"]) == 0


def test_a_refusal_of_ours_is_1_and_speaks_for_itself(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(_raise(BrokerMissing()))

    assert cli.run(["try"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("outage: no Valkey server was found")
    assert said.count("\n") == 1


def test_a_surprise_is_1_and_one_line_with_a_way_to_learn_more(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(_raise(ZeroDivisionError("a\nb")))

    assert cli.run(["try"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "ZeroDivisionError: a b" in said
    assert "--debug" in said


def test_debug_shows_where_a_surprise_came_from(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(_raise(ZeroDivisionError("a")))

    assert cli.run(["--debug", "try"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_missing_file_is_named(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(_raise(FileNotFoundError(2, "No such file or directory", "storm.jsonl")))

    assert cli.run(["try"]) == 1
    assert capsys.readouterr().err == "outage: storm.jsonl: No such file or directory\n"


@pytest.mark.parametrize(
    "url", ["postgresql://somebody:a-password@127.0.0.1:1/x", "sqlite:////no/such/folder/x.db"]
)
def test_a_database_that_is_away_is_no_surprise(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path))
    monkeypatch.setenv("OUTAGE_DATABASE_URL", url)

    assert cli.run(["list"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("outage: the database cannot be used: ")
    assert said.count("\n") == 1
    assert not any(word in said for word in ("unexpected", "sqlalche.me", "a-password"))


def test_words_that_are_no_text_are_refused_in_one_line(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(lambda: click.echo(b"\xff".decode(errors="surrogateescape").encode()))

    assert cli.run(["try"]) == 1
    assert "not UTF-8" in capsys.readouterr().err


def test_what_a_database_quotes_is_not_repeated(
    offer: Callable[[Callable[[], None]], None],
    capsys: pytest.CaptureFixture[str],
    database: Database,
) -> None:
    row = {"kind": "phone", "address": "+16045550142"}

    def twice() -> None:
        with database.write() as conn:
            conn.execute(t.endpoints.insert().values(**row))
            conn.execute(t.endpoints.insert().values(**row))

    offer(twice)
    assert cli.run(["try"]) == 1
    said = capsys.readouterr().err
    assert "unexpected IntegrityError" in said
    assert "0142" not in said


def test_a_full_disk_is_no_surprise(
    offer: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    offer(_raise(OSError(28, "No space left on device")))

    assert cli.run(["try"]) == 1
    assert capsys.readouterr().err == "outage: No space left on device\n"


def test_up_says_that_the_page_has_nowhere_to_be(
    tmp_path: Path,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path))
    for name in ("PAGE", "WEB", "COUNTER"):
        monkeypatch.setenv(f"OUTAGE_{name}_PORT", str(free_port()))
    (tmp_path / "published").touch()

    assert cli.run(["up"]) == 1
    assert "cannot be a folder" in capsys.readouterr().err
    assert not (tmp_path / "outage.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [["try"], ["import", "premises", "x.csv"], ["--debug", "import", "premises", "x.csv"]],
)
def test_ctrl_c_is_130_and_says_what_becomes_of_a_load(
    arguments: list[str],
    offer: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offer(_raise(KeyboardInterrupt()))
    interrupted = click.Command(
        "import",
        callback=lambda **_: _raise(KeyboardInterrupt())(),
        params=[click.Argument(["words"], nargs=-1)],
    )
    monkeypatch.setattr(sys.modules[__name__], "interrupted", interrupted, raising=False)
    monkeypatch.setitem(cli.COMMANDS, "import", cli.Entry(f"{__name__}:interrupted", "Load."))

    assert cli.run(arguments) == 130
    said = capsys.readouterr().err.strip()
    assert said.startswith("outage: stopped")
    assert ("the same command completes it" in said) == ("import" in arguments)
    assert "\n" not in said


def test_ctrl_c_while_the_command_is_still_being_loaded_is_130_without_a_traceback(
    tmp_path: Path,
) -> None:
    # Stands before the library of that name, so that Ctrl+C comes while it is imported.
    # A shell's background jobs ignore it, and so would what they start.
    (tmp_path / "click.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "time.sleep(60)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-m", "workers", "list"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )

    assert ended.returncode == 130
    assert ended.stderr == "outage: stopped\n"


def test_the_installed_command_begins_where_ctrl_c_is_heard() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"outage": "workers.__main__:main"}


def test_what_ctrl_c_interrupts_is_not_logged_either() -> None:
    code = (
        "import logging, sys, workers.cli as cli\n"
        "def run(arguments):\n"
        "    for error in (KeyboardInterrupt(), ValueError('kept')):\n"
        "        try:\n"
        "            raise error\n"
        "        except BaseException:\n"
        "            logging.getLogger('a.library').exception('while closing')\n"
        "    return 0\n"
        "cli.run = run\n"
        "cli.main()\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stderr

    assert "KeyboardInterrupt" not in said
    assert "kept" in said


@pytest.mark.parametrize("arguments", [["no-such-command"], ["--no-such-option"], []])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "never"),
    [
        (
            "page",
            {"sqlalchemy", "geopandas", "shapely", "twilio", "sendgrid", "console", "counter"},
        ),
        ("worker", {"geopandas", "shapely", "pandas", "console", "counter", "status_page"}),
        ("up", {"sqlalchemy", "geopandas", "twilio", "uvicorn"}),
    ],
)
def test_a_process_loads_only_what_it_needs(command: str, never: set[str]) -> None:
    code = f"import sys, workers.commands.{command}; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert never.isdisjoint(loaded)
