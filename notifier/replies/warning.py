"""Texts that speak of danger, and what else they ask for. Pure.

Danger goes before everything and swallows nothing: what stands beside it is done too.
"""

from dataclasses import replace

from notifier.replies.intents import Context, Danger, Intent, Reason, Understood
from notifier.replies.lexicon import lexicons
from notifier.replies.plain import plain
from notifier.replies.reading import clauses, found, sentence, with_marks
from notifier.replies.stopping import stop
from notifier.replies.whereabouts import named_place, without_house

OPT_OUT_TYPES = {"STOP": Intent.STOP, "START": Intent.START, "HELP": Intent.HELP}
"""What the provider may have taken a text for, and acted on."""
_BESIDE_DANGER = ("out", "status")


def danger(text: str, words: str, context: Context) -> Understood | None:
    """The danger that a text speaks of, with what is to be done beside."""
    warned = _warned(without_house(text, words, context))
    if not warned:
        return None
    heard = found(Intent.DANGER, Reason.DANGER_WORDS, words, context, warned)
    heard = replace(heard, danger=warned.get(heard.language) or next(iter(warned.values())))
    beside = _beside(text, words, context)
    return heard if beside is None else replace(heard, also=beside.intent, place=beside.place)


def _warned(words: str) -> dict[str, Danger]:
    return {
        lexicon.language: danger
        for lexicon in lexicons()
        if (danger := lexicon.warns_of(words)) is not None
    }


def _beside(text: str, words: str, context: Context) -> Understood | None:
    """Say what is to be done beside danger, and at which place."""
    ends = also_ends(text, words, context)
    if ends is not None:
        return found(ends, Reason.SENTENCE, words, context)
    said = [words, *clauses(text)]
    heard = (sentence(name, one, context) for name in _BESIDE_DANGER for one in said)
    one = next(filter(None, heard), None)
    return None if one is None else replace(one, place=named_place(text))


def also_ends(text: str, words: str, context: Context) -> Intent | None:
    """What it asks for beside: STOP said clearly ends texts, and danger is no less heard.

    What turns a STOP round may stand in another clause, so that all are read together which do not
    warn themselves.
    """
    by_provider = OPT_OUT_TYPES.get((context.opt_out_type or "").upper())
    if by_provider in {Intent.STOP, Intent.START}:
        return by_provider
    # With their marks: "No more updates?" asks.
    rest = "".join(clause for clause in with_marks(text) if not _warned(plain(clause)))
    # STOP alone beside danger may well be a cry: only a sentence is taken for it.
    heard = (stop(text, words, context), stop(rest, plain(rest), context))
    return Intent.STOP if any(one and one.intent is Intent.STOP for one in heard) else None
