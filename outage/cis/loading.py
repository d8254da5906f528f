"""Accounts into the database: who holds what, and how people are reached.

A load never lifts an opt-out: endpoints outlive it, and a row that is there keeps its opt-out,
its validity and the language somebody chose (DECISIONS 19).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Insert, Update
from sqlalchemy.engine import Connection

from outage import journal, names
from outage import tables as t
from outage.cis import edition
from outage.cis.accounts import Account, Accounts
from outage.clock import business_now
from outage.columns import EPOCH
from outage.database import Database
from outage.disowned import disowned
from outage.errors import OutageError
from outage.loading import Loaded, LoadOptions, Progress, guard, judge, one_at_a_time
from outage.model import Actor, JournalKind

CHUNK = 1_500
"""Rows of one step: what fits into 50 ms on SQLite."""
_FLIPS, _FLIPS_LEAST = 0.01, 10
_SOURCE, _SUBSCRIPTION = "import", "subscription"
"""Where consents came from: a file of accounts, and a form with a yes to it."""

_a, _o, _e, _c = t.accounts.c, t.occupancies.c, t.endpoints.c, t.contacts.c
Row = dict[str, Any]
Contact = tuple[int, int, str]
"""Account key, endpoint key, channel."""
_OUTAGES = 1
"""The bit of `contacts.topics` for outages."""
_SUBSCRIBED = sa.select(_c.account_key).where(
    _c.consent_source == _SUBSCRIPTION, _c.ended_at.is_(None)
)
_IMPORTED = t.contacts.update().where(
    _c.key == sa.bindparam("the_key"),
    _c.consent_source == _SOURCE,
    _c.chosen_at.is_(None),
    _c.ended_at.is_(None),
)
"""A contact that is still as a file made it: since it was read somebody may have said otherwise."""
_ON_BY_PERSON = sa.select(_a.key).where(_a.alerts_source == "person", _a.outage_alerts.is_(True))


class PreferencesFlippedError(OutageError):
    """{file} changes whether people want outage alerts for {flips} of {known} accounts.

    Nothing was loaded. Use --accept-preferences if that is meant.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One load: what the file says, how it is to be taken, and when."""

    db: Database
    found: Accounts
    options: LoadOptions
    now: datetime

    @property
    def whole(self) -> bool:
        """Whether what the file does not list is gone."""
        return not self.options.partial


def known_premises(conn: Connection) -> dict[str, int]:
    """Return every id of every premise, other systems' ids included, with its key.

    An id that two systems use for different premises names nothing.
    """
    a = t.aliases.c
    others = conn.execute(
        sa.select(a.value, sa.func.min(a.key))
        .where(a.entity == "premise")
        .group_by(a.value)
        .having(sa.func.count(a.key.distinct()) == 1)
    ).all()
    own = conn.execute(sa.select(t.premises.c.id, t.premises.c.key)).all()
    return {row[0]: row[1] for row in (*others, *own)}


def load_accounts(
    db: Database,
    found: Accounts,
    options: LoadOptions,
    *,
    actor: Actor,
    accept_preferences: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Load what a file says of accounts, occupancies and contacts, by steps.

    Each step writes only what differs from what is on record; killed in between, doing it again
    completes it, and doing it once more changes nothing.

    Raises:
        OutageError: too many bad rows, far fewer accounts than on record, more than one per cent
            of preferences flipped, or another load is running; nothing is changed then.
    """
    judge(options, file=found.file, rows=found.rows, bad=len(found.rejected))
    with one_at_a_time(db, file=found.file, what="accounts"):
        return _load(db, found, options, actor=actor, accept=accept_preferences, progress=progress)


