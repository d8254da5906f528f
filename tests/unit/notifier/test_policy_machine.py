"""Policy and what was last told, through whatever may happen, in whatever order and at any hour.

The machine plays planner and outbox for one endpoint with three places: one pending message, held
and inherited as the planner does it, decided again when it is due. `POLICY_RUNS=2000` plays
longer, with `--timeout 1000`.
"""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from notifier.kinds import Hold, Kind, Told
from notifier.manners import Manners
from notifier.policy import Belief, Facts, Situation, Stage, belief, decide
from notifier.situation import AGO_STEP_MIN, QUIET_STEP_MIN, most, time_code, unpack

START = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)
MANNERS = Manners(zone=ZoneInfo("UTC"), most_a_day=2)
DAY, CALM = timedelta(days=1), timedelta(days=4)
places = st.sets(st.integers(0, 2), min_size=1)
lengths = st.sampled_from([0, 1, 3, 10, 45, 200])
hours = st.integers(1, 100).map(lambda tenths: timedelta(hours=tenths / 5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    kind: Kind
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    kind: Kind
    at: datetime
    known: Belief


class Telling(RuleBasedStateMachine):
    """One endpoint, one outage; each place is ``listed``, ``here``, ``back`` or ``left``."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.facts = Facts(stage=Stage.OPEN)
        self.state = ["listed"] * 3
        self.said: list[Message] = []
        self.pending: Pending | None = None
        self.medical = self.hourly = False

    @initialize(
        sort=st.sampled_from(["unplanned", "unplanned", "planned", "advisory"]),
        medical=st.booleans(),
        hourly=st.booleans(),
        starts=hours,
    )
    def begin(self, sort: str, *, medical: bool, hourly: bool, starts: timedelta) -> None:
        self.medical, self.hourly = medical, hourly
        if sort == "planned":
            begins = self.now + starts * 3
            self.facts = Facts(
                stage=Stage.AHEAD, planned=True, starts=begins, ends=begins + starts / 2
            )
        elif sort == "advisory":
            self.facts = replace(self.facts, advisory=True)
        self.plan()

    # What may happen, and how long it is quiet after it.

    @rule(where=places, minutes=lengths)
    def goes_out(self, where: set[int], minutes: int) -> None:
        if self.facts.stage in {Stage.AHEAD, Stage.OPEN} and not self.facts.advisory:
            self.facts = replace(self.facts, stage=Stage.OPEN)
            self.change(where, "here", minutes)

    @rule(where=places, minutes=lengths)
    def comes_back(self, where: set[int], minutes: int) -> None:
        self.change({place for place in where if self.state[place] == "here"}, "back", minutes)

    @rule(minutes=lengths)
    def is_over_or_open_again(self, minutes: int) -> None:
        if self.facts.stage is Stage.OPEN:
            self.facts = replace(self.facts, stage=Stage.OVER)
            self.change(self.all("here"), "back", minutes)
        elif self.facts.stage is Stage.OVER and not self.facts.advisory:
            self.facts = replace(self.facts, stage=Stage.OPEN)
            self.change(self.all("back"), "here", minutes)

    @rule(where=places, minutes=lengths)
    def falls_out(self, where: set[int], minutes: int) -> None:
        if self.facts.stage in {Stage.AHEAD, Stage.OPEN}:
            gone = {place for place in where if self.state[place] != "back"}
            self.change(gone, "left", minutes)

    @precondition(lambda self: len(self.said) > 2)
    @rule(minutes=lengths)
    def is_cancelled(self, minutes: int) -> None:
        if self.facts.stage in {Stage.AHEAD, Stage.OPEN}:
            self.facts = replace(self.facts, stage=Stage.CANCELLED)
            self.change(self.all("here"), "left", minutes)

    @rule(away=st.none() | hours, minutes=lengths)
    def etr_is_given_or_withdrawn(self, away: timedelta | None, minutes: int) -> None:
        self.facts = replace(self.facts, etr=None if away is None else self.now + away)
        self.goes_on(minutes)

    @rule(away=hours, minutes=lengths)
    def update_is_promised(self, away: timedelta, minutes: int) -> None:
        self.facts = replace(self.facts, next_update=self.now + away)
        self.goes_on(minutes)

    @rule(there=st.booleans(), minutes=lengths)
    def crew_comes_or_goes(self, *, there: bool, minutes: int) -> None:
        self.facts = replace(self.facts, crew_on_site=there)
        self.goes_on(minutes)

    @precondition(lambda self: self.facts.stage is Stage.AHEAD)
    @rule(away=hours, minutes=lengths)
    def work_is_moved(self, away: timedelta, minutes: int) -> None:
        self.facts = replace(self.facts, starts=self.now + away * 3)
        self.goes_on(minutes)

    @precondition(lambda self: self.facts.planned)
    @rule(away=st.none() | hours, minutes=lengths)
    def work_takes_another_time(self, away: timedelta | None, minutes: int) -> None:
        self.facts = replace(self.facts, ends=None if away is None else self.now + away * 4)
        self.goes_on(minutes)

    def all(self, state: str) -> set[int]:
        return {place for place in range(3) if self.state[place] == state}

    def change(self, where: set[int], to: str, minutes: int) -> None:
        for place in where:
            self.state[place] = to
        self.goes_on(minutes)

    def goes_on(self, minutes: int) -> None:
        self.plan()
        self.pass_until(self.now + timedelta(minutes=minutes))

    # What planner, timers and outbox do.

    def pass_until(self, end: datetime) -> None:
        while (at := self.next_moment(end)) is not None:
            self.now = at
            if self.pending is None or self.pending.due > at:
                self.plan()
            else:
                self.claim()
        self.now = end

    def next_moment(self, end: datetime) -> datetime | None:
        starts = self.facts.starts
        timers = [
            self.facts.back,
            self.facts.next_update,
            None if starts is None else starts - MANNERS.reminder,
        ]
        ahead = [at for at in timers if at is not None and self.now < at <= end]
        if self.pending is not None and self.pending.due <= end:
            ahead.append(max(self.now, self.pending.due))
        return min(ahead, default=None)

    def plan(self) -> None:
        decision = decide(self.situation(), self.facts, MANNERS, self.now)
        if decision.kind is None:
            self.pending = None
            return
        due = max(self.now + decision.hold, decision.after or self.now)
        if self.pending is not None:
            same = self.pending.kind is decision.kind
            inherits = decision.after is None and decision.kind.rule.hold is not Hold.RESTORED
            if same or inherits:
                due = min(due, self.pending.due)
        self.pending = Pending(kind=decision.kind, due=due)

    def claim(self) -> None:
        assert self.pending is not None
        decision = decide(self.situation(), self.facts, MANNERS, self.now)
        self.pending = None
        if decision.kind is None:
            return
        if not decision.due(self.now):
            assert decision.after is not None
            self.pending = Pending(kind=decision.kind, due=decision.after)
            return
        self.tell(decision.kind)

    def tell(self, kind: Kind) -> None:
        known = belief(kind, self.situation(), self.facts, MANNERS, self.now)
        self.must_be_true(kind)
        if self.said:
            assert known != self.said[-1].known, f"{kind} says again what {self.said[-1].kind} said"
        self.said.append(Message(kind=kind, at=self.now, known=known))
        if not self.hourly:
            today = [m for m in self.said if m.at.date() == self.now.date()]
            assert sum(not m.kind.rule.critical for m in today) <= MANNERS.most_a_day

    def must_be_true(self, kind: Kind) -> None:
        if kind.told.out:
            assert "here" in self.state
        if kind in {Kind.RESTORED, Kind.PLANNED_DONE, Kind.ADVISORY_LIFTED}:
            assert "here" not in self.state
        if kind is Kind.RESTORED:
            assert "back" in self.state
        if kind in {Kind.ETR, Kind.ETR_LATER}:
            assert self.facts.back is not None
            assert self.facts.back > self.now
        if self.asleep() and not self.medical:
            # An advisory is told at any hour, and so is who is not meant by it after all.
            assert kind.rule.quiet == "sent" or kind.safety(advisory=self.facts.advisory)

    def asleep(self) -> bool:
        return not 7 <= self.now.hour < 22

    def situation(self) -> Situation:
        last = self.said[-1] if self.said else None
        known = last.known if last else Belief(told=Told.NONE)
        out = self.state.count("here")
        passed = (self.now - last.at) // timedelta(minutes=AGO_STEP_MIN) if last else most("ago")
        backs = [m for m in self.said if m.known.told is Told.BACK and m.at >= self.now - DAY]
        today = [m for m in self.said if m.at.date() == self.now.date()]
        count = out or self.state.count("back") or 3
        minutes = (7 * 60 - self.now.hour * 60 - self.now.minute) % (24 * 60)
        found = Situation(
            told=known.told,
            here=out > 0,
            listed="listed" in self.state,
            back="back" in self.state,
            left="left" in self.state,
            places=count,
            fewer=known.places > count,
            told_time=time_code(known.time, self.now),
            told_update=known.update,
            end_moved=known.told in {Told.NOTICED, Told.REMINDED} and known.end != self.facts.ends,
            told_crew=known.crew,
            medical=self.medical,
            ago=1 + passed if self.hourly else 0,
            recent=sum(not m.kind.rule.critical for m in today),
            backs=len(backs),
            quiet=-(-minutes // QUIET_STEP_MIN) if self.asleep() else 0,
        )
        # As the planner hands it on: in few bits.
        return unpack(found.pack())

    # What must hold.

    @invariant()
    def a_first_word_is_said_once(self) -> None:
        kinds = [message.kind for message in self.said]
        assert kinds.count(Kind.DETECTED) <= 1

    @invariant()
    def what_there_is_to_tell_is_waiting(self) -> None:
        """Nothing is swallowed: what policy would tell now has a message that waits for it."""
        decision = decide(self.situation(), self.facts, MANNERS, self.now)
        if decision.kind is not None:
            assert self.pending is not None

    def teardown(self) -> None:
        """Once all is calm, everybody knows how it ended."""
        self.pass_until(self.now + CALM)
        assert self.pending is None
        assert decide(self.situation(), self.facts, MANNERS, self.now).kind is None
        known = self.said[-1].known if self.said else Belief(told=Told.NONE)
        told = known.told
        if self.facts.stage is Stage.AHEAD and told in {Told.NOTICED, Told.REMINDED}:
            starts = self.facts.starts
            started = starts is None or starts <= self.now
            assert started or "listed" not in self.state or known.end == self.facts.ends
        if "here" in self.state and self.facts.stage is Stage.OPEN:
            assert told.out
        elif told.out:
            # No place is out, restored or fallen out: they are members again and wait to be.
            assert self.state.count("listed") == 3


RUNS = int(os.environ.get("POLICY_RUNS", "200"))
Telling.TestCase.settings = settings(max_examples=RUNS, stateful_step_count=30, deadline=None)
TestTelling = Telling.TestCase
