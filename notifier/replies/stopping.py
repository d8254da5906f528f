"""Sentences that end texts, and those that only may: these are asked back (DECISIONS 25). Pure.

A sentence ends texts where it says so, nothing in it turns that round, and every word of it is one
that the tables know: a misspelt "never" turns it round as well. A word that stands alone is a
command, and ends at once.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from notifier.replies.commanding import command
from notifier.replies.intents import Context, Intent, Reason, Understood
from notifier.replies.lexicon import Lexicon, lexicons
from notifier.replies.plain import plain
from notifier.replies.reading import clauses, found, questions, saying, sentence, sentences, told

ENDS = frozenset({Intent.STOP, Intent.WRONG})
_MOST_WORDS = 40
"""Of a sentence that ends texts: what a longer text says is not read for each word in it."""
_DENIED = re.compile(r"\b(?:dont|not|never)(?: \S+){1,4} (?:stop|quit|cancel|unsubscribe)\b")
"""Whatever stands between may be a misspelt "want to"."""


def wrong(text: str, words: str, context: Context) -> Understood | None:
    """Whether somebody else has the number now.

    Asked back as with STOP: a question may be about anybody's number.
    """
    heard = _unless_turned("wrong", "", words, context)
    if heard is None or _in_one_sentence("wrong", text, words):
        return heard
    return asked_back(heard)


def stop(text: str, words: str, context: Context) -> Understood | None:
    """Whether a sentence ends texts; asked back where a word, perhaps misspelt, turns it round.

    Also where it is put together of two ("We are at the dead end. Updates please"), or is asked.
    """
    heard = _unless_turned("stop", text, words, context)
    if heard is None or _in_one_sentence("stop", text, words):
        return heard
    return asked_back(heard)


def _in_one_sentence(name: str, text: str, words: str) -> bool:
    """Whether one sentence says it by itself, and is no question unless it requests it."""
    asked = questions(text)
    said = told(text) if asked else sentences(text) or [words]
    return any(
        lexicon.says(name, one)
        for lexicon in lexicons()
        for one in [*said, *filter(lexicon.requests, asked)]
    )


def _unless_turned(name: str, text: str, words: str, context: Context) -> Understood | None:
    heard = sentence(name, words, context)
    if heard is None:
        return None
    if len(words.split()) > _MOST_WORDS:
        return asked_back(heard)
    # A denial reaches no further than its clause.
    pieces = clauses(text) or [words]
    if any(
        lexicon.may_turn(name, words) or any(_denies(lexicon, piece) for piece in pieces)
        for lexicon in saying(name, words)
    ):
        return asked_back(heard)
    known = all(_is_known(word, saying(name, words)) for word in _others(words, context))
    return heard if known else asked_back(heard)


def _others(words: str, context: Context) -> list[str]:
    """Words that have a spelling, without those of our name."""
    ours = plain(context.name).split()
    return [word for word in words.split() if word.isascii() and word not in ours]


def _is_known(word: str, able: Iterable[Lexicon]) -> bool:
    """Whether these languages have a word: one that is misspelt may have said "unless"."""
    return word.isdigit() or any(lexicon.knows(word) for lexicon in able if lexicon.spaced)


def _denies(lexicon: Lexicon, piece: str) -> bool:
    return any(map(_DENIED.search, lexicon.readings("stop", piece)))


def asked_back(heard: Understood) -> Understood:
    """The same, not obeyed."""
    return replace(heard, intent=Intent.STOP_ASKED, reason=Reason.STOP_WORD_IN_SENTENCE)


def hidden_stop(text: str, words: str, context: Context) -> Understood | None:
    """Ask who says STOP and something that may turn it round, before it is taken for another.

    Also who says it in a sentence of its own: "STOP. Still no power".
    """
    able = [
        lexicon.language
        for lexicon in lexicons()
        if lexicon.hides("stop", words) or any(_says(lexicon, one) for one in sentences(text))
    ]
    return _perhaps(able, words, context)


def _says(lexicon: Lexicon, words: str) -> bool:
    said = lexicon.says("stop", words) or lexicon.says("wrong", words)
    return said or lexicon.command(words) == "stop"


def perhaps_stop(_text: str, words: str, context: Context) -> Understood | None:
    """Ask who uses a word of STOP in a sentence that says nothing else, or misspells one."""
    able = [
        lexicon.language
        for lexicon in lexicons()
        if lexicon.asked_back.search(lexicon.form(words)) or lexicon.may_say_stop(words)
    ]
    return _perhaps(able, words, context)


def _perhaps(able: list[str], words: str, context: Context) -> Understood | None:
    if not able:
        return None
    return found(Intent.STOP_ASKED, Reason.STOP_WORD_IN_SENTENCE, words, context, able)


def stop_behind(text: str, context: Context) -> Understood | None:
    """Ask who seems to say STOP behind our name, or under a text of ours: it may be ours alone."""
    lines = [line for line in text.splitlines() if plain(line)]
    said = [clauses(lines[0])[0], " ".join(clauses(lines[-1]))] if lines else []
    heard = (step("", words, context) for words in said for step in (command, stop))
    one = next((one for one in heard if one and one.intent is Intent.STOP), None)
    return None if one is None else asked_back(one)
