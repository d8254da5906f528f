"""What the doctor says of the queue: stopped, how long it takes, its money, and what waits."""

import math
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.engine import Connection

from notifier import approvals, queue
from notifier.spending import WARN_PERCENT, Prices, spent
from notifier.stopping import standing
from outage import clock
from outage.errors import SiteError
from outage.settings import Settings
from outage.site import load_site
from workers.findings import Check, failed, note, ok


def checks(conn: Connection, settings: Settings) -> Iterator[Check]:
    """Everything about what is to be sent; silent where all is as usual."""
    yield from _stopped(conn)
    yield from _queue(conn, settings)
    yield from _spending(conn, settings)
    yield from _large(conn)


def _stopped(conn: Connection) -> Iterator[Check]:
    """Whether somebody has stopped sending; silent when nobody has."""
    stop = standing(conn)
    if stop is not None:
        since = stop.at.isoformat(timespec="seconds")
        yield failed(
            "sending",
            f"stopped since {since} by {stop.by}: {stop.why}; `outage sending resume` ends that",
        )


def _queue(conn: Connection, settings: Settings) -> Iterator[Check]:
    """How long what is due will take; silent when nothing waits."""
    due = [lane for lane in queue.lanes(conn, settings) if lane.due]
    if due:
        said = [f"{lane.due:,} in {lane.name} ({in_words(lane.drains_in)})" for lane in due]
        yield note("queue", f"due and not sent: {', '.join(said)}; see `outage queue`")


def _spending(conn: Connection, settings: Settings) -> Iterator[Check]:
    """How near the month's cap is; silent without one, and on a bad site file."""
    try:
        prices = Prices.of(settings, load_site(settings.home).zone)
    except SiteError:
        return
    if not prices.cap:
        return
    month = prices.month(clock.business_now(conn))
    units = spent(conn, month)
    percent = 100 * units / prices.cap
    says = f"{prices.in_words(units)} of {prices.in_words(prices.cap)} in {month}"
    if percent >= 100:  # noqa: PLR2004  # per cent
        yield failed(
            "spending",
            f"{says}: only what takes back or ends something told, safety and medical customers "
            "go; raise OUTAGE_SPENDING_CAP",
        )
    elif percent >= WARN_PERCENT:
        yield note("spending", f"{says}, {percent:.0f} per cent")
    else:
        yield ok("spending", says)


def _large(conn: Connection) -> Iterator[Check]:
    """Large sends that wait for somebody, and those that somebody let go alone lately."""
    for one in approvals.open_(conn):
        how = f"goes by itself at {one['goes_at']}" if one["goes_at"] else "waits for approval"
        yield note(
            "approval",
            f"send {one['number']} ({one['messages']:,} messages of {one['outage']}) {how}; "
            f"outage approve|hold|withdraw {one['number']}",
        )
    for one in approvals.alone_since(conn, clock.business_now(conn) - timedelta(days=1)):
        yield failed(
            "approval",
            f"{one['decided_by']} let send {one['number']} ({one['messages']:,} messages) go "
            f"alone at {one['decided_at']}: {one['why']}",
        )


def in_words(time: timedelta | None) -> str:
    """How long a lane takes to drain."""
    if time is None:
        return "nobody knows how fast it goes"
    minutes = math.ceil(time.total_seconds() / 60)
    hours, minutes = divmod(minutes, 60)
    return f"done in {hours} h {minutes} min" if hours else f"done in {minutes} min"
