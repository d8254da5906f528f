"""What the personal page says: one file a language, read once."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FALLBACK = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One language's words."""

    language: str
    reviewed_by: str
    say: Mapping[str, str]

    def __call__(self, name: str, **facts: str) -> str:
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
    return Wording(language=known, reviewed_by=data["reviewed_by"], say=data["say"])


def accepted(header: str, spoken: Iterable[str]) -> str:
    """The first language of an ``Accept-Language`` header that is spoken, else the first spoken."""
    known = list(spoken)
    for part in header.split(","):
        wish = part.partition(";")[0].strip().lower().partition("-")[0]
        if wish in known:
            return wish
    return known[0]
