"""Why a request to the console or the API is refused; each docstring is the message."""

from __future__ import annotations


class ConsoleError(Exception):
    """The request cannot be answered."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(" ".join((type(self).__doc__ or "").split()).format(**facts))


class BodyTooLarge(ConsoleError):
    """The body is larger than the limit of {limit} bytes; send less."""


class NotJson(ConsoleError):
    """The body is not JSON: {problem}."""


class BadBody(ConsoleError):
    """The body cannot be used: {first}."""

    def __init__(self, problems: list[dict[str, str]]) -> None:
        self.problems = problems
        first = problems[0]
        super().__init__(first=f"{first['field']}: {first['problem']}")


class BadQuery(ConsoleError):
    """{name} in the address must be {wanted}."""


class NothingSaid(ConsoleError):
    """The body says nothing new; give at least one fact."""


class KeyTooLong(ConsoleError):
    """The Idempotency-Key is longer than {limit} characters."""


class NowhereSaid(ConsoleError):
    """The body does not say where; give {ways}."""


class NoPlace(ConsoleError):
    """The body does not say where; give {ways}, or allow_empty for an outage without premises."""


class TooManyPreviews(ConsoleError):
    """{waiting} previews are waiting already; ask again in a moment."""


class NoPartSaid(ConsoleError):
    """Say which part is split off, by one of {ways}."""


class ElsewhereError(ConsoleError):
    """This did not come from a page of ours, or from one of another session; load it anew."""


class BadForm(ConsoleError):
    """The form cannot be used: {problem}."""


class NotFromProvider(ConsoleError):
    """The identity provider's answer cannot be used: {why}. Sign in anew."""


class ProviderAway(ConsoleError):
    """The identity provider does not answer; the sealed account opens without it."""


class NotFresh(ConsoleError):
    """This reaches many people: give password and code again, at /again, and then once more."""


class TooManyAtTheDoor(ConsoleError):
    """Many are signing in at this moment; try again in a minute."""


class TooLittleToFind(ConsoleError):
    """Write at least two letters or digits of a name, an address, a phone, an e-mail or an id."""


class BadCursor(ConsoleError):
    """after is not what an answer before had as next; search anew."""


class TooManyLook(ConsoleError):
    """Many pages are kept up to date at this moment; this one is, if you load it anew."""


class Moved(ConsoleError):
    """Somebody has changed it since you opened the form."""


class OthersInside(ConsoleError):
    """Who is inside has changed since the review, so nothing was declared. Look at it again."""
