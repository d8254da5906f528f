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
from outage.database import Database
from outage.settings import load
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
    """Kill ``name`` right after the acts of barrier ``step`` have been played."""

    name: str
    step: int


def run(kills: Sequence[Kill], *, keep: bool, say: bool) -> int:
    """Play the storm to its end in a home of its own; print the figures; return the exit code."""
    home = Path(tempfile.mkdtemp(prefix="outage-check-"))
    begun = time.monotonic()
    try:
        found, alive = _storm(home, kills, say=say)
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


def _storm(home: Path, kills: Sequence[Kill], *, say: bool) -> tuple[Tally, list[int]]:
    ports = _free_ports(stage.PORTS)
    told = stage.environment(home, _clean(), hold_s=HOLD_S, ports=ports)
    settings = load(told)
    _say("Loading the made-up utility", say=say)
    schema.open_embedded(opening.embedded_file(settings)).close()
    db = opening.open_record(settings)
    with db.write() as conn:
        clock.hold(conn, BEGIN)
    accounts = load_utility(home / "files", told)
    with db.write() as conn:
        token, _ = tokens.make(conn, name="storm", role=tokens.Role.CREW)
    house = House(home, told)
    house.start()
    try:
        players = Players(db, web_port=ports["OUTAGE_WEB_PORT"], crew_token=token)
        carrier = f"http://127.0.0.1:{ports['OUTAGE_CARRIER_PORT']}"
        acts = storm.acts()
        drain = _Drain(db, settings.published, carrier, house)
        drain()
        barriers.hurry(carrier)
        _play(db, house, players, drain, kills, say=say)
        with db.read() as conn:
            counts = barriers.carrier_counts(carrier)
            found = tally(conn, settings.published, counts, expected(acts, accounts))
    finally:
        alive = house.stop()
        db.close()
    return found, alive


class _Drain:
    """Waits for a barrier, and keeps a killed supervisor from staying dead."""

    def __init__(self, db: Database, published: Path, carrier: str, house: House) -> None:
        self._db, self._published, self._carrier = db, published, carrier
        self._house = house

    def __call__(self) -> None:
        barriers.wait_until_drained(
            self._db, self._published, self._carrier, meanwhile=self._house.keep
        )


def _play(
    db: Database,
    house: House,
    players: Players,
    drain: _Drain,
    kills: Sequence[Kill],
    *,
    say: bool,
) -> None:
    numbered = enumerate(storm.acts(), start=1)
    step = 0
    for at, group in itertools.groupby(numbered, key=lambda pair: pair[1].at):
        _move(db, BEGIN + at, drain)
        step += 1
        for number, act in group:
            players.play(number, act)
        for kill in kills:
            if kill.step == step:
                _say(f"Killing {kill.name}", say=say)
                house.kill(kill.name)
                house.keep()
        drain()
        _say(f"{step:>3}  {BEGIN + at:%H:%M}  {players.played()} acts played", say=say)
    last = max(kill.step for kill in kills) if kills else 0
    if last > step:
        raise DemoError(f"the storm has {step} barriers, there is none numbered {last}")
    _move(db, BEGIN + at + AFTERWARDS, drain)
    drain()


def _move(db: Database, until: datetime, drain: _Drain) -> None:
    """Move business time to ``until``, stopping at every timer that is due before."""
    while True:
        with db.write() as conn:
            timer = barriers.next_timer(conn)
            stop = until if timer is None or timer >= until else timer
            clock.move_to(conn, stop)
        if stop == until:
            return
        drain()


def _free_ports(names: Mapping[str, int]) -> dict[str, int]:
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
