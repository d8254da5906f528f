"""What is brought up to date by what differs is what adding and sorting everything gives."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from outage.model import Kind, Status
from status_page.standing import Standing
from status_page.view import SECTIONS, PublicArea, PublicOutage, Totals, by_area
from tests.unit.status_page.storm import outage

AREAS = tuple(
    PublicArea(name=name, kind=kind, served=900)
    for name, kind in (("A", "county"), ("A", "city"), ("B", "city"))
)
PLACES = st.sampled_from([(), (("county", "A"),), (("county", "A"), ("city", "B"))])


@st.composite
def outages(draw: st.DrawFn) -> tuple[PublicOutage, ...]:
    numbers = draw(st.sets(st.integers(1, 9)))
    return tuple(
        outage(
            number,
            status=draw(st.sampled_from([Status.CONFIRMED, Status.PREDICTED, Status.RESTORED])),
            kind=draw(st.sampled_from(tuple(Kind))),
            matched=draw(st.sampled_from([None, 0, 1, 40, 900])),
            reported=draw(st.sampled_from([None, 3, 70])),
            areas=draw(PLACES),
        )
        for number in numbers
    )


@given(st.lists(outages(), min_size=1, max_size=6), st.data())
def test_after_any_changes_it_holds_what_everything_gives(
    states: list[tuple[PublicOutage, ...]], data: st.DataObject
) -> None:
    standing = Standing(AREAS)
    for state in states:
        # Some of them are equal to what stood there, and not the same object.
        state_ = data.draw(st.permutations([dataclasses.replace(each) for each in state]))
        standing.take(state_)
        assert standing.totals == Totals.of(state)
        by = [(area, Totals.of(there)) for area, there in by_area(AREAS, state)]
        assert standing.totals_by_area() == [each for each in by if each[1].outages]
        ordered = sorted(state, key=lambda each: (SECTIONS.index(each.section), each.order))
        assert list(standing.ordered()) == ordered
        first = [
            each for name in SECTIONS for each in [o for o in ordered if o.section == name][:2]
        ]
        assert list(standing.first(2)) == first
