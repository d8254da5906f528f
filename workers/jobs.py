"""What RQ calls: thin, an id in, nothing out."""

import logging
from functools import cache

from notifier import looking
from notifier.outbox import Outbox
from outage import settings
from outage.site import load_site
from workers import opening
from workers.sender import stopping

log = logging.getLogger(__name__)


def send_batch(key: int) -> None:
    """Send the batch with this key, if nobody else has.

    Whatever goes wrong stays out of Redis, where RQ would keep it: an error may quote a number.
    The sweep takes up what is left of the batch.
    """
    try:
        _outbox().send(key, stopping.is_set)
    except Exception as error:  # noqa: BLE001 a batch that fails must not take its worker along
        log.error("batch %d failed with %s", key, type(error).__name__)  # noqa: TRY400 no text of it


@cache
def _outbox() -> Outbox:
    """The outbox of this process, with one pool of connections for all its batches."""
    found = settings.load()
    db = opening.open_record(found)
    looking.look(db, found)
    return Outbox(db, found, load_site(found.home))
