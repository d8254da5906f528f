"""From a text and what is known of who writes to an intent, with a reason. Pure.

Danger goes before everything. A word that stands alone is a command; a sentence is understood only
where it says a thing and nothing in it says the contrary. Who may have meant STOP and did not say
it clearly is asked (DECISIONS 25).
"""

import unicodedata
from collections.abc import Callable
from dataclasses import replace

from notifier.replies.commanding import (
    choice,
    command,
    command_there,
    joins,
    language,
    perhaps_ends,
)
from notifier.replies.intents import Asked, Context, Intent, Reason, Understood
from notifier.replies.lexicon import lexicons
from notifier.replies.plain import plain
from notifier.replies.quoting import after_name, own_words
from notifier.replies.reading import asks_whether, found, questions, sentence, service_named
from notifier.replies.stopping import (
    ENDS,
    asked_back,
    hidden_stop,
    perhaps_stop,
    stop,
    stop_behind,
    wrong,
)
from notifier.replies.warning import OPT_OUT_TYPES, also_ends, danger
from notifier.replies.whereabouts import named_place

MOST_CHARACTERS = 1600
"""What a text can hold at the provider; what goes beyond is not read."""
_ORDER = ("out_cancel", "off", "status", "on", "out", "start", "help")
"""Sentences, in the order in which they are looked for."""

Step = Callable[[str, str, Context], Understood | None]


def understand(text: str, context: Context) -> Understood:
    """Say what a text is taken for."""
    own = own_words(_as_long_as_it_looks(text[:MOST_CHARACTERS]), context.name)
    words = plain(own.text)
    if own.only_quotes:
        heard = danger(own.text, words, context)
        # What was sent before says neither STOP nor START now.
        if heard is not None:
            return replace(heard, also=None)
        return stop_behind(own.behind, context) or _quotes(words, context)
    for step in _STEPS:
        if (heard := step(own.text, words, context)) is not None:
            if heard.intent is Intent.START and _quotes_ours(text, own.text, context):
                break  # "yes" beside a text of ours says yes to nothing
            heard = heard if own.beside is None else _unless_quoted(heard, own.beside, context)
            return heard if heard.service else replace(heard, service=service_named(words))
    return found(Intent.OTHER, Reason.NOT_UNDERSTOOD, words, context)


def _quotes_ours(text: str, left: str, context: Context) -> bool:
    return plain(left) != plain(text) and after_name(text, context.name) is None


def _as_long_as_it_looks(text: str) -> str:
    """A text, no longer when its signs are written out: one may stand for 18 letters."""
    whole = unicodedata.normalize("NFKC", text)
    return text if len(whole) <= MOST_CHARACTERS else whole[:MOST_CHARACTERS]


def _unless_quoted(heard: Understood, beside: str, context: Context) -> Understood:
    """Ask back where STOP stands in quoted words alone: others may have said it."""
    if not ENDS & {heard.intent, heard.also} or heard.reason is Reason.PROVIDER_SAYS:
        return heard
    words = plain(beside)
    said = [step(beside, words, context) for step in (command, wrong, stop)]
    if also_ends(beside, words, context) or any(one and one.intent in ENDS for one in said):
        return heard
    return asked_back(heard) if heard.intent in ENDS else replace(heard, also=None)


def _quotes(words: str, context: Context) -> Understood:
    return found(Intent.REACTION, Reason.QUOTES_US, words, context)


def _by_provider(_text: str, words: str, context: Context) -> Understood | None:
    """What the provider has acted on already is done here too."""
    intent = OPT_OUT_TYPES.get((context.opt_out_type or "").upper())
    if intent is Intent.START and joins(words, context):
        return found(Intent.JOIN, Reason.ANSWER, words, context)
    return None if intent is None else found(intent, Reason.PROVIDER_SAYS, words, context)


def _no_words(_text: str, words: str, context: Context) -> Understood | None:
    return None if words else found(Intent.OTHER, Reason.NO_WORDS, words, context)


def _place(text: str, words: str, context: Context) -> Understood | None:
    """Which place is meant, if that was asked."""
    if context.asked not in {Asked.WHO, Asked.WHICH} or (place := named_place(text)) is None:
        return None
    if context.asked is Asked.WHICH and perhaps_ends(words):
        return asked_back(found(Intent.PLACE, Reason.ANSWER, words, context))
    return replace(found(Intent.PLACE, Reason.ANSWER, words, context), place=place)


def _only_asks(text: str) -> bool:
    """Whether a text is a question, and no request."""
    asked = questions(text)
    return bool(asked) and not any(lexicon.requests(one) for lexicon in lexicons() for one in asked)


def _said(text: str, words: str, context: Context) -> Understood | None:
    for name in _ORDER:
        heard = sentence(name, words, context)
        if name == "start" and _only_asks(text):
            continue
        if heard is not None and name == "on" and asks_whether(text, words):
            heard = replace(heard, intent=Intent.STATUS)
        if heard is not None:
            # "Where is the crew? 12 Elm St" from a number nobody knows says both at once.
            return replace(heard, place=named_place(text))
    return None


def _thanks(_text: str, words: str, context: Context) -> Understood | None:
    """Last: who says thanks may have asked for something first."""
    return sentence("thanks", words, context)


_STEPS: tuple[Step, ...] = (
    danger,
    _by_provider,
    _no_words,
    choice,
    command,
    wrong,
    stop,
    hidden_stop,
    language,
    _place,
    command_there,
    _said,
    perhaps_stop,
    _thanks,
)