def _load(
    db: Database,
    found: Accounts,
    options: LoadOptions,
    *,
    actor: Actor,
    accept: bool,
    progress: Progress | None,
) -> Loaded:
    with db.read() as conn:
        known = {row.id: row for row in conn.execute(t.accounts.select())}
        now = business_now(conn)
    listed = len(found.accounts) + len(found.mentioned)
    still_open = sum(row.closed_at is None for row in known.values())
    guard(options, file=found.file, what="accounts", given=listed, known=still_open)
    if not accept:
        _guard_preferences(found, known)
    work = _Work(db=db, found=found, options=options, now=now)
    loaded = _accounts(work, known, progress)
    with db.read() as conn:
        keys = {row.id: row.key for row in conn.execute(sa.select(_a.id, _a.key))}
    _occupancies(work, keys, actor)
    _contacts(work, keys, _endpoints(work))
    return loaded


def _guard_preferences(found: Accounts, known: dict[str, Any]) -> None:
    both = [(known[one.id], one) for one in found.accounts if one.id in known]
    flips = sum(
        row.outage_alerts != one.outage_alerts
        for row, one in both
        if row.alerts_source == "cis" and row.closed_at is None
    )
    if flips > max(_FLIPS_LEAST, _FLIPS * len(both)):
        raise PreferencesFlippedError(file=found.file, flips=f"{flips:,}", known=f"{len(both):,}")


def _accounts(work: _Work, known: dict[str, Any], progress: Progress | None) -> Loaded:
    new = [_facts(one) for one in work.found.accounts if one.id not in known]
    changed = [
        _facts(one) | {"the_key": known[one.id].key, "closed_at": None}
        for one in work.found.accounts
        if one.id in known and _differs(known[one.id], one)
    ]
    listed = {one.id for one in work.found.accounts} | work.found.mentioned
    gone = [
        {"the_key": row.key, "closed_at": work.now}
        for row in known.values()
        if work.whole and row.id not in listed and row.closed_at is None
    ]
    change = t.accounts.update().where(_a.key == sa.bindparam("the_key"))
    _write(work.db, t.accounts.insert(), new, progress, also=_found_by_name)
    _write(work.db, change, changed, progress, as_it_is=_said_since, also=_found_by_name)
    _write(work.db, change, gone)
    return Loaded(
        added=len(new),
        changed=len(changed),
        closed=len(gone),
        unchanged=len(work.found.accounts) - len(new) - len(changed),
    )


def _found_by_name(conn: Connection, part: list[Row]) -> None:
    """Let staff find the accounts of a step by what they are called now."""
    called = {row["id"]: row["name"] for row in part}
    keys = conn.execute(sa.select(_a.key, _a.id).where(_a.id.in_(list(called))))
    names.keep(conn, {row.key: called[row.id] for row in keys})


def _facts(one: Account) -> Row:
    return {
        "id": one.id,
        "name": one.name,
        "medical": one.medical,
        "critical": one.critical,
        "outage_alerts": one.outage_alerts,
    }


def _said_since(conn: Connection, part: list[Row]) -> list[Row]:
    """The same changes, with what people have said of these accounts up to this step.

    The rows stay locked, and who says yes meanwhile looks at them again (`notifier.opting`).
    """
    keys = [row["the_key"] for row in part]
    said = sa.select(_a.key, _a.outage_alerts, _a.alerts_source).where(_a.key.in_(keys))
    rows = {row.key: row for row in conn.execute(said.order_by(_a.key).with_for_update())}
    subscribed = set(conn.execute(_SUBSCRIBED.where(_c.account_key.in_(keys))).scalars())
    return [row | _said_here(rows[row["the_key"]], row, subscribed) for row in part]


def _said_here(row: Any, facts: Row, subscribed: Collection[int]) -> Row:  # noqa: ANN401 - a row of `accounts`
    """What a person said here outlives what the CIS says (DECISIONS 19).

    Where somebody has subscribed, the alerts that the file turns off stay on for them; `_topics`
    turns them off for the others.
    """
    said = row.alerts_source == "person"
    keeps = row.outage_alerts and row.key in subscribed
    if said or (keeps and not facts["outage_alerts"]):
        return {"outage_alerts": row.outage_alerts, "alerts_source": "person"}
    return {"alerts_source": row.alerts_source}


