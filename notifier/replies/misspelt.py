"""What a text may have been meant to say: words typed with one thumb. Pure.

Looked at only where a sentence would end somebody's texts, and only for words that turn such a
sentence round. A word that the language's table knows is no misspelt one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product

from notifier.replies.plain import plain

_DOUBLED = re.compile(r"(.)\1+")
_SIGNS = re.compile(r"[\s|_~+^$]+")
_PIECES = 3
"""Into how many a word may have been parted."""
_MISSPELT = 2
"""Words of a text that are read otherwise at once."""
_READINGS = 250
"""Of a text at most, for each word that is read otherwise: a long one must not take seconds."""
_LONGEST = 24
"""Letters of a word; a longer one is noise."""
_STEM = 4
"""Letters of a shortest stem, and of a shortest word that may have one letter for another: among
shorter ones there are too many real words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """Words that matter, each under what is left of it when a letter is left out."""

    known: frozenset[str]
    stems: tuple[str, ...]
    words: frozenset[str]
    by_rest: Mapping[str, frozenset[str]]
    stems_by_rest: Mapping[str, frozenset[str]]

    def knows(self, word: str) -> bool:
        """Whether a word is one of the language's table, or begins like one."""
        return word in self.known or word.startswith(self.stems)

    def readings(self, text: str, most: int = _MISSPELT) -> Iterator[str]:
        """A text, and as it may have been meant, with so many words read otherwise at most."""
        seen, row = {text}, [text]
        for _ in range(most):
            further = (one for text in row for one in self._once(text.split()) if one not in seen)
            row = list(islice(further, _READINGS))
            seen.update(row)
        yield from seen

    def _once(self, words: list[str]) -> Iterator[str]:
        for at, pieces in product(range(len(words)), range(1, _PIECES + 1)):
            taken = words[at : at + pieces]
            if len(taken) == pieces:
                for meant in self._joined(taken):
                    yield " ".join([*words[:at], meant, *words[at + pieces :]])

    def _joined(self, pieces: list[str]) -> set[str]:
        """What these may stand for, taken together."""
        word = "".join(pieces)
        if not self._all_known(pieces):
            return self._meant(word)
        # "Jus" and "qu" are words, and so is what they make.
        return {word} & self.words if len(pieces) > 1 and len(word) >= _STEM else set()

    def _all_known(self, words: Iterable[str]) -> bool:
        return all(word in self.known or word.isdigit() for word in words)

    def _meant(self, word: str) -> set[str]:
        """What one word may stand for: another, one that goes on, or two that were run together."""
        if len(word) > _LONGEST:
            return set()
        near = _near(word, self.by_rest)
        for length in range(_STEM, len(word)):
            near |= _near(word[:length], self.stems_by_rest)
        parted = ((word[:at], word[at:]) for at in range(1, len(word)))
        return near | {
            f"{one} {other}"
            for one, other in parted
            if (one in self.words or other in self.words) and self._all_known([one, other])
        }


def spelling(known: Iterable[str], matter: Iterable[str]) -> Spelling:
    """Make the index, of phrases as the tables write them."""
    words = {word for word in _words_of(matter) if len(word.removesuffix("*")) > 1}
    stems = {word for word in words if word.endswith("*") and len(word) > _STEM}
    whole = frozenset(plain(word) for word in words - stems)
    all_known = _words_of(filter(_has_a_word, known))
    return Spelling(
        # "S T O P" makes no words of its letters.
        known=frozenset(map(plain, all_known)),
        stems=tuple(plain(word) for word in all_known if word.endswith("*") and len(word) > _STEM),
        words=whole,
        by_rest=_by_rest(whole),
        stems_by_rest=_by_rest(map(plain, stems)),
    )


def doubled_once(text: str) -> str:
    """A text with each doubled letter written once."""
    return _DOUBLED.sub(r"\1", text)


def _words_of(phrases: Iterable[str]) -> set[str]:
    return {word for phrase in phrases for word in _SIGNS.split(phrase) if word}


def _has_a_word(phrase: str) -> bool:
    return " " not in phrase or any(len(word) > 1 for word in phrase.split())


def _by_rest(words: Iterable[str]) -> dict[str, frozenset[str]]:
    found = defaultdict(set)
    for word in words:
        for rest in _rests(word) | _rests(doubled_once(word)):
            found[rest].add(word)
    return {rest: frozenset(some) for rest, some in found.items()}


def _near(word: str, by_rest: Mapping[str, frozenset[str]]) -> set[str]:
    once = doubled_once(word)
    some = {one for rest in _rests(word) | _rests(once) for one in by_rest.get(rest, ())}
    return {one for one in some if _one_apart(word, one) or _one_apart(once, doubled_once(one))}


def _rests(word: str) -> set[str]:
    """A word, and what is left when any letter is left out: all that is one apart shares one."""
    return {word} | {word[:at] + word[at + 1 :] for at in range(len(word))}


def _one_apart(one: str, other: str) -> bool:
    """Whether two words are a letter apart: left out, put in, changed, or two exchanged."""
    if one in _rests(other) or other in _rests(one):
        return True
    differs = [pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]]
    if len(one) != len(other) or len(one) < _STEM:
        return False
    return len(differs) == 1 or (len(differs) == 2 and differs[0] == differs[1][::-1])  # noqa: PLR2004  # two letters exchanged
