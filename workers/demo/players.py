"""Who plays the storm: a dispatcher at the desk, and crews who report through the API."""

from __future__ import annotations

import http.client
import json
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gis.matching import Matcher
from gis.shapes import ShapeLimits
from outage import commands as c
from outage import desk, register
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.errors import OutageError
from outage.model import Actor, Kind, MatchedShape, Outage, OutageId, OutageKey, Service
from workers.demo import storm
from workers.demo.ground import Plot
from workers.errors import DemoError

SOURCE = "demo"
DISPATCHER = Actor(kind="dispatcher", name="demo")
PATIENCE_S = 60.0


class Players:
    """Plays acts, each once, however often it is asked and whatever is killed meanwhile."""

    def __init__(
        self,
        db: Database,
        *,
        web_port: int,
        crew_token: str,
        indexes: Path | None = None,
        guests: bool = False,
    ) -> None:
        """Say where crews report, where this host keeps its indexes, and who else takes part.

        With ``guests`` somebody may have changed outages of the storm: what they have made
        impossible is left out. Otherwise a refusal is an error.
        """
        self._db = db
        self._web_port = web_port
        self._crew_token = crew_token
        self._guests = guests
        self._matcher = Matcher(db, indexes)

    def played(self) -> int:
        """Return how many acts have been played already."""
        with self._db.read() as conn:
            return acts_played(conn)

    def play(self, number: int, act: storm.Act) -> None:
        """Play the act with this number, the first being 1."""
        try:
            self._play(number, act)
        except (OutageError, DemoError) as refusal:
            if not self._guests:
                raise
            click.echo(f"left out, {act.label}: {refusal}")
            with self._db.write() as conn:
                _mark(conn, number)

    def _play(self, number: int, act: storm.Act) -> None:
        if isinstance(act, storm.Update):
            self._report(number, act)
        shape = None
        if isinstance(act, storm.Declare | storm.Revise | storm.Restore) and act.plot is not None:
            shape = self._matched(act.plot)
        with self._db.write() as conn:
            if acts_played(conn) >= number:
                return
            _direct(conn, act, shape)
            _mark(conn, number)

    def _matched(self, plot: Plot) -> MatchedShape:
        drawn = {"type": "Polygon", "coordinates": [[list(corner) for corner in plot.ring]]}
        return self._matcher.match(drawn, Service.ELECTRIC, limits=ShapeLimits()).for_desk()

    def _report(self, number: int, act: storm.Update) -> None:
        with self._db.read() as conn:
            outage = _outage(conn, act.label)
            now = business_now(conn)
        body: dict[str, Any] = {"observed_at": now.isoformat(), "crew_status": act.crew_status}
        if act.etr is not None:
            body["etr"] = {"latest": (now + act.etr).isoformat(), "reason": act.reason}
        body |= {"note": act.note, "public_message": act.public_message}
        self._post(
            f"/api/v1/outages/{outage.id}/updates",
            {name: value for name, value in body.items() if value is not None},
            key=f"demo-{outage.id}-{number}",
        )

    def _post(self, path: str, body: dict[str, Any], *, key: str) -> None:
        """Post as a truck does: the same key again until somebody answers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                status, answer = self._attempt(path, body, key)
            except OSError as error:
                status, answer = 503, type(error).__name__
            except http.client.HTTPException as error:
                status, answer = 503, type(error).__name__
            if status < http.HTTPStatus.BAD_REQUEST:
                return
            busy = status in {http.HTTPStatus.CONFLICT, http.HTTPStatus.TOO_MANY_REQUESTS}
            if not busy and status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
                raise DemoError(f"a crew's update was refused ({status}): {answer}")
            if time.monotonic() > deadline:
                raise DemoError(f"nobody took a crew's update for {PATIENCE_S:.0f} s: {answer}")
            time.sleep(0.2)

    def _attempt(self, path: str, body: dict[str, Any], key: str) -> tuple[int, str]:
        link = http.client.HTTPConnection("127.0.0.1", self._web_port, timeout=10)
        try:
            link.request(
                "POST",
                path,
                json.dumps(body),
                {
                    "Authorization": f"Bearer {self._crew_token}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": key,
                },
            )
            answer = link.getresponse()
            return answer.status, answer.read(2_000).decode(errors="replace")
        finally:
            link.close()


def _mark(conn: Connection, number: int) -> None:
    statement = sa.text(
        "INSERT INTO facts (name, value) VALUES ('demo_acts', :number) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    )
    conn.execute(statement, {"number": str(number)})


def acts_played(conn: Connection) -> int:
    """Return how many acts of the storm have been played on this database."""
    value = conn.execute(sa.select(t.facts.c.value).where(t.facts.c.name == "demo_acts")).scalar()
    return int(value or 0)


def _outage(conn: Connection, label: str) -> Outage:
    outage = register.find_source(conn, SOURCE, label)
    if outage is None:
        raise DemoError(f"the storm's outage {label} is not on record")
    return outage


def _direct(conn: Connection, act: storm.Act, shape: MatchedShape | None) -> None:
    """Do what a dispatcher does, in the open transaction."""
    now = business_now(conn)
    if isinstance(act, storm.Declare):
        desk.declare(conn, _declaration(act, now), actor=DISPATCHER, shape=shape)
        return
    if isinstance(act, storm.Update):
        return
    outage_id = _outage(conn, act.label).id
    if isinstance(act, storm.Revise):
        command = c.Revise(place=act.plot.words)
        desk.revise(conn, outage_id, command, actor=DISPATCHER, shape=shape)
    elif isinstance(act, storm.Restore):
        desk.restore(conn, outage_id, actor=DISPATCHER, shape=shape)
    elif isinstance(act, storm.Start):
        desk.start(conn, outage_id, actor=DISPATCHER)
    elif isinstance(act, storm.Reopen):
        desk.reopen(conn, outage_id, actor=DISPATCHER)
    elif isinstance(act, storm.Cancel):
        desk.cancel(conn, outage_id, actor=DISPATCHER)


def _declaration(act: storm.Declare, now: datetime) -> c.Declare:
    planned = act.kind is Kind.PLANNED
    return c.Declare(
        key=OutageKey(0),
        id=OutageId(""),
        service=Service.ELECTRIC,
        kind=act.kind,
        cause=act.cause,
        place=act.plot.words,
        started_at=None if planned else now,
        planned_start=now + timedelta(minutes=30) if planned else None,
        planned_end=now + timedelta(hours=2) if planned else None,
        etr=None if act.etr is None else c.GivenEtr(latest=now + act.etr),
        source=SOURCE,
        source_id=act.label,
    )
