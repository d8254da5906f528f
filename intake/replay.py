"""A recording as a sequence of barriers: the moments at which business time stops.

Business time moves to the next snapshot or the next timer that is due before it; whoever
follows the sequence lets everybody finish there before asking for the next (DECISIONS 7).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from intake import catalogue, recording
from intake.errors import RecordingRefused
from intake.mapping import FeedMapping
from intake.snapshot import Problem, Snapshot, Unusable, document_in, read

Timer = Callable[[datetime], datetime | None]
"""When, after a given moment, the next thing of a kind falls due, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """A stop: at ``at``, for a snapshot or (without one) for a timer.

    ``at`` is None where a line says no time: business time stays where it is.
    """

    at: datetime | None
    snapshot: Snapshot | Unusable | None = None


def snapshots(path: Path, mapping: FeedMapping) -> Iterator[Snapshot | Unusable]:
    """What each line of a recording says, in order. Raises RecordingRefused."""
    for line in recording.lines(path):
        if line.broken:
            problem = Problem(line=line.number, sentence=line.broken)
            yield Unusable(line=line.number, problem=problem)
        else:
            yield read(line.number, line.text, mapping)


def fitting_mapping(path: Path) -> FeedMapping:
    """The one shipped mapping that fits the first snapshot that can be read at all.

    Raises RecordingRefused when there is none, MappingUndecided when no mapping fits it.
    """
    why = "it is empty"
    for line in recording.lines(path):
        document = line.broken or document_in(line.text)
        if isinstance(document, dict | list) and document:
            return catalogue.choose(document)
        if line.number == 1:
            why = f"line 1: {document}"
    raise RecordingRefused(f"{path.name} holds no snapshot that can be read ({why.rstrip('.')}).")


def barriers(
    seen: Iterable[Snapshot | Unusable], *, timer: Timer, last_timer: Timer
) -> Iterator[Barrier]:
    """Every barrier in order; ``timer`` is asked again after each.

    After the last snapshot only ``last_timer`` counts: what still has to be sent.
    """
    now: datetime | None = None
    for one in seen:
        if isinstance(one, Unusable):
            yield Barrier(at=None, snapshot=one)
            continue
        while now is not None and (due := _due(timer, now, one.fetched)) is not None:
            now = due
            yield Barrier(at=due)
        now = max(now or one.fetched, one.fetched)
        yield Barrier(at=now, snapshot=one)
    while now is not None and (due := _due(last_timer, now, None)) is not None:
        now = due
        yield Barrier(at=due)


def _due(timer: Timer, now: datetime, before: datetime | None) -> datetime | None:
    due = timer(now)
    return None if due is None or (before is not None and due >= before) else due
