"""Who is behind premises: their accounts, and how those can be reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import tables as t
from outage.among import among
from outage.clock import business_now

_AT_A_TIME = 50_000
_OUTAGES = 1
"""The bit of `contacts.topics` that wants to hear of outages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Who is behind some premises.

    Attributes:
        accounts: that hold one of them now.
        medical, critical: of those.
        unreachable: of those, which nobody can be reached at.
        contacts: channel → language → phones and addresses that can be reached, each once
            however many accounts it belongs to.
        as_of: business time for which all this is so.
    """

    accounts: int
    medical: int
    critical: int
    unreachable: int
    contacts: Mapping[str, Mapping[str, int]]
    as_of: datetime


def reachable() -> sa.Select[int, int, str, str]:
    """Account, endpoint, channel and language of every contact a message could go to."""
    a, c, e = t.accounts.c, t.contacts.c, t.endpoints.c
    return (
        sa.select(c.account_key, c.endpoint_key, c.channel, e.language)
        .join_from(t.contacts, t.accounts, a.key == c.account_key)
        .join(t.endpoints, e.key == c.endpoint_key)
        .where(
            c.ended_at.is_(None),
            c.topics.bitwise_and(_OUTAGES) != 0,
            a.outage_alerts.is_(True),
            e.opted_out_at.is_(None),
            e.invalid_at.is_(None),
        )
    )


def count(conn: Connection, premises: list[int]) -> Counts:
    """Count who is behind premises, given by their keys, from the tables."""
    a, o = t.accounts.c, t.occupancies.c
    flags: dict[int, tuple[bool, bool]] = {}
    for part in _parts(premises):
        rows = conn.execute(
            sa.select(a.key, a.medical, a.critical)
            .join_from(t.occupancies, t.accounts, a.key == o.account_key)
            .where(among(conn, o.premise_key, part), o.until.is_(None))
        )
        flags.update((key, (medical, critical)) for key, medical, critical in rows.all())
    reached: set[int] = set()
    languages: dict[tuple[int, str], str] = {}
    for part in _parts(list(flags)):
        contacts = conn.execute(reachable().where(among(conn, t.contacts.c.account_key, part)))
        for account, endpoint, channel, language in contacts.all():
            reached.add(account)
            languages[endpoint, channel] = language
    return Counts(
        accounts=len(flags),
        medical=sum(medical for medical, _ in flags.values()),
        critical=sum(critical for _, critical in flags.values()),
        unreachable=len(flags) - len(reached),
        contacts=by_channel(Counter((ch, lang) for (_, ch), lang in languages.items())),
        as_of=business_now(conn),
    )


def by_channel(counted: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Arrange numbers by channel and language; where there is nobody is left out."""
    found: dict[str, dict[str, int]] = {}
    for (channel, language), number in sorted(counted.items()):
        if number:
            found.setdefault(channel, {})[language] = number
    return found


def _parts(keys: list[int]) -> Iterator[list[int]]:
    return (keys[at : at + _AT_A_TIME] for at in range(0, len(keys), _AT_A_TIME))


def unreached(conn: Connection, premises: list[int], *, limit: int) -> list[tuple[str, str]]:
    """Id and name of accounts behind premises that nobody can be reached at, the first of them."""
    accounts = t.accounts.alias("held")
    a, o = accounts.c, t.occupancies.c
    reached = reachable().where(t.contacts.c.account_key == a.key).correlate(accounts)
    found: dict[str, str] = {}
    for part in _parts(premises):
        held = sa.select(o.account_key).where(among(conn, o.premise_key, part), o.until.is_(None))
        rows = conn.execute(
            sa.select(a.id, a.name)
            .where(a.key.in_(held), sa.not_(reached.exists()))
            .order_by(a.key)
            .limit(limit)
        )
        found.update((account, name or "") for account, name in rows.all())
        if len(found) >= limit:
            break
    return list(found.items())[:limit]
