"""The Procfile runs what `outage up` runs, and keeps from the page what `up` keeps from it."""

import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from outage.settings import FROM_FILE, Settings, variable
from workers.environment import for_page
from workers.processes import children

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lines() -> dict[str, list[str]]:
    text = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(":") for line in text if line and not line.startswith("#")]
    return {name: shlex.split(command) for name, _, command in pairs}


def test_it_names_the_processes_of_up(lines: dict[str, list[str]], tmp_path: Path) -> None:
    started = children(Settings(home=tmp_path, redis_url="redis://127.0.0.1/0"), {})
    assert set(lines) == {child.name for child in started}
    for name, words in lines.items():
        assert words[words.index("outage") + 1 :] == name.split("-", 1), name


def test_the_page_is_told_no_secret_it_does_not_need(lines: dict[str, list[str]]) -> None:
    words = lines["page"]
    dropped = {words[at + 1] for at, word in enumerate(words) if word == "-u"}
    for item in fields(Settings):
        name = variable(item)
        kept_by_up = for_page({name: "", name + FROM_FILE: ""})
        hidden = item.metadata["secret"] or name.startswith(("OUTAGE_DATABASE", "OUTAGE_SEND"))
        if hidden and not kept_by_up:
            assert {name, name + FROM_FILE} <= dropped
        assert not dropped & kept_by_up.keys()
