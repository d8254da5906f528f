"""What somebody asks of a page behind a link, as far as it is the same for all of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from counter.finding import Finding
from notifier.replies.standing import Place
from outage.model import Service

_ONCE_LONGEST = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as far as it matters here. ``language`` is that of somebody we do not know."""

    token: str
    language: str
    wish: str
    who: str = ""
    """The household that asks; empty for this machine's own."""
    said: str = ""
    form: Mapping[str, str] | None = None
    found: Finding | None = None
    """What the place in the form was found to be, where one is to be added."""


class Refused(Exception):
    """A form that was not ours, or not filled in well; the argument is the word for it.

    ``choices`` are what may be meant.
    """

    def __init__(self, word: str, choices: Sequence[str] = ()) -> None:
        super().__init__(word)
        self.choices = tuple(choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """One tap: service is out at a place, or is ``back``. ``once`` is the form's own word."""

    at: Place
    service: Service
    back: bool
    once: str


def tapped(form: Mapping[str, str], places: Iterable[Place]) -> Tap:
    """Read a tap about one of these places; raises `Refused`."""
    at = next((one for one in places if str(one.key) == form.get("place")), None)
    service = next((one for one in Service if one == form.get("service")), None)
    once = form.get("once", "")
    if at is None or service is None or service not in at.services:
        raise Refused("choice_wrong")
    if not 0 < len(once) <= _ONCE_LONGEST or not once.isprintable():
        raise Refused("choice_wrong")
    return Tap(at=at, service=service, back=form["do"] == "on", once=once)
