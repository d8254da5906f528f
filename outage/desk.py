"""The desk: every command on an outage. Call each inside one `Database.write()`.

A command changes the state and appends to the journal in the caller's transaction, so both are
on record or neither is. A shape comes as a `MatchedShape`: it has passed the gate and the caller
knows how many premises are inside (DECISIONS 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy.engine import Connection

from outage import commands as c
from outage import journal, lifecycle, notes, public_words, register
from outage import tables as t
from outage.clock import business_now
from outage.database import next_value
from outage.errors import (
    InvalidCommandError,
    NobodyInsideError,
    NotAllowedNowError,
    TooManyRecipientsError,
    VersionConflictError,
)
from outage.model import (
    Actor,
    JournalKind,
    MatchedShape,
    Outage,
    OutageKey,
    Reason,
    Status,
)
from outage.regrouping import explained


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What became of a report: the outage, and what came too late to change it.

    ``late`` holds by field what was said, times as RFC 3339: recorded, not applied.
    """

    outage: Outage
    late: Mapping[str, str | None]


def declare(
    conn: Connection,
    command: c.Declare,
    *,
    actor: Actor,
    shape: MatchedShape | None = None,
    allow_empty: bool = False,
    max_premises: int | None = None,
) -> Outage:
    """Put a new outage on record. ``command.key`` 0 and an empty ``id`` are given out here.

    Raises `NobodyInsideError` for a shape that matches nobody unless ``allow_empty``, and
    `TooManyRecipientsError` above ``max_premises``.
    """
    _guard(shape, allow_empty=allow_empty, max_premises=max_premises)
    _check_place(conn, command.place, actor)
    command = replace(
        command,
        key=OutageKey(next_value(conn, "outage")),
        id=command.id or register.new_id(conn),
        shape_digest=register.keep_shape(conn, shape),
    )
    change = lifecycle.declare(command, business_now(conn))
    register.add(conn, change.outage)
    return _record(conn, change, actor, shape)


def confirm(
    conn: Connection, outage_id: str, *, actor: Actor, started_at: datetime | None = None
) -> Outage:
    """Say that a predicted outage is real."""
    return _do(conn, outage_id, c.Confirm(started_at=started_at), actor)


def reject(
    conn: Connection, outage_id: str, *, actor: Actor, reason: Reason = Reason.MISTAKE
) -> Outage:
    """Say that a predicted outage is none."""
    return _do(conn, outage_id, c.Reject(reason=reason), actor)


def start(conn: Connection, outage_id: str, *, actor: Actor, at: datetime | None = None) -> Outage:
    """Say that planned work has actually begun."""
    return _do(conn, outage_id, c.Start(at=at), actor)


def revise(
    conn: Connection,
    outage_id: str,
    command: c.Revise,
    *,
    actor: Actor,
    shape: MatchedShape | None = None,
    allow_empty: bool = False,
    max_premises: int | None = None,
    seen_version: int | None = None,
) -> Outage:
    """Change declared facts, the shape among them. Raises `VersionConflictError`."""
    _guard(shape, allow_empty=allow_empty, max_premises=max_premises)
    _check_place(conn, command.place, actor)
    if shape is not None:
        register.refuse_if_restoring(conn, register.load(conn, outage_id, lock=True), "revise")
    command = replace(command, shape_digest=register.keep_shape(conn, shape))
    return _do(conn, outage_id, command, actor, shape=shape, seen_version=seen_version)


def report_progress(
    conn: Connection,
    outage_id: str,
    command: c.Report,
    *,
    actor: Actor,
    note: str | None = None,
    public_message: str | None = None,
    approve_message: bool = False,
) -> Reported:
    """Record progress: crew status, ETR, an internal note, a public message.

    It always enters the history; a field changes only if nothing newer has set it. A public
    message appears only once it is approved (``approve_message``, or `approve`).
    """
    outage = register.load(conn, outage_id, lock=True)
    note, public_message = (note or "").strip(), (public_message or "").strip()
    if note:
        public_words.check_note(note)
        key = notes.write_down(conn, outage, "note", note, actor, approved=False)
        command = replace(command, note_key=key)
    if public_message:
        public_words.check(public_message)
        _refuse_ids(conn, "public_message", public_message)
        key = notes.write_down(
            conn, outage, "public_message", public_message, actor, approved=approve_message
        )
        command = replace(command, public_message_key=key, publish_message=approve_message)
    change = lifecycle.decide(outage, command, business_now(conn))
    late = [entry.data["late"] for entry in change.entries if "late" in entry.data]
    return Reported(
        outage=_carry_out(conn, outage, change, actor),
        late=cast("Mapping[str, str | None]", late[0]) if late else {},
    )


