"""Publishes into a bucket until it is killed; forks for each word, so that each life begins soon.

`python -m tests.integration.status_page.bucket_killed URL KEY_ID SECRET FOLDER` reads seeds, a line
each, and answers with the process id of the one that publishes with it, and once that has ended
with how it ended.
"""

import itertools
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from outage.model import Status
from status_page import press
from status_page.view import PublicStatus
from tests.unit.status_page.storm import NOW, Publication, outage, status

TOWN = 3


def some(chance: random.Random) -> PublicStatus:
    """A state of the town: who is listed changes, and how many are out."""
    numbers = sorted(chance.sample(range(1, TOWN + 1), chance.randint(1, TOWN)))
    over = {"status": Status.RESTORED, "restored": NOW, "matched": 0}
    return status(
        *(
            outage(
                number, **(over if chance.random() < 0.2 else {"matched": chance.randint(5, 99)})
            )
            for number in numbers
        )
    )


def publish(url: str, key_id: str, secret: str, folder: Path, seed: int) -> None:
    """Publish one state after the other, feeds beside as in a storm, and sweep now and then."""
    # Here, in the one that was forked: its threads are not taken along.
    from status_page.bucket import Bucket, BucketStore

    bucket = Bucket(url=url, key_id=key_id, secret=secret)
    chance = random.Random(seed)
    press.FEW_LISTED = chance.choice((0, TOWN))
    publication = Publication(folder, store=BucketStore(bucket, folder))
    for turn in itertools.count():
        publication.publish(some(chance))
        draft = publication.press.whole() if publication.press.is_behind else None
        made = publication.press.made(draft) if draft is not None else []
        publication.store.write((name, content) for name, content in made if content is not None)
        issued = publication.press.issued
        if turn % 3 == 0 and issued.pointer is not None:
            publication.store.sweep(issued.pointer.id, set(issued.named), time.time())


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    url, key_id, secret, folder = sys.argv[1:]
    with tempfile.TemporaryDirectory() as warm:
        # What each life would compress again, at the slowest levels there are.
        Publication(Path(warm)).publish(status())
    for line in sys.stdin:
        child = os.fork()
        if not child:
            publish(url, key_id, secret, Path(folder), int(line))
        tell(child)
        _, ended = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(ended))


if __name__ == "__main__":
    main()
