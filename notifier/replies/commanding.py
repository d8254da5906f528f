"""Texts that are one word, one number or the name of a language. Pure."""

import re
from dataclasses import replace

from notifier.replies.intents import Asked, Context, Intent, Reason, Understood
from notifier.replies.lexicon import COMMAND_INTENTS, Lexicon, lexicons
from notifier.replies.reading import asks_whether, found, questions
from notifier.replies.whereabouts import named_place

_CHOICE = re.compile(r"(?:no |number |numero |option |opcion )?([1-9])")
_SHORT_WISH = 10
"""Words of a sentence that asks for a language; a longer one is about something else too."""
_TAUGHT = frozenset(
    {
        "stop",
        "start",
        "help",
        "out",
        "out cancel",
        "status",
        "off",
        "on",
        "wrong",
        "stopall",
        "info",
    }
)
"""Words that we teach in every language: who uses one need not write English."""


def choice(_text: str, words: str, context: Context) -> Understood | None:
    """Which of its places an endpoint means: by number, or by a house number that only one has."""
    if context.asked is Asked.WHO:
        return None
    picked = _CHOICE.fullmatch(words)
    if picked is not None:
        fits = context.asked is Asked.WHICH and int(picked[1]) <= context.options
        reason = Reason.ANSWER if fits else Reason.NOTHING_ASKED
        said = found(Intent.CHOICE, reason, words, context)
        return replace(said, choice=int(picked[1]) if fits else None)
    if (
        context.asked is Asked.WHICH
        and not perhaps_ends(words)
        and (number := _house(words)) is not None
    ):
        at = [place for place, one in enumerate(context.numbers, 1) if one == number]
        if len(at) == 1:
            said = found(Intent.CHOICE, Reason.ANSWER, words, context)
            return replace(said, choice=at[0])
    return None


def _house(words: str) -> int | None:
    first = words.partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 8 else None  # noqa: PLR2004  # no longer one has a house


def perhaps_ends(words: str) -> bool:
    """Whether anything in a text may say STOP: "12 Elm, and stop all these texts"."""
    return any(lexicon.perhaps_ends(words) for lexicon in lexicons())


def command(text: str, words: str, context: Context) -> Understood | None:
    """A word or two that stand alone."""
    said = {
        lexicon.language: name
        for lexicon in lexicons()
        if (name := lexicon.command(words)) is not None
    }
    if not said:
        return None
    heard = found(Intent.OTHER, Reason.COMMAND, words, context, said)
    name = said.get(heard.language) or next(iter(said.values()))
    if words in _TAUGHT:
        heard = replace(heard, language=context.language)
    if name == "yes":
        return _yes(heard, words, context)
    if name == "start_again":
        # "Resume!" from anybody else is a plea for power.
        return replace(heard, intent=Intent.START) if context.opted_out else None
    if name == "no":
        return replace(heard, intent=Intent.NO)
    return _as_asked(replace(heard, intent=COMMAND_INTENTS[name]), text, words)


def command_there(text: str, words: str, context: Context) -> Understood | None:
    """OUT with a place behind it: "OUT 12 77002"."""
    first, place = words.partition(" ")[0], named_place(text)
    if place is None or None in {place.house_number, place.postal_code} or perhaps_ends(words):
        return None
    heard = command(first, first, context)
    if heard is None or heard.intent is not Intent.OUT:
        return None
    return replace(heard, place=place)


def _as_asked(heard: Understood, text: str, words: str) -> Understood:
    """A command that asks: "Back on?" is no news, and "No more texts?" no wish."""
    if heard.intent is Intent.ON and asks_whether(text, words):
        return replace(heard, intent=Intent.STATUS)
    is_a_word = words.isascii() and " " not in words
    if heard.intent in {Intent.STOP, Intent.WRONG} and questions(text) and not is_a_word:
        return replace(heard, intent=Intent.STOP_ASKED, reason=Reason.STOP_WORD_IN_SENTENCE)
    return heard


def _yes(heard: Understood, words: str, context: Context) -> Understood | None:
    """Yes to what? To the question that was asked; Twilio takes it for START from who stopped."""
    if context.asked is Asked.STOP:
        return replace(heard, intent=Intent.STOP, reason=Reason.ANSWER)
    if _may_join(context):
        return replace(heard, intent=Intent.JOIN, reason=Reason.ANSWER)
    lifts = context.opted_out and not context.stopped_lately and " " not in words
    return replace(heard, intent=Intent.START) if lifts else None


def joins(words: str, context: Context) -> bool:
    """Whether a text is the YES that was asked for, also where the provider takes it for START."""
    return _may_join(context) and any(lexicon.command(words) == "yes" for lexicon in lexicons())


def _may_join(context: Context) -> bool:
    """Whether a YES may be to a form; that of who has stopped our texts lifts the stop first."""
    return context.joining and not context.opted_out


def language(_text: str, words: str, context: Context) -> Understood | None:
    """A language that is asked for."""
    wishes = {
        lexicon.language: wish
        for lexicon in lexicons()
        if (wish := _wish(lexicon, words)) is not None
    }
    if not wishes:
        return None
    # Who names a language in that language writes in it.
    own = [language for language, wish in wishes.items() if language == wish]
    said = found(Intent.LANGUAGE, Reason.COMMAND, words, context, own or wishes)
    return replace(said, wish=wishes[said.language])


def _wish(lexicon: Lexicon, words: str) -> str | None:
    """The language that a text asks for."""
    form = lexicon.form(words)
    for named in (form, lexicon.bare(words)):
        if named in lexicon.languages:
            return lexicon.languages[named]
    if len(words.split()) > _SHORT_WISH:
        return None
    return next((name for name, asks in lexicon.asks_for.items() if asks.search(form)), None)
