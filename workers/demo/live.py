"""`outage demo`: everything on this machine, with the storm played in front of your eyes."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

import click
import sqlalchemy as sa

from outage import tables as t
from outage import tokens
from outage.database import Database
from outage.rights import Role
from outage.settings import Settings, load
from workers import opening, processes, roster
from workers.child import of_ours
from workers.commands.up import check_ports, let_first_in, prepare_database
from workers.demo import stage, storm
from workers.demo.loading import load_utility
from workers.demo.players import Players, acts_played
from workers.errors import AlreadyRunning, DemoError
from workers.supervisor import Supervisor

HOLD_S = 5
TOKEN = "crew-token"  # noqa: S105 - the name of a file
GUIDE = """
  {storm} Nothing leaves this machine.

  The public page        {page}
                         keeps itself up to date; try it on a phone's width, or with script off
  Every text and e-mail  {carrier}
                         what the phones and mailboxes of 46,000 made-up accounts received
  The staff's console    {console}
                         sign in there; the first time by the link above
  In another shell       . {env}
  as a dispatcher        outage list
                         outage update O-… --crew-status arrived --note "Pole is down"
                         then watch the page, and `outage show O-…`
  as an agent            outage show C000001
  is all well?           outage doctor

  Ctrl+C ends everything; the next start carries on, and --fresh begins anew.
"""


def run(*, fresh: bool) -> None:
    """Start the demo and keep it until Ctrl+C."""
    home = stage.default_home()
    if running := roster.pids(home):
        raise AlreadyRunning(home, running.get(roster.SUPERVISOR))
    if fresh:
        _clear(home)
    if (home / "outage.db").exists() and not (home / stage.MARK).exists():
        raise DemoError(f"{home} holds records that are no demo's; set OUTAGE_HOME to a new folder")
    told = stage.environment(home, os.environ, hold_s=HOLD_S)
    settings = load(told)
    check_ports(settings)
    prepare_database(settings)
    played = _prepare(settings, told)
    let_first_in(settings)
    click.echo(
        GUIDE.format(
            storm=_storm(played),
            page=f"{settings.public_url}/",
            console=f"{settings.console}/",
            carrier=f"http://127.0.0.1:{settings.carrier_port}/",
            env=shlex.quote(str(stage.write_env(home, told))),
        )
    )
    children = processes.children(settings, told)
    children.append(of_ours("demo", "--play", name="storm", environment=told))
    Supervisor(children, settings.home).run()


def play(pace_s: float) -> None:
    """Play what is left of the storm, ``pace_s`` seconds for every five minutes of it."""
    settings = load()
    db = opening.open_record(settings)
    token = (settings.home / TOKEN).read_text(encoding="utf-8")
    players = Players(
        db,
        web_port=settings.web_port,
        crew_token=token,
        indexes=settings.indexes,
        guests=True,
    )
    acts = storm.acts()
    done = players.played()
    last = acts[done - 1].at if done else acts[0].at
    for number, act in enumerate(acts[done:], start=done + 1):
        time.sleep((act.at - last) / storm.TICK * pace_s)
        last = act.at
        players.play(number, act)
    click.echo("The storm is over; everything stays up. Ctrl+C, then --fresh, begins anew.")
    while True:
        time.sleep(3600)


def _storm(played: int) -> str:
    if played == 0:
        return "The storm begins now: sixty outages in about ten minutes."
    if played < len(storm.acts()):
        return "The storm goes on where it was."
    return "The storm is over; what it left is still here."


def _prepare(settings: Settings, told: Mapping[str, str]) -> int:
    db = opening.open_record(settings)
    try:
        loaded = _loaded(db)
        path = settings.home / TOKEN
        if loaded and settings.database_url and not path.exists():
            raise DemoError(
                "OUTAGE_DATABASE_URL names a database that holds accounts already; "
                "name an empty one, or none"
            )
        if not loaded:
            click.echo("Making a utility of 50,000 premises (once, some seconds)")
            load_utility(settings.home / "files", told)
        if not path.exists():
            with db.write() as conn:
                token, _ = tokens.make(conn, name="storm", role=Role.CREW)
            path.touch(mode=0o600)
            path.write_text(token, encoding="utf-8")
        with db.read() as conn:
            return acts_played(conn)
    finally:
        db.close()


def _loaded(db: Database) -> bool:
    with db.read() as conn:
        return conn.execute(sa.select(t.accounts.c.key).limit(1)).first() is not None


def _clear(home: Path) -> None:
    if home.exists() and not (home / stage.MARK).exists():
        raise DemoError(f"{home} is not a demo's home; it was left as it is")
    shutil.rmtree(home, ignore_errors=True)
