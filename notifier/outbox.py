"""The outbox: batches of what is due, claimed, sent and settled."""

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta

from notifier import batches, settling
from notifier.batches import Waiting
from notifier.channels.base import TIMEOUT_S, Channel, Outcome
from notifier.claiming import ClaimedBatch, Terms, claim
from notifier.kinds import Channel as ChannelName
from notifier.manners import Manners
from notifier.rendering import Voice
from outage.database import Database
from outage.settings import Settings
from outage.site import Site

COMMIT_S = 0.050
"""How much of what a provider has said may be lost by a kill."""


class Outbox:
    """Everything a sender or a sweep does with messages, under one set of terms.

    Safe to have in any number of processes: batches go by lease and fence.
    """

    def __init__(self, db: Database, settings: Settings, site: Site) -> None:
        self.db = db
        self.settings = settings
        self.site = site
        self.terms = terms(settings, site)

    def waiting(self, *, queued_too: bool) -> list[Waiting]:
        """Batches nobody has claimed, most urgent first, after putting together what is due.

        Those queued a moment ago are left out unless ``queued_too``.
        """
        batches.assign(self.db, self.settings.batch_size)
        with self.db.read() as conn:
            return batches.waiting(conn, queued_too=queued_too)

    def queued(self, keys: Iterable[int]) -> None:
        """Note that these batches were queued now."""
        batches.queued(self.db, keys)

    def expire(self) -> int:
        """Take back what dead senders held; return how many messages became unknown."""
        return batches.expire(self.db)

    def send(self, key: int, stopping: Callable[[], bool] = lambda: False) -> int:
        """Claim a batch, send it, and write down what was said; return how many were sent.

        No database session is held during a call. Once ``stopping`` says so, or
        the lease runs out, what is left goes back to where it was.
        """
        claimed = claim(self.db, key, self.terms)
        if claimed is None:
            return 0
        channel = self._channel(claimed.lane)
        try:
            sent = self._send(channel, claimed, stopping)
        finally:
            channel.close()
        settling.finish(self.db, claimed)
        return sent

    def drain(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Send everything that is due, here and now; return how many messages were sent."""
        sent = 0
        while not stopping() and (found := self.waiting(queued_too=True)):
            sent += sum(self.send(batch.key, stopping) for batch in found)
        return sent

    def _send(self, channel: Channel, claimed: ClaimedBatch, stopping: Callable[[], bool]) -> int:
        lease_s = self.terms.lease.total_seconds()
        # A call begun before this ends, or times out, while the lease still holds.
        last_call = claimed.until - min(TIMEOUT_S, lease_s / 2)

        def may_send() -> bool:
            return not stopping() and time.monotonic() < last_call

        sent = 0
        for some in _gathered(channel.send(claimed.outgoing, may_send)):
            settling.settle(self.db, claimed, channel.provider, some)
            sent += sum(outcome.code != "not_sent" for outcome in some)
        return sent

    def _channel(self, lane: str) -> Channel:
        # A worker loads the SDK of its own channel only.
        if lane.startswith("sms"):
            from notifier.channels.sms import SmsChannel, TwilioAccount  # noqa: PLC0415

            return SmsChannel(
                TwilioAccount(
                    account_sid=self.settings.twilio_account_sid,
                    auth_token=self.settings.twilio_auth_token,
                    messaging_service_sid=self.settings.twilio_messaging_service_sid,
                    sender=self.settings.twilio_from,
                    base_url=self.settings.twilio_base_url,
                    hooks_url=self.settings.hooks,
                )
            )
        from notifier.channels.email import EmailChannel, SendGridAccount  # noqa: PLC0415

        return EmailChannel(
            SendGridAccount(
                api_key=self.settings.sendgrid_api_key,
                sender=self.settings.sendgrid_from,
                sender_name=self.site.name,
                base_url=self.settings.sendgrid_base_url,
            )
        )


def send_batch(
    db: Database,
    settings: Settings,
    site: Site,
    key: int,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Send one batch: what a worker's job does. Returns how many messages were sent."""
    return Outbox(db, settings, site).send(key, stopping)


def terms(settings: Settings, site: Site) -> Terms:
    """The terms that settings and site make."""
    providers = {}
    if settings.twilio_account_sid:
        providers[ChannelName.SMS] = "twilio"
    if settings.sendgrid_api_key:
        providers[ChannelName.EMAIL] = "sendgrid"
    return Terms(
        mode=settings.send,
        allowlist=settings.allowlist,
        providers=providers,
        voice=Voice(
            name=site.short_name,
            phone=site.phones.outage or "",
            zone=site.zone,
            advisory=site.advisory,
            lifted=site.advisory_lifted,
        ),
        languages=site.languages,
        manners=Manners.of(settings, site),
        lease=timedelta(seconds=settings.lease_s),
    )


def _gathered(outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    """Outcomes in handfuls, none kept back for longer than `COMMIT_S`.

    What a provider has said is handed on also when the next call breaks.
    """
    some: list[Outcome] = []
    since = time.monotonic()
    try:
        for outcome in outcomes:
            if not some:
                since = time.monotonic()
            some.append(outcome)
            if time.monotonic() - since >= COMMIT_S:
                ready, some = some, []
                yield ready
    except Exception:
        if some:
            yield some
        raise
    if some:
        yield some
