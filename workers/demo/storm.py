"""The demo's storm: sixty outages over six hours, always the same, as a list of acts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from outage.model import Cause, CrewStatus, Kind, Reason
from workers.demo.ground import BLOCKS, STREETS, TOWNS, Plot

SEED = 61
OUTAGES = 60
TICK = timedelta(minutes=5)
WRONG_POLYGON, REOPENED, CANCELLED, PLANNED, OVERLAPPING = 7, 11, 23, 31, 42
"""Which outages go a way of their own; OVERLAPPING lies half over the one before it."""
CAUSES = (Cause.WIND, Cause.TREE, Cause.WIRE_DOWN, Cause.EQUIPMENT, Cause.VEHICLE, Cause.UNKNOWN)
NOTES = (
    "Found a limb across two spans, clearing it now",
    "Pole cracked at the base, need a digger truck",
    "Blown fuse on the lateral, patrolling before we close",
    "Road is under water, walking in from the north end",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing somebody does in the storm, ``at`` after its begin, to the outage ``label``."""

    at: timedelta
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare(Act):
    """A dispatcher draws ``plot``; planned work is declared before it begins."""

    plot: Plot
    cause: Cause
    kind: Kind = Kind.UNPLANNED
    etr: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Act):
    """Planned work begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Act):
    """A crew reports from the truck; ``etr`` counts from now."""

    crew_status: CrewStatus | None = None
    etr: timedelta | None = None
    reason: Reason | None = None
    note: str | None = None
    public_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revise(Act):
    """The dispatcher corrects the polygon."""

    plot: Plot


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Act):
    """Service is back, in ``plot`` or everywhere."""

    plot: Plot | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(Act):
    """The restoration was not true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Act):
    """There never was such an outage."""


def acts() -> list[Act]:
    """Return the storm in order of time."""
    dice = random.Random(SEED)
    script: list[Act] = []
    plots: list[Plot] = []
    for number in range(1, OUTAGES + 1):
        plot = plots[-1].moved(1) if number == OVERLAPPING else _plot(dice, number)
        plots.append(plot)
        script.extend(_life(dice, number, plot))
    return sorted(script, key=lambda act: act.at)


def _plot(dice: random.Random, number: int) -> Plot:
    size = 5 if number == 1 else dice.choice((1, 1, 2, 2, 2))
    width = max(2, size) if number in {WRONG_POLYGON, OVERLAPPING - 1} else size
    return Plot(
        town=number % len(TOWNS),
        block=dice.randrange(BLOCKS - width - 2),
        street=dice.randrange(STREETS - size),
        width=width,
        height=size,
    )


def _life(dice: random.Random, number: int, plot: Plot) -> Iterator[Act]:
    label = f"S{number:02d}"
    begin = _ticks(dice.randrange(24))
    if number == PLANNED:
        yield Declare(
            at=begin, label=label, plot=plot, cause=Cause.PLANNED_WORK, kind=Kind.PLANNED,
            etr=timedelta(hours=3),
        )  # fmt: skip
        yield Start(at=begin + _ticks(6), label=label)
        yield Restore(at=begin + _ticks(24), label=label)
        return
    guess = timedelta(hours=dice.choice((2, 3, 4))) if dice.random() < 0.6 else None
    yield Declare(at=begin, label=label, plot=plot, cause=dice.choice(CAUSES), etr=guess)
    if number == CANCELLED:
        yield Cancel(at=begin + _ticks(4), label=label)
        return
    if number == WRONG_POLYGON:
        yield Revise(at=begin + _ticks(3), label=label, plot=plot.moved(1))
    yield from _crew(dice, label, begin)
    end = begin + _ticks(30 + dice.randrange(12))
    if plot.width * plot.height > 1 and dice.random() < 0.35:
        yield Restore(at=end - _ticks(8), label=label, plot=plot.half)
    yield Restore(at=end, label=label)
    if number == REOPENED:
        yield Reopen(at=end + _ticks(2), label=label)
        yield Restore(at=end + _ticks(8), label=label)


def _crew(dice: random.Random, label: str, begin: timedelta) -> Iterator[Act]:
    yield Update(at=begin + _ticks(4), label=label, crew_status=CrewStatus.ASSIGNED)
    yield Update(at=begin + _ticks(9), label=label, crew_status=CrewStatus.ENROUTE)
    yield Update(
        at=begin + _ticks(13),
        label=label,
        crew_status=CrewStatus.ARRIVED,
        etr=timedelta(hours=dice.choice((1, 2, 3))),
        note=dice.choice(NOTES),
        public_message="Our crew is on site." if dice.random() < 0.2 else None,
    )
    if dice.random() < 0.4:
        yield Update(
            at=begin + _ticks(20),
            label=label,
            etr=timedelta(hours=dice.choice((3, 4))),
            reason=dice.choice((Reason.MORE_DAMAGE, Reason.ACCESS, Reason.WEATHER)),
            note="More damage than it looked, this will take longer",
        )


def _ticks(count: int) -> timedelta:
    return count * TICK
