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
