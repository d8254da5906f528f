"""What is wrong with an operator's own texts: one sentence for each fault."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateSyntaxError, meta

from notifier import gsm7
from notifier.kinds import Channel, Kind
from notifier.reading_level import grade
from notifier.rendering import Notice, Text, Voice, facts_of, strictly
from notifier.replies.quoting import after_name
from notifier.texts import OURS, Texts
from notifier.words import words
from notifier.worst import longest_day, notices

PARTS = ("sms.txt", "subject.txt", "lead.txt")
COMMON = ("body.txt", "body.html", "facts.txt", "facts.html", "words.toml")
HIGHEST_GRADE = 6
_STATED = {
    Kind.ETR: {"etr"},
    Kind.ETR_LATER: {"etr"},
    Kind.PLANNED_NOTICE: {"starts"},
    Kind.PLANNED_REMINDER: {"starts"},
    Kind.PLANNED_CHANGED: {"starts"},
    Kind.ADVISORY: {"advice"},
    Kind.ADVISORY_LIFTED: {"lifted"},
    Kind.AREA_OUT: {"area", "people"},
    Kind.AREA_ETR: {"area", "etr"},
    Kind.AREA_OVER: {"area"},
    Kind.AREA_AGAIN: {"area", "people"},
    Kind.AREA_WITHDRAWN: {"area"},
}
"""What a kind is for: a text or a first sentence that leaves it out says nothing."""
_IN_ENGLISH = {Kind.ADVISORY: {"call"}, Kind.ADVISORY_LIFTED: {"call"}}
"""The English safety text carries other languages' line that says whom to call (DECISIONS 28)."""
_NEEDED = {"sms.txt": {"name", "as_of"}, "body.txt": {"lead"}, "body.html": {"lead", "subject"}}
_NEEDED |= {"facts.txt": {"as_of"}, "facts.html": {"as_of"}}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\u2028\u2029\ufeff]")
_GRADED_IN = ZoneInfo("America/Vancouver")
"""A zone whose name the reading level leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one file; ``sentence`` begins with its name."""

    name: str
    sentence: str


def named(names: Mapping[str, str]) -> Iterator[Fault]:
    """Faults of names alone: of what no text is read from."""
    for name in names:
        language, _, file = name.partition("/")
        kind, _, part = file.partition(".")
        if language not in _languages():
            said = f"there are no texts in {language!r}; there are in {', '.join(_languages())}."
        elif file in COMMON or (part in PARTS and kind in {*Kind}):
            continue
        elif part in PARTS:
            near = difflib.get_close_matches(kind, [*Kind], n=1)
            meant = f"; did you mean {near[0]}" if near else ""
            said = f"there is no kind of message {kind!r}{meant}."
        else:
            said = f"is none of KIND.{', KIND.'.join(PARTS)}, {', '.join(COMMON)}."
        yield Fault(name=name, sentence=f"{name}: {said}")


