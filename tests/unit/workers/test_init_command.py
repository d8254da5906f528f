"""`outage init`: a site file from answers, from options, or from a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from outage.site import FILE, load_site, parse
from workers import first_site
from workers.first_site import QUESTIONS, UnreadableError, answered, short_name, written


def init(
    home: Path, *arguments: str, answers: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run it as a new operator does, with answers typed in."""
    return subprocess.run(
        [sys.executable, "-m", "workers", "init", *arguments],
        env={"OUTAGE_HOME": str(home), "PATH": "/usr/bin:/bin", "TZ": "UTC", **more},
        input=answers,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


ANSWERS = (
    "A Very Long Cooperative Electric Association",
    "",  # the suggested short name
    "",  # no web site
    "America/Chicag",
    "America/Chicago",
    "electric, wind",
    "electric, Water",
    "en,es,fr",
    "202-555-0100",
    "",  # 911
    "+1 202-555-0101",
    "-",
    "Springfield=41,200; Troy = 8900",
    "#ffffff",
    "#0b5394",
)


def test_answers_make_a_file_that_can_be_used(tmp_path: Path) -> None:
    home = tmp_path / "new"
    said = init(home, answers="\n".join(ANSWERS) + "\n")
    assert said.returncode == 0, said.stderr
    assert "did you mean 'America/Chicago'" in said.stderr
    assert "'electric', 'water' or 'gas'" in said.stderr
    assert "contrast" in said.stderr
    assert "Texts begin with: AVLCEA:" in said.stdout
    site = load_site(home)
    assert (site.name, site.short_name) == (ANSWERS[0], "AVLCEA")
    assert (site.time_zone, site.languages) == ("America/Chicago", ("en", "es", "fr"))
    assert [str(one) for one in site.services] == ["electric", "water"]
    assert (site.phones.outage, site.phones.emergency) == ("202-555-0100", "911")
    assert [(area.name, area.served) for area in site.areas] == [
        ("Springfield", 41200),
        ("Troy", 8900),
    ]
    (on_call,) = site.on_call
    assert (on_call.phone, on_call.email) == ("+12025550101", None)
    assert (home / FILE).stat().st_mode & 0o777 == 0o600
    assert not [path for path in home.iterdir() if path.name != FILE]


def test_options_answer_and_defaults_hold_for_the_rest(tmp_path: Path) -> None:
    said = init(tmp_path, "--name", "Sample Power", "--time-zone", "America/Denver", "--json")
    assert json.loads(said.stdout) == {"file": str(tmp_path / FILE), "kept": None}
    site = load_site(tmp_path)
    assert (site.short_name, site.languages, site.phones.emergency) == (
        "Sample Power",
        ("en", "es"),
        "911",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--yes"], "--name: Name of the utility cannot be left out"),
        (["--yes", "--name", "Sample Power"], "--time-zone: Time zone cannot be left out"),
        (["--yes", "--name", "x" * 99, "--short-name", "x" * 99], "the most is 20"),
        (["--yes", "--name", "A\tB"], "on one line"),
        (["--from", "/dev/null"], "name is missing"),
        (["--name", "Sample Power", "--areas", "Springfield"], "Write areas like"),
    ],
)
def test_what_cannot_be_used_leaves_nothing_behind(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    said = init(tmp_path, *arguments, answers="\n")
    assert said.returncode == 1
    assert says in said.stderr
    assert "Traceback" not in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    whole = tmp_path / "theirs.toml"
    whole.write_text('name = "Old"\nshort_name = "Old"\ntime_zone = "UTC"\n')
    home = tmp_path / "home"
    assert init(home, "--from", str(whole)).returncode == 0
    refused = init(home, "--yes", "--name", "New", "--time-zone", "UTC")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert load_site(home).name == "Old"
    done = init(home, "--yes", "--force", "--name", "New", "--time-zone", "UTC")
    assert done.returncode == 0
    assert load_site(home).name == "New"
    (kept,) = home.glob(f"{FILE}.before-*")
    assert parse(kept.read_text()).name == "Old"
    assert str(kept) in done.stdout


def test_the_file_is_utf_8_whatever_the_machine_speaks(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.toml"
    text = 'name = "Énergie Lévis"\nshort_name = "EL"\ntime_zone = "UTC"\n'
    theirs.write_text(text, encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = init(tmp_path / "home", "--from", str(theirs), **plain)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / FILE).read_bytes() == text.encode()


def test_answers_that_end_too_soon_leave_nothing_behind(tmp_path: Path) -> None:
    said = init(tmp_path, answers="Sample Power\n")
    assert said.returncode != 0
    assert list(tmp_path.iterdir()) == []


def test_the_file_says_what_was_answered_whatever_it_holds() -> None:
    facts = {"name": 'Q"uo\\te', "short_name": "Q", "time_zone": "UTC", "areas": []}
    assert parse(written(facts)).name == 'Q"uo\\te'
    question = next(one for one in QUESTIONS if one.field == "areas")
    for answer, found in {
        "A=1": [("A", 1)],
        "A = 1.200 ; B=30": [("A", 1200), ("B", 30)],
        "A=41,200, B=8,900": [("A", 41200), ("B", 8900)],
    }.items():
        read = answered(question, answer, facts)["areas"]
        assert [(area["name"], area["served"]) for area in read] == found
    for answer in ("A", "=1", "A=x", "A=.", "A= , ", "A=1; A=2"):
        with pytest.raises(UnreadableError):
            answered(question, answer, facts)


def test_a_short_name_is_suggested_that_a_text_can_begin_with() -> None:
    assert short_name({"name": "Sample Power"}) == "Sample Power"
    assert short_name({"name": "Great Northern River Valley Electric"}) == "GNRVE"
    assert short_name({}) == ""


def test_a_server_in_utc_suggests_no_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, suggested in {
        "UTC": "",
        "Etc/UTC": "",
        ":America/Denver": "America/Denver",
        "Mars/Base": "",
    }.items():
        monkeypatch.setenv("TZ", zone)
        assert first_site.time_zone({}) == suggested
