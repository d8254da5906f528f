"""Phrases of the tables, made into patterns over plain text.

A phrase is a row of words. ``a|do_not`` is either, ``cable*`` however the word goes on, ``~`` up
to three words of any kind (six characters where a language writes no blanks), ``+`` up to four of
the language's ``small`` words, ``^`` the beginning of the text, ``$`` its end.
"""

import re
from collections.abc import Callable, Iterable
from functools import partial

from notifier.replies.plain import compact, plain

NOTHING = re.compile(r"(?!)")
Pattern = re.Pattern[str]


def any_of(phrases: Iterable[str], *, spaced: bool, small: str) -> Pattern:
    """One pattern for all of these; ``small`` is a pattern of the language's small words."""
    write = partial(_with_blanks, small=small) if spaced else partial(_compact, small=small)
    made = [_anchored(phrase, write) for phrase in phrases]
    return re.compile("|".join(made)) if made else NOTHING


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
    return f"(?:{'|'.join(map(word_pattern, token.split('|')))})"


def word_pattern(word: str) -> str:
    """One word as a regular expression; with a star it may go on."""
    bare = re.escape(plain(word.removesuffix("*").replace("_", " ")))
    return bare + r"\S*" if word.endswith("*") else bare
