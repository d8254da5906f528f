"""The tables of how people write to us: one file a language, read once and made into patterns.

A phrase is a row of words. ``a|do_not`` is either, ``cable*`` however the word goes on, ``~`` up
to three words of any kind (six characters where a language writes no blanks), ``+`` up to four of
the language's ``small`` words, ``^`` the beginning of the text, ``$`` its end.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Any

from notifier.replies.intents import Danger, Intent
from notifier.replies.plain import compact, plain

LANGUAGES = ("en", "es", "fr", "zh", "pa")
"""One file each. What can be read in several of them is looked for in this order."""
_NAMES_A_LANGUAGE = "LANGUAGE"
_NOTHING = re.compile(r"(?!)")
Pattern = re.Pattern[str]


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
    asked_back: Pattern
    services: Mapping[str, Pattern]
    languages: Mapping[str, str]
    asks_for: Mapping[str, Pattern]
    courtesy: Pattern
    reacts: Pattern
    hints: frozenset[str]

    def form(self, text: str) -> str:
        """A plain text as this language's patterns take it."""
        return text if self.spaced else compact(text)

    def says(self, intent: str, text: str) -> bool:
        """Whether a sentence says this, and nothing in it says the contrary."""
        found, against = self.sentences.get(intent, _NOTHING), self.unless.get(intent, _NOTHING)
        form = self.form(text)
        return bool(found.search(form)) and not against.search(form)

    def hides(self, intent: str, text: str) -> bool:
        """Whether a sentence says this, and something in it may say the contrary."""
        form = self.form(text)
        found = self.sentences.get(intent, _NOTHING).search(form)
        return found is not None and not self.says(intent, text)

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
    against = unless.pop("danger", {})

    small = "|".join(map(_word, data["small"]))

    def one(phrases: Iterable[str]) -> Pattern:
        return _any(phrases, spaced=spaced, small=small)

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
        asked_back=one(data["asked_back"]["words"]),
        services=each(data["services"]),
        languages=_by_word(names, spaced=spaced),
        asks_for={
            name: one(_named(data["languages"]["asked"], words)) for name, words in names.items()
        },
        courtesy=one(data["courtesy"]),
        reacts=one(data["reacts"]),
        hints=frozenset(plain(word) for word in data["hints"]),
    )


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


def _any(phrases: Iterable[str], *, spaced: bool, small: str) -> Pattern:
    write = partial(_with_blanks, small=small) if spaced else partial(_compact, small=small)
    made = [_anchored(phrase, write) for phrase in phrases]
    return re.compile("|".join(made)) if made else _NOTHING


def _anchored(phrase: str, write: Callable[[str], str]) -> str:
    """One phrase as a regular expression over a plain text."""
    bare = phrase.removeprefix("^").removesuffix("$").strip()
    start = r"\A" if phrase.startswith("^") else ""
    end = r"\Z" if phrase.endswith("$") else ""
    return start + write(bare) + end


def _compact(phrase: str, small: str) -> str:
    gaps = {"~": ".{0,6}", "+": f"(?:{small}){{0,4}}"}
    return "".join(
        gaps.get(part) or f"(?:{'|'.join(map(re.escape, part.split('|')))})"
        for part in re.split(r"([~+])", compact(phrase))
        if part
    )


def _with_blanks(phrase: str, small: str) -> str:
    gaps = {"~": (r"\S+", 3), "+": (f"(?:{small})", 4)}
    made, gap = "", ""
    for token in phrase.split():
        if token in gaps:
            word, most = gaps[token]
            gap = f"(?: {word}){{0,{most}}}"
            continue
        made += f"{gap} {_either(token)}" if made else _either(token)
        gap = ""
    return rf"(?<!\S){made}{gap}(?!\S)"


def _either(token: str) -> str:
    return f"(?:{'|'.join(map(_word, token.split('|')))})"


def _word(word: str) -> str:
    bare = re.escape(plain(word.removesuffix("*").replace("_", " ")))
    return bare + r"\S*" if word.endswith("*") else bare


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
