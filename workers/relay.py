"""The relay: whoever follows the journal, each in a loop of its own (DECISIONS 6)."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from outage import journal
from outage.bell import PUBLISHED, Bell
from outage.database import Database
from outage.settings import Settings
from outage.site import load_site
from workers.loops import Loop

if TYPE_CHECKING:
    from status_page.store import Store

_CATCHES_UP_S = 2.0
"""Once the database is back, however long it was away, the page follows within ten seconds."""

READERS = ("gis", "notifier", "cis", "publisher")


def loops(
    names: Sequence[str], db: Database, settings: Settings, bell: Bell, *, at_once: bool = False
) -> list[Loop]:
    """The loops of these readers. Each loads only its own room.

    With `at_once` nothing waits for more to come: a replay has no more until it goes on.
    """
    make: dict[str, Callable[[Database, Settings, Bell], Loop]] = {
        "gis": _gis,
        "notifier": _notifier,
        "cis": _cis,
        "publisher": partial(_publisher, at_once=at_once),
    }
    return [make[name](db, settings, bell) for name in names]


def _gis(db: Database, settings: Settings, bell: Bell) -> Loop:
    from gis.matching import Matcher
    from gis.reader import GisReader

    del bell
    areas = load_site(settings.home).areas
    reader = GisReader(Matcher(db, settings.indexes), areas=areas)
    return Loop(name="gis", turn=partial(journal.turn, db, reader))


def _notifier(db: Database, settings: Settings, bell: Bell) -> Loop:
    from notifier.reader import NotifierReader

    def turn() -> bool:
        did = journal.turn(db, reader)
        if did:
            # Planning appends nothing to the journal, and what it planned may be due now.
            bell.ring()
        return did

    reader = NotifierReader(settings, load_site(settings.home))
    return Loop(name="notifier", turn=turn)


def _cis(db: Database, settings: Settings, bell: Bell) -> Loop:
    from outage.cis.queueing import ConnectorReader
    from outage.cis.reader import CisReader

    def turn() -> bool:
        did = journal.turn(db, reader)
        return connector.turn(db) or did if settings.cis_url else did

    del bell
    reader, connector = CisReader(), ConnectorReader()
    return Loop(name="cis", turn=turn)


def _publisher(db: Database, settings: Settings, bell: Bell, *, at_once: bool) -> Loop:
    from status_page.publisher import GATHER_S, Publisher

    publisher = Publisher(
        db,
        store_of(settings),
        load_site(settings.home),
        send_mode=str(settings.send),
        ring=partial(bell.ring, PUBLISHED),
        gather_s=0.0 if at_once else GATHER_S,
        address=settings.public_url,
    )
    return Loop(
        name="publisher",
        turn=publisher.turn,
        longest_wait_s=_CATCHES_UP_S,
        close=publisher.close,
    )


def store_of(settings: Settings) -> "Store":
    """Where the page is published; a library for buckets is loaded only for one."""
    from status_page.store import FolderStore

    if not settings.is_bucket:
        return FolderStore(settings.published)
    from status_page.bucket import Bucket, BucketStore

    bucket = Bucket(
        url=settings.publish_url, key_id=settings.publish_key_id, secret=settings.publish_secret
    )
    return BucketStore(bucket, settings.published)
