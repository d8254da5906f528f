"""What holds of the replay of any real storm, and a count of it that shares no code with ours."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import shapely
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from outage import tables as t
from outage.database import Database
from tests.acceptance.told_true import Finding, check, read
from tests.integration.carrier.conftest import ACCOUNT_SID, API_KEY, AUTH_TOKEN, Carrier

ROOT = Path(__file__).resolve().parents[2]
TOLD = ("claimed", "unknown", "accepted", "delivered", "shadowed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What `outage replay --json` printed, and the record it left."""

    facts: dict[str, Any]
    db: Database
    finding: Finding
    """What the checker that shares no code with ours says of it."""

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


def replay(
    home: Path, file: Path, *options: str, sent: bool, **settings: str
) -> tuple[dict[str, Any], Finding]:
    """Replay a recording; give the facts and what is wrong with what was told.

    `sent` is really sent to a simulator, whose log stays in the home and is held against the
    record; it takes half as long again as the same in shadow.
    """
    folder = home / "carrier" if sent else None
    with _simulator(folder) as more:
        facts = outage(home, "replay", str(file), "--speed", "max", *options, **settings, **more)
    url = settings.get("OUTAGE_DATABASE_URL", f"sqlite:///{home / 'outage.db'}")
    # Without a site file the clock of the texts is UTC's.
    return facts, check(read(url, folder), ZoneInfo("UTC"))


@contextlib.contextmanager
def _simulator(folder: Path | None) -> Iterator[dict[str, str]]:
    """The settings that send everything to a simulator, while it runs; none without a folder."""
    if folder is None:
        yield {}
        return
    # Nobody listens for what comes of a text; each call in vain would be tried six times.
    carrier = Carrier(folder=folder, settings={"callback_delay_ms": 3_600_000}).start()
    try:
        yield {
            "OUTAGE_SEND": "live",
            "OUTAGE_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "OUTAGE_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "OUTAGE_TWILIO_FROM": "+12005550100",
            "OUTAGE_TWILIO_BASE_URL": carrier.base,
            "OUTAGE_SENDGRID_API_KEY": API_KEY,
            "OUTAGE_SENDGRID_FROM": "outages@example.org",
            "OUTAGE_SENDGRID_BASE_URL": carrier.base,
            # No event comes either: a call that was lost is made again before the replay goes on.
            "OUTAGE_MAIL_EVENTS_S": "30",
        }
    finally:
        carrier.kill()


def however_sent(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that are the same whether a message was sent or would have been, and how fast."""
    states = Counter[str]()
    for state, count in facts["messages"].items():
        states["said" if state in TOLD else state] += count
    return facts | {"messages": dict(states), "send": "either", "seconds": 0}


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


class AnyStorm:
    """Tests of one recording; whoever inherits them names it."""

    file: ClassVar[str]

    def test_a_storm_comes_to_what_an_independent_count_finds(
        self, shared: Path, replayed: Callable[..., Replayed]
    ) -> None:
        facts = replayed(shared / "data" / self.file, "--assume-reviewed").facts
        expected = counted_alone(shared, self.file)
        assert {name: facts[name] for name in expected} == expected
        assert facts["problems"] == []

    def test_a_storm_comes_to_the_same_on_postgresql(
        self, shared: Path, replayed: Callable[..., Replayed], postgresql: str, tmp_path: Path
    ) -> None:
        recording = shared / "data" / self.file
        name = f"replay_{recording.name[6:16].replace('-', '_')}"
        with psycopg.connect(postgresql, autocommit=True) as conn:
            conn.execute(sa.schema.CreateSchema(name).compile().string)
        url = make_url(postgresql).update_query_dict({"options": f"-csearch_path={name}"})
        settings = {"OUTAGE_DATABASE_URL": url.render_as_string(hide_password=False)}
        outage(tmp_path, "db", "upgrade", **settings)
        for what in ("premises", "accounts"):
            outage(tmp_path, "import", what, str(shared / "data" / f"{what}.csv"), **settings)
        facts, finding = replay(tmp_path, recording, "--assume-reviewed", sent=False, **settings)
        on_sqlite = replayed(recording, "--assume-reviewed").facts
        assert however_sent(facts) == however_sent(on_sqlite)
        assert finding.faults == ()

    def test_everybody_is_told_once_and_told_true(
        self, shared: Path, replayed: Callable[..., Replayed]
    ) -> None:
        finding = replayed(shared / "data" / self.file, "--assume-reviewed").finding
        assert finding.faults == ()
        # All of it was really sent, and held against what the simulator says that it took.
        assert finding.figures["acceptances"] >= finding.figures["claimed"] > 0

    def test_nobody_is_told_restored_and_nobody_hears_of_one_outage_twice(
        self, shared: Path, replayed: Callable[..., Replayed]
    ) -> None:
        found = replayed(shared / "data" / self.file, "--assume-reviewed")
        assert found.told("restored") == []
        told = found.told("detected")
        assert told
        assert len(told) == len(set(told))

    def test_nobody_hears_again_of_an_outage_that_goes_on_under_another_number(
        self, shared: Path, replayed: Callable[..., Replayed]
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
        assert replayed(shared / "data" / self.file, "--assume-reviewed").rows(again) == []

    def test_every_planned_message_has_come_to_an_end(
        self, shared: Path, replayed: Callable[..., Replayed]
    ) -> None:
        states = replayed(shared / "data" / self.file, "--assume-reviewed").facts["messages"]
        assert not {"pending", "claimed", "unknown"} & set(states)
