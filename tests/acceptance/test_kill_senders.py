"""A small run of the program that kills senders; those of 5,000 messages are for a quiet hour."""

import pytest

from tests.acceptance.kill_senders import filled, play

pytestmark = [pytest.mark.processes, pytest.mark.timeout(900)]


def test_nothing_is_lost_and_no_text_goes_twice_when_whatever_sends_is_killed() -> None:
    with filled(400) as like:
        found, kills, kept = play(like, messages=400, seed=4)
    assert found.problems == (), kept
    assert sum(kills.values()) >= 1
    assert found.figures["lost"] == 0
    assert found.figures["ended"] == found.figures["planned"] == 400
    assert found.figures["texts_accepted_twice"] == 0
