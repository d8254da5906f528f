"""A text is read as it may have been meant, and no further."""

import time

import pytest

from notifier.replies.intents import Context, Intent
from notifier.replies.misspelt import spelling
from notifier.replies.understanding import understand

MATTER = ("never", "until", "no need", "neighbo*")
SPELLING = spelling(["stop texting me", "night", *MATTER], MATTER)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("nevr stop", "never stop"),
        ("neverr stop", "never stop"),
        ("nevre stop", "never stop"),
        ("mever stop", "never stop"),
        ("ne ver stop", "never stop"),
        ("neverstop", "never stop"),
        ("stop me unt il night", "stop me until night"),
        ("no ned", "no need"),
        ("nieghbor", "neighbo"),
        ("nevr stop untl night", "never stop until night"),
    ],
)
def test_a_misspelt_word_is_read_as_it_may_have_been_meant(written: str, meant: str) -> None:
    assert meant in set(SPELLING.readings(written))


@pytest.mark.parametrize("written", ["stop texting me", "never", "xyzzy", "stop me at night"])
def test_a_word_that_is_known_or_like_no_other_is_read_as_it_stands(written: str) -> None:
    assert set(SPELLING.readings(written)) == {written}


@pytest.mark.parametrize(
    ("before", "word", "behind"),
    [
        ("", "never", " stop texting me"),
        ("please ", "dont", " stop texting me"),
        ("I'd ", "hate", " for you to stop texting me"),
        ("it is a shame ", "to", " stop texting me"),
        ("stop texting me ", "until", " it is back"),
        ("stop texting me ", "at night", ""),
        ("stop texting me ", "unless", " it is my street"),
        ("", "no", " cancelen las alertas"),
        ("", "nunca", " dejen de mandarme mensajes"),
        ("dejen de mandarme mensajes ", "hasta", " manana"),
        ("arretez les messages ", "jusqu", " a demain"),
        ("arretez les messages la ", "nuit", ""),
    ],
)
def test_one_slip_in_what_turns_a_stop_round_ends_no_texts(
    before: str, word: str, behind: str
) -> None:
    for at, letter in enumerate(word):
        for put in ("", letter * 2, f"{letter} "):
            text = f"{before}{word[:at]}{put}{word[at + 1 :]}{behind}"
            assert understand(text, Context(name="Example L&W")).intent is not Intent.STOP, text


def test_a_long_text_of_unknown_words_is_read_in_a_bounded_number_of_ways() -> None:
    assert len(set(SPELLING.readings("nevr untl ned " * 200))) <= 501


@pytest.mark.parametrize(
    "text",
    [
        "arretez de m envoyer des messages nee pass jamai " + "\ufdfa" * 200,
        "arretez de m envoyer des messages nee pass jamai " * 33,
        "au feu. “x” " + "arretez de m envoyer des messages nee pass jamai " * 33,
        "stop texting me nevr " * 80,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    understand("stop texting me", Context(name="Example L&W"))  # reads the tables
    begun = time.process_time()
    understand(text, Context(name="Example L&W"))
    assert time.process_time() - begun < 0.5
