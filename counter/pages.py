"""How many dangers of the form page who is on call one by one; the others are paged together.

Anybody can fill in the form, as often as a robot likes: without a bound nobody on call could read
what is true, and with one alone nobody would hear of it. In memory, as all bounds of the forms.
"""

import threading
import time
from collections.abc import Callable

from counter.limits import Limit

PAGED_FOR_S = 900
MOST_OF_VISITOR, MOST_PAGED = 5, 20
"""Reports of one visitor, and of all, in that time that page on their own."""


class Pages:
    """Decides of each danger whether it pages on its own, with others, or stands on the list."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_visitor = Limit(MOST_OF_VISITOR, clock, seconds=PAGED_FOR_S)
        self._in_all = Limit(MOST_PAGED, clock, seconds=PAGED_FOR_S)
        self._together = Limit(1, clock, seconds=PAGED_FOR_S)
        self._waiting, self._lock = 0, threading.Lock()

    def of(self, who: str) -> "Turn":
        """The turn of one report of a visitor."""
        return Turn(self, who)

    def alone(self, who: str) -> bool:
        """Take a page of its own, if there is one left."""
        if who and not self._of_visitor.allows(who):
            return False
        if self._in_all.allows("all"):
            return True
        if who:
            self._of_visitor.give_back(who)
        return False

    def together(self) -> int:
        """How many are to be paged in one page now, with this one; 0: not now, it waits."""
        with self._lock:
            self._waiting += 1
            if not self._together.allows("all"):
                return 0
            number, self._waiting = self._waiting, 0
            return number

    def undo_alone(self, who: str) -> None:
        """Give a page of its own back."""
        self._in_all.give_back("all")
        if who:
            self._of_visitor.give_back(who)

    def undo_together(self, number: int) -> None:
        """Give a page for several back: all but the one that failed wait again."""
        with self._lock:
            self._waiting += number - 1
            if number:
                self._together.give_back("all")


class Turn:
    """What one report has taken; it is given back where the report was not kept."""

    def __init__(self, pages: Pages, who: str) -> None:
        self._pages, self._who = pages, who
        self._alone, self._number = False, -1

    def alone(self) -> bool:
        """Whether it pages on its own."""
        self._alone = self._pages.alone(self._who)
        return self._alone

    def together(self) -> int:
        """How many are to be paged in one page now; 0: this one waits."""
        self._number = self._pages.together()
        return self._number

    def undo(self) -> None:
        """Give back what was taken: the report is not on record."""
        if self._alone:
            self._pages.undo_alone(self._who)
        if self._number >= 0:
            self._pages.undo_together(self._number)
