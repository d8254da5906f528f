"""The calendar, read back by the library and by the letter of RFC 5545."""

from datetime import datetime
from pathlib import Path
from typing import Any

import icalendar
import pytest

from outage.model import Kind, Status
from status_page.view import PublicOutage
from tests.unit.status_page.feeds.play import HOSTILE, states
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, outage, status


def planned(number: int, **facts: object) -> PublicOutage:
    values: dict[str, object] = {
        "kind": Kind.PLANNED,
        "status": Status.PREDICTED,
        "planned_start": NOW + hours(30),
        "planned_end": NOW + hours(33),
    }
    return outage(number, **{**values, **facts})


def read(folder: Path) -> Any:  # noqa: ANN401 - see below
    """Parse a calendar and hold it against what it must and must not hold.

    A property may be of any of twenty types there, hence no type here.
    """
    content = (folder / "feeds/planned.ics").read_bytes()
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
    content.decode()
    calendar: Any
    (calendar,) = icalendar.Calendar.from_ical(content, multiple=True)
    assert calendar["version"] == "2.0"
    assert calendar["prodid"]
    assert calendar.subcomponents, "a calendar without a component is none"
    for each in calendar.walk():
        assert not each.errors
    assert {each.name for each in calendar.subcomponents} <= {"VEVENT", "VTIMEZONE"}
    zones = {str(each["tzid"]) for each in calendar.walk("VTIMEZONE")}
    events = calendar.walk("VEVENT")
    assert len({str(each["uid"]) for each in events}) == len(events)
    for event in events:
        for name in ("dtstamp", "uid", "dtstart", "summary", "sequence"):
            assert name in event
        assert str(event["dtstart"].params.get("tzid", SITE.time_zone)) in zones
        assert "dtend" not in event or event["dtend"].dt > event["dtstart"].dt
    return calendar


def test_every_generation_of_a_storm_can_be_read_back(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for state in states():
        press.publish(state)
        wanted = {each.id for each in state.outages if each.planned_start is not None}
        found = {str(each["uid"]).partition("@")[0] for each in read(tmp_path).walk("VEVENT")}
        assert found == wanted


def test_an_event_is_at_its_instant_in_the_zone_of_the_site(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(planned(1)))
    (event,) = read(tmp_path).walk("VEVENT")
    begins: datetime = event["dtstart"].dt
    assert begins == NOW + hours(30)
    assert event["dtend"].dt == NOW + hours(33)
    assert event["dtstart"].params["tzid"] == "America/Vancouver"


def test_what_people_wrote_stays_inside_its_line(tmp_path: Path) -> None:
    told = dict(enumerate(HOSTILE))
    press = Publication(tmp_path)
    press.publish(status(*(planned(n, area=each, message=each) for n, each in told.items())))
    events = read(tmp_path).walk("VEVENT")
    assert len(events) == len(HOSTILE)
    assert not [each for each in events if each.subcomponents]
    for event in events:
        assert str(event["url"]).startswith("http://127.0.0.1:8000/outages/")


@pytest.mark.parametrize(
    ("facts", "said"), [({}, "CONFIRMED"), ({"status": Status.CANCELLED}, "CANCELLED")]
)
def test_what_will_not_take_place_is_cancelled(
    tmp_path: Path, facts: dict[str, object], said: str
) -> None:
    Publication(tmp_path).publish(status(planned(1, **facts)))
    (event,) = read(tmp_path).walk("VEVENT")
    assert event["status"] == said


def test_a_later_version_of_an_event_has_a_higher_number(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status(planned(1)))
    (before,) = read(tmp_path).walk("VEVENT")
    press.publish(status(planned(1, planned_start=NOW + hours(31), changed=NOW)))
    (after,) = read(tmp_path).walk("VEVENT")
    assert after["uid"] == before["uid"]
    assert after["sequence"] > before["sequence"]


def test_with_no_planned_work_there_is_a_calendar_all_the_same(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    assert read(tmp_path).walk("VEVENT") == []
