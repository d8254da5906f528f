"""A few storms that nobody wrote; `python -m tests.acceptance.storm_machine` plays thousands."""

import pytest

from tests.acceptance.storm_machine import play

pytestmark = pytest.mark.timeout(900)


def test_whatever_happens_everybody_is_told_once_and_told_true() -> None:
    play(10, quick=True)