def approve(conn: Connection, outage_id: str, note_key: int, *, actor: Actor) -> Outage:
    """Let the public see a message that a crew proposed."""
    outage = register.load(conn, outage_id, lock=True)
    if not notes.approve(conn, outage, note_key, actor):
        return outage
    command = c.Report(
        observed_at=business_now(conn), public_message_key=note_key, publish_message=True
    )
    return _apply(conn, outage, command, actor)


def restore(
    conn: Connection,
    outage_id: str,
    *,
    actor: Actor,
    shape: MatchedShape | None = None,
    at: datetime | None = None,
    reason: Reason | None = None,
    allow_empty: bool = False,
) -> Outage:
    """Record that service is back, for the whole outage or for the premises inside ``shape``.

    The outage keeps its status until gis has ended the interruptions; only then is anybody told.
    Raises `NobodyInsideError` for a shape that matches nobody unless ``allow_empty``.
    """
    _guard(shape, allow_empty=allow_empty, max_premises=None)
    outage = register.load(conn, outage_id, lock=True)
    register.refuse_if_restoring(conn, outage, "restore")
    now = business_now(conn)
    if at is not None and not outage.started_at <= at <= now:
        raise InvalidCommandError(
            field="at", problem="must lie between the start of the outage and now"
        )
    return _restoration(conn, outage, actor, at=at or now, shape=shape, reason=reason)


def end_unlisted(
    conn: Connection, outage_id: str, *, actor: Actor, at: datetime, tell: bool = False
) -> Outage:
    """End the interruptions of an outage that its feed no longer lists (DECISIONS 12).

    The end is inferred: nobody is told unless the feed's setting says so (``tell``).
    """
    outage = register.load(conn, outage_id, lock=True)
    return _restoration(
        conn,
        outage,
        actor,
        at=at,
        inferred=True,
        tell=tell,
        reason=Reason.NO_LONGER_LISTED,
    )


def conclude(conn: Connection, restoration_key: int, *, out: int, premises: int) -> Outage:
    """Let gis say that a step's interruptions have ended; ``out`` premises are still without.

    Changes the status; the caller then appends `matched`, which is what readers act on.
    """
    row = conn.execute(t.restorations.select().where(t.restorations.c.key == restoration_key)).one()
    now = business_now(conn)
    conn.execute(
        t.restorations.update()
        .where(t.restorations.c.key == restoration_key)
        .values(premises=premises, concluded_at=now)
    )
    outage = register.load_key(conn, row.outage_key, lock=True)
    command = c.Conclude(
        restoration_key=restoration_key,
        whole=row.shape_digest is None,
        out=out,
        at=row.at,
        inferred=row.inferred,
    )
    change = lifecycle.decide(outage, command, now)
    register.save(conn, change.outage)
    return change.outage


def reopen(
    conn: Connection, outage_id: str, *, actor: Actor, reason: Reason = Reason.STILL_OUT
) -> Outage:
    """Take the last restoration back: the same interruptions go on (DECISIONS 11)."""
    outage = register.load(conn, outage_id, lock=True)
    # What was closed ended by inference; steps that somebody gave before that stand.
    closed = outage.status is Status.CLOSED
    key = register.last_restoration(conn, outage.key, inferred=True if closed else None)
    partly = register.others_stand(conn, outage.key, key)
    change = _decide(conn, outage, c.Reopen(restoration_key=key, partly=partly, reason=reason))
    register.refuse_if_restoring(conn, outage, "reopen")
    register.take_back(conn, key)
    register.merge(conn, outage.key, None)
    return _carry_out(conn, outage, change, actor)


def still_out(
    conn: Connection, outage_id: str, restoration_key: int, premises: Sequence[int], *, actor: Actor
) -> Outage:
    """Let the interruptions of a few premises go on, which a step had ended (DECISIONS 11).

    The step stands for all others, and the outage is partially restored from now on.
    """
    command = c.StillOut(restoration_key=restoration_key, premises=tuple(premises))
    return _do(conn, outage_id, command, actor)


def cancel(
    conn: Connection, outage_id: str, *, actor: Actor, reason: Reason = Reason.MISTAKE
) -> Outage:
    """Say that there never was such an outage, or that planned work will not take place."""
    return _do(conn, outage_id, c.Cancel(reason=reason), actor)


def lift(conn: Connection, outage_id: str, *, actor: Actor, reference: str) -> Outage:
    """End an advisory: a supervisor's decision, with the reference that it rests on."""
    reference = reference.strip()
    if not reference:
        raise InvalidCommandError(
            field="reference", problem="say by whose word it is safe again, as a number or a name"
        )
    public_words.check_note(reference)
    outage = register.load(conn, outage_id, lock=True)
    key = notes.write_down(conn, outage, "note", reference, actor, approved=False)
    return _carry_out(conn, outage, _decide(conn, outage, c.Lift(note_key=key)), actor)


