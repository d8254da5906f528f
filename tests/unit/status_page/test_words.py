from datetime import UTC, datetime, timedelta
from enum import StrEnum
from string import Formatter

import pytest
from babel import Locale

from outage.model import Cause, Confidence, CrewStatus, Kind, Reason, Service, Status
from outage.site import Site
from status_page.errors import UnknownLanguage
from status_page.wishes import preferred
from status_page.words import Words, catalogue, languages, published_in

CLDR_FORMS = ("zero", "one", "two", "few", "many", "other")
AFTERNOON = datetime(2026, 11, 22, 23, 15, tzinfo=UTC)


def test_every_language_of_a_site_that_names_none_has_texts() -> None:
    assert set(Site.neutral().languages) <= set(languages())


def test_the_page_is_in_those_languages_of_a_site_that_it_has_texts_in() -> None:
    assert published_in(("tlh", "es", "en")) == ("es", "en")
    assert published_in(("tlh",)) == ("en",)


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


COUNTED = sorted(
    key.removesuffix(".one") for key in catalogue("en") if key.removesuffix(".one") != key
)


def plain(language: str) -> dict[str, str]:
    """The texts of a language that do not depend on a number."""
    forms = {f"{key}.{form}" for key in COUNTED for form in CLDR_FORMS}
    return {key: text for key, text in catalogue(language).items() if key not in forms}


@pytest.mark.parametrize("language", languages())
def test_every_language_has_the_same_texts_with_the_same_gaps(language: str) -> None:
    english, other = plain("en"), plain(language)
    assert list(other) == list(english)
    assert {key: gaps(text) for key, text in other.items()} == {
        key: gaps(text) for key, text in english.items()
    }


@pytest.mark.parametrize("language", languages())
def test_no_text_is_empty_but_where_nothing_is_to_be_said(language: str) -> None:
    empty = {key for key, text in catalogue(language).items() if not text.strip()}
    assert empty <= {"confidence.other", "numbers", "reviewed_by", "reviewed_on"}


@pytest.mark.parametrize("language", languages())
def test_every_number_has_the_form_that_its_language_wants(language: str) -> None:
    texts = catalogue(language)
    locale = Locale.parse(texts["locale"])
    # A million and more may take a form of their own; no count of outages or homes needs it.
    wanted = {locale.plural_form(number) for number in range(1000)} | {"other"}
    for key in COUNTED:
        found = {form for form in CLDR_FORMS if f"{key}.{form}" in texts}
        assert found == wanted, key
        for form in found:
            # None, one and two can be said without the figure.
            may_lack = form in {"zero", "one", "two"}
            assert gaps(texts[f"{key}.{form}"]) == {"n"} or (
                may_lack and not gaps(texts[f"{key}.{form}"])
            ), key


@pytest.mark.parametrize("language", languages())
def test_nothing_is_called_reviewed_that_no_person_has_reviewed(language: str) -> None:
    assert Words(language, "UTC").reviewed is False


def test_arabic_counts_as_arabic_does() -> None:
    said = [Words("ar", "UTC").count("people.out", number) for number in (1, 2, 3, 11, 100, 1240)]
    assert said == [
        "منزل أو متجر واحد بلا خدمة",
        "منزلان أو متجران بلا خدمة",
        "3 منازل ومتاجر بلا خدمة",
        "11 منزلًا ومتجرًا بلا خدمة",
        "100 منزل ومتجر بلا خدمة",
        "1,240 منزلًا ومتجرًا بلا خدمة",
    ]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(
    ("family", "codes"),
    [
        ("cause", Cause),
        ("crew", CrewStatus),
        ("reason", Reason),
        ("status", Status),
        ("confidence", Confidence),
        ("what", Service),
    ],
)
def test_every_code_has_words(language: str, family: str, codes: type[StrEnum]) -> None:
    assert [code for code in codes if not catalogue(language).get(f"{family}.{code}")] == []


@pytest.mark.parametrize("language", languages())
def test_every_kind_of_every_service_has_a_name(language: str) -> None:
    kinds = [kind for kind in Kind if kind is not Kind.UNPLANNED]
    assert all(
        f"what.{kind}.{service}" in catalogue(language) for kind in kinds for service in Service
    )


def test_a_time_is_said_as_day_and_time_in_the_zone_of_the_site() -> None:
    assert Words("en", "America/Vancouver").when(AFTERNOON) == "Sunday 22 Nov, 3:15 PM PST"
    assert Words("es", "America/Vancouver").when(AFTERNOON) == "domingo 22 nov, 3:15 p.m. PST"
    assert Words("en", "UTC").when(AFTERNOON) == "Sunday 22 Nov, 11:15 PM UTC"
    assert Words("en", "America/Sao_Paulo").when(AFTERNOON) == "Sunday 22 Nov, 8:15 PM UTC-03:00"


def test_a_window_says_its_day_once_unless_it_passes_midnight() -> None:
    words = Words("en", "America/Vancouver")
    soon = AFTERNOON + timedelta(hours=2)
    late = AFTERNOON + timedelta(hours=10)
    assert words.span(AFTERNOON, soon) == "Sunday 22 Nov, 3:15 PM to 5:15 PM PST"
    assert words.span(AFTERNOON, late) == "Sunday 22 Nov, 3:15 PM PST to Monday 23 Nov, 1:15 AM PST"
    assert words.span(None, soon) == "Sunday 22 Nov, 5:15 PM PST"


def test_numbers_follow_the_language() -> None:
    words = Words("en", "UTC")
    assert words.count("people.out", 1) == "1 home or business out"
    assert words.count("people.out", 1240) == "1,240 homes and businesses out"


@pytest.mark.parametrize("language", ["xx", "../en", "", "en.json"])
def test_a_language_without_texts_is_refused(language: str) -> None:
    with pytest.raises(UnknownLanguage):
        Words(language, "UTC")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("tlh, fr;q=0.5, es;q=0.7", "es"),
        ("zh-Hant-TW", "zh"),
        ("de", "en"),
        ("*", "en"),
        ("es;q=0, fr;q=0.1", "fr"),
        ("es;q=x, en", "en"),
        (",;;q=,", "en"),
        ("*;q=0.9, es;q=0.1", "en"),
    ],
)
def test_a_visitor_gets_the_language_most_wished_for(header: str, language: str) -> None:
    assert preferred(header, ("en", "es", "fr", "zh")) == language
