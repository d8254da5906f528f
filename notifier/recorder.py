"""What a provider has said goes on record while the next call is under way.

Calls block, for seconds where a provider is slow; what was said before must not wait for that, or
whoever is killed meanwhile leaves it unknown. So it is written down in a thread beside the calls.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")

GATHER_S = 0.025
"""How long the first waits for others; with the commit none is kept back for more than 50 ms."""


class Recorder(Generic[Item]):
    """Hands items to ``commit`` in handfuls, in the order in which they came.

    All of them are on record when its context ends, also by an error in what they came from. Once
    a commit has failed nothing more is taken: `failed` says so, and the error is raised at the end.
    """

    def __init__(self, commit: Callable[[list[Item]], object], name: str) -> None:
        self._commit = commit
        self._waiting: list[Item] = []
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def failed(self) -> bool:
        """Whether a commit has failed: nothing more may be done that would have to be recorded."""
        return self._error is not None

    def put(self, item: Item) -> None:
        """Have it on record soon."""
        with self._changed:
            self._waiting.append(item)
            if len(self._waiting) == 1:  # else whoever commits knows, and gathers
                self._changed.notify()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while some := self._next():
                self._commit(some)
        except BaseException as error:  # noqa: BLE001  # raised again where the context ends
            self._error = error

    def _next(self) -> list[Item]:
        """What has come within a moment; nothing once all is on record."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended)
            if self._waiting and not self._ended:
                self._changed.wait_for(lambda: self._ended, GATHER_S)
            some, self._waiting = self._waiting, []
            return some
