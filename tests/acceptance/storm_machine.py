"""Storms that nobody wrote: a village through whatever may happen, in whatever order.

`python -m tests.acceptance.storm_machine --runs 2000`. Each storm is a list of commands, of times
that pass, and of who goes on meanwhile: everybody, gis alone, gis and the planner, or nobody. When
all is calm, the checker that shares no code with them looks at what was told.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from outage import commands as c
from outage import desk, schema, taking_back
from outage.database import open_database
from outage.errors import OutageError
from outage.model import CrewStatus, Kind, Service
from outage.settings import load
from tests.acceptance.told_true import check, read
from tests.acceptance.village import HOUSES, Street, Village, people

STEPS = 20
CALM = timedelta(days=3)
streets = st.tuples(st.integers(1, HOUSES), st.integers(0, 5)).map(
    lambda pair: (pair[0], min(HOUSES, pair[0] + pair[1]))
)
which = st.integers(0, 3)
hours = st.integers(1, 40).map(lambda fifths: timedelta(hours=fifths / 5))
minutes = st.sampled_from([0, 0, 1, 2, 5, 10, 45, 200])
follows = st.sampled_from(["everybody", "everybody", "everybody", "gis", "planner", "nobody"])


class Template:
    """A migrated SQLite file with the village's people in it, copied for each storm."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outage-storms-"))
        self.file = self.folder / "people.db"
        db = open_database(f"sqlite:///{self.file}")
        schema.upgrade(db)
        with db.write() as conn:
            people(conn)
        with db.engine.connect() as conn:
            conn.exec_driver_sql("ROLLBACK")
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()


_TEMPLATE: list[Template] = []
STORMS: list[int] = [0, 0, 0]
"""How many were played and what was told in them: storms, messages, claimed."""


