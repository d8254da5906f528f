"""What the provider said at once, written down in small commits."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import spending
from notifier.batches import steady, unknown
from notifier.channels.base import NOT_SENT, Outcome, Result
from notifier.channels.codes import STOPS, action
from notifier.claiming import ClaimedBatch
from notifier.locking import lock
from notifier.marking import Said, mark_endpoints
from notifier.policy import Reason
from outage import tables as t
from outage.among import among, as_given, given
from outage.clock import business_now
from outage.columns import Key
from outage.database import Database, wall_now

log = logging.getLogger(__name__)

BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=5), timedelta(minutes=10)
"""How long a message waits that the provider did not take: twice as long each time it says so."""
MOST_PUT_OFF = 30
"""How often a provider may put one message off, over some four hours, before that is its end.

Most are too old long before; what takes back or ends something told never is.
"""
ABOUT_ALL = frozenset({NOT_SENT, "no_connection", "429", "20429"})
"""Codes that say nothing of the one message: it was not asked for, or everybody has to wait."""


def settle(db: Database, batch: ClaimedBatch, provider: str, outcomes: Sequence[Outcome]) -> None:
    """Record outcomes of a claimed batch; one that another attempt has overtaken is no news."""
    if not outcomes:
        return
    groups: dict[Result, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda outcome: outcome.message_key):
        groups[outcome.result].append(outcome)
    with db.write() as conn:
        _lock(conn, groups[Result.RETRY], outcomes)
        saved = _saved(conn, batch, groups)
        _accepted(conn, batch, groups[Result.ACCEPTED])
        _failed(conn, batch, provider, groups[Result.FAILED])
        _ambiguous(conn, batch, provider, groups[Result.AMBIGUOUS])
        _retried(conn, batch, provider, groups[Result.RETRY])
        spending.give_back(conn, batch.month, saved)


def _lock(conn: Connection, retried: Sequence[Outcome], outcomes: Sequence[Outcome]) -> None:
    """Keep planners off what may be pending again, then lock the rows, as a claim does."""
    if conn.dialect.name == "sqlite":
        return  # it has one writer anyway
    if retried:
        keys = [outcome.message_key for outcome in retried]
        theirs = sa.select(_M.c.outage_key).where(among(conn, _M.c.key, keys))
        steady(conn, conn.execute(theirs).scalars())
    lock(conn, _M, among(conn, _M.c.key, [outcome.message_key for outcome in outcomes]))


def _saved(
    conn: Connection, batch: ClaimedBatch, groups: Mapping[Result, Sequence[Outcome]]
) -> int:
    """What was counted for messages that were not sent, and that nobody has given back before."""
    if not batch.costs:
        return 0
    # As in the updates below. One that is asked about no more, its provider has answered for.
    still = sa.and_(_M.c.state == "unknown", _M.c.ask_after.is_not(None))
    saved = 0
    for result, ours in ((Result.RETRY, _CLAIMED), (Result.FAILED, sa.or_(_CLAIMED, still))):
        keys = [outcome.message_key for outcome in groups.get(result, ())]
        rows = conn.execute(sa.select(_M.c.key, _M.c.fence).where(_M.c.key.in_(keys), ours))
        mine = (row.key for row in rows if row.fence == batch.fences[row.key])
        saved += sum(batch.costs.get(key, 0) for key in mine)
    return saved


def finish(db: Database, batch: ClaimedBatch) -> None:
    """Put the batch away; nothing of it is left to send."""
    b = t.batches
    with db.write() as conn:
        conn.execute(b.delete().where(b.c.key == batch.key, b.c.fence == batch.fence))


_M = t.messages
_MINE = sa.and_(_M.c.key == sa.bindparam("b_key"), _M.c.fence == sa.bindparam("b_fence"))
_CLAIMED = _M.c.state == "claimed"
_OPEN = sa.or_(_M.c.state == "claimed", _M.c.state == "unknown")


def _names(batch: ClaimedBatch, outcome: Outcome) -> dict[str, Any]:
    return {"b_key": outcome.message_key, "b_fence": batch.fences[outcome.message_key]}


def _accept(dialect: str) -> sa.Update:
    """One statement for all: each has its own id at the provider, of e-mails a thousand the same.

    A receipt may have come before this answer: it keeps its state and gets the id.
    """
    said = given(dialect, "said", key=Key, fence=sa.Integer(), provider_id=sa.String()).alias(
        "said"
    )
    return (
        _M.update()
        .where(_M.c.key == said.c.key, _M.c.fence == said.c.fence)
        .values(
            state=sa.case((_OPEN, "accepted"), else_=_M.c.state),
            accepted_at=sa.bindparam("at"),
            provider_id=said.c.provider_id,
            lease_until=None,
            batch_key=None,
        )
    )


_ACCEPT = {dialect: _accept(dialect) for dialect in ("sqlite", "postgresql")}


def _accepted(conn: Connection, batch: ClaimedBatch, outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    rows = [
        (outcome.message_key, batch.fences[outcome.message_key], outcome.provider_id)
        for outcome in outcomes
    ]
    said = as_given(conn, "said", rows)
    conn.execute(_ACCEPT[conn.dialect.name], {**said, "at": business_now(conn)})


def _failed(conn: Connection, batch: ClaimedBatch, provider: str, outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    rows = [{**_names(batch, outcome), "provider_code": outcome.code} for outcome in outcomes]
    conn.execute(
        _M.update()
        .where(_MINE, _OPEN)
        .values(
            state="failed",
            reason="refused",
            ended_at=business_now(conn),
            lease_until=None,
            batch_key=None,
        ),
        rows,
    )
    mark_endpoints(
        conn,
        [
            Said(message_key=outcome.message_key, provider=provider, code=outcome.code)
            for outcome in outcomes
        ],
    )


def _stopped(provider: str, code: str) -> bool:
    return action(provider, code) in STOPS


def _say_stopped(provider: str, code: str) -> None:
    found = action(provider, code)
    log.error("%s answers %s: %s; see `outage doctor`", provider, code, found.value)


def _ambiguous(
    conn: Connection, batch: ClaimedBatch, provider: str, outcomes: list[Outcome]
) -> None:
    if not outcomes:
        return
    rows = [{**_names(batch, outcome), "provider_code": outcome.code} for outcome in outcomes]
    now, wait = wall_now(conn), batch.patience.with_(provider)
    conn.execute(
        _M.update().where(_MINE, _CLAIMED).values(lease_until=None, **unknown(now, wait)),
        rows,
    )


def _retried(conn: Connection, batch: ClaimedBatch, provider: str, outcomes: list[Outcome]) -> None:
    """Nothing was sent: the row is what it was before the claim, a little later, or it ends."""
    for code in {outcome.code for outcome in outcomes if _stopped(provider, outcome.code)}:
        _say_stopped(provider, code)
    before = _put_off_before(conn, outcomes)
    first, again, ended = [], [], []
    now, wall = business_now(conn), wall_now(conn)
    for outcome in outcomes:
        times = before[outcome.message_key] + _is_about_it(provider, outcome.code)
        wait = _wait(outcome.code, times)
        row = {**_names(batch, outcome), "provider_code": outcome.code, "put_off": times}
        if times >= MOST_PUT_OFF:
            unsure = outcome.message_key in batch.again
            ended.append({**row, "state": "unknown" if unsure else "failed"})
        elif outcome.message_key in batch.again:
            again.append({**row, "lease_until": wall + wait})
        else:
            first.append({**row, "send_after": now + wait})
    back = {"batch_key": None, "sends": _M.c.sends - 1}
    if ended:
        end = {"reason": Reason.TRIED_ENOUGH.value, "ended_at": now, "lease_until": None}
        conn.execute(_M.update().where(_MINE, _CLAIMED).values(**end, **back), ended)
    if again:
        # The provider has been asked for the try before; of this one nothing has to be found out.
        conn.execute(_M.update().where(_MINE, _CLAIMED).values(state="unknown", **back), again)
    if first:
        _back_to_pending(conn, first, back)


def _put_off_before(conn: Connection, outcomes: Sequence[Outcome]) -> dict[int, int]:
    if not outcomes:
        return {}
    keys = [outcome.message_key for outcome in outcomes]
    rows = conn.execute(sa.select(_M.c.key, _M.c.put_off).where(_M.c.key.in_(keys)))
    return {row.key: row.put_off for row in rows}


def _is_about_it(provider: str, code: str) -> bool:
    """Whether a provider puts off this message, and not all of them."""
    return code not in ABOUT_ALL and not _stopped(provider, code)


def _wait(code: str, times: int) -> timedelta:
    # A provider that stopped us rests for longer, and another may take the message meanwhile.
    if code == NOT_SENT:
        return timedelta(0)
    doubled: int = 2 ** max(0, min(times - 1, 10))
    return min(BACK_OFF * doubled, LONGEST_BACK_OFF)


def _back_to_pending(conn: Connection, rows: list[dict[str, Any]], back: dict[str, Any]) -> None:
    """Unless a newer decision is pending already: there is room for one."""
    other = _M.alias("other")
    newer = sa.exists().where(
        other.c.outage_key == _M.c.outage_key,
        other.c.endpoint_key == _M.c.endpoint_key,
        other.c.state == "pending",
    )
    told = (
        "told_state",
        "told_etr_version",
        "told_time",
        "told_update",
        "told_end",
        "told_crew",
        "told_places",
    )
    untold = dict.fromkeys((*told, "text_key", "lease_until"))
    conn.execute(
        _M.update()
        .where(_MINE, _M.c.state == "claimed", sa.not_(newer))
        .values(state="pending", **untold, **back),
        rows,
    )
    conn.execute(
        _M.update()
        .where(_MINE, _M.c.state == "claimed")
        .values(
            state="superseded",
            reason=Reason.NEWER_DECISION.value,
            ended_at=business_now(conn),
            **untold,
            **back,
        ),
        [{"b_key": row["b_key"], "b_fence": row["b_fence"]} for row in rows],
    )
