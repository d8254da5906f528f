from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workers import cli

SQUARE = "POLYGON ((-123.11 49.28, -123.1 49.28, -123.1 49.29, -123.11 49.29, -123.11 49.28))"


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))


def facts(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    assert cli.run([*words, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert cli.run(list(words)) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1, "one clear line"
    return error


def test_both_imports_print_what_is_expected_of_the_shared_files(
    shared: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = shared / "data"
    expected = json.loads((data / "expected.json").read_text())
    premises = facts(capsys, "import", "premises", str(data / "premises.csv"))
    accounts = facts(capsys, "import", "accounts", str(data / "accounts.csv"))
    assert premises["premises_loaded"] == expected["premises_loaded"]
    assert accounts["accounts_loaded"] == expected["accounts_loaded"]
    indexes = list((tmp_path / "home" / "index").glob("*.index"))
    assert len(indexes) == 1, "nobody has to build what the import has read"
    assert premises["unplaced"] == expected["unplaced"]
    assert premises["rejected_rows"] + accounts["rejected_rows"] == expected["rejected_rows"]
    assert accounts["dropped_contacts"] == expected["dropped_contacts"]

    again = facts(capsys, "import", "premises", str(data / "premises.csv"))
    assert (again["added"], again["changed"], again["closed"]) == (0, 0, 0)
    strict = facts(capsys, "import", "premises", str(data / "premises.csv"), "--strict", code=1)
    assert strict["premises_loaded"] == 0
    assert "--strict allows none" in strict["refused"]
    assert strict["rejected_rows"] == premises["rejected_rows"]

    shape = tmp_path / "square.wkt"
    shape.write_text(SQUARE)
    inside = facts(capsys, "match", str(shape), "--ids", "--service", "electric")
    assert inside["premises"] == len(inside["ids"]) == 292
    assert inside["accounts"] == 287
    assert inside["unplaced"] == 1
    water = facts(capsys, "match", str(shape), "--service", "water")
    assert water["premises"] == 0


def test_a_table_without_a_header_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "premises.csv"
    table.write_text("P1,1 Main St,-123,49\nP2,2 Main St,-123,49\n")
    for what in ("premises", "accounts"):
        assert "the first line is no header" in refusal(capsys, "import", what, str(table))


def test_a_country_that_is_none_is_a_wrong_usage(tmp_path: Path) -> None:
    table = tmp_path / "accounts.csv"
    table.write_text("account_id,mobile\nA1,202-555-0101\n")
    assert cli.run(["import", "accounts", str(table), "--country", "ZZ"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("POLYGON EMPTY", "empty"),
        ("POLYGON ((1 2, 3 4))", "encloses no area"),
        ('{"type": "Point", "coordinates": [1, 2]}', "not an area"),
        ("POLYGON ((5e5 5e6, 6e5 5e6, 6e5 6e6, 5e5 5e6))", "--crs EPSG:xxxx"),
        ("POLYGON ((-10 1, 10 1, 10 40, -10 40, -10 1))", "km² of area"),
        ("x" * 50_000_000, "bytes, the limit is 5,000,000"),
    ],
)
def test_a_bad_shape_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: str
) -> None:
    shape = tmp_path / "shape"
    shape.write_text(text)
    assert words in refusal(capsys, "match", str(shape))


def test_a_mapping_names_columns_from_a_file_or_one_by_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table, mapping = tmp_path / "points.csv", tmp_path / "mapping.toml"
    table.write_text("Id,X,Y\nP1,-123,49\n")
    mapping.write_text('premise_id = "Id"\nlongitude = "X"\n')
    words = ("import", "premises", str(table), "--map", str(mapping), "--map", "latitude=Y")
    assert facts(capsys, *words)["premises_loaded"] == 1
    assert "no column 'Z'" in refusal(capsys, *words, "--map", "zone=Z")
    assert "neither field=column nor a file" in refusal(capsys, *words, "--map", "nothing")
    mapping.write_text("# nothing yet\n")
    assert "mapping.toml: it maps nothing; write lines" in refusal(capsys, *words)


def test_a_bad_row_is_shown_with_what_stood_there_and_a_load_that_is_refused_counts_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "premises.csv"
    table.write_text(
        "premise_id,longitude,latitude,services\n"
        "A,west,49,\nA,-123,49,\nA,-123,49,\nB,-123,490,\n,-123,49,\nC,-123,49,steam\nD,202-555-0101,49,\n"
        f"{'x' * 70},-123,49,\nb@example.org,-123,490,\n"
    )
    assert cli.run(["import", "premises", str(table)]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "  line 2: coordinate ('west 49')",
        "  line 4: duplicate premise_id ('A')",
        "  line 5: coordinate ('-123 490')",
        "  line 6: premise_id (empty)",
        "  line 7: services ('steam')",
        "  line 8: coordinate",
        f"  line 9: premise_id ('{'x' * 39}…')",
        "  line 10: coordinate ('-123 490')",
    ]
    assert "8 of 9 rows are bad" in said.err
    refused = facts(capsys, "import", "premises", str(table), code=1)
    assert refused["given"]["2"] == "west 49"
    assert "8" not in refused["given"]
    assert "8 of 9 rows are bad" in refused["refused"]
