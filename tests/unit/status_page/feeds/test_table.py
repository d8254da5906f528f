"""The table as a spreadsheet opens it."""

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from status_page.feeds.table import COLUMNS, cell
from tests.unit.status_page.feeds.play import states
from tests.unit.status_page.storm import Publication, etr, outage, status

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "feeds/outages.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_every_generation_of_a_storm_is_a_whole_table(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for state in states():
        press.publish(state)
        content = (tmp_path / "feeds/outages.csv").read_bytes()
        lines = content.decode().split("\r\n")
        assert lines[0] == ",".join(COLUMNS)
        assert len(lines) == len(state.outages) + 2, "a row is a line"
        found = rows(tmp_path)
        assert [each["id"] for each in found] == [each.id for each in state.outages]
        for row in found:
            assert set(row) == set(COLUMNS)
            assert not [value for value in row.values() if value.startswith(FORMULAS)]


@given(st.text())
def test_no_text_is_taken_for_a_formula_or_for_two_lines(text: str) -> None:
    told = cell(text)
    assert not told.startswith(FORMULAS)
    assert len(told.splitlines()) <= 1


def test_the_figures_are_those_of_the_page(tmp_path: Path) -> None:
    Publication(tmp_path).publish(
        status(outage(1, matched=3, etr=etr(2, earliest=None), listed=False), drill=True)
    )
    (row,) = rows(tmp_path)
    assert (row["matched"], row["masked"], row["reported"]) == ("1", "matched", "")
    assert (row["etr_latest"], row["etr_passed"]) == ("2026-11-23T01:15:00.000Z", "false")
    assert (row["listed"], row["drill"]) == ("false", "true")
    assert row["url"] == "http://127.0.0.1:8000/outages/O-7K3M1"
