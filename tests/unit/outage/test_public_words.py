import pytest

from outage import public_words
from outage.errors import InvalidCommandError


@pytest.mark.parametrize(
    "text",
    [
        "Call Bob at 555-555-0142",
        "Call +1 (555) 555 0142 now",
        "Write to someone@example.org",
        "The tree at 118 Elm St came down",
        "Crew stands at 4021B North Oak Avenue",
    ],
)
def test_words_about_one_person_or_house_are_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(InvalidCommandError, match="public_message") as caught:
        public_words.check(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "A tree fell on the line along Elm Street.",
        "Two poles are down; 3 crews are on the way.",
        "The 1200 block of Elm Street comes last.",
        "Back by 22:30 on 2026-11-22.",
        "About 1,200 customers are out.",
    ],
)
def test_words_for_everybody_pass(text: str) -> None:
    public_words.check(text)
