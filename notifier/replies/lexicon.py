"""The tables of how people write to us: one file a language, read once and made into patterns.

`phrases` says how they are written.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from notifier.replies.intents import Danger, Intent
from notifier.replies.misspelt import Spelling, doubled_once, spelling
from notifier.replies.phrases import NOTHING, Pattern, any_of, word_pattern
from notifier.replies.plain import compact, plain

LANGUAGES = ("en", "es", "fr", "zh", "pa")
"""One file each. What can be read in several of them is looked for in this order."""
_NAMES_A_LANGUAGE = "LANGUAGE"
_ENDING = ("stop", "wrong")
"""Sentences that end texts: in these a misspelt word is looked at twice."""
_SHORT = 12
"""Words of a text that may be a misspelt STOP; a longer one is about something else too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """One language's ways of saying things."""

    language: str
    spaced: bool
    commands: Mapping[str, str]
    danger: Mapping[Danger, Pattern]
    unless_danger: Mapping[Danger, Pattern]
    sentences: Mapping[str, Pattern]
    unless: Mapping[str, Pattern]
    leads: Pattern
    """What a wish begins with: "I want to"."""
    governed: Pattern
    """STOP behind other words than these: it says what somebody may do, and asks for nothing."""
    polite: Pattern
    """What a question begins with that is a request: "Could you"."""
    spellings: Mapping[str, Spelling]
    spelling_of_stop: Spelling
    asked_back: Pattern
    streets: Pattern
    """Streets and towns with a word of STOP in them."""
    services: Mapping[str, Pattern]
    languages: Mapping[str, str]
    asks_for: Mapping[str, Pattern]
    courtesy: Pattern
    reacts: Pattern
    hints: frozenset[str]

    def form(self, text: str) -> str:
        """A plain text as this language's patterns take it."""
        return text if self.spaced else compact(text)

    def command(self, text: str) -> str | None:
        """The command that a text is, courtesies or not."""
        return self.commands.get(self.form(text)) or self.commands.get(self.bare(text))

    def says(self, intent: str, text: str) -> bool:
        """Whether a sentence says this, and nothing in it says the contrary."""
        form = self.form(text)
        return self._finds(intent, form) and not self._turns(intent, form)

    def requests(self, text: str) -> bool:
        """Whether a question asks us to do something."""
        return bool(self.polite.search(self.form(text)))

    def hides(self, intent: str, text: str) -> bool:
        """Whether a sentence says this, and something in it may say the contrary."""
        form = self.form(text)
        return self._finds(intent, form) and self._turns(intent, form)

    def perhaps_ends(self, text: str) -> bool:
        """Whether a text has words that end texts, or may."""
        form = self.form(text)
        asked = self.asked_back.search(self.streets.sub(" ", form))
        return bool(asked) or any(self._finds(name, form) for name in _ENDING)

    def may_turn(self, intent: str, text: str) -> bool:
        """Whether a sentence that ends texts says the contrary, if some words are misspelt."""
        return any(self._turns(intent, self.form(one)) for one in self.readings(intent, text))

    def knows(self, word: str) -> bool:
        """Whether a word is one of the table."""
        return self.spelling_of_stop.knows(word)

    def readings(self, intent: str, text: str) -> Iterator[str]:
        """A text as it is written, and as it may have been meant."""
        if self.spaced:
            return self.spellings[intent].readings(text)
        return iter((text, doubled_once(text)))

    def may_say_stop(self, text: str) -> bool:
        """Whether a short text says STOP, if one of its words is misspelt."""
        if not self.spaced or len(text.split()) > _SHORT:
            return False
        return any(
            self.command(one) == "stop" or self._finds("stop", one)
            for one in self.spelling_of_stop.readings(text, most=1)
        )

    def _finds(self, intent: str, form: str) -> bool:
        return bool(self.sentences.get(intent, NOTHING).search(form))

    def _turns(self, intent: str, form: str) -> bool:
        if self.unless.get(intent, NOTHING).search(form):
            return True
        led = self.leads.sub(" ", form)
        return intent == "stop" and bool(self.governed.search(" ".join(led.split())))

    def warns_of(self, text: str) -> Danger | None:
        """The danger a text speaks of; "no emergency" hides itself and nothing else."""
        form = self.form(text)
        for danger, found in self.danger.items():
            if any(map(found.search, _heard(form, danger, spaced=self.spaced))):
                return danger
        return None

    def bare(self, text: str) -> str:
        """A text without its courtesies and repeated words; all of it if nothing else is left."""
        form = self.courtesy.sub(" ", self.form(text)) if self.spaced else self.form(text)
        words: list[str] = []
        for word in form.split():
            if not words or words[-1] != word:
                words.append(word)
        return " ".join(words) or self.form(text)


