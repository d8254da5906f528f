"""Finding out what became of messages that nobody knows the fate of, before any is sent again."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import receipts, spending, wording
from notifier.channels.base import (
    NOT_ASKED,
    Absent,
    Channel,
    Finding,
    Found,
    Silent,
    Sought,
    Trace,
    Unknowable,
    not_asked,
)
from notifier.channels.providers import opened
from notifier.locking import lock
from notifier.policy import Reason
from notifier.receipts import Receipt
from notifier.routing import Routing
from notifier.spending import Prices
from outage import tables as t
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.settings import Settings
from outage.site import Site

log = logging.getLogger(__name__)

AT_ONCE = 50
"""Messages asked about in one turn: at worst a time-out of ten seconds, and no crowd at a list."""
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=10), timedelta(minutes=5)
"""Until a provider that did not answer is asked again: twice as long each time."""
ASKED_FOR = timedelta(hours=1)
"""After which a provider that never answers is asked no more, if the message is not stale before.

By then the next message has told whoever is concerned, or will: one that is an hour old and may
have arrived helps nobody a second time.
"""
RESTS = "rests"
"""Our code for a provider that is left alone just now: not asked, it has not been silent."""
MOST_SENDS = 5
"""How often a message that a provider surely did not take is tried in all."""


class Reconciler:
    """Asks providers for what is unknown. One loop has it: its channels live in one thread.

    Several processes may each have one: whoever comes second finds the message settled.
    """

    def __init__(self, db: Database, settings: Settings, site: Site, routing: Routing) -> None:
        self._db = db
        self._settings = settings
        self._site = site
        self._routing = routing
        self._providers = {name for names in routing.providers.values() for name in names}
        self._prices = Prices.of(settings, site.zone) if settings.segment_price else None
        self._channels: dict[str, Channel] = {}

    def close(self) -> None:
        """Give the channels' connections back; they are opened again when they are needed."""
        while self._channels:
            self._channels.popitem()[1].close()

    def turn(self, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Ask for some of what is unknown; whether there may be more to ask for at once."""
        with self._db.read() as conn:
            due = _due(conn)
        # No session is held from here to the answers.
        for provider, sought in due.items():
            findings = list(self._ask(provider, sought, stopping))
            with self._db.write() as conn:
                settle(conn, provider, findings, self._prices)
        return sum(map(len, due.values())) == AT_ONCE and not stopping()

    def _ask(
        self, provider: str, sought: Sequence[Sought], stopping: Callable[[], bool]
    ) -> Iterator[Finding]:
        if provider not in self._providers:
            # The settings name it no more: as good as one that never answers.
            return iter([Silent(message_key=one.message_key, code="no_provider") for one in sought])
        if stopping():
            return map(not_asked, sought)
        if not self._routing.awake(provider):
            return iter([Silent(message_key=one.message_key, code=RESTS) for one in sought])
        if provider not in self._channels:
            self._channels[provider] = opened(provider, self._settings, self._site)
        return self._channels[provider].find(sought, lambda: not stopping())


def _due(conn: Connection) -> dict[str, list[Sought]]:
    """By provider what is to be asked for now, what waits longest first."""
    m, e = t.messages.c, t.endpoints.c
    rows = conn.execute(
        sa.select(m.key, m.provider, m.text_key, m.tried_at, m.unknown_since, e.address)
        .join_from(t.messages, t.endpoints, e.key == m.endpoint_key)
        .where(_OPEN, m.ask_after <= wall_now(conn))
        .order_by(m.ask_after, m.key)
        .limit(AT_ONCE)
    ).all()
    texts = wording.stored(conn, {row.text_key for row in rows})
    found: dict[str, list[Sought]] = defaultdict(list)
    for row in rows:
        sought = Sought(
            message_key=row.key,
            address=row.address,
            text=texts[row.text_key],
            since=row.tried_at or row.unknown_since,
        )
        found[row.provider].append(sought)
    return found


_M = t.messages
_OPEN = sa.and_(_M.c.state == sa.literal_column("'unknown'"), _M.c.ended_at.is_(None))


def settle(
    conn: Connection, provider: str, findings: Sequence[Finding], prices: Prices | None = None
) -> None:
    """Write down what a provider knows of messages, of those that are unknown yet.

    What was spent on those that it surely never took is given back, at ``prices``.
    """
    keys = [finding.message_key for finding in findings if not _is_no_news(finding)]
    statement = _M.select().where(_M.c.key.in_(keys), _OPEN, _M.c.ask_after.is_not(None))
    rows = {row.key: row for row in conn.execute(statement.order_by(_M.c.key).with_for_update())}
    endpoints = t.endpoints
    lock(conn, endpoints, endpoints.c.key.in_([row.endpoint_key for row in rows.values()]))
    never_sent = []
    for finding in findings:
        row = rows.get(finding.message_key)
        if row is not None and not _settle(conn, provider, row, finding):
            never_sent.append(row)
    _give_back(conn, never_sent, prices)


def _give_back(conn: Connection, rows: Sequence[sa.Row[Any]], prices: Prices | None) -> None:
    """What was counted for tries that no provider took; months one after the other, in order."""
    costs: dict[str, int] = defaultdict(int)
    for row in rows:
        if prices is not None and row.channel == "sms" and row.claimed_at is not None:
            costs[prices.month(row.claimed_at)] += (row.segments or 0) * prices.segment
    for month in sorted(costs):
        spending.give_back(conn, month, costs[month])


def _is_no_news(finding: Finding) -> bool:
    return isinstance(finding, Silent) and finding.code == NOT_ASKED


def _settle(conn: Connection, provider: str, row: sa.Row[Any], finding: Finding) -> bool:
    """Whether the provider may have it."""
    match finding:
        case Found(traces=traces) if trace := _unclaimed(conn, traces):
            receipt = Receipt(
                provider=provider,
                message_key=row.key,
                event=trace.event,
                provider_id=trace.provider_id,
                code=trace.code,
            )
            if not receipts.apply_in(conn, [receipt]):
                _wait(conn, provider, row, f"no such event: {trace.event}")
        case Found() | Absent():
            # What the list has of these words, other messages have said.
            _owe(conn, row, most=MOST_SENDS)
            return False
        case Unknowable():
            # Only once more: the first may well have arrived.
            _owe(conn, row, most=2)
        case Silent(code=code):
            _wait(conn, provider, row, code)
    return True


def _unclaimed(conn: Connection, traces: Sequence[Trace]) -> Trace | None:
    """The first of these that no message of ours is known to be."""
    ids = [trace.provider_id for trace in traces]
    known = set(
        conn.execute(sa.select(_M.c.provider_id).where(_M.c.provider_id.in_(ids))).scalars()
    )
    return next((trace for trace in traces if trace.provider_id not in known), None)


def _owe(conn: Connection, row: sa.Row[Any], *, most: int) -> None:
    """It may be sent again: whether it is, its kind and the moment of its claim decide."""
    if row.sends >= most:
        _end(conn, row, Reason.TRIED_ENOUGH)
        return
    _update(conn, row, ask_after=None, lease_until=wall_now(conn))


def _wait(conn: Connection, provider: str, row: sa.Row[Any], code: str) -> None:
    """Ask again later, and meanwhile send nothing; in the end it stays unknown."""
    now = wall_now(conn)
    stale = row.expires_at is not None and row.expires_at <= business_now(conn)
    if stale or now - _since(row) >= ASKED_FOR:
        log.error("%s did not say whether it has message %d: %s", provider, row.key, code)
        _end(conn, row, Reason.NO_WORD)
        return
    if code == RESTS:
        _update(conn, row, ask_after=now + FIRST_WAIT)
        return
    again = now + min(FIRST_WAIT * 2 ** min(row.asked, 10), LONGEST_WAIT)
    _update(conn, row, ask_after=again, asked=row.asked + 1)


def _since(row: sa.Row[Any]) -> datetime:
    since: datetime = row.unknown_since
    return since


def _end(conn: Connection, row: sa.Row[Any], reason: Reason) -> None:
    _update(conn, row, ask_after=None, reason=reason.value, ended_at=business_now(conn))


def _update(conn: Connection, row: sa.Row[Any], **values: object) -> None:
    conn.execute(_M.update().where(_M.c.key == row.key).values(**values))
