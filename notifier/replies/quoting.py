"""Texts that quote another: a phone's "Liked …", a machine that hands back what it was sent. Pure.

Only what stands between marks and begins with our name is ours. All else is the writer's own word,
and danger is looked for in it.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from notifier import gsm7
from notifier.replies.lexicon import lexicons
from notifier.replies.plain import plain, script_of

_OPEN, _CLOSED = '\u201c\u201d\u201e"\u00ab\u300c\u300e', '\u201d\u201c"\u00bb\u300d\u300f'
_CUT_OFF = f"\u2026(?!.*[{_CLOSED}])"
"""How a phone ends what it does not quote whole."""
_QUOTED = re.compile(f"[{_OPEN}](.*?)(?:[{_CLOSED}]|{_CUT_OFF}|\\Z)", re.DOTALL)
_MARKS = ":\uff1a"
LONGEST_OWN = 5
"""Words after our name that may be the writer's: what we write has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What of a text is the writer's own.

    ``only_quotes`` says that danger is all that may be read from it: the rest is a phone's words,
    or a text that was sent before. ``beside`` is what stands around words that may be
    somebody else's, in quotation marks or behind our name; None where there are none.
    ``behind`` is what stands behind our name in a text that is as long as ours are: STOP in it may
    be the writer's.
    """

    text: str
    beside: str | None = None
    only_quotes: bool = False
    behind: str = ""


def own_words(text: str, name: str) -> Own:
    """Take out of a text what it quotes of us; ``name`` is how our texts begin.

    A reaction to a text that is not ours keeps the words that it quotes.
    """
    after = after_name(text, name)
    if after is not None:
        if _is_long(after):
            # Handed back whole, and who knows what was written under it.
            return Own(text=text, only_quotes=True, behind=after)
        # "Acme: STOP" speaks to us.
        return Own(text=after)
    quoted = _QUOTED.search(text)
    if quoted is None:
        return Own(text=text, beside=_beside(text, name))
    ours = after_name(quoted[1], name) is not None
    around = f"{text[: quoted.start()]} {text[quoted.end() :]}".strip()
    if _reacts(around) or (ours and not plain(around)):
        return Own(text="" if ours else text, only_quotes=True)
    rest = around if ours else text
    return Own(text=rest, beside=_beside(rest, name))


def after_name(text: str, name: str) -> str | None:
    """What follows our name and a colon, with which all of ours begin; None in any other text.

    A name with accents is sent without those that would halve what a text holds.
    """
    if not name:
        return None
    begun = re.match(rf"[^\w{_OPEN}]*{_named(name)}", text, re.IGNORECASE)
    return None if begun is None else text[begun.end() :].strip()


def _named(name: str) -> str:
    either = f"{re.escape(name)}|{re.escape(gsm7.to_alphabet(name))}"
    return rf"(?:{either})\s*[{_MARKS}]"


def _beside(text: str, name: str) -> str | None:
    """What stands around quoted words, and before one of ours that is handed on."""
    around = _QUOTED.sub(" ", text)
    rest = around if plain(around) else text
    named = re.search(rf"(?<!\w){_named(name)}", rest, re.IGNORECASE) if name else None
    if named is not None and _is_long(rest[named.end() :]):
        return rest[: named.start()]
    head, *behind = re.split(rf"[{_MARKS}]", rest, maxsplit=1)
    if behind and _is_long(behind[0]) and get_close_matches(plain(head), [plain(name)], cutoff=0.8):
        # Our name, misspelt: copied by hand, or what somebody has to say to us.
        return ""
    return None if rest == text else rest


def _is_long(text: str) -> bool:
    """Whether it is as long as what we write; a letter is a word where no blanks part them."""
    words = plain(text).split()
    return sum(len(word) if script_of(word) == "zh" else 1 for word in words) > LONGEST_OWN


def _reacts(around: str) -> bool:
    """Whether these are the words that a phone puts around what was reacted to."""
    words = plain(around)
    return any(lexicon.reacts.search(lexicon.form(words)) for lexicon in lexicons())
