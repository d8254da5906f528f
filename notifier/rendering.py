"""From what is true of an outage to a text in somebody's language.

A text says when, why and who is on it, until when it should last, what to do
now, and as of when all that holds; it is complete without a link. An SMS is
made to fit the segments that its language has for its kind (one, where GSM-7
has the letters): lines marked ``?`` are left out, last first, until it does.
A personal link follows where it costs no segment more.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal

from notifier import gsm7
from notifier.kinds import Channel, Kind, Told
from notifier.texts import OURS, Texts
from notifier.words import FALLBACK, Words

log = logging.getLogger(__name__)

LONGEST_NAME = 24
"""Letters of a street address in a text: number and street, mostly."""
_OPTIONAL = "? "
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks: the utility's short name, the phone to call, and its time zone.

    ``advisory`` and ``lifted`` are the words it is bound to, by service and language; ``texts`` are
    those it has made its own, and ours for the rest.
    """

    name: str
    phone: str = ""
    zone: ZoneInfo
    advisory: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lifted: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    texts: Texts = OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one message states. Codes are those of `outage.model`; ``places`` counts addresses.

    Its reader has ``of`` addresses in all; where it is about one of several, ``name`` says which.
    ``promised`` is the time that was told before; ``starts`` and ``ends`` are when work, or a
    storm, is expected. ``area`` is what an area that somebody watches is called, empty for all that
    the utility serves, and ``people`` how many homes and businesses are out.
    """

    kind: Kind
    service: str
    planned: bool = False
    advisory: bool = False
    cause: str | None = None
    crew_status: str | None = None
    since: datetime | None = None
    etr: datetime | None = None
    promised: datetime | None = None
    etr_reason: str | None = None
    next_update_by: datetime | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    place: str = ""
    public_message: str = ""
    places: int = 1
    of: int = 1
    name: str = ""
    area: str = ""
    people: int = 0
    as_of: datetime

    @property
    def several(self) -> bool:
        """Whether its reader has places that it is not about."""
        return self.of > self.places

    @property
    def safety(self) -> bool:
        """Whether it is a matter of somebody's safety."""
        return self.kind.safety(advisory=self.advisory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A rendered message. ``template`` names the template and its version."""

    channel: Channel
    language: str
    template: str
    subject: str = ""
    body: str
    html: str = ""

    @property
    def segments(self) -> int:
        """What the provider bills: segments of an SMS, 1 for an e-mail."""
        return gsm7.segments(self.body) if self.channel is Channel.SMS else 1


def render(
    notice: Notice, channel: Channel, language: str, voice: Voice, *, link: str = ""
) -> Text:
    """The text of a notice, in the language asked for or in English.

    Of ours, where an operator's own cannot be made: nobody goes without for a fault in them.
    """
    try:
        return strictly(notice, channel, language, voice, link=link)
    except Exception:
        if not voice.texts.own:
            raise
        log.exception("an own text of %s in %s failed; ours is sent", notice.kind.value, language)
        return strictly(notice, channel, language, replace(voice, texts=OURS), link=link)


def strictly(
    notice: Notice, channel: Channel, language: str, voice: Voice, *, link: str = ""
) -> Text:
    """The text of a notice, of the texts in use or not at all.

    Words of safety that nobody has reviewed are said in English, with whom to call (DECISIONS 28).
    """
    texts = voice.texts
    asked = texts.words(language)
    unreviewed = notice.safety and not asked.reviewed_by
    chosen = texts.words(FALLBACK) if unreviewed else asked
    facts = facts_of(notice, chosen, voice, "sms" if channel is Channel.SMS else "email")
    if chosen is not asked and voice.phone:
        facts["call"] = asked.name("call", "safety").format(phone=voice.phone)
    base = f"{chosen.language}/{notice.kind.value}"
    template = f"{notice.kind.value}/{texts.version(chosen, notice.kind)}"
    if channel is Channel.SMS:
        # A line in the language asked for costs what that language costs.
        takes_back = notice.safety and notice.kind.rule.takes_back
        most = asked.budget(Kind.ADVISORY if takes_back else notice.kind)

        def made(about: Notice, most: int) -> str:
            filled = texts.fill(f"{base}.sms.txt", facts | _where(about, chosen, "sms"))
            return _fitted(filled, most, " " if chosen.spaced else "")

        fits = made(notice, most)
        if notice.several and gsm7.segments(fits) > most:
            # Rather without the name than for twice the money; but never untrue.
            fits = made(replace(notice, name=""), most)
            if gsm7.segments(fits) > most:
                fits = made(notice, most + 1)
        return Text(
            channel=channel,
            language=chosen.language,
            template=template,
            body=_with_link(fits, link),
        )
    facts["link"] = link
    facts["subject"] = " ".join(texts.fill(f"{base}.subject.txt", facts).split())
    facts["lead"] = " ".join(texts.fill(f"{base}.lead.txt", facts).split())
    body = texts.fill(f"{chosen.language}/body.txt", facts)
    return Text(
        channel=channel,
        language=chosen.language,
        template=template,
        subject=str(facts["subject"]),
        body=_BLANK_LINES.sub("\n\n", body).strip() + "\n",
        html=texts.fill(f"{chosen.language}/body.html", facts),
    )


def says_crew(text: Text, kind: Kind, crew_status: str | None, texts: Texts = OURS) -> bool:
    """Whether a text says who is on it: it is left out of one that has no room for it."""
    if kind is Kind.CREW:
        return True
    name = texts.words(text.language).name("crew", crew_status)
    return bool(name) and (name in text.body or gsm7.to_alphabet(name) in text.body)


def facts_of(notice: Notice, chosen: Words, voice: Voice, style: str) -> dict[str, object]:
    """What templates may say of a notice; codes as words."""
    kind = notice.kind
    out, back = kind.told.out, kind.told is Told.BACK
    # Who watches an area is told when and why, and not what to do.
    there = kind.told is Told.AREA_OUT
    ahead = kind.told in {Told.NOTICED, Told.REMINDED, Told.WATCHED}
    sort = "advisory" if notice.advisory else "planned" if notice.planned else "outage"
    service = chosen.name("service", notice.service)

    ends = notice.ends
    if kind is Kind.PLANNED_STARTED and ends is not None and ends <= notice.as_of:
        ends = None
    until = kind is Kind.PLANNED_STARTED and ends is not None

    def when(at: datetime | None) -> str:
        return chosen.time(at, voice.zone, style, seen_from=notice.as_of)

    def bound(wording: Mapping[str, Mapping[str, str]], table: str) -> str:
        own = wording.get(notice.service, {}).get(chosen.language)
        return own or chosen.name(table, notice.service)

    why = "safety" if notice.safety else "area" if kind.by_area else "alerts"
    caution = chosen.name("caution", notice.service) if out else ""
    after = chosen.name("after", notice.service) if back else ""
    return {
        "name": voice.name,
        "phone": voice.phone,
        "language": chosen.language,
        "planned": notice.planned,
        "advisory": notice.advisory,
        "service": service,
        "low": service.lower(),
        "notice": chosen.name("notice", sort),
        "do": chosen.name("do", notice.service) if out or kind.told is Told.REPORTED else "",
        "after": after,
        "next": caution or after,
        "advice": bound(voice.advisory, "advice"),
        "lifted": bound(voice.lifted, "lifted"),
        "prepare": chosen.name("prepare", notice.service),
        "call": "",
        "why": chosen.name("why", why).format(name=voice.name),
        "cause": chosen.name("cause", notice.cause)
        if out or there or back or kind is Kind.ADVISORY
        else "",
        "crew": chosen.name("crew", notice.crew_status) if out else "",
        "slip": chosen.name("reason", notice.etr_reason) if kind is Kind.ETR_LATER else "",
        "since": when(notice.since) if out or there else "",
        "etr": when(notice.etr) if out or there else "",
        "waiting": (out or there) and notice.etr is None and not until,
        "promised": when(notice.promised),
        "next_update": when(notice.next_update_by) if out and notice.etr is None else "",
        "starts": when(notice.starts) if ahead else "",
        "ends": when(ends) if ahead or kind is Kind.PLANNED_STARTED else "",
        "as_of": when(notice.as_of),
        "still": chosen.place("still", notice.places),
        **_where(notice, chosen, style),
        "place": notice.place,
        "area": chosen.area(notice.area),
        # Without the blanks that do not break, which no text has room for.
        "people": " ".join(format_decimal(notice.people, locale=chosen.locale).split()),
        "public_message": notice.public_message if out or notice.safety else "",
    }


def _where(notice: Notice, chosen: Words, style: str) -> dict[str, str]:
    """Where it is; of a name, a text has the first words."""
    name = first_words(notice.name) if style == "sms" else notice.name
    return {table: chosen.place(table, notice.places, notice.of, name) for table in ("at", "yours")}


def first_words(name: str) -> str:
    """As much of a street address as a text has."""
    if len(name) <= LONGEST_NAME:
        return name
    return name[: LONGEST_NAME + 1].rpartition(" ")[0] or name[:LONGEST_NAME]


def _fitted(filled: str, most: int, between: str) -> str:
    lines = [line.strip() for line in gsm7.to_alphabet(filled).splitlines()]
    lines = [line for line in lines if line.removeprefix(_OPTIONAL.strip()).strip()]
    while gsm7.segments(_joined(lines, between)) > most and any(map(_is_optional, lines)):
        last = max(number for number, line in enumerate(lines) if _is_optional(line))
        del lines[last]
    return _joined(lines, between)


def _with_link(body: str, link: str) -> str:
    """The text with a link after it, if that costs nothing: it is complete without."""
    linked = f"{body} {link}"
    return linked if link and gsm7.segments(linked) == gsm7.segments(body) else body


def _is_optional(line: str) -> bool:
    return line.startswith(_OPTIONAL)


def _joined(lines: list[str], between: str) -> str:
    return between.join(line.removeprefix(_OPTIONAL) for line in lines)
