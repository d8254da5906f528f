"""The base data moves in the middle of a real storm: everything follows, and nobody is texted."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import shapely
import sqlalchemy as sa

from intake import catalogue
from intake.replay import snapshots
from intake.snapshot import Snapshot, Unusable
from outage import settings as settings_module
from outage import tables as t
from outage.database import Database
from outage.model import OPEN
from workers import replaying
from workers.cli import run

pytestmark = pytest.mark.timeout(900)

STORM = "storm-2022-11-30.jsonl.xz"
AT_SNAPSHOT, LAST = 30, 40
MOVED, CLOSED, NEW = 1_000, 200, 300


@pytest.fixture
def town(
    shared: Path,
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Database:
    """The shared premises and accounts."""
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OUTAGE_DATABASE_URL", database_url)
    for what in ("premises", "accounts"):
        assert run(["import", what, str(shared / "data" / f"{what}.csv")]) == 0
    return database


def out_now(db: Database) -> set[str]:
    """Ids of the premises that some outage has as members."""
    members = t.memberships.c
    with db.read() as conn:
        found = conn.execute(
            sa.select(t.premises.c.id)
            .join(t.memberships, members.premise_key == t.premises.c.key)
            .where(members.removed.is_(None), members.until.is_(None))
        ).scalars()
        return set(found)


def nightly(premises: Path, out: set[str], file: Path) -> Path:
    """The premises of the morning after: many of those that are out among what changed."""
    chance = random.Random(7)
    with premises.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    good = [row for row in rows if row["premise_id"] and row["longitude"]]
    first = sorted(good, key=lambda row: (row["premise_id"] not in out, chance.random()))
    moved = {row["premise_id"] for row in first[: MOVED // 2]} | {
        row["premise_id"] for row in first[-MOVED // 2 :]
    }
    gone = {row["premise_id"] for row in first[MOVED // 2 : MOVED // 2 + CLOSED]}
    new = [row | {"premise_id": f"N{number:05}"} for number, row in enumerate(first[:NEW])]
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, list(rows[0]))
        writer.writeheader()
        for row in (*rows, *new):
            if row["premise_id"] in gone:
                continue
            if row["premise_id"] in moved:
                row["longitude"] = f"{float(row['longitude']) + 0.004:.7f}"
            writer.writerow(row)
    return file


def messages(db: Database) -> list[Any]:
    with db.read() as conn:
        return list(
            conn.execute(sa.select(t.messages.c.key, t.messages.c.kind).order_by(t.messages.c.key))
        )


def wrong_members(db: Database) -> dict[str, tuple[int, int]]:
    """Open outages whose live members are not who shapely finds inside them, with both counts."""
    p = t.premises.c
    with db.read() as conn:
        here = conn.execute(
            sa.select(p.key, p.longitude, p.latitude).where(
                p.closed_at.is_(None), p.longitude.is_not(None)
            )
        ).all()
        outages = conn.execute(
            sa.select(t.outages.c.key, t.outages.c.id, t.shapes.c.wkb)
            .join(t.shapes, t.shapes.c.digest == t.outages.c.shape_digest)
            .where(t.outages.c.status.in_([str(status) for status in OPEN]))
        ).all()
        members = t.memberships.c
        rows = conn.execute(
            sa.select(members.outage_key, members.premise_key).where(
                members.removed.is_(None), members.until.is_(None)
            )
        ).all()
    tree = shapely.STRtree(shapely.points([(row.longitude, row.latitude) for row in here]))
    wrong = {}
    for outage in outages:
        inside = tree.query(shapely.from_wkb(outage.wkb), predicate="covers")
        expected = {here[at].key for at in inside.tolist()}
        found = {row.premise_key for row in rows if row.outage_key == outage.key}
        if found != expected:
            wrong[outage.id] = (len(found), len(expected))
    return wrong


def test_a_nightly_load_in_the_middle_of_a_storm_moves_members_and_texts_nobody(
    shared: Path, town: Database, tmp_path: Path
) -> None:
    recording = shared / "data" / STORM
    mapping = catalogue.load("bchydro")
    facts: dict[str, Any] = {}

    def seen() -> Iterator[Snapshot | Unusable]:
        for number, snapshot in enumerate(islice(snapshots(recording, mapping), LAST), 1):
            yield snapshot
            if number != AT_SNAPSHOT:
                continue
            out, told = out_now(town), messages(town)
            assert out, "the load comes when people are out"
            file = nightly(shared / "data" / "premises.csv", out, tmp_path / "nightly.csv")
            assert run(["import", "premises", str(file)]) == 0
            yield snapshot  # heard again, it says nothing new: all there is to do is the load
            facts.update(new_members=out_now(town) - out, left=out - out_now(town))
            assert messages(town) == told
            assert wrong_members(town) == {}

    storm = replaying.Storm(
        file=recording, mapping=mapping, speed=float("inf"), reviewed=True, baseline=True
    )
    found = replaying.play(town, settings_module.load(), storm, seen(), progress=print)
    assert facts["new_members"]
    assert facts["left"]
    said = [problem["sentence"] for problem in found["problems"]]
    assert said == ["The list is the same as the one before; nothing was changed by it."]
    assert "restored" not in found["messages_by_kind"]
    assert not {"pending", "claimed", "unknown"} & set(found["messages"])
