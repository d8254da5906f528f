"""A made-up storm from its first minute to its last, as states to publish one after the other."""

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta

from outage.model import Cause, Kind, Reason, Status
from status_page.view import PublicOutage, PublicStatus
from tests.unit.status_page.storm import NOW, etr, hours, outage, sample, status

HOSTILE = (
    '=HYPERLINK("https://evil.example.org";"click")',
    "+1-1",
    "@SUM(A1:A9)",
    "-2+3",
    "\uff1dSUM(A1)",
    "]]><script>alert(1)</script><!-- & \u2028 \u202e",
    "a\x00b\x0b\x1f\uffff c",
    'line one\r\nEND:VEVENT\r\nBEGIN:VALARM\nline "three", four; five\\n',
    "\U0001f329 ночь 电 ਬਿਜਲੀ العربية " * 8,
)
"""What a feed or a person may have written where a text goes."""


def polygon(west: float, south: float, *, hole: bool = False) -> list[list[list[float]]]:
    """Cells as gis draws them: the outer ring against the clock, a hole with it."""
    east, north = west + 0.01, south + 0.01
    rings = [[[west, south], [east, south], [east, north], [west, north], [west, south]]]
    if hole:
        w, s, e, n = west + 0.004, south + 0.004, west + 0.006, south + 0.006
        rings.append([[w, s], [w, n], [e, n], [e, s], [w, s]])
    return rings


def one_part(west: float = -123.1, *, hole: bool = False) -> str:
    return json.dumps({"type": "Polygon", "coordinates": polygon(west, 49.2, hole=hole)})


def two_parts() -> str:
    parts = [polygon(-123.2, 49.2), polygon(-123.3, 49.3, hole=True)]
    return json.dumps({"type": "MultiPolygon", "coordinates": parts})


def hostile() -> Iterator[PublicOutage]:
    for number, text in enumerate(HOSTILE, 100):
        yield outage(number, area=text, message=text, cause=Cause.OBJECT)
        yield outage(
            number + 100,
            area=text,
            message=text,
            kind=Kind.PLANNED,
            status=Status.PREDICTED,
            cause=Cause.PLANNED_WORK,
            planned_start=NOW + hours(3),
            planned_end=NOW + hours(5) if number % 2 else None,
        )


def states() -> list[PublicStatus]:
    """What is public, from nothing to nothing."""
    told = {each.id: each for each in sample()}
    played: list[PublicStatus] = [status()]

    moved: dict[str, str] = {}

    def go_on(**changes: dict[str, object]) -> None:
        at = NOW + timedelta(minutes=7 * len(played))
        for name, facts in changes.items():
            key = f"O-7K3M{name.removeprefix('n')}"
            told[key] = dataclasses.replace(told[key], changed=at, **facts)  # type: ignore[arg-type]
        played.append(status(*told.values(), as_of=at, moved=dict(moved)))

    go_on()
    go_on(n1={"outline": one_part()}, n2={"outline": two_parts()})
    told |= {each.id: each for each in hostile()}
    go_on(n3={"outline": one_part(-123.4, hole=True), "matched": 3})
    go_on(n1={"matched": 900, "etr": etr(4, reason=Reason.MORE_DAMAGE), "message": HOSTILE[5]})
    go_on(n1={"status": Status.PARTIALLY_RESTORED, "restored_count": 343, "outline": one_part()})
    go_on(n10={"status": Status.CANCELLED}, n7={"status": Status.CONFIRMED})
    # One goes on as part of another, as long as that one is listed.
    del told["O-7K3M5"]
    moved["O-7K3M5"] = "O-7K3M2"
    go_on(n2={"matched": 873})
    over = {"status": Status.RESTORED, "restored": NOW, "outline": "", "matched": 0}
    go_on(n1={**over, "restored_count": 1243}, n8={"status": Status.CLOSED, "outline": ""})
    go_on(n1={"status": Status.CONFIRMED, "restored": None, "matched": 12, "restored_count": 0})
    go_on(n11={"status": Status.CLOSED}, n1={**over, "restored_count": 1243})
    for key in list(told)[::2]:
        del told[key]
    moved.clear()
    go_on()
    told.clear()
    go_on()
    return played
