"""What is answered, in whose language: texts as data, one file a language.

Nothing of it has been reviewed by a person until ``reviewed_by`` says so. What is said of danger
is then said in English, with a line in the other language that says whom to call (DECISIONS 28).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from notifier import gsm7
from notifier.replies.lexicon import LANGUAGES
from outage.site import Site

FALLBACK = "en"
_DANGER = "danger_"
MOST_SEGMENTS, MOST_WIDE_SEGMENTS = 2, 4
"""What an answer may take: in the letters of GSM-7, and in those that take two bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer. ``template`` is its name and version."""

    language: str
    template: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """One language's answers."""

    language: str
    version: int
    reviewed_by: str
    say: Mapping[str, str]
    words: Mapping[str, str]


@cache
def texts(language: str) -> Texts:
    """The answers of a language; of English where there are none."""
    known = language if language in LANGUAGES else FALLBACK
    path = files("notifier").joinpath("replies", "texts", f"{known}.toml")
    data = tomllib.loads(path.read_text("utf-8"))
    return Texts(
        language=known,
        version=data["version"],
        reviewed_by=data["reviewed_by"],
        say=data["say"],
        words=data["words"],
    )


def say(name: str, language: str, site: Site, facts: Mapping[str, object]) -> Said:
    """Put an answer into words."""
    wanted = texts(language)
    chosen = spoken(name, wanted)
    phone, emergency = site.phones.outage or "", site.phones.emergency or ""
    body = _template(chosen.language, name).render(
        name=site.short_name,
        phone=phone,
        emergency=emergency,
        emergency_or=emergency or chosen.words["emergency_or"],
        **facts,
    )
    if chosen != wanted:
        line = wanted.words["call_line"]
        body += " " + line.format(emergency=emergency or wanted.words["emergency_or"])
    return Said(
        language=chosen.language,
        template=f"{name}/{chosen.version}",
        body=gsm7.to_alphabet(body),
    )


def with_link(said: Said, link: str) -> Said:
    """The answer with a temporary link after it, where both fit; it is complete without."""
    line = texts(said.language).words["link"].format(link=link)
    body = gsm7.to_alphabet(f"{said.body} {line}")
    most = MOST_SEGMENTS if gsm7.fits_alphabet(body) else MOST_WIDE_SEGMENTS
    return replace(said, body=body) if link and gsm7.segments(body) <= most else said


def spoken(name: str, wanted: Texts) -> Texts:
    """The texts that an answer is taken from: English for danger, unless a person has reviewed."""
    return wanted if wanted.reviewed_by or not name.startswith(_DANGER) else texts(FALLBACK)


def named(languages: Iterable[str]) -> str:
    """What languages call themselves, with commas between."""
    return ", ".join(texts(language).words["name"] for language in languages)


@cache
def _template(language: str, name: str) -> Template:
    return _environment().from_string(texts(language).say[name])


@cache
def _environment() -> Environment:
    # A text message is no HTML: nothing is escaped in it.
    return Environment(autoescape=False, undefined=StrictUndefined)  # noqa: S701
