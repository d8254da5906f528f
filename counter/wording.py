"""What the forms and personal pages say: one file a language, read once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from notifier.replies.saying import texts
from outage.site import Site

FALLBACK = "en"
_ISOLATE, _END = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One language's words.

    ``name`` is what it calls itself, ``direction`` how it is written. ``tables`` name codes and
    times where no message is written in it.
    """

    language: str
    reviewed_by: str
    name: str
    direction: str
    emergency_or: str
    say: Mapping[str, str]
    tables: Mapping[str, Mapping[str, str]]

    def __call__(self, name: str, **facts: str) -> str:
        if self.direction == "rtl":
            # A number or a street keeps its own order among words that run the other way.
            facts = {key: f"{_ISOLATE}{fact}{_END}" for key, fact in facts.items()}
        return self.say[name].format(**facts)


@cache
def languages() -> frozenset[str]:
    """The languages that the page has words in: one file each."""
    return frozenset(
        path.name.removesuffix(".toml")
        for path in files("counter").joinpath("texts").iterdir()
        if path.name.endswith(".toml")
    )


@cache
def wording(language: str) -> Wording:
    """The words of a language; of English where there are none."""
    known = language if language in languages() else FALLBACK
    data = tomllib.loads(files("counter").joinpath("texts", f"{known}.toml").read_text("utf-8"))
    # What messages are written in calls itself there as here.
    own = texts(known).words
    return Wording(
        language=known,
        reviewed_by=data["reviewed_by"],
        name=data.get("name", own["name"]),
        direction=data.get("direction", "ltr"),
        emergency_or=data.get("emergency_or", own["emergency_or"]),
        say=data["say"],
        tables={name: data[name] for name in ("time", "call") if name in data},
    )


def spoken(site: Site) -> tuple[str, ...]:
    """The languages of our pages: those of the public page; the first is the usual one."""
    known = [one for one in site.page_languages or site.languages if one in languages()]
    return tuple(known) or (FALLBACK,)


def written(language: str, site: Site) -> str:
    """The language that messages are written in to who reads this page in ``language``."""
    return language if language in site.languages else site.languages[0]
