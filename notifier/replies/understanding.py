"""From a text and what is known of who writes to an intent, with a reason. Pure.

Danger goes before everything. A word that stands alone is a command; a sentence is understood only
where it says a thing and nothing in it says the contrary. Who may have meant STOP and did not say
it clearly is asked (DECISIONS 25).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches

from notifier.replies.intents import Asked, Context, Intent, Reason, Understood
from notifier.replies.lexicon import COMMAND_INTENTS, Lexicon, lexicons
from notifier.replies.plain import plain, script_of
from notifier.replies.quoting import own_words
from notifier.replies.whereabouts import named_place, without_house

MOST_CHARACTERS = 1600
"""What a text can hold at the provider; what goes beyond is not read."""
_CLAUSE = re.compile("[.,;:!?\n\u3002\uff0c\uff01\uff1f\uff1b\u0964\u2014]+")
_CHOICE = re.compile(r"(?:no |number |numero |option |opcion )?([1-9])")
_OPT_OUT_TYPES = {"STOP": Intent.STOP, "START": Intent.START, "HELP": Intent.HELP}
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
_ENDS = frozenset({Intent.STOP, Intent.WRONG})
_DENIALS = ("dont", "not", "didnt", "doesnt", "wont")
_DENIED = re.compile(r"\b(?:dont|not|never)(?: \S+){1,4} (?:stop|quit|cancel|unsubscribe)\b")
"""Whatever stands between may be a misspelt "want to"."""
_NO_DENIALS = frozenset({"no", "does"})
_BESIDE_DANGER = ("out", "status")
_ORDER = ("out_cancel", "off", "status", "on", "out", "start", "help", "thanks")
"""Sentences, in the order in which they are looked for."""

Step = Callable[[str, str, Context], Understood | None]


def understand(text: str, context: Context) -> Understood:
    """Say what a text is taken for."""
    own = own_words(text[:MOST_CHARACTERS], context.name)
    words = plain(own.text)
    if own.only_quotes:
        danger = _danger(own.text, words, context)
        # What was sent before says neither STOP nor START now.
        if danger is not None:
            return replace(danger, also=None)
        return _stop_behind(own.behind, context) or _quotes(words, context)
    for step in _STEPS:
        if (found := step(own.text, words, context)) is not None:
            found = found if own.beside is None else _unless_quoted(found, own.beside, context)
            return found if found.service else replace(found, service=_service(words))
    return _found(Intent.OTHER, Reason.NOT_UNDERSTOOD, words, context)


def _unless_quoted(found: Understood, beside: str, context: Context) -> Understood:
    """Ask back where STOP stands between quotation marks alone: others may have said it."""
    if not _ENDS & {found.intent, found.also} or found.reason is Reason.PROVIDER_SAYS:
        return found
    words = plain(beside)
    said = [step(beside, words, context) for step in (_command, _wrong, _stop)]
    if _also(beside, words, context) or any(one and one.intent in _ENDS for one in said):
        return found
    if found.intent in _ENDS:
        return replace(found, intent=Intent.STOP_ASKED, reason=Reason.STOP_WORD_IN_SENTENCE)
    return replace(found, also=None)


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


def _found(
    intent: Intent, reason: Reason, words: str, context: Context, among: Iterable[str] = ()
) -> Understood:
    return Understood(intent=intent, reason=reason, language=written_in(words, context, among))


def _quotes(words: str, context: Context) -> Understood:
    return _found(Intent.REACTION, Reason.QUOTES_US, words, context)


def _stop_behind(text: str, context: Context) -> Understood | None:
    """Ask who seems to say STOP behind our name, or under a text of ours: it may be ours alone."""
    lines = [_CLAUSE.split(line) for line in text.splitlines() if plain(line)]
    said = [plain(lines[0][0]), plain(" ".join(lines[-1]))] if lines else []
    heard = (step("", words, context) for words in said for step in (_command, _stop))
    found = next((one for one in heard if one and one.intent is Intent.STOP), None)
    if found is None:
        return None
    return replace(found, intent=Intent.STOP_ASKED, reason=Reason.STOP_WORD_IN_SENTENCE)


def _danger(text: str, words: str, context: Context) -> Understood | None:
    heard = without_house(text, words, context)
    warned = {
        lexicon.language: danger
        for lexicon in lexicons()
        if (danger := lexicon.warns_of(heard)) is not None
    }
    if not warned:
        return None
    found = _found(Intent.DANGER, Reason.DANGER_WORDS, words, context, warned)
    danger = warned.get(found.language) or next(iter(warned.values()))
    beside = _beside_danger(text, words, context)
    if beside is None:
        return replace(found, danger=danger)
    return replace(found, danger=danger, also=beside.intent, place=beside.place)


def _beside_danger(text: str, words: str, context: Context) -> Understood | None:
    """Say what is to be done beside danger, and at which place: danger swallows neither."""
    ends = _also(text, words, context)
    if ends is not None:
        return _found(ends, Reason.SENTENCE, words, context)
    said = [words, *map(plain, _CLAUSE.split(text))]
    heard = (_sentence(name, one, context) for name in _BESIDE_DANGER for one in said)
    found = next(filter(None, heard), None)
    return None if found is None else replace(found, place=named_place(text))


def _also(text: str, words: str, context: Context) -> Intent | None:
    """What it asks for beside: STOP said clearly ends texts, and danger is no less heard."""
    by_provider = _OPT_OUT_TYPES.get((context.opt_out_type or "").upper())
    if by_provider in {Intent.STOP, Intent.START}:
        return by_provider
    said = [words, *map(plain, _CLAUSE.split(text))]
    # STOP alone beside danger may well be a cry: only a sentence is taken for it.
    heard = (_stop("", one, context) for one in said)
    return Intent.STOP if any(one and one.intent is Intent.STOP for one in heard) else None


def _by_provider(_text: str, words: str, context: Context) -> Understood | None:
    """What the provider has acted on already is done here too."""
    intent = _OPT_OUT_TYPES.get((context.opt_out_type or "").upper())
    return None if intent is None else _found(intent, Reason.PROVIDER_SAYS, words, context)


def _choice(_text: str, words: str, context: Context) -> Understood | None:
    if context.asked is Asked.WHO:
        return None
    picked = _CHOICE.fullmatch(words)
    if picked is not None:
        fits = context.asked is Asked.WHICH and int(picked[1]) <= context.options
        reason = Reason.ANSWER if fits else Reason.NOTHING_ASKED
        found = _found(Intent.CHOICE, reason, words, context)
        return replace(found, choice=int(picked[1]) if fits else None)
    if context.asked is Asked.WHICH and (number := _house(words)) is not None:
        at = [place for place, one in enumerate(context.numbers, 1) if one == number]
        if len(at) == 1:
            found = _found(Intent.CHOICE, Reason.ANSWER, words, context)
            return replace(found, choice=at[0])
    return None


def _house(words: str) -> int | None:
    first = words.partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() and len(first) < 8 else None  # noqa: PLR2004  # no longer one has a house


def _command(_text: str, words: str, context: Context) -> Understood | None:
    said = {
        lexicon.language: name
        for lexicon in lexicons()
        if (name := _command_of(lexicon, words)) is not None
    }
    if not said:
        return None
    found = _found(Intent.OTHER, Reason.COMMAND, words, context, said)
    name = said.get(found.language) or next(iter(said.values()))
    if words in _TAUGHT:
        found = replace(found, language=context.language)
    if name == "yes":
        return _yes(found, context)
    if name == "no":
        return replace(found, intent=Intent.NO)
    return replace(found, intent=COMMAND_INTENTS[name])


def _command_of(lexicon: Lexicon, words: str) -> str | None:
    whole = lexicon.form(words)
    return lexicon.commands.get(whole) or lexicon.commands.get(lexicon.bare(words))


def _yes(found: Understood, context: Context) -> Understood | None:
    """Yes to what? To the question that was asked; Twilio takes it for START from who stopped."""
    if context.asked is Asked.STOP:
        return replace(found, intent=Intent.STOP, reason=Reason.ANSWER)
    return replace(found, intent=Intent.START) if context.opted_out else None


def _language(_text: str, words: str, context: Context) -> Understood | None:
    wishes = {
        lexicon.language: wish
        for lexicon in lexicons()
        if (wish := _wish(lexicon, words)) is not None
    }
    if not wishes:
        return None
    # Who names a language in that language writes in it.
    own = [language for language, wish in wishes.items() if language == wish]
    found = _found(Intent.LANGUAGE, Reason.COMMAND, words, context, own or wishes)
    return replace(found, wish=wishes[found.language])


def _wish(lexicon: Lexicon, words: str) -> str | None:
    """The language that a text asks for."""
    form = lexicon.form(words)
    for named in (form, lexicon.bare(words)):
        if named in lexicon.languages:
            return lexicon.languages[named]
    if len(words.split()) > _SHORT_WISH:
        return None
    return next((name for name, asks in lexicon.asks_for.items() if asks.search(form)), None)


def _wrong(_text: str, words: str, context: Context) -> Understood | None:
    return _sentence("wrong", words, context)


def _stop(text: str, words: str, context: Context) -> Understood | None:
    found = _sentence("stop", words, context)
    clauses = map(plain, _CLAUSE.split(text)) if text else [words]
    if found is None or not (_may_deny(words) or any(map(_DENIED.search, clauses))):
        return found
    return replace(found, intent=Intent.STOP_ASKED, reason=Reason.STOP_WORD_IN_SENTENCE)


def _hidden_stop(_text: str, words: str, context: Context) -> Understood | None:
    """Ask who says STOP and something that may turn it round, before it is taken for another."""
    able = [lexicon.language for lexicon in lexicons() if lexicon.hides("stop", words)]
    if not able:
        return None
    return _found(Intent.STOP_ASKED, Reason.STOP_WORD_IN_SENTENCE, words, context, able)


def _may_deny(words: str) -> bool:
    """Whether a word may be a misspelt "don't": what it turns round is asked back."""
    return any(
        word not in _DENIALS and get_close_matches(word, _DENIALS, n=1, cutoff=0.8)
        for word in words.split()
        if word not in _NO_DENIALS
    )


def _place(text: str, words: str, context: Context) -> Understood | None:
    """Which place is meant, if that was asked."""
    if context.asked not in {Asked.WHO, Asked.WHICH} or (place := named_place(text)) is None:
        return None
    return replace(_found(Intent.PLACE, Reason.ANSWER, words, context), place=place)


def _said(text: str, words: str, context: Context) -> Understood | None:
    for name in _ORDER:
        found = _sentence(name, words, context)
        if found is not None:
            # "Where is the crew? 12 Elm St" from a number nobody knows says both at once.
            return replace(found, place=named_place(text))
    return None


def _perhaps_stop(_text: str, words: str, context: Context) -> Understood | None:
    able = [
        lexicon.language for lexicon in lexicons() if lexicon.asked_back.search(lexicon.form(words))
    ]
    if not able:
        return None
    return _found(Intent.STOP_ASKED, Reason.STOP_WORD_IN_SENTENCE, words, context, able)


def _no_words(_text: str, words: str, context: Context) -> Understood | None:
    return None if words else _found(Intent.OTHER, Reason.NO_WORDS, words, context)


def _sentence(name: str, words: str, context: Context) -> Understood | None:
    able = [lexicon.language for lexicon in lexicons() if lexicon.says(name, words)]
    if not able:
        return None
    return _found(COMMAND_INTENTS[name], Reason.SENTENCE, words, context, able)


def _service(words: str) -> str | None:
    """The service that a text names, if it names one."""
    for lexicon in lexicons():
        for service, named in lexicon.services.items():
            if named.search(lexicon.form(words)):
                return service
    return None


_STEPS: tuple[Step, ...] = (
    _danger,
    _by_provider,
    _no_words,
    _choice,
    _command,
    _language,
    _wrong,
    _stop,
    _hidden_stop,
    _place,
    _said,
    _perhaps_stop,
)
