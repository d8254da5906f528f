"""Two real storms through everything, and one of them with what feeds do wrong planted in it."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
import shapely
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from outage import tables as t
from outage.database import Database, open_database

pytestmark = pytest.mark.timeout(900)

ROOT = Path(__file__).resolve().parents[2]
STORM, LONGER_STORM = "storm-2022-11-30.jsonl.xz", "storm-2023-11-10.jsonl.xz"
TOLD = ("claimed", "unknown", "accepted", "delivered", "shadowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What `outage replay --json` printed, and the record it left."""

    facts: dict[str, Any]
    db: Database

    def rows(self, statement: sa.Select[Any]) -> list[sa.Row[Any]]:
        with self.db.read() as conn:
            return list(conn.execute(statement))

    def closed(self) -> set[str]:
        found = self.rows(
            sa.select(t.outages.c.source_id).where(t.outages.c.status.in_(("closed", "restored")))
        )
        return {row.source_id for row in found}

    def ended(self) -> set[int]:
        """Premises that have an interruption which ended."""
        found = self.rows(
            sa.select(t.interruptions.c.premise_key).where(
                t.interruptions.c.outcome.in_(("inferred", "restored"))
            )
        )
        return {row.premise_key for row in found}

    def told(self, kind: str) -> list[tuple[int, int]]:
        found = self.rows(
            sa.select(t.messages.c.outage_key, t.messages.c.endpoint_key).where(
                t.messages.c.kind == kind, t.messages.c.state.in_(TOLD)
            )
        )
        return [(row.outage_key, row.endpoint_key) for row in found]


def outage(home: Path, *words: str, **settings: str) -> dict[str, Any]:
    """Run one `outage` command in a process of its own; gives what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "workers", *words, "--json"],
        cwd=ROOT,
        env=os.environ | {"OUTAGE_HOME": str(home)} | settings,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.fixture(scope="module")
def homes(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Each call gives a home of its own with the shared premises and accounts loaded."""
    folder = tmp_path_factory.mktemp("homes")
    outage(folder / "loaded", "import", "premises", str(shared / "data" / "premises.csv"))
    outage(folder / "loaded", "import", "accounts", str(shared / "data" / "accounts.csv"))
    numbers = iter(range(100))

    def fresh() -> Path:
        return Path(shutil.copytree(folder / "loaded", folder / f"home-{next(numbers)}"))

    return fresh


@pytest.fixture(scope="module")
def replayed(homes: Callable[[], Path]) -> Iterator[Callable[..., Replayed]]:
    """Replays a recording on a fresh database, once each."""
    known: dict[tuple[object, ...], Replayed] = {}

    def replay(file: Path, *options: str) -> Replayed:
        if (file, options) not in known:
            home = homes()
            facts = outage(home, "replay", str(file), "--speed", "max", *options)
            db = open_database(f"sqlite:///{home / 'outage.db'}")
            known[file, options] = Replayed(facts=facts, db=db)
        return known[file, options]

    yield replay
    for one in known.values():
        one.db.close()


def lines(file: Path) -> list[dict[str, Any]]:
    with lzma.open(file, "rt") as text:
        return [json.loads(line) for line in text]


def counted_alone(shared: Path, storm: str) -> dict[str, int]:
    """What the replay must find, counted without any of our own code."""
    places = np.genfromtxt(
        shared / "data" / "premises.csv",
        delimiter=",",
        skip_header=1,
        usecols=(4, 5),
        max_rows=26_292,
        invalid_raise=False,
        dtype=float,
    )
    tree = shapely.STRtree([shapely.Point(*place) for place in places])
    pairs: set[tuple[int, int]] = set()
    ids: set[int] = set()
    seen: dict[int, int] = {}
    returned: list[int] = []
    for number, snapshot in enumerate(lines(shared / "data" / storm)):
        for row in snapshot["outages"]:
            ids.add(row["id"])
            if seen.get(row["id"], number) < number - 1:
                returned.append(row["id"])
            seen[row["id"]] = number
            flat = row["polygon"]
            if flat:
                area = shapely.Polygon(list(zip(flat[::2], flat[1::2], strict=True)))
                inside = tree.query(area, predicate="covers")
                pairs |= {(row["id"], int(place)) for place in inside}
    return {
        "outages": len(ids),
        "outages_touching": len({one for one, _ in pairs}),
        "premises": len({place for _, place in pairs}),
        "memberships": len(pairs),
        "outages_returned": len(set(returned)),
        "returns": len(returned),
    }


