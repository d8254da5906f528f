"""What a plain text says, and in which language: the tables of all languages at once. Pure."""

import re
from collections.abc import Iterable

from notifier.replies.intents import Context, Intent, Reason, Understood
from notifier.replies.lexicon import COMMAND_INTENTS, Lexicon, lexicons
from notifier.replies.plain import plain, script_of

_MARKS = ".,;:!?\n\u3002\uff0c\uff01\uff1f\uff1b\u0964\u2014"
_CLAUSE = re.compile(f"[{_MARKS}]+")
_WITH_MARKS = re.compile(f"[^{_MARKS}]+[{_MARKS}]*")
_SENTENCE = re.compile("[.;!?\n\u3002\uff01\uff1f\uff1b\u0964]+")
_QUESTION = re.compile("[^.;!?\n\u3002\uff01\uff1f\uff1b\u0964]+(?=[?\uff1f])")


def sentences(text: str) -> list[str]:
    """What stands between marks that end a sentence, each plain."""
    return list(filter(None, map(plain, _SENTENCE.split(text))))


def clauses(text: str) -> list[str]:
    """What stands between marks, each plain."""
    return list(filter(None, map(plain, _CLAUSE.split(text))))


def with_marks(text: str) -> list[str]:
    """What stands between marks, as it was written and with the marks behind it."""
    return _WITH_MARKS.findall(text)


def questions(text: str) -> list[str]:
    """Its sentences that end in a question mark, each plain."""
    return list(filter(None, map(plain, _QUESTION.findall(text))))


def told(text: str) -> list[str]:
    """Its sentences that do not, each plain."""
    asked = questions(text)
    return [one for one in sentences(text) if one not in asked]


def asks_whether(text: str, words: str) -> bool:
    """Whether "it is back" is asked and not told."""
    if "yet" in words.split():
        return True
    return bool(questions(text)) and not any(saying("on", one) for one in told(text))


def written_in(words: str, context: Context, among: Iterable[str] = ()) -> str:
    """Guess the language of a plain text; ``among`` are those in which it says something."""
    able = [*among] or [lexicon.language for lexicon in lexicons()]
    if (by_script := script_of(words)) in able:
        return str(by_script)
    split = set(words.split())
    scores = {lexicon.language: len(lexicon.hints & split) for lexicon in lexicons()}
    best = max(scores[language] for language in able)
    tied = [language for language in able if scores[language] == best]
    return context.language if context.language in tied else tied[0]


def found(
    intent: Intent, reason: Reason, words: str, context: Context, among: Iterable[str] = ()
) -> Understood:
    """What a text is taken for, in the language that it is written in."""
    return Understood(intent=intent, reason=reason, language=written_in(words, context, among))


def saying(name: str, words: str) -> list[Lexicon]:
    """The languages in which a sentence says this, and nothing in it says the contrary."""
    return [lexicon for lexicon in lexicons() if lexicon.says(name, words)]


def sentence(name: str, words: str, context: Context) -> Understood | None:
    """What a sentence is taken for, if it says this in any language."""
    able = [lexicon.language for lexicon in saying(name, words)]
    return found(COMMAND_INTENTS[name], Reason.SENTENCE, words, context, able) if able else None


def service_named(words: str) -> str | None:
    """The service that a text names, if it names one."""
    for lexicon in lexicons():
        for service, named in lexicon.services.items():
            if named.search(lexicon.form(words)):
                return service
    return None
