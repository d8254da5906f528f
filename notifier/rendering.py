"""From what is true of an outage to a text in somebody's language.

A text says when, why and who is on it, until when it should last, what to do
now, and as of when all that holds; it is complete without a link. An SMS is
made to fit one GSM-7 segment: lines marked ``?`` are left out, last first,
until it does.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from notifier import gsm7
from notifier.kinds import Channel, Kind, Told
from notifier.words import Words, words

_OPTIONAL = "? "
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks: the utility's short name, the phone to call, and its time zone."""

    name: str
    phone: str = ""
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What one message states. Codes are those of `outage.model`; ``places`` counts addresses.

    ``later`` says that the ETR is later than the one that was told before.
    """

    kind: Kind
    service: str
    planned: bool = False
    cause: str | None = None
    crew_status: str | None = None
    since: datetime | None = None
    etr: datetime | None = None
    later: bool = False
    etr_reason: str | None = None
    next_update_by: datetime | None = None
    place: str = ""
    public_message: str = ""
    places: int = 1
    as_of: datetime


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


def render(notice: Notice, channel: Channel, language: str, voice: Voice) -> Text:
    """The text of a notice, in the language asked for or in English."""
    chosen = words(language)
    facts = _facts(notice, chosen, voice, "sms" if channel is Channel.SMS else "email")
    template = f"{notice.kind.value}/{chosen.version}"
    if channel is Channel.SMS:
        return Text(
            channel=channel,
            language=chosen.language,
            template=template,
            body=_one_segment(_fill(f"{chosen.language}/{notice.kind.value}.sms.txt", facts)),
        )
    base = f"{chosen.language}/{notice.kind.value}"
    subject = " ".join(_fill(f"{base}.subject.txt", facts).split())
    return Text(
        channel=channel,
        language=chosen.language,
        template=template,
        subject=subject,
        body=_BLANK_LINES.sub("\n\n", _fill(f"{base}.body.txt", facts)).strip() + "\n",
        html=_fill(f"{base}.body.html", {**facts, "subject": subject}),
    )


def _facts(notice: Notice, chosen: Words, voice: Voice, style: str) -> dict[str, object]:
    out = notice.kind.told is Told.OUT
    back = notice.kind.told is Told.BACK

    def when(at: datetime | None) -> str:
        return chosen.time(at, voice.zone, style, seen_from=notice.as_of)

    return {
        "name": voice.name,
        "phone": voice.phone,
        "language": chosen.language,
        "planned": notice.planned,
        "service": chosen.name("service", notice.service),
        "caution": chosen.name("caution", notice.service) if out else "",
        "after": chosen.name("after", notice.service) if back else "",
        "cause": chosen.name("cause", notice.cause) if out or back else "",
        "crew": chosen.name("crew", notice.crew_status) if out else "",
        "later": notice.later,
        "slip": chosen.name("reason", notice.etr_reason) if out else "",
        "since": when(notice.since) if out else "",
        "etr": when(notice.etr) if out else "",
        "waiting": out and notice.etr is None,
        "next_update": when(notice.next_update_by) if out else "",
        "as_of": when(notice.as_of),
        "at": chosen.place("at", notice.places),
        "yours": chosen.place("yours", notice.places),
        "place": notice.place,
        "public_message": notice.public_message if out else "",
    }


def _one_segment(filled: str) -> str:
    lines = [line.strip() for line in gsm7.to_alphabet(filled).splitlines()]
    lines = [line for line in lines if line.removeprefix(_OPTIONAL.strip()).strip()]
    while gsm7.segments(_joined(lines)) > 1 and any(_is_optional(line) for line in lines):
        last = max(number for number, line in enumerate(lines) if _is_optional(line))
        del lines[last]
    return _joined(lines)


def _is_optional(line: str) -> bool:
    return line.startswith(_OPTIONAL)


def _joined(lines: list[str]) -> str:
    return " ".join(line.removeprefix(_OPTIONAL) for line in lines)


def _fill(name: str, facts: dict[str, object]) -> str:
    return _environment().get_template(name).render(facts)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("notifier"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
    )