@pytest.mark.parametrize("storm", [STORM, LONGER_STORM])
def test_a_storm_comes_to_what_an_independent_count_finds(
    shared: Path, replayed: Callable[..., Replayed], storm: str
) -> None:
    facts = replayed(shared / "data" / storm, "--assume-reviewed").facts
    expected = counted_alone(shared, storm)
    assert {name: facts[name] for name in expected} == expected
    assert facts["problems"] == []


def test_the_first_storm_comes_to_the_published_counts(
    shared: Path, replayed: Callable[..., Replayed]
) -> None:
    facts = replayed(shared / "data" / STORM, "--assume-reviewed").facts
    names = ("outages", "outages_touching", "premises", "memberships")
    assert tuple(facts[name] for name in names) == (676, 16, 2_271, 2_379)


def test_the_second_storm_has_ten_outages_that_return(
    shared: Path, replayed: Callable[..., Replayed]
) -> None:
    facts = replayed(shared / "data" / LONGER_STORM, "--assume-reviewed").facts
    assert (facts["outages"], facts["outages_returned"], facts["returns"]) == (827, 10, 11)


@pytest.mark.parametrize("storm", [STORM, LONGER_STORM])
def test_a_storm_comes_to_the_same_on_postgresql(
    shared: Path, replayed: Callable[..., Replayed], postgresql: str, tmp_path: Path, storm: str
) -> None:
    recording = shared / "data" / storm
    name = f"replay_{recording.name[6:16].replace('-', '_')}"
    with psycopg.connect(postgresql, autocommit=True) as conn:
        conn.execute(sa.schema.CreateSchema(name).compile().string)
    url = make_url(postgresql).update_query_dict({"options": f"-csearch_path={name}"})
    settings = {"OUTAGE_DATABASE_URL": url.render_as_string(hide_password=False)}
    outage(tmp_path, "db", "upgrade", **settings)
    for what in ("premises", "accounts"):
        outage(tmp_path, "import", what, str(shared / "data" / f"{what}.csv"), **settings)
    words = ("replay", str(recording), "--speed", "max", "--assume-reviewed")
    found = outage(tmp_path, *words, **settings)
    on_sqlite = replayed(recording, "--assume-reviewed").facts
    assert found | {"seconds": 0} == on_sqlite | {"seconds": 0}


@pytest.mark.parametrize("storm", [STORM, LONGER_STORM])
def test_nobody_is_told_restored_and_nobody_hears_of_one_outage_twice(
    shared: Path, replayed: Callable[..., Replayed], storm: str
) -> None:
    found = replayed(shared / "data" / storm, "--assume-reviewed")
    assert found.told("restored") == []
    told = found.told("detected")
    assert told
    assert len(told) == len(set(told))


@pytest.mark.parametrize("storm", [STORM, LONGER_STORM])
def test_nobody_hears_again_of_an_outage_that_goes_on_under_another_number(
    shared: Path, replayed: Callable[..., Replayed], storm: str
) -> None:
    before, after, old = t.messages.alias(), t.messages.alias(), t.outages.alias()
    again = (
        sa.select(before.c.endpoint_key, old.c.source_id)
        .join(old, old.c.key == before.c.outage_key)
        .join(
            after,
            sa.and_(
                after.c.outage_key == old.c.merged_into,
                after.c.endpoint_key == before.c.endpoint_key,
            ),
        )
        .where(
            before.c.kind == "detected",
            after.c.kind == "detected",
            after.c.planned_at >= old.c.closed_at,
        )
    )
    assert replayed(shared / "data" / storm, "--assume-reviewed").rows(again) == []


@pytest.mark.parametrize("storm", [STORM, LONGER_STORM])
def test_every_planned_message_has_come_to_an_end(
    shared: Path, replayed: Callable[..., Replayed], storm: str
) -> None:
    states = replayed(shared / "data" / storm, "--assume-reviewed").facts["messages"]
    assert not {"pending", "claimed", "unknown"} & set(states)


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
