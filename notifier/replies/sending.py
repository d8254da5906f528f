"""Sending what is owed: claimed before the call, settled after it, no session held during it."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from markupsafe import escape
from sqlalchemy.engine import Connection

from notifier.channels.base import TIMEOUT_S, Channel, Outcome, Outgoing, Result
from notifier.channels.codes import Action, action
from notifier.channels.providers import configured, opened
from notifier.kinds import Channel as ChannelName
from notifier.rendering import Text
from notifier.replies import told
from notifier.replies.acting import end_texts
from notifier.replies.applying import ALWAYS_ANSWERED
from notifier.replies.owing import ANSWER, PAGE
from notifier.routing import Routing
from notifier.stopping import Switch, for_claiming, standing
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.settings import SendMode, Settings
from outage.site import Site

log = logging.getLogger(__name__)

AT_ONCE = 50
"""What is claimed at a time."""
LEASE = timedelta(seconds=30)
BACK_OFF = timedelta(seconds=5)
STALE = timedelta(minutes=30)
"""An answer this late answers nothing any more; a page is never stale."""
_NAMES = {"sms": ChannelName.SMS, "email": ChannelName.EMAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    key: int
    fence: int
    role: str
    outgoing: Outgoing
    never_stopped: bool


class Answers:
    """Sends answers and pages. Safe in several processes: rows go by lease and fence."""

    def __init__(self, db: Database, settings: Settings, site: Site) -> None:
        self._db = db
        self._settings = settings
        self._site = site
        self._mode = settings.send
        self._allowlist = settings.allowlist
        self._routing = Routing(db, configured(settings), second_share=settings.second_share)
        self._switch = Switch(db)
        self._channels: dict[str, Channel] = {}

    def close(self) -> None:
        """Give the channels' connections back; they are opened again when they are needed."""
        while self._channels:
            self._channels.popitem()[1].close()

    def turn(self, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Send some of what is due; whether there may be more to do at once.

        What goes by a channel whose providers all rest waits for one of them.
        """
        picked = {name: self._routing.pick(channel) for name, channel in _NAMES.items()}
        able = [name for name in _NAMES if picked[name] or not self._has(name)]
        with self._db.read() as conn:
            is_due = _due(conn, able, stopped=standing(conn) is not None)
            due = conn.execute(sa.select(_A.c.key).where(is_due).limit(1)).first()
            lost = conn.execute(sa.select(_A.c.key).where(_lost(conn)).limit(1)).first()
        if due is None and lost is None:
            return False
        # A call begun before this ends, or times out, while the lease still holds.
        last_call = time.monotonic() + LEASE.total_seconds() - TIMEOUT_S
        with self._db.write() as conn:
            _take_back(conn)
            claimed = self._claim(conn, able, picked)
        for name, provider in picked.items():
            some = [one for channel, one in claimed if channel == name]
            if some and provider is not None:
                self._send(provider, some, lambda: stopping() or time.monotonic() >= last_call)
        return True

    def _has(self, name: str) -> bool:
        return _NAMES[name] in self._routing.providers

    def _send(
        self, provider: str, claimed: Sequence[_Claimed], stopping: Callable[[], bool]
    ) -> None:
        def may_send(outgoing: Outgoing) -> bool:
            if not stopping() and self._routing.may_call(provider):
                goes_anyway = by_message[outgoing.message_key].never_stopped
                return goes_anyway or not self._switch.is_on()
            return False

        by_message = {one.outgoing.message_key: one for one in claimed}
        batch = [one.outgoing for one in claimed]
        outcomes = self._channel(provider).send(batch, may_send)
        for outcome in self._routing.watched(provider, outcomes):
            with self._db.write() as conn:
                _settle(conn, by_message[outcome.message_key], outcome, provider)
        self._routing.note(provider)

    def _channel(self, provider: str) -> Channel:
        if provider not in self._channels:
            self._channels[provider] = opened(provider, self._settings, self._site)
        return self._channels[provider]

    def _claim(
        self, conn: Connection, able: Sequence[str], picked: Mapping[str, str | None]
    ) -> list[tuple[str, _Claimed]]:
        rows = conn.execute(
            sa.select(_A, t.replies.c.intent, t.endpoints.c.opted_out_at)
            .join(t.replies, t.replies.c.key == _A.c.reply_key)
            .outerjoin(t.endpoints, t.endpoints.c.key == t.replies.c.endpoint_key)
            .where(_due(conn, able, stopped=for_claiming(conn) is not None))
            .order_by(_A.c.urgency, _A.c.key)
            .limit(AT_ONCE)
            .with_for_update(of=_A, skip_locked=True)
        ).all()
        now = wall_now(conn)
        claimed: list[tuple[str, _Claimed]] = []
        for row in rows:
            ending = self._ending(row, now)
            if ending is not None:
                _end(conn, row.key, *ending, now)
                continue
            fence = row.fence + 1
            conn.execute(
                _A.update()
                .where(_A.c.key == row.key)
                .values(state="claimed", fence=fence, lease_until=now + LEASE)
            )
            if row.message_key is not None:
                told.carried(conn, row.message_key, picked[row.channel] or "")
            one = _Claimed(
                key=row.key,
                fence=fence,
                role=row.role,
                outgoing=_outgoing(row),
                never_stopped=row.role == PAGE or row.intent in ALWAYS_ANSWERED,
            )
            claimed.append((row.channel, one))
        return claimed

    def _ending(self, row: sa.Row[Any], now: datetime) -> tuple[str, str] | None:
        """Why nothing is sent, if nothing is: state and reason."""
        if row.role == ANSWER and now - row.created_at > STALE:
            return "expired", "stale"
        if row.role == ANSWER and row.opted_out_at and row.intent not in ALWAYS_ANSWERED:
            return "suppressed", "opted_out"
        if self._mode is not SendMode.LIVE and not (
            self._mode is SendMode.ALLOWLIST and row.address in self._allowlist
        ):
            if row.role == PAGE:
                log.error("page %d is not sent: OUTAGE_SEND is %s", row.key, self._mode)
            return "suppressed" if self._mode is SendMode.OFF else "shadowed", "send_mode"
        if not self._has(row.channel):
            if row.role == PAGE:
                log.error(
                    "page %d has no provider for %s; see docs/replies.md", row.key, row.channel
                )
            return "suppressed", "no_provider"
        return None


_A = t.answers


def _due(conn: Connection, channels: Sequence[str], *, stopped: bool) -> sa.ColumnElement[bool]:
    """What goes now; while sending is stopped only pages, and what is answered always."""
    now = wall_now(conn)
    due = sa.and_(_A.c.state == "pending", _A.c.send_after <= now, _A.c.channel.in_(channels))
    if not stopped:
        return due
    always = sa.select(t.replies.c.key).where(t.replies.c.intent.in_(list(ALWAYS_ANSWERED)))
    return sa.and_(due, sa.or_(_A.c.role == PAGE, _A.c.reply_key.in_(always)))


def _lost(conn: Connection) -> sa.ColumnElement[bool]:
    return sa.and_(_A.c.state == "claimed", _A.c.lease_until < wall_now(conn))


def _take_back(conn: Connection) -> None:
    """End the leases of who died in a call: an answer may be out, a page has to be."""
    lost = _lost(conn)
    ended = conn.execute(
        _A.update()
        .where(lost, _A.c.role == ANSWER)
        .values(state="unknown", reason="lease_expired", ended_at=wall_now(conn))
        .returning(_A.c.key)
    )
    keys = ended.scalars().all()
    told.follow(conn, keys)
    _to_staff(conn, keys)
    conn.execute(_A.update().where(lost, _A.c.role == PAGE).values(state="pending"))


def _outgoing(row: sa.Row[Any]) -> Outgoing:
    return Outgoing(
        # Below zero, where no message's key is: its receipts are none of a message.
        message_key=-row.key if row.message_key is None else row.message_key,
        address=row.address,
        text=Text(
            channel=_NAMES[row.channel],
            language=row.language,
            template=row.template,
            subject=row.subject,
            body=row.body,
            html="" if row.channel == "sms" else _html(row),
        ),
    )


def _html(row: sa.Row[Any]) -> str:
    return f'<!doctype html><html lang="{row.language}"><p>{escape(row.body)}</p></html>'


def _settle(conn: Connection, claimed: _Claimed, outcome: Outcome, provider: str) -> None:
    now = wall_now(conn)
    mine = sa.and_(_A.c.key == claimed.key, _A.c.fence == claimed.fence, _A.c.state == "claimed")
    again = {"state": "pending", "send_after": now + BACK_OFF, "lease_until": None}
    values: dict[str, Any]
    match outcome.result:
        case Result.ACCEPTED:
            values = {"state": "accepted", "provider_id": outcome.provider_id, "ended_at": now}
        case Result.RETRY:
            values = again
        case Result.AMBIGUOUS if claimed.role == PAGE:
            values = again
        case Result.AMBIGUOUS:
            values = {"state": "unknown", "reason": "ambiguous", "ended_at": now}
        case _:
            values = {"state": "failed", "reason": "refused", "ended_at": now}
            if claimed.role == PAGE:
                log.error("page %d was refused with %s", claimed.key, outcome.code)
            elif action(provider, outcome.code) is Action.OPTED_OUT:
                end_texts(conn, _whose(claimed.key), business_now(conn), provider)
    conn.execute(_A.update().where(mine).values(provider_code=outcome.code or None, **values))
    told.follow(conn, [claimed.key])
    if values["state"] in {"failed", "unknown"}:
        _to_staff(conn, [claimed.key])


def _whose(answer_key: int) -> sa.ColumnElement[bool]:
    """The endpoint that an answer is for."""
    owner = (
        sa.select(t.replies.c.endpoint_key)
        .join(t.answers, _A.c.reply_key == t.replies.c.key)
        .where(_A.c.key == answer_key)
    )
    return t.endpoints.c.key == owner.scalar_subquery()


def _to_staff(conn: Connection, answer_keys: Sequence[int]) -> None:
    """List the texts whose answers nobody got: a person has to look at them."""
    unanswered = sa.select(_A.c.reply_key).where(_A.c.key.in_(answer_keys), _A.c.role == ANSWER)
    r = t.replies
    conn.execute(r.update().where(r.c.key.in_(unanswered)).values(for_staff=True))


def _end(conn: Connection, key: int, state: str, reason: str, now: datetime) -> None:
    conn.execute(
        _A.update().where(_A.c.key == key).values(state=state, reason=reason, ended_at=now)
    )
    told.follow(conn, [key])
    if reason != "send_mode":
        _to_staff(conn, [key])
