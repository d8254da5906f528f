"""What one endpoint was told about one outage beside how it stands, as one integer.

A storm of a million contacts has some hundred distinct situations; each is decided once.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from notifier.kinds import Channel, Told

MOST_PLACES = 15
"""A count of places is capped here: no text says a larger number."""
FAR_MIN = 1 << 19
"""Minutes from now, a year's worth, within which a time that was told is known exactly."""
CHANNELS = {Channel.SMS: "sms", Channel.EMAIL: "email"}
"""Channels as the tables name them."""
CHANNEL_OF = {name: channel for channel, name in CHANNELS.items()}
OUTAGES, HOURLY = 1, 2
"""Bits of `contacts.topics`: wants to hear of outages; in long ones once an hour."""
QUIET_STEP_MIN = 15
AGO_STEP_MIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One endpoint and one outage: what it was told, and how its premises stand now.

    Of the endpoint's premises in this outage: ``here`` some are without the service because of
    this outage, ``elsewhere`` some because of another one, ``listed`` some are members that
    nothing interrupts, ``back`` some were restored, ``left`` some fell out. ``places`` counts
    those out here, up to `MOST_PLACES`; ``fewer`` says that it was told of more.

    ``told_time`` is the time that was stated last, as `time_code` writes it: an ETR, the start of
    planned work, or with ``told_update`` only when we would write again. ``end_moved``: work that
    lies ahead has another end than was told. ``told_crew``: that a crew is on site.

    ``ago`` is how long ago it was told anything, in steps of `AGO_STEP_MIN` from 1 on, and 0 for
    who did not ask for one message an hour. ``recent`` counts what it was told today and could
    have done without, ``backs`` how often it was told "back" within a day. ``quiet`` is how much
    of its quiet hours is left, in steps of `QUIET_STEP_MIN`.

    ``by_area``: it holds no place in the outage, but watches an area. Then ``here`` says that the
    outage lies there and is large enough to be told of, ``listed`` that it lies there, ``left``
    that it did; ``elsewhere`` that losses of it go on under another outage; ``back`` that nobody
    in it is out any more. ``recent`` counts what it was told of areas, whatever the outage.
    """

    channel: Channel = Channel.SMS
    wanted: bool = True
    opted_out: bool = False
    valid: bool = True
    told: Told = Told.NONE
    here: bool = False
    elsewhere: bool = False
    listed: bool = False
    back: bool = False
    left: bool = False
    places: int = 0
    fewer: bool = False
    told_time: int = 0
    told_update: bool = False
    end_moved: bool = False
    told_crew: bool = False
    medical: bool = False
    ago: int = 0
    recent: int = 0
    backs: int = 0
    quiet: int = 0
    by_area: bool = False

    @property
    def member(self) -> bool:
        """Whether a premise of theirs is inside, whatever interrupts it."""
        return self.here or self.elsewhere or self.listed

    def told_at(self, now: datetime) -> datetime | None:
        """The time that was stated last, to the minute."""
        if not self.told_time:
            return None
        return minute(now) + timedelta(minutes=self.told_time - FAR_MIN)

    def pack(self) -> int:
        """The situation as one integer below 2**62, ordered as `SHIFTS` says."""
        return sum(
            min(int(getattr(self, name)), most(name)) << shift for name, shift in SHIFTS.items()
        )


WIDTHS = {
    "channel": 3,
    "wanted": 1,
    "opted_out": 1,
    "valid": 1,
    "told": 4,
    "here": 1,
    "elsewhere": 1,
    "listed": 1,
    "back": 1,
    "left": 1,
    "places": 4,
    "fewer": 1,
    "told_time": 20,
    "told_update": 1,
    "end_moved": 1,
    "told_crew": 1,
    "medical": 1,
    "ago": 5,
    "recent": 3,
    "backs": 2,
    "quiet": 7,
    "by_area": 1,
}
"""Bits of each fact; the set-based builder in SQL reads the same table."""

SHIFTS = {name: sum(list(WIDTHS.values())[:position]) for position, name in enumerate(WIDTHS)}
_OF_WHAT_WAS_TOLD = (
    *("told", "told_time", "told_update", "end_moved", "told_crew"),
    *("fewer", "ago", "recent", "backs"),
)
_FLAGS = tuple(f.name for f in fields(Situation) if f.type is bool)


def most(name: str) -> int:
    """The largest value that a fact can have."""
    return (1 << WIDTHS[name]) - 1


def unpack(packed: int) -> Situation:
    """The situation that `Situation.pack` made this integer of."""
    raw = {name: packed >> shift & most(name) for name, shift in SHIFTS.items()}
    return Situation(
        channel=Channel(raw["channel"]),
        told=Told(raw["told"]),
        places=raw["places"],
        told_time=raw["told_time"],
        ago=raw["ago"],
        recent=raw["recent"],
        backs=raw["backs"],
        quiet=raw["quiet"],
        **{name: bool(raw[name]) for name in _FLAGS},
    )


def in_place_of(text: Situation, mail: Situation, *, mail_knows_more: bool) -> Situation:
    """How somebody stands whom a text did not reach and an e-mail is to: what was told last counts.

    Who has stopped texts hears by mail only what everybody has to hear.
    """
    last = mail if mail_knows_more else text
    told: dict[str, Any] = {name: getattr(last, name) for name in _OF_WHAT_WAS_TOLD}
    return replace(
        text,
        **told,
        channel=mail.channel,
        wanted=text.wanted and not text.opted_out,
        opted_out=mail.opted_out,
        valid=mail.valid,
        quiet=0,
    )


def minute(at: datetime) -> datetime:
    """The minute that an instant lies in: no text is more exact."""
    return at.replace(second=0, microsecond=0)


def time_code(at: datetime | None, now: datetime) -> int:
    """A time in minutes from now, at most `FAR_MIN` away and never 0, which means none."""
    if at is None:
        return 0
    away = int((minute(at) - minute(now)).total_seconds()) // 60
    return FAR_MIN + max(1 - FAR_MIN, min(away, FAR_MIN - 1))