def close(
    conn: Connection,
    outage_id: str,
    *,
    actor: Actor,
    reason: Reason = Reason.DONE,
    successor: OutageKey | None = None,
) -> Outage:
    """Put an outage that is over away.

    With a ``successor`` it goes on under that one: whoever was told of this outage counts as
    told of the other, and its public id leads there.
    """
    outage = register.load(conn, outage_id, lock=True)
    if successor is not None:
        register.merge(conn, outage.key, successor)
    return _apply(conn, outage, c.Close(reason=reason), actor)


def unlist(
    conn: Connection, outage_id: str, *, actor: Actor, since: datetime | None = None
) -> Outage:
    """Record that a feed no longer lists the outage, since then. Nobody is told by it."""
    return _do(conn, outage_id, c.Unlist(since=since), actor)


def relist(conn: Connection, outage_id: str, *, actor: Actor) -> Outage:
    """Record that a feed lists it again; an inferred end is taken back."""
    outage = register.load(conn, outage_id, lock=True)
    key = register.last_restoration(conn, outage.key, inferred=True)
    partly = register.others_stand(conn, outage.key, key)
    command = c.Relist(restoration_key=key, partly=partly)
    change = lifecycle.decide(outage, command, business_now(conn))
    if any(entry.kind == JournalKind.REOPENED for entry in change.entries):
        register.take_back(conn, key)
        register.merge(conn, outage.key, None)
    if change.entries:
        register.save(conn, change.outage)
    return _record(conn, change, actor, None)


def _do(
    conn: Connection,
    outage_id: str,
    command: c.Command,
    actor: Actor,
    *,
    shape: MatchedShape | None = None,
    seen_version: int | None = None,
) -> Outage:
    outage = register.load(conn, outage_id, lock=True)
    if seen_version is not None and seen_version != outage.version:
        raise VersionConflictError(id=outage.id, seen=seen_version, now=outage.version)
    return _apply(conn, outage, command, actor, shape=shape)


def _apply(
    conn: Connection,
    outage: Outage,
    command: c.Command,
    actor: Actor,
    *,
    shape: MatchedShape | None = None,
) -> Outage:
    change = _decide(conn, outage, command)
    return _carry_out(conn, outage, change, actor, shape=shape)


def _decide(conn: Connection, outage: Outage, command: c.Command) -> lifecycle.Change:
    try:
        return lifecycle.decide(outage, command, business_now(conn))
    except NotAllowedNowError as refusal:
        raise explained(conn, outage, refusal) from refusal


def _carry_out(
    conn: Connection,
    outage: Outage,
    change: lifecycle.Change,
    actor: Actor,
    *,
    shape: MatchedShape | None = None,
) -> Outage:
    if change.outage != outage:
        register.save(conn, change.outage)
    return _record(conn, change, actor, shape)


def _record(
    conn: Connection, change: lifecycle.Change, actor: Actor, shape: MatchedShape | None
) -> Outage:
    if shape is not None and change.entries:
        conn.execute(
            t.outages.update()
            .where(t.outages.c.key == change.outage.key)
            .values(premises_version=shape.premises_version, premise_count=shape.premise_count)
        )
    for entry in change.entries:
        journal.append(
            conn,
            kind=JournalKind(entry.kind),
            actor=str(actor),
            outage_key=change.outage.key,
            outage_version=change.outage.version,
            data=entry.data,
        )
    return change.outage


def _restoration(
    conn: Connection,
    outage: Outage,
    actor: Actor,
    *,
    at: datetime,
    shape: MatchedShape | None = None,
    inferred: bool = False,
    tell: bool = True,
    reason: Reason | None = None,
) -> Outage:
    row: dict[str, Any] = {
        "outage_key": outage.key,
        "at": at,
        "actor": str(actor),
        "shape_digest": register.keep_shape(conn, shape),
        "reason": reason,
        "inferred": inferred,
        "tell": tell,
    }
    key = conn.execute(
        t.restorations.insert().values(**row).returning(t.restorations.c.key)
    ).scalar_one()
    return _apply(conn, outage, c.Restore(restoration_key=key, whole=shape is None), actor)


def _check_place(conn: Connection, place: str | None, actor: Actor) -> None:
    if place and actor.kind != "feed":  # a feed's words are public already, and nobody reads along
        public_words.check_place(place)
        _refuse_ids(conn, "place", place)


def _refuse_ids(conn: Connection, field: str, text: str) -> None:
    """Refuse public words that name a premise or an account by its id."""
    words = public_words.like_ids(text)
    if words and register.names_somebody(conn, words):
        raise InvalidCommandError(
            field=field, problem="holds the id of a premise or an account; leave it out"
        )


def _guard(shape: MatchedShape | None, *, allow_empty: bool, max_premises: int | None) -> None:
    if shape is None:
        return
    if shape.premise_count == 0 and not allow_empty:
        raise NobodyInsideError
    if max_premises is not None and shape.premise_count > max_premises:
        raise TooManyRecipientsError(count=shape.premise_count, limit=max_premises)