def _differs(row: Any, one: Account) -> bool:  # noqa: ANN401 - a row of `accounts`
    alerts = row.alerts_source != "person" and row.outage_alerts != one.outage_alerts
    said = any(getattr(row, name) != getattr(one, name) for name in ("name", "medical", "critical"))
    return bool(alerts or said or row.closed_at is not None)


def _occupancies(work: _Work, keys: dict[str, int], actor: Actor) -> None:
    """Begin and end occupancies; the last step says in the journal that any did."""
    wanted = {
        (keys[one.id], premise): None for one in work.found.accounts for premise in one.premises
    }
    accounts = {account for account, _ in wanted} | {keys[one.id] for one in work.found.accounts}
    premises = {premise for _, premise in wanted}
    untouched = {keys[name] for name in work.found.mentioned if name in keys} - accounts
    with work.db.read() as conn:
        rows = conn.execute(
            sa.select(_o.key, _o.account_key, _o.premise_key).where(_o.until.is_(None))
        ).all()
        ever = set(conn.execute(sa.select(_o.premise_key).distinct()).scalars())
    here = {(row.account_key, row.premise_key) for row in rows}
    begin = [
        {
            "account_key": account,
            "premise_key": premise,
            # The first holder we hear of is taken to have held it all along.
            "since": work.now if premise in ever else EPOCH,
        }
        for account, premise in wanted
        if (account, premise) not in here
    ]
    end = [
        {"the_key": row.key, "until": work.now}
        for row in rows
        if (row.account_key, row.premise_key) not in wanted
        and row.account_key not in untouched
        and (work.whole or row.account_key in accounts or row.premise_key in premises)
    ]
    closing = t.occupancies.update().where(_o.key == sa.bindparam("the_key"))
    say = partial(_journal, actor=actor)
    _write(work.db, closing, end, at_end=None if begin else say)
    _write(work.db, t.occupancies.insert(), begin, at_end=say)


def _endpoints(work: _Work) -> dict[tuple[str, str], int]:
    """Give every phone and e-mail one row; return (kind, address) → key."""
    asked: dict[tuple[str, str], str] = {}
    for one in work.found.accounts:
        for kind, address in (("phone", one.phone), ("email", one.email)):
            if address is not None:
                asked.setdefault((kind, address), one.language)
    here = _endpoint_keys(work.db)
    new = [
        {"kind": kind, "address": address, "language": language}
        for (kind, address), language in asked.items()
        if (kind, address) not in here
    ]
    _write(work.db, t.endpoints.insert(), new)
    return _endpoint_keys(work.db) if new else here


def _endpoint_keys(db: Database) -> dict[tuple[str, str], int]:
    with db.read() as conn:
        rows = conn.execute(sa.select(_e.kind, _e.address, _e.key)).all()
    return {(row.kind, row.address): row.key for row in rows}


