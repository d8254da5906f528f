"""What a command does to an outage: pure, with the time as an argument. Standard library only.

(outage, command, now) → the outage as it is then, and the journal entries that say so; or a named
refusal that says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from outage import commands as c
from outage import earlier, etrs
from outage.errors import InvalidCommandError, NotAllowedNowError
from outage.model import INTERRUPTING, OPEN, Entry, JournalKind, Kind, Outage, Reason, Status

REOPEN_WITHIN = timedelta(hours=24)
"""After that a return is a new outage (DECISIONS 11)."""

CLOCK_AHEAD = timedelta(minutes=5)
"""How far the clock of whoever observed something may be ahead of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a command comes to: the outage afterwards, and what the journal says."""

    outage: Outage
    entries: tuple[Entry, ...]


def declare(command: c.Declare, now: datetime) -> Change:
    """Return a new outage: confirmed when service is off, else predicted."""
    waiting = command.kind is Kind.PLANNED and command.started_at is None
    if waiting and command.planned_start is None:
        raise InvalidCommandError(
            field="planned_start", problem="planned work needs a start, planned or actual"
        )
    _ordered(command.planned_start, command.planned_end)
    started_at = command.started_at or command.planned_start or now
    if command.started_at is not None and command.started_at > now and not command.lenient:
        raise InvalidCommandError(field="started_at", problem="lies in the future")
    etr = etrs.first(command, started_at, now)
    given = ("crew_status", "crew_eta", "etr", "next_update_by")
    # What a feed says of an outage carries the feed's own time, which may be a little behind.
    said = () if command.lenient else [name for name in given if getattr(command, name) is not None]
    outage = Outage(
        key=command.key,
        id=command.id,
        service=command.service,
        kind=command.kind,
        status=Status.PREDICTED if waiting or command.predicted else Status.CONFIRMED,
        cause=command.cause,
        crew_status=command.crew_status,
        crew_reason=command.crew_reason,
        crew_eta=command.crew_eta,
        source=command.source,
        source_id=command.source_id,
        place=command.place,
        started_at=started_at,
        planned_start=command.planned_start,
        planned_end=command.planned_end,
        etr=etr,
        etr_count=1 if etr else 0,
        next_update_by=command.next_update_by,
        reported_customers=command.reported_customers,
        shape_digest=command.shape_digest,
        declared_at=now,
        updated_at=now,
        silent=command.silent,
        observed=dict.fromkeys(said, now),
    )
    entry = Entry(kind=JournalKind.DECLARED, data={"etr_version": etr.version} if etr else {})
    return Change(outage=outage, entries=(entry,))


def decide(outage: Outage, command: c.Command, now: datetime) -> Change:
    """Return what ``command`` makes of ``outage``.

    Raises `NotAllowedNowError` when its status forbids it, `InvalidCommandError` when the command
    contradicts itself or the outage.
    """
    rule: Callable[[Outage, Any, datetime], Change] = _RULES[type(command)]
    return rule(outage, command, now)


def _confirm(outage: Outage, command: c.Confirm, now: datetime) -> Change:
    _only(outage, {Status.PREDICTED}, "confirm", "only a predicted outage can be confirmed")
    if outage.kind is Kind.PLANNED:
        raise NotAllowedNowError(
            command="confirm", status=outage.status, why="planned work is started, not confirmed"
        )
    _no_future("started_at", command.started_at, now)
    started_at = command.started_at or outage.started_at
    return _changed(
        replace(outage, status=Status.CONFIRMED, started_at=min(started_at, now)),
        now,
        Entry(kind=JournalKind.CONFIRMED),
    )


def _reject(outage: Outage, command: c.Reject, now: datetime) -> Change:
    _only(outage, {Status.PREDICTED}, "reject", "only a predicted outage can be rejected")
    return _changed(
        replace(outage, status=Status.CANCELLED, close_reason=command.reason, closed_at=now),
        now,
        Entry(kind=JournalKind.REJECTED, data={"reason": command.reason}),
    )


def _start(outage: Outage, command: c.Start, now: datetime) -> Change:
    _only(outage, {Status.PREDICTED}, "start", "it has begun already or is over")
    if outage.kind is not Kind.PLANNED:
        raise NotAllowedNowError(
            command="start", status=outage.status, why="only planned work is started; confirm it"
        )
    _no_future("at", command.at, now)
    return _changed(
        replace(outage, status=Status.CONFIRMED, started_at=command.at or now),
        now,
        Entry(kind=JournalKind.STARTED),
    )


def _revise(outage: Outage, command: c.Revise, now: datetime) -> Change:
    _only(outage, OPEN, "revise", "reopen it first, or declare a new one")
    _no_future("started_at", command.started_at, now)
    given = {
        name: value
        for name in command.__slots__
        if name != "observed_at"
        and (value := getattr(command, name)) is not None
        and value != getattr(outage, name)
    }
    if not given:
        return Change(outage=outage, entries=())
    after = replace(outage, **given)
    _ordered(after.planned_start, after.planned_end)
    data = {"fields": sorted(given), "before": earlier.facts(outage, given)}
    if command.observed_at is not None:
        data["observed"] = command.observed_at.isoformat()
    return _changed(after, now, Entry(kind=JournalKind.REVISED, data=data))


def _report(outage: Outage, command: c.Report, now: datetime) -> Change:
    _consistent(command, now)
    # A clock that is ahead must not overrule what others say in the minutes until then.
    observed_at = min(command.observed_at, now)
    given = {
        name: value
        for name in ("crew_status", "crew_eta", "next_update_by")
        if (value := getattr(command, name)) is not None
    }
    if command.etr is not None or command.withdraw_etr:
        given["etr"] = command.etr
    late = {name for name in given if _is_older(outage, name, observed_at)}
    if not outage.is_open:
        late = set(given)
    applied: dict[str, Any] = {}
    for name in given.keys() - late:
        applied |= _apply(outage, command, name)
    if command.publish_message and command.public_message_key is not None:
        applied["public_message_key"] = command.public_message_key
    changed = sorted(k for k, v in applied.items() if getattr(outage, k) != v)
    observed = outage.observed | dict.fromkeys(given.keys() - late, observed_at)
    after = replace(outage, **applied, observed=observed)
    if not changed and not late and command.note_key is None and command.public_message_key is None:
        # Nothing new, but seen again: what was observed before this must not overrule it.
        return Change(outage=after, entries=())
    # Recorded, not applied: the journal is the only place that keeps what it said.
    said = _said(command, late)
    data = _progress(command, changed, said)
    if changed:
        data["before"] = earlier.facts(outage, changed)
    if "etr" in changed and after.etr is not None:
        data["etr_version"] = after.etr.version
    return _changed(after, now, Entry(kind=JournalKind.PROGRESS, data=data))


def _consistent(command: c.Report, now: datetime) -> None:
    if command.observed_at > now + CLOCK_AHEAD:
        raise InvalidCommandError(field="observed_at", problem="lies in the future")
    if command.etr is not None and command.withdraw_etr:
        raise InvalidCommandError(
            field="withdraw_etr", problem="give an ETR or take it back, not both"
        )
    if command.crew_reason is not None and command.crew_status is None and not command.lenient:
        raise InvalidCommandError(
            field="crew_reason", problem="goes with a crew_status; say that too"
        )


def _progress(
    command: c.Report, changed: list[str], late: dict[str, str | None]
) -> dict[str, object]:
    data: dict[str, object] = {
        "fields": changed,
        "recorded": sorted(late),
        "observed": command.observed_at.isoformat(),
    }
    if late:
        data["late"] = late
    if command.note_key is not None:
        data["note"] = command.note_key
    if command.public_message_key is not None:
        data["public_message"] = command.public_message_key
    return data


def _said(command: c.Report, names: set[str]) -> dict[str, str | None]:
    said: dict[str, str | None] = {}
    for name in sorted(names):
        value = getattr(command, name)
        if isinstance(value, c.GivenEtr):
            value = value.latest
        said[name] = value.isoformat() if isinstance(value, datetime) else value
    return said


def _apply(outage: Outage, command: c.Report, name: str) -> dict[str, Any]:
    if name == "etr":
        if command.etr is None:
            return {"etr": None, "etr_withdrawn": outage.etr is not None or outage.etr_withdrawn}
        etr = etrs.following(outage, command.etr, command.observed_at, lenient=command.lenient)
        count = max(outage.etr_count, etr.version)
        return {"etr": etr, "etr_count": count, "etr_withdrawn": False}
    if name == "crew_status":
        return {"crew_status": command.crew_status, "crew_reason": command.crew_reason}
    return {name: getattr(command, name)}


def _restore(outage: Outage, command: c.Restore, now: datetime) -> Change:
    _only(
        outage,
        {Status.CONFIRMED, Status.PARTIALLY_RESTORED},
        "restore",
        "there is nothing to restore",
    )
    if outage.kind is Kind.ADVISORY:
        raise NotAllowedNowError(
            command="restore", status=outage.status, why="an advisory is lifted, not restored"
        )
    data = {"restoration": command.restoration_key, "whole": command.whole}
    return _changed(outage, now, Entry(kind=JournalKind.RESTORING, data=data))


def _conclude(outage: Outage, command: c.Conclude, now: datetime) -> Change:
    if command.inferred or outage.status not in INTERRUPTING:
        return Change(outage=outage, entries=())
    if command.whole or not (command.out or command.more):
        after = replace(outage, status=Status.RESTORED, restored_at=command.at)
    else:
        after = replace(outage, status=Status.PARTIALLY_RESTORED)
    return Change(outage=replace(after, updated_at=now, version=outage.version + 1), entries=())


def _reopen(outage: Outage, command: c.Reopen, now: datetime) -> Change:
    unlisted = outage.status is Status.CLOSED and outage.close_reason is Reason.NO_LONGER_LISTED
    if not unlisted:
        _only(
            outage,
            {Status.RESTORED, Status.PARTIALLY_RESTORED},
            "reopen",
            "only one that is restored, all or in part, or closed as no longer listed, "
            "can be reopened",
        )
    ended = outage.restored_at or outage.closed_at or outage.updated_at
    if now - ended > REOPEN_WITHIN:
        raise NotAllowedNowError(
            command="reopen",
            status=outage.status,
            why="it ended more than 24 hours ago; declare a new outage",
        )
    return _reopened(outage, command, command.reason, now)


def _reopened(
    outage: Outage, command: c.Reopen | c.Relist, reason: Reason | None, now: datetime
) -> Change:
    # Planned work that was closed before anybody started it has still not begun.
    waiting = (
        outage.status is Status.CLOSED
        and outage.kind is Kind.PLANNED
        and outage.started_at == outage.planned_start
    )
    before = Status.PARTIALLY_RESTORED if command.partly else Status.CONFIRMED
    after = replace(
        outage,
        status=Status.PREDICTED if waiting else before,
        restored_at=None,
        closed_at=None,
        close_reason=None,
        unlisted_since=None,
    )
    data = {"restoration": command.restoration_key, "reason": reason}
    return _changed(after, now, Entry(kind=JournalKind.REOPENED, data=data))


def _still_out(outage: Outage, command: c.StillOut, now: datetime) -> Change:
    """Let the outage go on for a few of those that a step restored; the step stands."""
    _only(
        outage,
        {Status.PARTIALLY_RESTORED, Status.RESTORED},
        "still out",
        "nobody in it has been restored, or it is over",
    )
    if outage.restored_at is not None and now - outage.restored_at > REOPEN_WITHIN:
        raise NotAllowedNowError(
            command="still out",
            status=outage.status,
            why="it ended more than 24 hours ago; declare a new outage",
        )
    after = replace(outage, status=Status.PARTIALLY_RESTORED, restored_at=None)
    data = {
        "restoration": command.restoration_key,
        "reason": Reason.STILL_OUT,
        "premises": list(command.premises),
    }
    return _changed(after, now, Entry(kind=JournalKind.REOPENED, data=data))


def _cancel(outage: Outage, command: c.Cancel, now: datetime) -> Change:
    _only(outage, OPEN, "cancel", "it is over already")
    return _changed(
        replace(outage, status=Status.CANCELLED, close_reason=command.reason, closed_at=now),
        now,
        Entry(kind=JournalKind.CANCELLED, data={"reason": command.reason}),
    )


def _close(outage: Outage, command: c.Close, now: datetime) -> Change:
    unlisted = outage.unlisted_since is not None and outage.is_open
    if not unlisted:
        why = "restore or cancel it first" if outage.is_open else "it is put away already"
        _only(outage, {Status.RESTORED}, "close", why)
    return _changed(
        replace(outage, status=Status.CLOSED, close_reason=command.reason, closed_at=now),
        now,
        Entry(kind=JournalKind.CLOSED, data={"reason": command.reason}),
    )


def _lift(outage: Outage, command: c.Lift, now: datetime) -> Change:
    if outage.kind is not Kind.ADVISORY:
        raise NotAllowedNowError(
            command="lift", status=outage.status, why="only an advisory is lifted; restore it"
        )
    _only(outage, OPEN, "lift", "it is over already")
    return _changed(
        replace(outage, status=Status.CLOSED, close_reason=Reason.DONE, closed_at=now),
        now,
        Entry(kind=JournalKind.CLOSED, data={"reason": Reason.DONE, "note": command.note_key}),
    )


def _unlist(outage: Outage, command: c.Unlist, now: datetime) -> Change:
    if not outage.is_open or outage.unlisted_since is not None:
        return Change(outage=outage, entries=())
    since = min(command.since or now, now)
    return _changed(replace(outage, unlisted_since=since), now, Entry(kind=JournalKind.UNLISTED))


def _take_back(outage: Outage, command: c.TakeBack, now: datetime) -> Change:
    _only(outage, OPEN, "take back", "it is over")
    facts: dict[str, Any] = dict(command.facts)
    etr = facts.get("etr")
    if etr is not None:
        count = outage.etr_count + 1
        facts |= {"etr": replace(etr, version=count), "etr_count": count, "etr_withdrawn": False}
    elif "etr" in facts:
        facts["etr_withdrawn"] = True
    changed = sorted(name for name, value in facts.items() if getattr(outage, name) != value)
    observed = outage.observed
    if not command.revision:
        # What was observed before this must not bring back what is taken back.
        observed = observed | dict.fromkeys(observed.keys() & facts.keys(), now)
    data: dict[str, object] = {
        "fields": changed,
        "before": earlier.facts(outage, changed),
        "takes_back": command.number,
    }
    if "etr" in changed and etr is not None:
        data["etr_version"] = facts["etr_count"]
    kind = JournalKind.REVISED if command.revision else JournalKind.PROGRESS
    return _changed(replace(outage, **facts, observed=observed), now, Entry(kind=kind, data=data))


def _relist(outage: Outage, command: c.Relist, now: datetime) -> Change:
    if outage.status is Status.CLOSED:
        return _reopen(
            outage,
            c.Reopen(restoration_key=command.restoration_key, partly=command.partly),
            now,
        )
    if outage.unlisted_since is None:
        return Change(outage=outage, entries=())
    # Who restored or cancelled it since then was not the feed: that stands.
    if command.restoration_key is not None and outage.is_open:
        return _reopened(outage, command, None, now)
    return _changed(replace(outage, unlisted_since=None), now, Entry(kind=JournalKind.LISTED))


_RULES: Mapping[type, Callable[[Outage, Any, datetime], Change]] = {
    c.Confirm: _confirm,
    c.Reject: _reject,
    c.Start: _start,
    c.Revise: _revise,
    c.Report: _report,
    c.Restore: _restore,
    c.Conclude: _conclude,
    c.Reopen: _reopen,
    c.StillOut: _still_out,
    c.Cancel: _cancel,
    c.Close: _close,
    c.Lift: _lift,
    c.Unlist: _unlist,
    c.Relist: _relist,
    c.TakeBack: _take_back,
}


def _changed(outage: Outage, now: datetime, entry: Entry) -> Change:
    return Change(
        outage=replace(outage, updated_at=now, version=outage.version + 1), entries=(entry,)
    )


def _only(outage: Outage, allowed: set[Status] | frozenset[Status], command: str, why: str) -> None:
    if outage.status not in allowed:
        raise NotAllowedNowError(command=command, status=outage.status, why=why)


def _no_future(name: str, at: datetime | None, now: datetime) -> None:
    if at is not None and at > now:
        raise InvalidCommandError(field=name, problem="lies in the future")


def _ordered(planned_start: datetime | None, planned_end: datetime | None) -> None:
    if planned_start and planned_end and planned_end <= planned_start:
        raise InvalidCommandError(field="planned_end", problem="must be after planned_start")


def _is_older(outage: Outage, name: str, observed_at: datetime) -> bool:
    newest = outage.observed.get(name)
    return newest is not None and observed_at < newest
