import pytest

from counter.wording import accepted, languages, wording
from outage.site import LANGUAGES


def test_the_page_has_words_in_every_language_a_site_may_speak() -> None:
    assert languages() == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_there_with_the_same_facts(language: str) -> None:
    import string

    def facts(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    ours, english = wording(language).say, wording("en").say
    assert ours.keys() == english.keys()
    for name, text in english.items():
        assert facts(ours[name]) == facts(text), name


@pytest.mark.parametrize(
    ("header", "found"),
    [("", "es"), ("fr-CA,fr;q=0.9", "fr"), ("de, en;q=0.3", "en"), ("*", "es"), (";;,", "es")],
)
def test_a_stranger_is_spoken_to_as_the_browser_asks(header: str, found: str) -> None:
    assert accepted(header, ("es", "en", "fr")) == found
