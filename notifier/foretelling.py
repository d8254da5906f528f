"""What a declaration would say to whom it reaches, at what cost: before anybody is told.

Decided by the policy and worded by the rendering that a claim uses, so that what is read in a
preview is what is sent. It is said as to somebody with one place in the outage who has heard
nothing of it; who has several reads which of them it is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from notifier import pacing, queue
from notifier.channels.providers import configured
from notifier.facts import OutageFacts
from notifier.kinds import Channel, Kind
from notifier.policy import Situation, Stage, decide
from notifier.reasons import Decision
from notifier.rendering import Text, render
from notifier.situation import CHANNEL_OF, CHANNELS
from notifier.terms import Terms
from outage.settings import Settings

Contacts = Mapping[str, Mapping[str, int]]
"""Phones and addresses that can be reached: channel, as the tables name it → language → count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """One text, in the words it would be sent in, and to how many."""

    language: str
    """That of the people; of the text, English where a text of safety was not reviewed in it."""
    text: Text
    contacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would be told.

    Attributes:
        decision: which kind of message after which hold, or why none.
        messages: a text for each channel and language that the utility speaks.
        segments: by channel, how many segments of texts, and how many e-mails.
    """

    decision: Decision
    messages: tuple[Foretold, ...]
    segments: Mapping[Channel, int]

    @property
    def kind(self) -> Kind | None:
        """The kind of message, None where nobody is told."""
        return self.decision.kind

    @property
    def contacts(self) -> int:
        """How many messages that would be."""
        return sum(each.contacts for each in self.messages)


def foretell(about: OutageFacts, contacts: Contacts, terms: Terms, now: datetime) -> Forecast:
    """Say what the outage would be told as. ``contacts`` are those of whom it concerns."""
    out = about.policy.stage is Stage.OPEN and not about.policy.advisory
    newcomer = Situation(here=out, listed=not out, places=1)
    decision = decide(newcomer, about.policy, terms.manners, now)
    messages = () if decision.kind is None else _messages(about, contacts, terms, now, decision)
    segments = dict.fromkeys(Channel, 0)
    for each in messages:
        segments[each.text.channel] += each.contacts * each.text.segments
    return Forecast(decision=decision, messages=messages, segments=segments)


def _messages(
    about: OutageFacts, contacts: Contacts, terms: Terms, now: datetime, decision: Decision
) -> tuple[Foretold, ...]:
    assert decision.kind is not None  # noqa: S101  # asked for those that are told alone
    # Nothing is sent before its hold is over, and it says as of when it holds.
    notice = about.notice(decision.kind, 1, now + decision.hold)
    link = "" if terms.links is None else terms.links.blank
    return tuple(
        Foretold(
            language=language,
            text=render(notice, channel, language, terms.voice, link=link),
            contacts=sum(
                number
                for asked, number in contacts.get(CHANNELS[channel], {}).items()
                if terms.language(asked) == language
            ),
        )
        for channel in Channel
        for language in terms.languages
    )


def takes(
    conn: Connection, settings: Settings, segments: Mapping[Channel, int]
) -> dict[Channel, timedelta | None]:
    """How long until the last of so many segments is sent, behind all that waits already.

    None where nobody knows how fast a channel goes: its providers have been given no speed, and
    nothing was sent lately by which it could be measured.
    """
    waiting = dict.fromkeys(Channel, 0)
    for lane in queue.lanes(conn, settings):
        channel = CHANNEL_OF.get(lane.name.partition("-")[0])
        if channel is not None:
            waiting[channel] += lane.segments
    providers, given = configured(settings), pacing.rates(settings)
    found: dict[Channel, timedelta | None] = {}
    for channel in (channel for channel, number in segments.items() if number):
        names = providers.get(channel, ())
        speed = pacing.speed(conn, names, given)
        ahead = max((pacing.ahead(conn, name) for name in names), default=timedelta(0))
        behind = timedelta(seconds=(waiting[channel] + segments[channel]) / (speed or 1))
        found[channel] = ahead + behind if speed else None
    return found