def _contacts(work: _Work, keys: dict[str, int], endpoints: dict[tuple[str, str], int]) -> None:
    wanted: dict[Contact, tuple[int | None, int | None]] = {}
    for one in work.found.accounts:
        quiet = one.quiet or (None, None)
        if one.phone is not None:
            wanted[keys[one.id], endpoints["phone", one.phone], "sms"] = quiet
        if one.email is not None:
            wanted[keys[one.id], endpoints["email", one.email], "email"] = quiet
    accounts = {keys[one.id] for one in work.found.accounts}
    untouched = {keys[name] for name in work.found.mentioned if name in keys} - accounts
    off = {keys[one.id] for one in work.found.accounts if not one.outage_alerts}
    with work.db.read() as conn:
        rows = conn.execute(t.contacts.select().where(_c.ended_at.is_(None))).all()
        off &= set(conn.execute(_ON_BY_PERSON).scalars())
        others = disowned(conn)
    here = {(row.account_key, row.endpoint_key, row.channel): row for row in rows}
    somebody_elses = set(others.values())
    begin = [
        {
            "account_key": account,
            "endpoint_key": endpoint,
            "channel": channel,
            # Who turned the alerts on did so for themselves, and not for whom the CIS adds.
            "topics": 0 if account in off else _OUTAGES,
            "quiet_from": quiet[0],
            "quiet_until": quiet[1],
            "consent_source": _SOURCE,
            "consent_at": work.now,
        }
        for (account, endpoint, channel), quiet in wanted.items()
        if (account, endpoint, channel) not in here
        and (account, endpoint, channel) not in somebody_elses
    ]

    def is_unlisted(who: Contact) -> bool:
        heard = who[0] not in untouched and (work.whole or who[0] in accounts)
        return heard and who not in wanted

    imported = [(who, row) for who, row in here.items() if row.consent_source == _SOURCE]
    end = [{"the_key": row.key, "ended_at": work.now} for who, row in imported if is_unlisted(who)]
    # Where the file lists it again later, it says something new.
    forgiven = [
        {"the_key": key, "ended_by": None} for key, who in others.items() if is_unlisted(who)
    ]
    quieter = [
        {"the_key": row.key, "quiet_from": wanted[who][0], "quiet_until": wanted[who][1]}
        for who, row in imported
        if who in wanted
        and wanted[who] != (row.quiet_from, row.quiet_until)
        and row.chosen_at is None
    ]
    change = t.contacts.update().where(_c.key == sa.bindparam("the_key"))
    _write(work.db, change, end)
    _write(work.db, _IMPORTED, quieter)
    differ = _topics([row for who, row in imported if who in wanted], here, off)
    tell = _IMPORTED.values(topics=_c.topics.bitwise_or(_OUTAGES))
    silence = _IMPORTED.values(topics=_c.topics.bitwise_and(~_OUTAGES))
    _write(work.db, tell, [{"the_key": row.key} for row in differ if not row.topics & _OUTAGES])
    _write(work.db, silence, [{"the_key": row.key} for row in differ if row.topics & _OUTAGES])
    _write(work.db, change, forgiven)
    _write(work.db, t.contacts.insert(), begin)


def _topics(
    listed: Collection[sa.Row[Any]], here: Mapping[Contact, sa.Row[Any]], off: set[int]
) -> list[sa.Row[Any]]:
    """Contacts that are told again now that the file says so, and no longer now that it does not.

    An account that one of its people has turned on stays on for them; for the others what the file
    says goes on to hold (DECISIONS 19), unless they have chosen. ``off``: accounts turned on so
    that have their alerts off in the file.
    """
    shared = {who[0] for who, row in here.items() if row.consent_source == _SUBSCRIPTION} & off
    return [
        row
        for row in listed
        if row.chosen_at is None
        and (row.account_key in shared if row.topics & _OUTAGES else row.account_key not in off)
    ]


def _journal(conn: Connection, actor: Actor) -> None:
    """Let open outages be counted again: other accounts stand behind their premises now."""
    version = conn.execute(sa.select(sa.func.max(t.premises_versions.c.version))).scalar()
    data = {"premises_version": version or 0, "accounts": True}
    journal.append(conn, kind=JournalKind.PREMISES_CHANGED, actor=str(actor), data=data)


def _write(
    db: Database,
    statement: Insert | Update,
    rows: Sequence[Row],
    progress: Progress | None = None,
    *,
    at_end: Callable[[Connection], None] | None = None,
    as_it_is: Callable[[Connection, list[Row]], list[Row]] | None = None,
    also: Callable[[Connection, list[Row]], None] | None = None,
) -> None:
    """Write rows by steps; ``at_end`` belongs to the last one, so that no kill parts them.

    ``as_it_is`` makes of a step's rows what is to be written, by what is on record then; ``also``
    writes what follows from them, in the same step, which then holds a third of the rows.
    """
    size = CHUNK if also is None else CHUNK // 3
    for at in range(0, len(rows), size):
        part = list(rows[at : at + size])
        done = at + len(part)
        with db.bulk() as conn:
            conn.execute(statement, part if as_it_is is None else as_it_is(conn, part))
            if also is not None:
                also(conn, part)
            edition.changed(conn)
            if at_end is not None and done == len(rows):
                at_end(conn)
        if progress is not None:
            progress(done, len(rows))
