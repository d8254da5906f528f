"""The loops of the `clock` process: what is due, and what somebody left behind."""

from collections.abc import Callable
from functools import partial

from notifier import looking
from notifier.audience import Audit
from notifier.following import follow_up
from notifier.inbound import Inbox
from notifier.outbox import Outbox
from notifier.replies.sending import Answers
from notifier.stopping import standing
from outage.database import Database
from outage.deadlines import Leads
from outage.settings import Settings
from outage.site import Site, load_site
from workers import opening, queues, timers
from workers.dispatch import Dispatch
from workers.loops import Loop
from workers.retention import Retention

RETENTION_S = 3600.0
WEIGH_S = 60.0
AUDIT_S = 60.0


def loops(db: Database, settings: Settings, stopping: Callable[[], bool]) -> list[Loop]:
    """Dispatch of due batches, expired leases, what is unknown, providers' shares, and the rest."""
    site = load_site(settings.home)
    looking.look(db, settings)
    outbox = Outbox(db, settings, site)
    inbox = Inbox(db, settings, site)
    answers = Answers(db, settings, site)
    dispatch = Dispatch(outbox, queues.connect(opening.redis_url(settings)), stopping=stopping)

    def expire() -> bool:
        outbox.expire()
        return False

    def look() -> bool:
        looking.look(db, settings)
        return False

    def weigh() -> bool:
        outbox.routing.weigh()
        return False

    return [
        Loop(name="looking", turn=look, every_s=looking.LOOK_S, woken=False),
        *_cis(db, settings, site, stopping),
        Loop(name="dispatch", turn=dispatch.turn),
        Loop(name="leases", turn=expire, woken=False),
        Loop(
            name="unknown",
            turn=partial(outbox.reconciler.turn, stopping),
            woken=False,
            close=outbox.reconciler.close,
        ),
        Loop(name="undelivered", turn=partial(follow_up, db), woken=False),
        Loop(name="providers", turn=weigh, every_s=WEIGH_S, woken=False),
        Loop(name="audit", turn=Audit(db).turn, every_s=AUDIT_S, woken=False),
        Loop(name="replies", turn=inbox.turn),
        Loop(name="answers", turn=partial(answers.turn, stopping), close=answers.close),
        Loop(name="timers", turn=partial(timers.fire, db, Leads.of(settings))),
        Loop(
            name="retention",
            turn=Retention.of(db, settings).turn,
            every_s=RETENTION_S,
            woken=False,
        ),
    ]


def _cis(db: Database, settings: Settings, site: Site, stopping: Callable[[], bool]) -> list[Loop]:
    """What tells the utility's own CIS, where there is one; its library is loaded only then."""
    if not settings.cis_url:
        return []
    from outage.cis.connector import Connector

    connector = Connector(db, settings, site.zone)

    def turn() -> bool:
        with db.read() as conn:
            stop = standing(conn)
        # Nor does a copy tell the CIS of what is not so.
        return (stop is None or not stop.held) and connector.turn(stopping)

    return [Loop(name="cis", turn=turn, close=connector.close)]
