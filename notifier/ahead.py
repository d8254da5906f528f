"""While one step of a plan is written, another thread looks up who is next.

Looking takes as long as writing and needs no lock, which on SQLite others would wait for meanwhile.
What is found is of a moment before the step. Who changes anything in between might as well have
done so just after: it is decided again when their message is claimed.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

from sqlalchemy.engine import Connection

from notifier.planned import Plan
from notifier.planner import Found, find
from outage.database import Ahead, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found for a step, and the connection that has it."""

    by: Ahead
    found: Found | None


class LookingAhead:
    """Looks for the steps of one plan, each while the one before it is written.

    Most plans are one step: a thread and two connections are had when there is a second one.
    """

    def __init__(self, db: Database, plan: Plan, stack: ExitStack) -> None:
        self._db, self._plan, self._stack = db, plan, stack
        self._begun: Future[Looked] | None = None

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return self._stack.enter_context(ThreadPoolExecutor(1, "looking-ahead"))

    @cached_property
    def _turns(self) -> Iterator[Ahead]:
        """One connection finds out for a step while the other writes."""
        return cycle([self._stack.enter_context(self._db.ahead()) for _ in range(2)])

    def begin(self, after: int, premises: int) -> None:
        """Begin to look for the step after this key."""
        # Had before the thread, they are given back after it has ended.
        by = next(self._turns)
        self._begun = self._thread.submit(self._look, by, after, premises)

    def take(self) -> Looked | None:
        """What was found, if a look was begun."""
        begun, self._begun = self._begun, None
        return None if begun is None else begun.result()

    def _look(self, by: Ahead, after: int, premises: int) -> Looked:
        with by.look() as conn:
            return Looked(by=by, found=find(conn, self._plan, after, premises))


def written(db: Database, looked: Looked | None) -> AbstractContextManager[Connection]:
    """Where a step is written: where it was looked up, if it was."""
    if looked is None:
        return db.bulk(redone=True, checked=False)
    return looked.by.bulk()
