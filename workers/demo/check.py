"""`outage demo --check`: the whole storm on business time, with kills on demand, then the tally."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from outage import clock, schema, tokens
from outage.database import Database, open_database
from outage.rights import Role
from outage.settings import Settings, load
from workers import opening
from workers.demo import barriers, stage, storm
from workers.demo.expected import expected
from workers.demo.house import House
from workers.demo.loading import load_utility
from workers.demo.players import Players
from workers.demo.tally import Tally, tally
from workers.errors import DemoError

BEGIN = datetime(2026, 1, 15, 18, 0, tzinfo=UTC)
HOLD_S = 60
AFTERWARDS = timedelta(minutes=10)
"""How long business time runs on after the last act, for what is still held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """Kill ``name`` at barrier ``step``, ``after_s`` seconds after everybody got to work there."""

    name: str
    step: int
    after_s: float = 0.0


def run(kills: Sequence[Kill], *, database: str | None, keep: bool, say: bool) -> int:
    """Play the storm to its end in a home of its own; print the figures; return the exit code."""
    home = Path(tempfile.mkdtemp(prefix="outage-check-"))
    begun = time.monotonic()
    try:
        found, alive = _storm(home, kills, database, say=say)
    except BaseException:
        click.echo(f"What happened is in {home}/up.log", err=True)
        raise
    problems = list(found.disagreements)
    if alive:
        problems.append(f"{len(alive)} processes were still alive after the stop")
    figures = {**found.figures, "seconds": round(time.monotonic() - begun)}
    for problem in problems:
        click.echo(f"Disagreement: {problem}", err=True)
    click.echo(json.dumps(figures))
    if problems or keep:
        click.echo(f"The storm's home was kept: {home}", err=True)
    else:
        shutil.rmtree(home)
    return 1 if problems else 0


def _storm(
    home: Path, kills: Sequence[Kill], database: str | None, *, say: bool
) -> tuple[Tally, list[int]]:
    ports = free_ports(stage.PORTS)
    told = stage.environment(home, _clean(), hold_s=HOLD_S, ports=ports)
    if database is not None:
        _make_schema(database)
        told["OUTAGE_DATABASE_URL"] = database
    settings = load(told)
    _say("Loading the made-up utility", say=say)
    db = opening.open_record(settings)
    with db.write() as conn:
        clock.hold(conn, BEGIN)
    accounts = load_utility(home / "files", told)
    with db.write() as conn:
        token, _ = tokens.make(conn, name="storm", role=Role.CREW)
    house = House(home, told)
    house.start()
    try:
        players = Players(
            db,
            web_port=ports["OUTAGE_WEB_PORT"],
            crew_token=token,
            indexes=settings.indexes,
        )
        carrier = f"http://127.0.0.1:{ports['OUTAGE_CARRIER_PORT']}"
        acts = storm.acts()
        _Playback(db, settings, carrier, house, kills).play(players, say=say)
        with db.read() as conn:
            counts = barriers.carrier_counts(carrier)
            found = tally(conn, settings.published, counts, expected(acts, accounts))
    finally:
        alive = house.stop()
        db.close()
    return found, alive


def _make_schema(url: str) -> None:
    """Make the tables in an empty database; never touch one that is somebody's."""
    db = open_database(url)
    try:
        with db.read() as conn:
            if schema.found(conn) is not None:
                raise DemoError("--database names one that is in use; name an empty one")
        schema.upgrade(db)
    finally:
        db.close()


class _Playback:
    """Plays the storm from barrier to barrier; a timer that falls due is one too."""

    def __init__(
        self, db: Database, settings: Settings, carrier: str, house: House, kills: Sequence[Kill]
    ) -> None:
        self._db, self._published, self._carrier = db, settings.published, carrier
        self._house = house
        self._kills = kills
        self._step = 0

    def play(self, players: Players, *, say: bool) -> None:
        """Play all acts and let everything come to its end."""
        self._drain()
        barriers.hurry(self._carrier)
        numbered = enumerate(storm.acts(), start=1)
        for at, group in itertools.groupby(numbered, key=lambda pair: pair[1].at):
            self._move(BEGIN + at)
            for number, act in group:
                players.play(number, act)
            self._barrier()
            _say(f"{self._step:>3}  {BEGIN + at:%H:%M}  {players.played()} acts played", say=say)
        self._move(BEGIN + at + AFTERWARDS)
        self._barrier()
        last = max((kill.step for kill in self._kills), default=0)
        if last > self._step:
            raise DemoError(f"the storm has {self._step} barriers, there is none numbered {last}")

    def _move(self, until: datetime) -> None:
        """Move business time to ``until``, with a barrier at every timer that is due before."""
        while True:
            with self._db.write() as conn:
                timer = barriers.next_timer(conn)
                stop = until if timer is None or timer >= until else timer
                clock.move_to(conn, stop)
            if stop == until:
                return
            self._barrier()

    def _barrier(self) -> None:
        self._step += 1
        for kill in self._kills:
            if kill.step == self._step:
                time.sleep(kill.after_s)
                self._house.kill(kill.name)
                self._house.keep()
        self._drain()

    def _drain(self) -> None:
        barriers.wait_until_drained(
            self._db, self._published, self._carrier, meanwhile=self._house.keep
        )


def free_ports(names: Mapping[str, int]) -> dict[str, int]:
    """Find a port for each name that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = dict(zip(names, (one.getsockname()[1] for one in held), strict=True))
    for one in held:
        one.close()
    return ports


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OUTAGE_")}


def _say(line: str, *, say: bool) -> None:
    if say:
        click.echo(line, err=True)
