"""A few storms that nobody wrote; `python -m tests.acceptance.storm_machine` plays thousands."""

import pytest

from tests.acceptance.storm_machine import Storm, play

pytestmark = pytest.mark.timeout(900)


def test_whatever_happens_everybody_is_told_once_and_told_true() -> None:
    play(10, quick=True)


def test_of_an_outage_split_while_its_first_texts_are_held_somebody_in_both_parts_hears_once() -> (
    None
):
    storm = Storm()
    storm.begin(quiet=False)
    storm.breaks_down(after=0, etr=None, street=(1, 6), who="everybody")
    storm.is_split(of=0, part=(1, 1), after=0, who="gis")  # houses 1 and 2 are one account's
    storm.teardown()  # looks at all that was told
