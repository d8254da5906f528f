"""What the counts of one generation, or of all of them, give away: never a number below k."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outage.model import Status
from outage.privacy import FEW, MIN_PREMISES, masked
from status_page.printed import facts_of
from status_page.rendering import Renderer
from status_page.view import PublicOutage, Totals
from tests.unit.status_page.storm import SITE, Publication, outage, status

RENDERER = Renderer(SITE)
small = st.integers(1, MIN_PREMISES - 1)
counts = st.integers(0, 12) | st.integers(0, 100_000)
stories = st.lists(counts | st.just(None), min_size=1, max_size=8)


def published(folder: Path, *outages: PublicOutage) -> dict[str, bytes]:
    edition = Publication(folder).press.edition(
        status(*outages), epoch="e", number=1, journal_number=1, checked_at=outages[0].changed
    )
    return {**dict(edition.files), "status.json": edition.pointer.to_bytes()}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(counts, min_size=1, max_size=5), data=st.data())
def test_all_that_is_published_is_the_same_whatever_a_small_count_is(
    tmp_path: Path, parts: list[int], data: st.DataObject
) -> None:
    """So no arithmetic on totals and parts, pages and files can find it."""

    def again(count: int) -> int:
        return data.draw(small) if 0 < count < MIN_PREMISES else count

    first = [outage(at, matched=each, reported=each) for at, each in enumerate(parts)]
    second = [
        outage(at, matched=again(each), reported=again(each)) for at, each in enumerate(parts)
    ]
    assert published(tmp_path, *first) == published(tmp_path, *second)


@given(st.lists(counts, max_size=8))
def test_a_total_is_the_sum_of_what_its_parts_show(parts: list[int]) -> None:
    totals = Totals.of(outage(at, matched=each, reported=each) for at, each in enumerate(parts))
    shown = sum(masked(each) for each in parts)
    assert (totals.matched, totals.reported or 0) == (shown, shown)
    assert totals.matched <= sum(parts)
    assert totals.matched_few == sum(masked(each) == FEW for each in parts)


@given(
    members=st.integers(MIN_PREMISES, 40),
    story=st.lists(st.integers(0, 40), max_size=6),
    data=st.data(),
)
def test_no_sequence_of_generations_tells_how_many_of_few_are_still_out(
    members: int, story: list[int], data: st.DataObject
) -> None:
    """An attacker who saw how many were out at first could take those that are back from it."""
    other = [data.draw(small) if masked(min(out, members)) == FEW else out for out in story]

    def shown(outs: list[int]) -> list[dict[str, object]]:
        return [
            facts_of(
                outage(
                    1,
                    status=Status.PARTIALLY_RESTORED,
                    matched=min(out, members),
                    restored_count=members - min(out, members),
                )
            )
            for out in outs
        ]

    assert shown(story) == shown(other)


@given(stories, stories, stories)
def test_no_value_for_the_public_can_hold_a_small_count(
    matched: list[int | None], reported: list[int | None], back: list[int | None]
) -> None:
    for each in zip(matched, reported, back, strict=False):
        one = outage(1, matched=each[0], reported=each[1], restored_count=each[2] or 0)
        for count in (one.matched, one.reported, one.restored_count):
            assert count in {None, 0, FEW} or count >= MIN_PREMISES


def test_few_are_said_to_be_few_in_both_languages() -> None:
    one = outage(1, matched=3, reported=2)
    assert "Fewer than 5 homes and businesses out; fewer than 5 customers" in RENDERER.row(
        one, "en"
    )
    assert "Menos de 5 hogares y negocios sin servicio; menos de 5" in RENDERER.row(one, "es")
    assert facts_of(one)["masked"] == ["matched", "reported"]


def test_where_few_are_still_out_those_already_back_are_not_counted() -> None:
    one = outage(1, status=Status.PARTIALLY_RESTORED, matched=3, restored_count=7654)
    said = RENDERER.row(one, "en")
    assert "Fewer than 5 homes and businesses out, some already back" in said
    assert "7,654" not in said


def test_an_outage_that_few_had_says_that_few_are_back() -> None:
    one = outage(1, status=Status.RESTORED, matched=3, restored_count=3)
    assert "Fewer than 5 homes and businesses back" in RENDERER.row(one, "en")


def test_a_sum_with_few_in_it_is_at_least_so_many_and_says_why() -> None:
    said = RENDERER.summary(Totals.of([outage(1, matched=40), outage(2, matched=3)]), "en")
    assert "At least 41" in said
    assert "no count below 5 is shown" in said
    plain = RENDERER.summary(Totals.of([outage(1, matched=40)]), "en")
    assert "At least" not in plain
    assert "is shown" not in plain
