"""A publisher that stands still in the middle of an upload, for as long as somebody likes.

`python -m tests.integration.status_page.stalled WHAT RECORD FOLDER AFTER [URL KEY_ID SECRET]`
publishes what the record says, into a bucket where one is named. It says "here" in front of file
``AFTER`` of those that go out and waits for a line; whoever reads it stops the whole process
meanwhile. WHAT is ``turn``, a generation, or ``close``, the feeds of the whole system at the end.
"""

import contextlib
import sys
from datetime import timedelta
from pathlib import Path

from outage.database import open_database
from status_page import bucket as buckets
from status_page import lease, press, publisher
from status_page.bucket import Bucket, BucketStore
from status_page.errors import NewerPublication
from status_page.publisher import Publisher
from status_page.store import FolderStore
from tests.integration.status_page.town import SITE

LENGTH_S = 1.0


def tell(word: str) -> None:
    """Say how far it is, and wait for a line."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()
    sys.stdin.readline()


class Stall:
    """Lets so many files pass and then waits once."""

    def __init__(self, after: int) -> None:
        self._left = after

    def wait(self) -> None:
        self._left -= 1
        if self._left == 0:
            tell("here")


class SlowFolder(FolderStore):
    stall: Stall | None = None

    def _rename(self, old: Path, new: Path) -> None:
        if self.stall:
            self.stall.wait()
        super()._rename(old, new)


class SlowBucket(BucketStore):
    stall: Stall | None = None

    def _put(self, file: tuple[str, bytes]) -> None:
        if self.stall:
            self.stall.wait()
        super()._put(file)


def main() -> None:
    what, record, folder, after, *bucket = sys.argv[1:]
    lease.LENGTH = timedelta(seconds=LENGTH_S)
    # The same value, imported there.
    setattr(publisher, "LENGTH", lease.LENGTH)  # noqa: B010
    # One file on its way at a time, so that it is known which.
    buckets._AT_ONCE = 1  # noqa: SLF001
    slow: SlowFolder | SlowBucket = SlowFolder(Path(folder))
    if bucket:
        url, key_id, secret = bucket
        slow = SlowBucket(Bucket(url=url, key_id=key_id, secret=secret), Path(folder))
    if what == "close":
        # What holds every outage waits for its beat, which comes at the end.
        press.FEW_LISTED, publisher.WHOLE_S = 0, 3600.0
    db = open_database(record)
    mine = Publisher(db, slow, SITE, send_mode="live", gather_s=1e-9)
    mine.turn()
    tell("ready")
    if what == "close":
        mine.turn()
    slow.stall = Stall(int(after))
    # What was half written in a folder may be cleared away by who publishes now.
    with contextlib.suppress(NewerPublication, FileNotFoundError):
        if what == "turn":
            mine.turn()
        mine.close()
    db.close()


if __name__ == "__main__":
    main()