def read_words(name: str, table: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults of a ``words.toml``: what has no place in ours, and what is no text."""
    ours = words(name.partition("/")[0])
    single = {"version": int, "reviewed_by": str, "locale": str, "spaced": bool}
    for key, value in table.items():
        if key in single:
            if not isinstance(value, single[key]):
                yield Fault(name=name, sentence=f"{name}: {key} is not as ours is.")
        elif key == "segments" and isinstance(value, dict):
            for kind, most in value.items():
                if kind not in {"most", *Kind} or not isinstance(most, int) or not 0 < most < 10:  # noqa: PLR2004  # a provider's most
                    said = "names kinds (or most) with whole numbers from 1 to 9."
                    yield Fault(name=name, sentence=f"{name}: [segments] {said}")
                    break
        elif key not in ours.tables or not isinstance(value, dict):
            yield Fault(name=name, sentence=f"{name}: [{key}] is no table of ours.")
        else:
            for code, said in value.items():
                if code not in ours.tables[key] or not isinstance(said, str):
                    yield Fault(name=name, sentence=f"{name}: [{key}] {code} is no text of ours.")


def written(texts: Texts) -> Iterator[Fault]:
    """Faults of what is written in templates: mistakes, unknown and missing facts, letters."""
    for name, source in texts.own.items():
        language, _, file = name.partition("/")
        kind, _, part = file.partition(".")
        if file != "words.toml":
            try:
                used = meta.find_undeclared_variables(texts.environment.parse(source))
            except TemplateSyntaxError as problem:
                where = f"{name}, line {problem.lineno}"
                yield Fault(name=name, sentence=f"{where}: {problem.message}.")
                continue
            except Exception as problem:  # noqa: BLE001  # a number or brackets beyond Python's limits
                yield Fault(name=name, sentence=f"{name}: cannot be read: {problem}.")
                continue
            yield from _facts(name, language, kind, part or file, used)
        if part == "sms.txt" or file == "words.toml":
            yield from _letters(name, language, source)


def _facts(name: str, language: str, kind: str, part: str, used: set[str]) -> Iterator[Fault]:
    unknown = sorted(used - _known())
    if unknown:
        near = difflib.get_close_matches(unknown[0], _known(), n=1)
        meant = f"; did you mean {near[0]}" if near else ""
        said = f"says {{{{ {unknown[0]} }}}}, which is no fact{meant}."
        yield Fault(name=name, sentence=f"{name}: {said}")
    needed = set(_NEEDED.get(part, set())) | set(_NEEDED.get(f"{kind}.{part}", set()))
    if kind in {*Kind} and part != "subject.txt":
        needed |= _STATED.get(Kind(kind), set())
        needed |= _IN_ENGLISH.get(Kind(kind), set()) if language == "en" else set()
    for missing in sorted(needed - used):
        yield Fault(name=name, sentence=f"{name}: does not say {{{{ {missing} }}}}, and must.")


def _letters(name: str, language: str, source: str) -> Iterator[Fault]:
    control = _CONTROL.search(source.replace("\r\n", "\n"))
    if control:
        yield Fault(name=name, sentence=f"{name}: holds {control[0]!r}, which nobody can see.")
    mapped = gsm7.to_alphabet(source.replace("\r\n", "\n"))
    if name.endswith("words.toml") or not _is_gsm7(language):
        return
    wrong = sorted({letter for letter in mapped if not gsm7.fits_alphabet(letter)})
    if wrong:
        said = f"holds {' '.join(wrong)}, with which a text holds 70 letters instead of 160."
        yield Fault(name=name, sentence=f"{name}: {said}")


def rendered(texts: Texts, voice: Voice) -> Iterator[Fault]:
    """Faults that only show in whole texts: too long, too hard to read, or no text at all."""
    # What a utility is bound to say takes as many segments as it takes.
    plain = replace(voice, texts=texts, advisory={}, lifted={})
    for language in sorted({name.partition("/")[0] for name in texts.own}):
        chosen = texts.words(language)
        try:
            at = longest_day(chosen, voice.zone)
        except Exception as problem:  # noqa: BLE001  # an operator's words may fail in any way
            name = f"{language}/words.toml"
            yield Fault(name=name, sentence=f"{name}: times cannot be told: {_said(problem)}.")
            continue
        for kind in Kind:
            names = texts.of_kind(language, kind)
            if not names:
                continue
            own = f"{language}/{kind.value}"
            blamed = next((name for name in names if name.startswith(f"{own}.")), names[-1])
            try:
                yield from _whole(kind, language, plain, blamed, list(notices(kind, chosen, at)))
            except Exception as problem:  # noqa: BLE001  # a template may do anything
                said = f"{blamed}: {kind.value} cannot be made: {_said(problem)}."
                yield Fault(name=blamed, sentence=said)


def _said(problem: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(str(problem).split()).rstrip(".") or type(problem).__name__


def _whole(
    kind: Kind, language: str, voice: Voice, blamed: str, stated: list[Any]
) -> Iterator[Fault]:
    most = voice.texts.words(language).budget(kind)
    texts = [strictly(one, Channel.SMS, language, voice) for one in stated]

    def beyond(one: Notice, text: Text) -> tuple[int, int]:
        """By how much it is too long: which of several places it is about may cost a segment."""
        return text.segments - one.several, len(text.body)

    pairs = list(zip(stated, texts, strict=True))
    about, longest = max(pairs, key=lambda pair: beyond(*pair))
    sms = f"{language}/{kind.value}.sms.txt"
    blamed_sms = sms if sms in voice.texts.own else blamed
    nameless = next((one for one in texts if after_name(one.body, voice.name) is None), None)
    if voice.name and nameless is not None:
        said = (
            f"{blamed_sms}: {kind.value} has to begin with {{{{ name }}}} and a colon, or what "
            f"phones hand back of it is taken for the customer's own words: “{nameless.body}”"
        )
        yield Fault(name=blamed_sms, sentence=said)
    if beyond(about, longest)[0] > most:
        said = (
            f"{blamed_sms}: {kind.value} takes {longest.segments} segments at its longest and may "
            f"take {most}: “{longest.body}” Shorten it, or begin lines it can do without with ?."
        )
        yield Fault(name=blamed_sms, sentence=said)
    mails = [strictly(one, Channel.EMAIL, language, voice) for one in stated[:2]]
    if not all(mail.subject and mail.body.strip() and "<h1" in mail.html for mail in mails):
        yield Fault(name=blamed, sentence=f"{blamed}: {kind.value} makes a mail with a part empty.")
    if language == "en":
        yield from _hard(kind, voice, blamed, stated)


def _hard(kind: Kind, voice: Voice, blamed: str, stated: list[Any]) -> Iterator[Fault]:
    plain = replace(voice, name="We", phone="", zone=_GRADED_IN)
    for part, channel in (("sms.txt", Channel.SMS), ("lead.txt", Channel.EMAIL)):
        name = f"en/{kind.value}.{part}"
        # Names of places are not our words.
        bodies = {strictly(one, channel, "en", plain).body for one in stated if not one.name}
        said = {
            body.removeprefix("We: ") if channel is Channel.SMS else body.partition("\n")[0]
            for body in bodies
        }
        hardest = max(said, key=grade)
        if grade(hardest) > HIGHEST_GRADE:
            own = name if name in voice.texts.own else blamed
            sentence = (
                f"{own}: {kind.value} reads like grade {grade(hardest):.1f}, and at most "
                f"{HIGHEST_GRADE} is plain: “{hardest}” Use short words and short sentences."
            )
            yield Fault(name=own, sentence=sentence)


def _languages() -> list[str]:
    return sorted(
        name.partition("/")[0]
        for name in OURS.environment.list_templates()
        if name.endswith("/words.toml")
    )


def _is_gsm7(language: str) -> bool:
    return gsm7.fits_alphabet(gsm7.to_alphabet("".join(words(language).tables["service"].values())))


def _known() -> set[str]:
    """Every fact there is."""
    notice = next(notices(Kind.ADVISORY, words("en"), longest_day(words("en"), _GRADED_IN)))
    voice = Voice(name="", zone=_GRADED_IN)
    return {*facts_of(notice, words("en"), voice, "sms"), "subject", "lead", "link"}
