"""Every answer in every language: nothing missing, and short enough for what it is."""

import re
from dataclasses import replace

import pytest

from notifier import gsm7
from notifier.links import BLANK
from notifier.replies.lexicon import LANGUAGES
from notifier.replies.saying import (
    MOST_SEGMENTS,
    MOST_WIDE_SEGMENTS,
    say,
    spoken,
    texts,
    with_link,
)
from outage.site import example, parse

SITE = parse(example())
LONGEST = {
    "at": "at Martin Luther King Boulevard",
    "as_of": "Wed 12:59 PM",
    "service": "power",
    "choices": "1 Oak St, 2 Elm Ave, 3 Maple Rd",
    "most": 3,
    "spoken": "English, español",
    "facts": "Power out at Oak St since Wed 12:59PM.",
    "alerted": True,
    "areas": "Washington County West, Martin Luther King Ward +8",
    "place": True,
    "link": f"https://outages.example.org{BLANK}",
}
MAILED = {"join_email", "join_subject"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_that_english_says(language: str) -> None:
    assert set(texts(language).say) == set(texts("en").say)
    assert set(texts(language).words) == set(texts("en").words)
    for name, text in texts(language).words.items():
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", texts("en").words[name]))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(set(texts("en").say) - MAILED))
def test_an_answer_says_who_writes_and_costs_two_segments_at_most(name: str, language: str) -> None:
    said = say(name, language, SITE, LONGEST)
    assert said.body.startswith(SITE.short_name)
    # Two bytes a character, in scripts that GSM-7 has not got.
    assert gsm7.segments(said.body) <= most(language), said.body
    if language in {"en", "es", "fr"}:
        assert gsm7.fits_alphabet(said.body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_e_mail_says_who_writes_and_holds_the_link(language: str) -> None:
    mail, subject = (say(f"join_{part}", language, SITE, LONGEST) for part in ("email", "subject"))
    assert mail.body.startswith(SITE.short_name)
    assert subject.body.startswith(SITE.short_name)
    assert BLANK in mail.body


ABOUT_A_PLACE = (
    "out_received",
    "out_known",
    "off_received",
    "on_received",
    "status_out",
    "status_none",
    "status_counting",
    "area_out",
    "area_none",
)


def most(language: str) -> int:
    return MOST_SEGMENTS if language in {"en", "es", "fr"} else MOST_WIDE_SEGMENTS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ABOUT_A_PLACE)
def test_an_answer_about_a_place_has_room_for_a_temporary_link(name: str, language: str) -> None:
    link = f"https://outages.example.org{BLANK}"
    said = say(name, language, SITE, LONGEST)
    linked = with_link(said, link)
    assert linked.body.startswith(said.body)
    assert linked.body.endswith(link)
    assert gsm7.segments(linked.body) <= most(language)
    assert gsm7.fits_alphabet(linked.body) is (most(language) == MOST_SEGMENTS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_without_room_goes_without_a_link(language: str) -> None:
    full = say("status_out", language, SITE, {"facts": "a" * 140 * most(language)})
    assert with_link(full, f"https://outages.example.org{BLANK}") == full
    short = say("area_out", language, SITE, LONGEST)
    assert with_link(short, "") == short


@pytest.mark.parametrize("language", ["es", "fr", "zh", "pa"])
@pytest.mark.parametrize("kind", ["gas", "wire", "fire", "medical", "emergency"])
def test_unreviewed_words_of_danger_are_english_with_whom_to_call(kind: str, language: str) -> None:
    said = say(f"danger_{kind}", language, SITE, {"alerted": True})
    english = say(f"danger_{kind}", "en", SITE, {"alerted": True})
    assert said.language == "en"
    assert said.body.startswith(english.body)
    assert said.body.removeprefix(english.body).count("911") == 1


def test_reviewed_words_of_danger_are_said_in_the_language() -> None:
    reviewed = replace(texts("es"), reviewed_by="somebody")
    assert spoken("danger_gas", reviewed) is reviewed
    assert spoken("danger_gas", texts("es")) is texts("en")
    assert spoken("help", texts("es")) is texts("es")


def test_nothing_is_called_reviewed_that_no_person_has_reviewed() -> None:
    assert [texts(language).reviewed_by for language in LANGUAGES] == [""] * len(LANGUAGES)


def test_who_is_not_alerted_is_not_said_to_be() -> None:
    assert "alerting" not in say("danger_wire", "en", SITE, {"alerted": False}).body
