"""Texts that quote another: a phone's "Liked …", a machine that hands back what it was sent. Pure.

Only what stands between marks and begins with our name is ours. All else is the writer's own word,
and danger is looked for in it.
"""

import re
from dataclasses import dataclass

from notifier.replies.lexicon import lexicons
from notifier.replies.plain import plain

_QUOTED = re.compile(
    '[\u201c\u201d\u201e"\u00ab\u300c\u300e](.*?)(?:[\u201d\u201c"\u00bb\u300d\u300f]|\\Z)',
    re.DOTALL,
)
_MARKS = (":", "\uff1a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What of a text is the writer's own.

    ``only_quotes`` says that danger is all that may be read from it: the rest is a phone's words,
    or a text that was sent before.
    """

    text: str
    only_quotes: bool = False


def own_words(text: str, name: str) -> Own:
    """Take out of a text what it quotes of us; ``name`` is how our texts begin.

    A reaction to a text that is not ours keeps the words that it quotes.
    """
    if _begins(text, name):
        # Handed back whole, and who knows what was written under it.
        return Own(text=text, only_quotes=True)
    quoted = _QUOTED.search(text)
    if quoted is None:
        return Own(text=text)
    ours = _begins(quoted[1], name)
    around = f"{text[: quoted.start()]} {text[quoted.end() :]}".strip()
    if _reacts(around) or (ours and not plain(around)):
        return Own(text="" if ours else text, only_quotes=True)
    return Own(text=around if ours else text)


def _begins(text: str, name: str) -> bool:
    """Whether it is one of ours: they all begin with the name and a colon."""
    begun, whole = text.strip().casefold(), name.casefold()
    return bool(name) and begun.startswith(whole) and begun[len(whole) :].strip()[:1] in _MARKS


def _reacts(around: str) -> bool:
    """Whether these are the words that a phone puts around what was reacted to."""
    words = plain(around)
    return any(lexicon.reacts.search(lexicon.form(words)) for lexicon in lexicons())
