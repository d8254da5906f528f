"""What the desk's commands refuse: in one clear sentence, and nothing half done."""

import json
from pathlib import Path

import pytest

from outage.database import Database
from tests.unit.workers.desk import SQUARE, Refuse, Run, counts, declared, drawn, square
from workers import cli

BAD_SHAPES = {
    "no GeoJSON at all": ("not a shape", "cannot be read"),
    "empty": ({"type": "Polygon", "coordinates": []}, "empty"),
    "a line": ({"type": "LineString", "coordinates": SQUARE}, "not an area"),
    "two corners": ({"type": "Polygon", "coordinates": [SQUARE[:2]]}, "encloses no area"),
    "projected": (
        {"type": "Polygon", "coordinates": [[[x * 1e4, y * 1e4] for x, y in SQUARE]]},
        "--crs EPSG",
    ),
    "swapped": (
        {
            "type": "Polygon",
            "coordinates": [[[29.0, -98.0], [29.1, -98.0], [29.0, -97.9], [29.0, -98.0]]],
        },
        "swapped",
    ),
    "nobody inside": (
        {"type": "Polygon", "coordinates": [[[x + 1, y] for x, y in SQUARE]]},
        "--allow-empty",
    ),
    "too large": (
        {
            "type": "Polygon",
            "coordinates": [[[-120, 20], [-70, 20], [-70, 50], [-120, 50], [-120, 20]]],
        },
        "limit",
    ),
    "too many bytes": (" " * 6_000_000, "limit"),
}


@pytest.mark.parametrize("name", list(BAD_SHAPES))
def test_a_bad_shape_is_one_sentence_and_changes_nothing(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path, name: str
) -> None:
    outage = declared(run, tmp_path)["id"]
    before = counts(town)
    shape, sentence = BAD_SHAPES[name]
    path = drawn(tmp_path, shape, "bad.json")
    for words in (["declare"], ["update", outage], ["restore", outage]):
        assert sentence in refuse(*words, "--shape", path)
    assert counts(town) == before


def test_a_repair_that_changes_who_is_inside_needs_a_person_and_is_named(
    town: Database, refuse: Refuse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two lobes over the same ground: read as drawn the overlap is a hole, repaired it is not.
    shifted = [[x + 0.01, y] for x, y in SQUARE]
    ring = [*SQUARE[:-1], SQUARE[0], *shifted, SQUARE[0]]
    path = drawn(tmp_path, {"type": "Polygon", "coordinates": [ring]}, "twice.json")
    assert "--accept-repair" in refuse("declare", "--shape", path)
    assert counts(town) == [0] * 6
    assert cli.run(["declare", "--shape", path, "--accept-repair", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["premise_count"] == 6
    assert said.err.startswith("The shape was repaired: part 1: ")


@pytest.mark.parametrize(
    "words",
    [
        ["update", "O-NONE", "--note", "x"],
        ["restore", "O-NONE"],
        ["confirm", "O-NONE"],
        ["reject", "O-NONE"],
        ["start", "O-NONE"],
        ["reopen", "O-NONE"],
        ["cancel", "O-NONE"],
        ["close", "O-NONE"],
        ["show", "O-NONE"],
    ],
)
def test_an_unknown_id_is_refused_by_every_command(
    town: Database, refuse: Refuse, words: list[str]
) -> None:
    assert "O-NONE" in refuse(*words)
    assert counts(town) == [0] * 6


def test_contradictions_are_refused_and_nothing_half_is_done(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    name = declared(run, tmp_path)["id"]
    before = counts(town)
    assert "is not a time" in refuse("update", name, "--etr", "soon")
    assert "lies in the past" in refuse("update", name, "--note", "x", "--etr", "2020-01-01 10:00")
    assert "phone number" in refuse(
        "update", name, "--note", "x", "--public-message", "Call 555-555-0142"
    )
    assert "no such message" in refuse("update", name, "--note", "x", "--approve", "99")
    assert "reopen" in refuse("reopen", name)
    assert cli.run(["update", name]) == 2
    assert counts(town) == before


def test_a_word_that_is_none_of_ours_is_a_usage_error(
    town: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run(["declare", "--shape", square(tmp_path), "--cause", "gremlins"]) == 2
    assert cli.run(["declare"]) == 2
    reason = ["--etr-reason", "parts"]
    assert cli.run(["declare", "--shape", square(tmp_path), *reason]) == 2
    assert cli.run(["update", "O-NONE", "--note", "x", *reason]) == 2
    assert cli.run(["token", "add", "--role", "crew", "--name", "  "]) == 2
    assert "Traceback" not in capsys.readouterr().err
