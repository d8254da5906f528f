"""Everybody comes to an end, and only they; and what was worked out ends as the record does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.acceptance.told_true.case import ANSWERS, OF_AREAS, OPEN, Case, Fault, fault
from tests.acceptance.told_true.record import Row

TELLS = frozenset(
    {
        "reported", "detected", "no_etr_yet", "etr", "etr_later", "etr_passed", "crew",
        "partly_restored", "restored", "still_out_received", "correction", "cancelled",
        "planned_notice", "planned_reminder", "planned_started", "planned_changed",
        "planned_cancelled", "planned_done", "advisory", "advisory_lifted", "storm_watch",
        *OF_AREAS,
    }
)  # fmt: skip
"""Decisions to tell something; every other one is a reason for telling nothing."""


def sums(case: Case) -> Iterator[Fault]:
    """Decisions to tell, messages on record and their ends are as many as each other."""
    planned: dict[int, int] = defaultdict(int)
    written: dict[int, int] = defaultdict(int)
    for row in case.record.decisions:
        if row["decision"] in TELLS:
            planned[row["outage_key"]] += row["count"]
    for row in case.record.messages:
        written[row["outage_key"]] += 1
        if row["state"] in OPEN or (row["state"] == "unknown" and row["ended_at"] is None):
            yield fault("sums", case, row, f"is {row['state']} at the end of the storm")
    for key in sorted(set(planned) | set(written)):
        if planned[key] != written[key]:
            yield Fault(
                rule="sums",
                sentence=f"of {case.record.outages[key]['id']} {planned[key]} were decided on "
                f"and {written[key]} are on record",
            )


def audience(case: Case) -> Iterator[Fault]:
    """Each entry that may tell decides for everybody behind the outage's premises, once each."""
    decided: dict[tuple[int, int], int] = defaultdict(int)
    for row in case.record.decisions:
        decided[row["number"], row["outage_key"]] += row["count"]
    answers = {
        (row["number"], row["outage_key"]) for row in case.record.messages if row["kind"] in ANSWERS
    }
    for place, entry in enumerate(case.record.entries, 1):
        key = entry.outage
        if key is None or (entry.number, key) in answers or not _may_tell(entry.kind, entry.data):
            continue
        found = decided.get((entry.number, key), 0)
        if not found and entry.kind == "progress":
            continue  # nothing in it that anybody is told of
        # Who is behind it is looked at when the entry is worked, maybe after later ones.
        counts = {
            len(case.people.endpoints(case.truth.ever_members(key, then), entry.at))
            for then in range(place, _worked_by(case, place) + 1)
        }
        # Beside them whoever watches an area, as far as the outage lies in it.
        watching = len({row["endpoint_key"] for row in case.record.watches if row["confirmed_at"]})
        if not any(count <= found <= count + watching for count in counts):
            yield Fault(
                rule="audience",
                sentence=f"entry {entry.number} of {case.record.outages[key]['id']} decided for "
                f"{found} people, and {sorted(counts)} are behind its premises",
            )


def _may_tell(kind: str, data: Row) -> bool:
    if kind == "matched":
        return data.get("kind") != "premisesChanged"
    return kind in {"progress", "listed", "etrPassed", "updatePassed", "startNear"}


def _worked_by(case: Case, place: int) -> int:
    """How many entries there were when everybody had finished with one: at the next barrier."""
    later = [
        row["journal_number"] for row in case.record.barriers if row["journal_number"] >= place
    ]
    return min(later, default=len(case.record.entries))


def reconstruction(case: Case) -> Iterator[Fault]:
    """What the checker has worked out ends as the record does."""
    yield from (
        Fault(rule="reconstruction", sentence=sentence) for sentence in case.truth.disagreements()
    )
