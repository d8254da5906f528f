"""A finished storm before the checker: all rules, and figures of what they looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.acceptance.told_true.case import MOST_A_DAY, Case, Fault
from tests.acceptance.told_true.people import People
from tests.acceptance.told_true.record import Record
from tests.acceptance.told_true.rules import RULES
from tests.acceptance.told_true.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was looked at, and what is wrong with it."""

    figures: dict[str, int]
    faults: tuple[Fault, ...]

    @property
    def by_rule(self) -> Counter[str]:
        return Counter(fault.rule for fault in self.faults)


def check(record: Record, zone: ZoneInfo, most_a_day: int = MOST_A_DAY) -> Finding:
    """Hold a finished storm against every rule. ``zone`` is whose clock the texts speak of."""
    case = Case(
        record=record,
        truth=Truth(record),
        people=People(record),
        zone=zone,
        most_a_day=most_a_day,
    )
    faults = tuple(fault for rule in RULES for fault in rule(case))
    claimed = list(case.claimed())
    english = sum(
        record.texts[row["text_key"]]["language"] == "en"
        for row in claimed
        if row["text_key"] is not None
    )
    figures = {
        "entries": len(record.entries),
        "barriers": len(record.barriers),
        "premises": len({row["premise_key"] for row in record.memberships}),
        "interruptions": len(record.interruptions),
        "messages": len(record.messages),
        "claimed": len(claimed),
        "texts_read_word_by_word": english,
        "acceptances": len(record.acceptances or ()),
        "faults": len(faults),
    }
    return Finding(figures=figures, faults=faults)