@cache
def lexicons() -> tuple[Lexicon, ...]:
    """Every language there is a file for."""
    return tuple(map(_load, LANGUAGES))


def _heard(form: str, danger: Danger, *, spaced: bool) -> list[str]:
    """What is left between phrases that deny this danger, in whichever language they do."""
    pieces = [form]
    for lexicon in lexicons():
        if lexicon.spaced is spaced and danger in lexicon.unless_danger:
            split = lexicon.unless_danger[danger].split
            pieces = [piece for one in pieces for piece in split(one)]
    return pieces


def _load(language: str) -> Lexicon:
    path = files("notifier").joinpath("replies", "lexicon", f"{language}.toml")
    data: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    spaced = bool(data["spaced"])
    unless = dict(data["unless"])
    against, turned = unless.pop("danger", {}), data["governed"]
    known, matter = list(_phrases(data)), turned["stop"] + data["spelling"]["denials"]

    small = "|".join(map(word_pattern, data["small"]))

    def one(phrases: Iterable[str]) -> Pattern:
        return any_of(phrases, spaced=spaced, small=small)

    def each(table: Mapping[str, Iterable[str]]) -> dict[str, Pattern]:
        return {name: one(phrases) for name, phrases in table.items()}

    names = {name: words for name, words in data["languages"].items() if name != "asked"}
    return Lexicon(
        language=language,
        spaced=spaced,
        commands=_by_word(data["commands"], spaced=spaced),
        danger={Danger(name): found for name, found in each(data["danger"]).items()},
        unless_danger={Danger(name): found for name, found in each(against).items()},
        sentences=each(data["sentences"]),
        unless=each(unless),
        leads=one(turned["leads"]),
        governed=one(turned["stop"]),
        polite=one(turned["polite"]),
        spellings={name: spelling(known, [*unless.get(name, ()), *matter]) for name in _ENDING},
        spelling_of_stop=spelling(
            known,
            [
                *_phrases(data["sentences"]["stop"]),
                *_phrases(data["commands"]["stop"]),
                *data["small"],
            ],
        ),
        asked_back=one(data["asked_back"]["words"]),
        streets=one(data["asked_back"].get("streets", ())),
        services=each(data["services"]),
        languages=_by_word(names, spaced=spaced),
        asks_for={
            name: one(_named(data["languages"]["asked"], words)) for name, words in names.items()
        },
        courtesy=one(data["courtesy"]),
        reacts=one(data["reacts"]),
        hints=frozenset(plain(word) for word in data["hints"]),
    )


def _phrases(table: object) -> Iterator[str]:
    """Every phrase of a file, wherever it stands."""
    if isinstance(table, str):
        yield table
    elif isinstance(table, Mapping | list):
        for one in table.values() if isinstance(table, Mapping) else table:
            yield from _phrases(one)


def _by_word(table: Mapping[str, Iterable[str]], *, spaced: bool) -> dict[str, str]:
    found = {plain(word): name for name, words in table.items() for word in words}
    return found if spaced else {compact(word): name for word, name in found.items()}


def _named(asked: Iterable[str], words: Iterable[str]) -> list[str]:
    """The phrases that ask for a language, with each of its one-word names in its place."""
    return [
        phrase.replace(_NAMES_A_LANGUAGE, word)
        for phrase in asked
        for word in words
        if " " not in word and len(word) > 2  # noqa: PLR2004  # a code is no word of a sentence
    ]


COMMAND_INTENTS: Mapping[str, Intent] = {
    "stop": Intent.STOP,
    "start": Intent.START,
    "help": Intent.HELP,
    "out": Intent.OUT,
    "out_cancel": Intent.OUT_CANCEL,
    "status": Intent.STATUS,
    "off": Intent.OFF,
    "on": Intent.ON,
    "wrong": Intent.WRONG,
    "thanks": Intent.THANKS,
}
"""What the tables call it → what it is."""
