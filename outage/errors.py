"""Errors of the outage room. The docstring of each class is its message."""

from __future__ import annotations

from collections.abc import Iterable


class OutageError(Exception):
    """Something about an outage could not be done."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        message = " ".join((type(self).__doc__ or "").split()).format(**facts)
        # A fact may end its sentence itself.
        super().__init__(message[:-1] if message.endswith("..") else message)


class UnknownOutageError(OutageError):
    """There is no outage {id!r}. `outage list` shows the ones there are."""


class UnknownAccountError(OutageError):
    """There is no account {id!r} under any of its ids."""


class NotAllowedNowError(OutageError):
    """{command} does not apply to an outage that is {status}: {why}."""


class NothingToTakeBackError(OutageError):
    """There is nothing to take back of {id}: {why}."""


class InvalidCommandError(OutageError):
    """{field}: {problem}."""


class VersionConflictError(OutageError):
    """Outage {id} has changed since you saw version {seen}: it is at {now}. Look again first."""


class NobodyInsideError(OutageError):
    """No premise is inside this place. Check it, or declare it with --allow-empty."""


class NobodyMovesError(OutageError):
    """Nobody who is out in {id} is inside this place, so there is nothing to split off."""


class EverybodyMovesError(OutageError):
    """Everybody who is out in {id} is inside this place, so nothing of it would be left."""


class PlaceChangedError(OutageError):
    """The place of {id} has changed just now. Ask again."""


class TooManyRecipientsError(OutageError):
    """{count} premises are more than the limit of {limit} (OUTAGE_MAX_RECIPIENTS)."""


class SchemaError(OutageError):
    """The database has schema {found}, this program needs {needed}. Run `outage db upgrade`."""


class NotEmptyError(OutageError):
    """The database that all is to be moved into is in use: it has rows in {tables}."""


class UnmovableError(OutageError):
    """Nothing was moved: table {table} cannot be copied as it is ({why})."""


class DatabaseError(OutageError):
    """The database cannot be used: {why}."""


class IdempotencyConflictError(OutageError):
    """The idempotency key was already used for another request. Use a new key."""


class IdempotencyInProgressError(OutageError):
    """The same request is still being worked on. Ask again in a moment."""


class NotSignedInError(OutageError):
    """This needs a valid token: Authorization: Bearer …. `outage token add` makes one."""


class ForbiddenError(OutageError):
    """A {role} token may not do this; it needs the right to {right}."""


class NotYourRightError(ForbiddenError):
    """As {role} you may not do this; it needs the right to {right}."""


class UnknownTokenError(OutageError):
    """There is no token {key}. `outage token list` shows the ones there are."""


class UnknownLinkError(OutageError):
    """There is no crew link {key}. `outage crew list` shows the ones there are."""


class LinkNotNowError(OutageError):
    """{id} is {status}: no crew has anything to do there. Reopen it, or declare a new outage."""


class UnknownProposalError(OutageError):
    """There is no proposal {key}. `outage crew proposals` shows those that wait."""


class DecidedAlreadyError(OutageError):
    """Proposal {key} was decided already, by {by}."""


class NotALabelError(OutageError):
    """A link's label is one line of at most {most} characters, like truck-7."""


class UnknownStaffError(OutageError):
    """Nobody of the staff is {name!r}. `outage user list` shows who there is."""


class NotANameError(OutageError):
    """Take 1 to 60 small letters, digits, dots or dashes, a letter or digit at either end."""


class NameTakenError(OutageError):
    """There is a {name} already. Take another name, or `outage user link {name}`."""


class GuestError(OutageError):
    """{name} signs in through the identity provider and has no password here."""


class LastAdminError(OutageError):
    """{name} is the last administrator who can sign in; make another one first."""


class ListedError(OutageError):
    """Several things are wrong."""

    def __init__(self, problems: Iterable[str], **facts: object) -> None:
        super().__init__(**facts)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        """Return the message and below it one line for each problem."""
        return "\n  ".join([super().__str__(), *self.problems])


class SettingsError(ListedError):
    """The settings cannot be used:"""  # noqa: D415 a list follows


class SiteError(ListedError):
    """The site file cannot be used:"""  # noqa: D415 a list follows
