"""The relay: whoever follows the journal, each in a loop of its own (DECISIONS 6)."""

from collections.abc import Callable, Sequence
from functools import partial

from outage import journal
from outage.bell import Bell
from outage.database import Database
from outage.settings import Settings
from workers.loops import Loop

Turn = Callable[[], bool]
READERS = ("gis", "notifier", "cis", "publisher")


def loops(names: Sequence[str], db: Database, settings: Settings, bell: Bell) -> list[Loop]:
    """The loops of these readers. Each loads only its own room."""
    make = {"gis": _gis, "notifier": _notifier, "cis": _cis, "publisher": _publisher}
    return [Loop(name=name, turn=make[name](db, settings, bell)) for name in names]


def _gis(db: Database, settings: Settings, bell: Bell) -> Turn:
    from gis.matching import Matcher
    from gis.reader import GisReader

    del settings, bell
    return partial(journal.turn, db, GisReader(Matcher(db)))


def _notifier(db: Database, settings: Settings, bell: Bell) -> Turn:
    from notifier.reader import NotifierReader

    def turn() -> bool:
        did = journal.turn(db, reader)
        if did:
            # Planning appends nothing to the journal, and what it planned may be due now.
            bell.ring()
        return did

    reader = NotifierReader(settings)
    return turn


def _cis(db: Database, settings: Settings, bell: Bell) -> Turn:
    from outage.cis.reader import CisReader

    del settings, bell
    return partial(journal.turn, db, CisReader())


def _publisher(db: Database, settings: Settings, bell: Bell) -> Turn:
    from status_page.publisher import Publisher

    return Publisher(db, settings, bell).turn
