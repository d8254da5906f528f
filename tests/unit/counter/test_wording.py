from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from counter.naming import naming
from counter.wording import languages, spoken, wording, written
from outage.model import Cause
from outage.site import NEUTRAL, PAGE_LANGUAGES


def test_the_page_has_words_in_every_language_a_site_may_speak() -> None:
    assert languages() == set(PAGE_LANGUAGES)


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_every_word_is_there_with_the_same_facts(language: str) -> None:
    import string

    def facts(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    ours, english = wording(language).say, wording("en").say
    assert ours.keys() == english.keys()
    for name, text in english.items():
        assert facts(ours[name]) == facts(text), name


def test_pages_are_in_the_public_pages_languages_and_messages_in_the_sites() -> None:
    site = NEUTRAL.model_copy(update={"page_languages": ("es", "ar")})
    assert (spoken(NEUTRAL), spoken(site)) == (NEUTRAL.languages, ("es", "ar"))
    assert [written(one, site) for one in ("es", "ar")] == ["es", NEUTRAL.languages[0]]


def test_arabic_runs_from_right_to_left_with_numbers_in_their_own_order() -> None:
    say = wording("ar")
    assert (say.direction, say.name, say.reviewed_by) == ("rtl", "العربية", "")
    assert "\u2068555-0100\u2069" in say("call", phone="555-0100")
    assert wording("en")("call", phone="555-0100").endswith(" 555-0100")


def test_codes_and_times_have_names_where_no_message_is_written_in_the_language() -> None:
    named, at = naming("ar"), datetime(2026, 1, 4, 22, 0, tzinfo=UTC)
    for cause in Cause:
        assert named.name("cause", cause), cause
    assert named.name("crew", "enroute") == "الفريق في الطريق"
    assert (named.name("cause", None), named.time(None, ZoneInfo("UTC"), "email")) == ("", "")
    assert "يناير" in named.time(at, ZoneInfo("America/Chicago"), "email")
    assert "{phone}" in named.name("call", "safety")
    assert naming("es").name("cause", "wind") == "viento"
