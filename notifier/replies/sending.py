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

from notifier import area_wishes, opting, temporary
from notifier.channels.base import TIMEOUT_S, Channel, Outgoing
from notifier.channels.providers import configured, opened
from notifier.kinds import Channel as ChannelName
from notifier.links import Links
from notifier.rendering import Text
from notifier.replies import ending, told
from notifier.replies.applying import ALWAYS_ANSWERED
from notifier.replies.ending import IS_OPEN, Tried
from notifier.replies.owing import ANSWER, PAGE
from notifier.routing import Routing
from notifier.stopping import Stop, Switch, for_claiming, standing
from outage import tables as t
from outage.database import Database, wall_now
from outage.settings import SendMode, Settings
from outage.site import Site

log = logging.getLogger(__name__)

AT_ONCE = 50
"""What is claimed at a time."""
LEASE = timedelta(seconds=30)
STALE = timedelta(minutes=30)
"""An answer this late answers nothing any more; a page is never stale."""
_NAMES = {"sms": ChannelName.SMS, "email": ChannelName.EMAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claimed:
    tried: Tried
    outgoing: Outgoing
    never_stopped: bool


class Answers:
    """Sends answers and pages. Safe in several processes: rows go by lease and fence."""

    def __init__(self, db: Database, settings: Settings, site: Site) -> None:
        self._db = db
        self._settings = settings
        self._site = site
        self._mode, self._links = settings.send, Links.of(settings)
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
            is_due = _due(conn, able, stop=standing(conn))
            due = conn.execute(sa.select(_A.c.key).where(is_due).limit(1)).first()
            lost = conn.execute(sa.select(_A.c.key).where(ending.lost(conn)).limit(1)).first()
        if due is None and lost is None:
            return False
        # A call begun before this ends, or times out, while the lease still holds.
        last_call = time.monotonic() + LEASE.total_seconds() - TIMEOUT_S
        with self._db.write() as conn:
            ending.take_back(conn)
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
                one = by_message[outcome.message_key]
                ending.settle(conn, one.tried, outcome, provider)
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
            .where(_due(conn, able, stop=for_claiming(conn)))
            .order_by(_A.c.urgency, _A.c.key)
            .limit(AT_ONCE)
            .with_for_update(of=_A, skip_locked=True)
        ).all()
        now, links = wall_now(conn), self._links_of(conn, [row.key for row in rows])
        claimed: list[tuple[str, _Claimed]] = []
        answered: set[str] = set()
        for row in rows:
            reason = self._ending(row, now)
            if reason is not None:
                ending.end(conn, row.key, *reason, now)
                continue
            if row.role == ANSWER:
                if row.address in answered:
                    # A batch goes out all at once: the next answer waits until the one before
                    # is sent, or "which place?" could arrive after the place's news.
                    continue
                answered.add(row.address)
            fence = row.fence + 1
            conn.execute(
                _A.update()
                .where(_A.c.key == row.key)
                .values(state="claimed", fence=fence, lease_until=now + LEASE)
            )
            if row.message_key is not None:
                told.carried(conn, row.message_key, picked[row.channel] or "")
            one = _Claimed(
                tried=Tried(key=row.key, fence=fence, role=row.role, before=row.tries),
                outgoing=_outgoing(row, links.get(row.key, "")),
                never_stopped=row.role == PAGE or row.intent in ALWAYS_ANSWERED,
            )
            claimed.append((row.channel, one))
        return claimed

    def _links_of(self, conn: Connection, keys: Sequence[int]) -> Mapping[int, str]:
        if self._links is None or not keys:
            return {}
        return {
            **temporary.links_of(conn, self._links, keys),
            **opting.links_of(conn, self._links, keys),
            **area_wishes.links_of(conn, self._links, keys),
        }

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


def _due(conn: Connection, channels: Sequence[str], *, stop: Stop | None) -> sa.ColumnElement[bool]:
    """What goes now; while sending is stopped only pages, and what is answered always.

    Of these too only what has come up since, where nobody has looked yet at what is on record.
    """
    now = wall_now(conn)
    due = sa.and_(
        IS_OPEN, _A.c.state == "pending", _A.c.send_after <= now, _A.c.channel.in_(channels)
    )
    if stop is None:
        return due
    if stop.held:
        due = sa.and_(due, _A.c.created_at >= stop.at)
    always = sa.select(t.replies.c.key).where(t.replies.c.intent.in_(list(ALWAYS_ANSWERED)))
    return sa.and_(due, sa.or_(_A.c.role == PAGE, _A.c.reply_key.in_(always)))


def _outgoing(row: sa.Row[Any], link: str) -> Outgoing:
    return Outgoing(
        # Below zero, where no message's key is: its receipts are none of a message.
        message_key=-row.key if row.message_key is None else row.message_key,
        address=row.address,
        link=link,
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
