"""The texts in use: an operator's own where there are any, and ours for the rest."""

import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import (
    ChoiceLoader,
    DictLoader,
    Environment,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from notifier.words import Words, of, words

WORDS = "words.toml"
SHARED = ("body", "facts", "words")
"""Files that go into texts of every kind."""


class Texts:
    """Templates and words by name, like ``en/etr.sms.txt``; ``own`` are an operator's.

    An operator's templates run in a sandbox: they say facts, and reach nothing else.
    """

    def __init__(
        self, own: Mapping[str, str] | None = None, words_of: Mapping[str, Any] | None = None
    ) -> None:
        self.own = dict(own or {})
        self._words = {lang: of(lang, table) for lang, table in (words_of or {}).items()}
        self._versions: dict[tuple[str, str], str] = {}
        kind = ImmutableSandboxedEnvironment if self.own else Environment
        self.environment = kind(
            loader=ChoiceLoader([DictLoader(self.own), PackageLoader("notifier")]),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
        )

    def words(self, language: str) -> Words:
        """The words of a language; of English where there is none."""
        return self._words.get(language) or words(language)

    def fill(self, name: str, facts: Mapping[str, object]) -> str:
        """A template with these facts in it."""
        return self.environment.get_template(name).render(facts)

    def version(self, chosen: Words, kind: str) -> str:
        """What is kept with each message: our version, and a hash of what is not ours in it."""
        key = chosen.language, kind
        if key not in self._versions:
            names = self.of_kind(*key)
            made = "\0".join(f"{name}\0{self.own[name]}" for name in names).encode()
            own = f"+{hashlib.sha256(made).hexdigest()[:8]}" if names else ""
            self._versions[key] = f"{chosen.version}{own}"
        return self._versions[key]

    def of_kind(self, language: str, kind: str) -> list[str]:
        """The operator's own files that go into a kind's texts."""
        stems = {f"{language}/{stem}" for stem in (kind, *SHARED)}
        return sorted(name for name in self.own if name.partition(".")[0] in stems)


OURS = Texts()
"""What there is where no operator says otherwise."""
