"""A crew's form: when it was tapped, and under which key."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from counter.crew.asking import LONGEST_WAIT, Form, Unusable, word
from outage.crew_words import Estimate, Noted

NOW = datetime(2026, 1, 5, 12, 2, 30, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")


def form(**fields: str) -> Form:
    return Form.of(urlencode(fields).encode())


def test_a_tap_is_as_old_as_the_telephone_says_that_it_waited() -> None:
    """Whatever the telephone's clock shows: both times are its own."""
    table = {
        ("", ""): timedelta(),
        ("1000", ""): timedelta(),
        ("1000", "61000"): timedelta(minutes=1),
        ("9999999999999", "9999999999999"): timedelta(),
        ("61000", "1000"): timedelta(),  # set back meanwhile: not in the future
        ("0", "999999999999999"): LONGEST_WAIT,
        ("-1", "5"): timedelta(),
        ("1e3", "5e9"): timedelta(),
        ("٣", "٩"): timedelta(),
    }
    for (tapped, sent), waited in table.items():
        assert form(tapped=tapped, sent=sent).observed_at(NOW) == NOW - waited, (tapped, sent)


def test_a_form_sent_again_is_the_same_form() -> None:
    first = form(do="note", note="x", tapped="1", sent="2", csrf="a")
    again = form(do="note", note="x", tapped="1", sent="9", csrf="b")
    other = form(do="note", note="y", tapped="1", sent="2", csrf="a")
    assert first.body_hash == again.body_hash
    assert first.body_hash != other.body_hash


def test_minutes_count_from_the_tap_and_end_at_a_whole_five() -> None:
    said = word(form(do="etr", minutes="30"), NOW, CHICAGO)
    assert isinstance(said, Estimate)
    assert said.latest == datetime(2026, 1, 5, 12, 35, tzinfo=UTC)
    even = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    said = word(form(do="etr", minutes="30"), even, CHICAGO)
    assert isinstance(said, Estimate)
    assert said.latest == even + timedelta(minutes=30)


def test_a_time_of_the_clock_is_that_of_the_utility() -> None:
    said = word(
        form(do="etr", latest="2026-01-05T09:00", earliest="2026-01-05T08:00"), NOW, CHICAGO
    )
    assert isinstance(said, Estimate)
    assert said.latest == datetime(2026, 1, 5, 15, tzinfo=UTC)
    assert said.earliest == datetime(2026, 1, 5, 14, tzinfo=UTC)


def test_a_note_loses_what_cannot_be_printed() -> None:
    said = word(form(do="note", note=" pole 12\r\nis\x00split\x1b "), NOW, CHICAGO)
    assert said == Noted(text="pole 12\nis split")


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "a" * 15 + "/", "é" * 20])
def test_a_key_is_one_of_ours(key: str) -> None:
    with pytest.raises(Unusable):
        _ = form(key=key).key
