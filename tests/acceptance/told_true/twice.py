"""Nobody is told the same thing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from tests.acceptance.told_true import words
from tests.acceptance.told_true.case import ANSWERS, Case, Fault, fault
from tests.acceptance.told_true.record import Row

MINUTE_MS = 60_000


def told_twice(case: Case) -> Iterator[Fault]:
    """Two in a row of one outage that state the same, whatever was said between of its origins.

    Of two outages it is a fault only if they say it of the same losses: see `told_by_two`.
    """
    for _, outage, line in case.lines():
        for before, after in pairwise(line):
            if after["kind"] in ANSWERS or case.family(after["outage_key"]) != outage:
                continue
            if before["outage_key"] != after["outage_key"]:
                continue
            same_text = _text(case, before) == _text(case, after) and after["text_key"] is not None
            if same_text or facts(before) == facts(after):
                yield fault("told_twice", case, after, f"says again what {case.name(before)} said")


def facts(row: Row) -> tuple[object, ...]:
    """What a message states: of how many places first."""
    minute = None if row["told_time"] is None else row["told_time"] // MINUTE_MS
    rest = (row[name] for name in ("told_state", "told_update", "told_crew"))
    return (row["told_places"], minute, *rest)


def _text(case: Case, row: Row) -> str | None:
    text = case.record.texts.get(row["text_key"])
    return None if text is None else words.undated(text["body"])


def accepted_twice(case: Case) -> Iterator[Fault]:
    """A text that the simulator took more than once."""
    times: dict[str, int] = defaultdict(int)
    for taken in case.record.acceptances or ():
        if taken["channel"] == "sms" and taken["our_id"] is not None:
            times[taken["our_id"]] += 1
    for our_id, count in times.items():
        if count > 1:
            yield Fault(
                rule="accepted_twice",
                message=_number(our_id),
                sentence=f"text {our_id} was accepted {count} times",
            )


def _number(our_id: str) -> int | None:
    return int(our_id) if our_id.isdigit() else None
