"""A real storm through everything, and again with what feeds do wrong planted in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.storms import AnyStorm, Replayed, lines

pytestmark = pytest.mark.timeout(1800)

STORM = "storm-2022-11-30.jsonl.xz"


class TestTheFirstStorm(AnyStorm):
    file = STORM


def test_the_first_storm_comes_to_the_published_counts(
    shared: Path, replayed: Callable[..., Replayed]
) -> None:
    facts = replayed(shared / "data" / STORM, "--assume-reviewed").facts
    names = ("outages", "outages_touching", "premises", "memberships")
    assert tuple(facts[name] for name in names) == (676, 16, 2_271, 2_379)


@pytest.fixture(scope="module")
def spoiled(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first storm with an empty list, one 80 % gone, a doubled id, a torn line, 0, 0."""
    written: list[str] = []
    for number, snapshot in enumerate(lines(shared / "data" / STORM)):
        rows, soon = snapshot["outages"], snapshot["fetched"] + 60
        text = json.dumps(snapshot)
        if number == 10:
            written += [text, json.dumps({"fetched": soon, "outages": []})]
        elif number in (20, 40, 60):
            few = rows[: len(rows) // 5]
            written += [text, json.dumps({"fetched": soon, "outages": few})]
        elif number == 30:
            doubled = [*rows, rows[0] | {"cause": "Fire"}]
            written.append(json.dumps(snapshot | {"outages": doubled}))
        elif number == 45:
            written += [text[: len(text) // 2], text]
        elif number == 50:
            nowhere = [row | {"polygon": [0, 0] * 5, "latitude": 0, "longitude": 0} for row in rows]
            written.append(json.dumps(snapshot | {"outages": nowhere}))
        else:
            written.append(text)
    file = tmp_path_factory.mktemp("spoiled") / "storm.jsonl"
    file.write_text("\n".join(written))
    return file


def test_a_spoiled_recording_ends_nothing_that_the_clean_one_does_not_end(
    shared: Path, spoiled: Path, replayed: Callable[..., Replayed]
) -> None:
    clean, bad = replayed(shared / "data" / STORM, "--assume-reviewed"), replayed(spoiled)
    assert bad.closed() <= clean.closed()
    assert bad.ended() <= clean.ended()
    names = ("outages", "outages_touching", "premises", "memberships")
    assert [bad.facts[name] for name in names] == [clean.facts[name] for name in names]


def test_a_spoiled_recording_tells_nobody_restored_and_nobody_anything_twice(
    spoiled: Path, replayed: Callable[..., Replayed]
) -> None:
    bad = replayed(spoiled)
    assert "restored" not in bad.facts["messages_by_kind"]
    told = bad.told("detected")
    assert len(told) == len(set(told))
    assert bad.finding.faults == ()


def test_a_spoiled_recording_says_what_was_wrong(
    spoiled: Path, replayed: Callable[..., Replayed]
) -> None:
    facts = replayed(spoiled).facts
    said = {problem["line"]: problem["sentence"] for problem in facts["problems"]}
    assert facts["snapshots"] == {"empty": 1, "good": 100, "held": 3, "unreadable": 1}
    assert said[12] == "The list is empty; nothing was changed by it."
    assert "are gone at once; nothing ends until a person has looked" in said[23]
    assert "is listed more than once; the last row counts" in said[33]
    assert said[49] == "The line is torn: its JSON stops in the middle."
    assert "it has a point at 0, 0; the shape was left as it was" in said[55]