class Storm(RuleBasedStateMachine):
    """A storm over the village."""

    def __init__(self) -> None:
        super().__init__()
        if not _TEMPLATE:
            _TEMPLATE.append(Template())
        self.home = Path(tempfile.mkdtemp(prefix="storm-", dir=_TEMPLATE[0].folder))
        self.url = f"sqlite:///{self.home / 'outage.db'}"
        shutil.copy(_TEMPLATE[0].file, self.home / "outage.db")
        self.db = open_database(self.url)

    @initialize(quiet=st.booleans())
    def begin(self, *, quiet: bool) -> None:
        hours_ = "13:00-15:00" if quiet else "none"
        told = {"OUTAGE_HOME": str(self.home), "OUTAGE_SEND": "shadow", "OUTAGE_MOST_A_DAY": "3"}
        self.village = Village(self.db, load(told | {"OUTAGE_QUIET_HOURS": hours_}))

    # What may happen, and who follows.

    @rule(street=streets, etr=st.none() | hours, after=minutes, who=follows)
    def breaks_down(self, street: Street, etr: timedelta | None, after: int, who: str) -> None:
        given = None if etr is None else self._etr(etr)
        self._try(lambda: self.village.declare(street, etr=given), after, who)

    @rule(street=streets, ahead=hours, after=minutes, who=follows)
    def work_is_planned(self, street: Street, ahead: timedelta, after: int, who: str) -> None:
        start = self.village.now + ahead * 4
        facts = {"kind": Kind.PLANNED, "planned_start": start, "planned_end": start + ahead}
        self._try(lambda: self.village.declare(street, **facts), after, who)

    @rule(street=streets, water=st.booleans(), after=minutes, who=follows)
    def is_predicted_or_warned_of(
        self, street: Street, after: int, who: str, *, water: bool
    ) -> None:
        facts = {"kind": Kind.ADVISORY, "service": Service.WATER} if water else {"predicted": True}
        self._try(lambda: self.village.declare(street, **facts), after, who)

    @rule(of=which, street=streets, after=minutes, who=follows)
    def is_redrawn(self, of: int, street: Street, after: int, who: str) -> None:
        self._to(of, lambda one: self.village.revise(one, street), after, who)

    @rule(of=which, etr=st.none() | hours, after=minutes, who=follows)
    def etr_is_given_or_withdrawn(
        self, of: int, etr: timedelta | None, after: int, who: str
    ) -> None:
        facts = {"withdraw_etr": True} if etr is None else {"etr": self._etr(etr)}
        self._to(of, lambda one: self.village.report(one, **facts), after, who)

    @rule(of=which, by=hours, after=minutes, who=follows)
    def update_is_promised(self, of: int, by: timedelta, after: int, who: str) -> None:
        at = self.village.now + by
        self._to(of, lambda one: self.village.report(one, next_update_by=at), after, who)

    @rule(of=which, there=st.booleans(), after=minutes, who=follows)
    def crew_comes_or_goes(self, of: int, after: int, who: str, *, there: bool) -> None:
        status = CrewStatus.ARRIVED if there else CrewStatus.ENROUTE
        self._to(of, lambda one: self.village.report(one, crew_status=status), after, who)

    @rule(of=which, part=st.none() | streets, after=minutes, who=follows)
    def is_restored(self, of: int, part: Street | None, after: int, who: str) -> None:
        self._to(of, lambda one: self.village.restore(one, part), after, who)

    @rule(
        of=which,
        command=st.sampled_from(
            [
                *(desk.reopen, desk.cancel, desk.confirm, desk.start, desk.reject, desk.close),
                *(desk.relist, taking_back.take_back),
            ]
        ),
        after=minutes,
        who=follows,
    )
    def is_commanded(self, of: int, command: Callable[..., object], after: int, who: str) -> None:
        self._to(of, lambda one: self.village.do(command, one), after, who)

    @rule(of=which, after=minutes, who=follows)
    def is_lifted(self, of: int, after: int, who: str) -> None:
        self._to(of, lambda one: self.village.do(desk.lift, one, reference="Lab 4711"), after, who)

    @rule(of=which, tell=st.none() | st.booleans(), after=minutes, who=follows)
    def is_no_longer_listed(self, of: int, tell: bool | None, after: int, who: str) -> None:
        self._to(of, lambda one: self.village.unlist(one, tell=tell), after, who)

    @rule(of=which, into=which, after=minutes, who=follows)
    def is_merged(self, of: int, into: int, after: int, who: str) -> None:
        heir = self._named(into)
        if heir is not None:
            self._to(of, lambda one: self.village.merge(one, heir), after, who)

    @rule(of=which, part=streets, after=minutes, who=follows)
    def is_split(self, of: int, part: Street, after: int, who: str) -> None:
        self._to(of, lambda one: self.village.split(one, part), after, who)

    @rule(phone=st.integers(1, HOUSES - 1), again=st.booleans(), after=minutes)
    def somebody_stops(self, phone: int, after: int, *, again: bool) -> None:
        self._try(lambda: self.village.stop(phone, again=again), after, "everybody")

    # How it goes on.

    def teardown(self) -> None:
        """When all is calm, everybody was told once, and told true."""
        try:
            if hasattr(self, "village"):
                self.village.settle()
                self.village.pass_time(CALM)
                self.village.outbox.close()
                finding = check(read(self.url), ZoneInfo("UTC"))
                STORMS[0] += 1
                STORMS[1] += finding.figures["messages"]
                STORMS[2] += finding.figures["claimed"]
                if STORMS[0] % 100 == 0:
                    click.echo(f"{STORMS[0]} storms", err=True)
                assert finding.faults == (), "\n".join(
                    f"{fault.rule}: {fault.sentence}" for fault in finding.faults
                )
        finally:
            self.db.close()
            shutil.rmtree(self.home, ignore_errors=True)

    def _etr(self, away: timedelta) -> c.GivenEtr:
        return c.GivenEtr(latest=self.village.now + away)

    def _named(self, of: int) -> str | None:
        """One of the last four outages."""
        ids = self.village.ids
        return ids[-1 - of % len(ids)] if ids else None

    def _to(self, of: int, command: Callable[[str], object], after: int, who: str) -> None:
        one = self._named(of)
        if one is not None:
            self._try(lambda: command(one), after, who)

    def _try(self, command: Callable[[], object], after: int, who: str) -> None:
        """Do what the desk does not refuse; then some go on, and some time passes."""
        try:
            command()
        except OutageError:
            return
        if who == "gis":
            self.village.gis_alone()
        elif who == "planner":
            self.village.plan_alone()
        elif who == "everybody":
            self.village.settle()
            self.village.pass_time(timedelta(minutes=after))


def play(runs: int, *, quick: bool = False) -> None:
    """Play so many storms; raises AssertionError with the shortest one that goes wrong."""
    phases = tuple(phase for phase in Phase if phase is not Phase.explain)
    run_state_machine_as_test(
        Storm,
        settings=settings(
            max_examples=runs,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=False,
            derandomize=quick,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@click.command()
@click.option("--runs", default=2000, show_default=True, help="How many storms to play.")
def main(runs: int) -> None:
    """Play storms that nobody wrote, and look at what was told in each."""
    begun = time.monotonic()
    play(runs)
    storms, messages, claimed = STORMS
    click.echo(f"{storms} storms, {messages} messages, {claimed} claimed: no fault")
    click.echo(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
