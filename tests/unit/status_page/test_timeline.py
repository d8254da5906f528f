import functools
import re
from datetime import datetime, timedelta

from outage.journal import JournalEntry
from outage.model import Cause, Kind, OutageKey, Reason, Status
from status_page.moments import MOST, SHOWN, moments
from status_page.rendering import Renderer
from status_page.timeline import steps_of
from status_page.view import PublicOutage, PublicSaid, PublicStep
from tests.unit.status_page.storm import NOW, SITE, etr, hours, outage

renderer = functools.cache(Renderer)


def said(one: PublicOutage, language: str = "en") -> str:
    html = renderer(SITE).details(one, language)
    section = html.partition('<section class="timeline"')[2]
    return " ".join(re.sub(r"<[^>]*>", " ", section.partition(">")[2]).split())


def entry(kind: str, state: dict[str, object] | None = None, /, **data: object) -> JournalEntry:
    return JournalEntry(
        number=1,
        kind=kind,
        outage_key=OutageKey(1),
        actor="dispatcher:7",
        at=NOW,
        data=data,
        state=state or {},
    )


def whats(one: JournalEntry, back: dict[int, datetime] | None = None) -> list[str]:
    return [each.what for each in steps_of(one, back or {})]


def test_all_that_has_happened_stands_in_one_list_the_newest_first() -> None:
    one = outage(
        1,
        etr=etr(3),
        etrs=(
            PublicSaid(at=NOW - hours(2), latest=NOW),
            PublicSaid(at=NOW - hours(1), latest=NOW + hours(3), reason=Reason.PARTS),
        ),
        steps=(
            PublicStep(at=NOW - hours(2.5), what="known"),
            PublicStep(at=NOW - hours(1.5), what="crew", code="arrived"),
            PublicStep(at=NOW - hours(0.2), what="partly"),
        ),
    )
    assert said(one) == (
        "What has happened "
        "Sunday 22 Nov, 3:03 PM PST Service is back for some "
        "Sunday 22 Nov, 2:15 PM PST Expected back: Sunday 22 Nov, 6:15 PM PST "
        "– parts are on their way "
        "Sunday 22 Nov, 1:45 PM PST Crew on site "
        "Sunday 22 Nov, 1:15 PM PST Expected back: Sunday 22 Nov, 3:15 PM PST "
        "Sunday 22 Nov, 12:45 PM PST On our list "
        "Sunday 22 Nov, 12:15 PM PST Service went off"
    )
    html = renderer(SITE).details(one, "en")
    assert '<time datetime="2026-11-22T20:45:00+00:00">' in html
    assert "<details>" not in html


def test_a_long_story_is_folded_and_a_very_long_one_is_cut_and_says_so() -> None:
    steps = tuple(
        PublicStep(at=NOW - timedelta(minutes=number), what="area") for number in range(100)
    )
    few = said(outage(1, steps=steps[: SHOWN + 1]))
    assert "Earlier entries: 2" in few
    assert "not shown" not in few
    many = said(outage(1, steps=steps))
    assert f"Earlier entries: {MOST - SHOWN}" in many
    assert "Older entries are not shown." in many
    assert many.count("The area was changed") == MOST


def test_the_beginning_is_told_only_of_what_has_begun() -> None:
    for one in (
        outage(1, status=Status.PREDICTED),
        outage(1, status=Status.CANCELLED, matched=0),
        outage(1, kind=Kind.PLANNED, status=Status.PREDICTED),
        outage(1, kind=Kind.ADVISORY),
    ):
        assert moments(one) == []
    assert [each.what for each in moments(outage(1))] == ["began"]


def test_of_an_estimate_that_was_never_published_nothing_is_told() -> None:
    steps = tuple(PublicStep(at=NOW, what=what) for what in ("etr_withdrawn", "etr_passed"))
    assert [each.what for each in moments(outage(1, steps=steps))] == ["began"]
    told = outage(1, steps=steps, etrs=(PublicSaid(at=NOW - hours(1), latest=NOW),))
    assert {each.what for each in moments(told)} == {"began", "etr", *(s.what for s in steps)}


def test_each_sort_of_entry_is_told_as_what_it_was() -> None:
    assert whats(entry("declared", {"status": "predicted"})) == ["reported"]
    arrived: dict[str, object] = {"status": "confirmed", "crew_status": "assigned"}
    assert whats(entry("declared", arrived)) == ["known", "crew"]
    assert whats(entry("confirmed")) == ["confirmed"]
    assert whats(entry("revised", fields=["place", "shape_digest"])) == ["area"]
    assert whats(entry("progress", fields=["etr"])) == ["etr_withdrawn"]
    assert whats(entry("progress", fields=["etr"], etr_version=2)) == []
    assert whats(entry("reopened", reason="stillOut", premises=[4])) == ["still_out"]
    assert whats(entry("reopened", reason="mistake")) == ["reopened"]
    assert whats(entry("merged", into=2)) == []
    assert whats(entry("split", into=2)) == ["split"]
    assert whats(entry("revised", fields=["place"], takes_back=3)) == ["taken_back"]


def test_service_is_back_when_it_came_back_and_not_when_somebody_said_so() -> None:
    done = entry("matched", {"status": "restored"}, kind="restoring", restoration=9)
    (step,) = steps_of(done, {9: NOW - hours(1)})
    assert (step.what, step.at) == ("restored", NOW - hours(1))
    partly = entry("matched", {"status": "partiallyRestored"}, kind="restoring", restoration=9)
    assert whats(partly) == ["partly"]
    assert whats(entry("matched", {"status": "confirmed"}, kind="revised")) == []


def test_internal_notes_and_what_came_too_late_are_no_part_of_it() -> None:
    late = entry("progress", fields=[], recorded=["crew_status"], late={"crew_status": "x"}, note=4)
    assert whats(late) == []
    crew = entry("progress", {"crew_status": "a newer one"}, fields=["crew_status"])
    assert whats(crew) == []


def test_every_step_has_words_in_every_language() -> None:
    plain = (
        "began reported known announced confirmed started area start plan etr_withdrawn etr_passed "
        "partly restored reopened still_out taken_back cancelled closed lifted unlisted listed "
        "merged split parted"
    )
    steps = [PublicStep(at=NOW, what=what) for what in plain.split()]
    steps.append(PublicStep(at=NOW, what="cause", code=Cause.TREE))
    one = outage(1, steps=tuple(steps), etrs=(PublicSaid(at=NOW - hours(1), latest=NOW),))
    for language in SITE.languages:
        told = said(one, language)
        assert "{" not in told
        assert told.count("3:15") >= len(steps)
