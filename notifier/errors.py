"""Why something about what is sent is refused; each docstring is the message."""

from outage.errors import OutageError


class NotifierError(OutageError):
    """This cannot be done with what is sent."""


class AlreadyStopped(NotifierError):
    """Sending was stopped already by {by}: {why}"""  # noqa: D415 the reason ends it


class NotStopped(NotifierError):
    """Sending is not stopped, so there is nothing to resume."""


class NoReasonGiven(NotifierError):
    """Say why, in 1 to {limit} characters."""


class UnknownApproval(NotifierError):
    """There is no large send {number}. `outage queue` shows the ones that wait."""


class NotWaiting(NotifierError):
    """Large send {number} does not wait any more: it is {state} (by {by})."""


class FaultyTexts(NotifierError):
    """There are {faults} faults in your own texts; ours are sent in place of those files."""


class SamePerson(NotifierError):
    """Large send {number} is {by}'s own: somebody else has to approve it.

    Who is alone lets it go with --break-glass and --why.
    """


class NoProviderForTest(NotifierError):
    """There is no such provider of {channel}: the settings name {names}."""


class NothingIsSent(NotifierError):
    """OUTAGE_SEND is off: nothing is sent, a test neither."""


class StoppedForTest(NotifierError):
    """Whoever has this address has opted out: nothing is sent there, a test neither."""


class UnusableAddress(NotifierError):
    """{what} is none that can be reached."""
