"""The outbox: batches of what is due, claimed, sent and settled."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy.engine import Connection

from notifier import batches, own_texts, pacing, settling
from notifier.batches import LANES, Waiting
from notifier.channels.base import NOT_SENT, TIMEOUT_S, Channel, Outcome, Outgoing, not_sent
from notifier.channels.providers import configured, opened
from notifier.claiming import ClaimedBatch, claim
from notifier.kinds import Channel as ChannelName
from notifier.links import Links
from notifier.manners import Manners
from notifier.patience import Patience
from notifier.reconciling import Reconciler
from notifier.recorder import Recorder
from notifier.rendering import Voice
from notifier.routing import Routing
from notifier.situations import CHANNEL_OF, CHANNELS
from notifier.spending import Prices
from notifier.stopping import Switch, standing
from notifier.terms import Terms
from outage.database import Database
from outage.settings import Settings
from outage.site import Site

log = logging.getLogger(__name__)


class Outbox:
    """Everything a sender or a sweep does with messages, under one set of terms.

    Safe to have in any number of processes: batches go by lease and fence.
    """

    def __init__(self, db: Database, settings: Settings, site: Site) -> None:
        self.db = db
        self.settings = settings
        self.site = site
        self.terms = terms(settings, site)
        self.routing = Routing(db, configured(settings), second_share=settings.second_share)
        self._sizes = {
            CHANNELS[channel]: min(
                pacing.batch_size(self.terms.rate(name), settings.batch_size) for name in names
            )
            for channel, names in self.routing.providers.items()
        }
        self._switch = Switch(db)
        self.reconciler = Reconciler(db, settings, site, self.routing)
        self._channels: dict[str, Channel] = {}

    def close(self) -> None:
        """Give the channels' connections back; they are opened again when they are needed."""
        while self._channels:
            self._channels.popitem()[1].close()
        self.reconciler.close()

    def waiting(self, *, queued_too: bool, lanes: Sequence[str] = LANES) -> list[Waiting]:
        """Batches nobody has claimed, most urgent first, after putting together what is due.

        Those queued a moment ago are left out unless ``queued_too``, and those of a channel
        whose providers all rest or have enough to do. While sending is stopped nothing waits.
        """
        with self.db.read() as conn:
            if standing(conn) is not None:
                return []
        batches.assign(self.db, self.settings.batch_size, self._sizes, lanes)
        with self.db.read() as conn:
            found = [
                batch
                for batch in batches.waiting(conn, queued_too=queued_too)
                if batch.lane in lanes
            ]
            everywhere = found if queued_too else batches.waiting(conn, queued_too=True)
            room = {batch.lane: self._room(conn, batch.lane) for batch in found}
        for batch in everywhere:
            if batch not in found and batch.lane in room:
                room[batch.lane] -= 1  # a worker is about to claim it
        resting = {lane for lane in room if self._rests(_channel_of(lane))}
        fit: list[Waiting] = []
        for batch in found:
            if batch.lane not in resting and room[batch.lane] > 0:
                room[batch.lane] -= 1
                fit.append(batch)
        return fit

    def queued(self, keys: Iterable[int]) -> None:
        """Note that these batches were queued now."""
        batches.queued(self.db, keys)

    def expire(self) -> int:
        """Take back what dead senders held; return how many messages became unknown."""
        return batches.expire(self.db, self.terms.patience)

    def send(self, key: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """Claim a batch, send it, and write down what was said; return how many were sent.

        No database session is held during a call. Once ``stopping`` says so, or
        the lease runs out, what is left goes back to where it was.
        """
        with self.db.read() as conn:
            lane = batches.lane(conn, key)
        if lane is None:
            return 0
        channel = _channel_of(lane)
        provider = self.routing.pick(channel)
        if provider is None and channel in self.routing.providers:
            return 0  # all of them rest; the batch waits with its messages
        chosen = {} if provider is None else {channel: provider}
        claimed = claim(self.db, key, replace(self.terms, providers=chosen))
        if claimed is None or provider is None:
            return 0
        sent = self._send(provider, claimed, stopping)
        settling.finish(self.db, claimed)
        return sent

    def drain(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Send everything that is due, here and now; return how many messages were sent."""
        sent = 0
        while not stopping() and (found := self.waiting(queued_too=True)):
            sent += sum(self.send(batch.key, stopping) for batch in found)
        return sent

    def _send(self, provider: str, claimed: ClaimedBatch, stopping: Callable[[], bool]) -> int:
        lease_s = self.terms.lease.total_seconds()
        # A call begun before this ends, or times out, while the lease still holds.
        last_call = claimed.until - min(TIMEOUT_S, lease_s / 2)
        routing = self.routing

        def may_send(outgoing: Outgoing) -> bool:
            in_time = not stopping() and time.monotonic() < last_call
            goes = in_time and not recorder.failed and routing.may_call(provider)
            return goes and not self._switch.stops(outgoing.address)

        def record(some: list[Outcome]) -> None:
            settling.settle(self.db, claimed, provider, some)

        self._switch.watch(claimed.at)
        sent, trial = 0, int(routing.on_trial(provider))
        one_only = routing.on_probation(provider)
        tried = claimed.outgoing[:1] if one_only else claimed.outgoing
        with Recorder(record, f"record {claimed.key}") as recorder:
            for outgoing in claimed.outgoing[len(tried) :]:
                recorder.put(not_sent(outgoing))
            for part in filter(None, (tried[:trial], tried[trial:])):
                outcomes = self._channel(provider).send(part, may_send)
                for outcome in routing.watched(provider, outcomes):
                    recorder.put(outcome)
                    sent += outcome.code != NOT_SENT
                routing.note(provider)
        if one_only and sent:
            routing.probed(provider)
        return sent

    def _room(self, conn: Connection, lane: str) -> float:
        """How many more batches of a lane its providers may be handed now."""
        names = self.routing.providers.get(_channel_of(lane), ())
        if not names or any(not self.terms.rate(name) for name in names):
            return math.inf
        left = max(pacing.limit(lane) - pacing.ahead(conn, name) for name in names)
        return math.ceil(left.total_seconds() / pacing.BATCH_S)

    def _rests(self, channel: ChannelName) -> bool:
        return channel in self.routing.providers and self.routing.pick(channel) is None

    def _channel(self, provider: str) -> Channel:
        """The channel of a provider, with its connections of earlier batches."""
        if provider not in self._channels:
            self._channels[provider] = opened(provider, self.settings, self.site)
        return self._channels[provider]


def _channel_of(lane: str) -> ChannelName:
    return CHANNEL_OF[lane.partition("-")[0]]


def terms(settings: Settings, site: Site) -> Terms:
    """The terms that settings and site make."""
    return Terms(
        mode=settings.send,
        allowlist=settings.allowlist,
        providers={channel: names[0] for channel, names in configured(settings).items()},
        voice=voice(site, settings.texts),
        languages=site.languages,
        manners=Manners.of(settings, site),
        lease=timedelta(seconds=settings.lease_s),
        rates=pacing.rates(settings),
        prices=Prices.of(settings, site.zone) if settings.segment_price else None,
        patience=Patience.of(settings),
        links=Links.of(settings),
    )


def voice(site: Site, folder: Path | None = None) -> Voice:
    """Who speaks, with those texts in a folder that are fit to send; the log names the others."""
    ours = Voice(
        name=site.short_name,
        phone=site.phones.outage or "",
        zone=site.zone,
        advisory={str(service): said for service, said in site.advisory.items()},
        lifted={str(service): said for service, said in site.advisory_lifted.items()},
    )
    texts, faults = own_texts.load(folder, ours)
    for fault in faults:
        log.error("our own text is used: %s", fault.sentence)
    return replace(ours, texts=texts)
