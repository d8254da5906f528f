"""Who may do what: the one table that decides, for staff and for machines."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Right(enum.StrEnum):
    """What can be allowed. Each route of the console and the API names the one it needs."""

    SELF = "self"
    """One's own password, sessions and page."""
    SEE = "see"
    """Outages, with their notes."""
    READ = "read"
    """Members, messages, the journal, who is inside a place, what waits to be sent."""
    ACCOUNT = "account"
    """An account's record."""
    SEARCH = "search"
    """Find accounts by name, address, phone, e-mail or any id."""
    SERVE = "serve"
    """Serve a customer: report for them, text how it stands, correct contacts, write notes."""
    MEDICAL = "medical"
    """Whether somebody at an account depends on medical equipment. Each look is audited."""
    REPORT = "report"
    """Progress from the field; a public message waits for a dispatcher."""
    DISPATCH = "dispatch"
    """Declare, revise, restore, approve a public message."""
    CREWS = "crews"
    """Make and revoke crews' links, and decide what crews propose."""
    SEND = "send"
    """Stop sending and let it go on; be the second person of a large send."""
    AUDIT = "audit"
    """The audit log."""
    STAFF = "staff"
    """Staff and tokens: make, change, end."""


class Role(enum.StrEnum):
    """What a person of the staff is, or a machine. Machines have the last two to themselves."""

    VIEWER = "viewer"
    AGENT = "agent"
    CREW = "crew"
    DISPATCHER = "dispatcher"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    FEED = "feed"
    IVR = "ivr"


_R = Right
_READS = frozenset({_R.SEE, _R.READ})
MAY: dict[Role, frozenset[Right]] = {
    Role.VIEWER: _READS | {_R.SELF, _R.ACCOUNT},
    Role.AGENT: _READS | {_R.SELF, _R.ACCOUNT, _R.SEARCH, _R.SERVE, _R.MEDICAL},
    Role.CREW: frozenset({_R.SELF, _R.SEE, _R.REPORT}),
    Role.DISPATCHER: frozenset(_R) - {_R.AUDIT, _R.STAFF},
    Role.SUPERVISOR: frozenset(_R) - {_R.STAFF},
    Role.ADMIN: frozenset(_R),
    Role.FEED: frozenset({_R.SEE, _R.REPORT, _R.DISPATCH}),
    Role.IVR: frozenset({_R.ACCOUNT}),
}
"""Who may do what: the whole of it. A crew's phone can be lost, so it reads no account; a feed
declares, cannot let its own large send go, and makes no crew's link, which would outlive its token;
a viewer looks at no people but by an id it has, and at nobody's health."""

PEOPLE = tuple(role for role in Role if Right.SELF in MAY[role])
"""Roles that a person of the staff can have."""
MACHINES = (Role.VIEWER, Role.AGENT, Role.CREW, Role.DISPATCHER, Role.FEED, Role.IVR)
"""What a token can be made for: no machine decides who may do what."""


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Everything that these roles together may do."""
    return frozenset().union(*(MAY[role] for role in roles))
