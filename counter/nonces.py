"""The word in a form that makes it ours and makes it one: sent twice, it is done once.

It is made anew for each form that is shown, and holds for a day. It is no secret between us and a
browser, as there is no session to protect: it keeps whoever sends without ever having asked for
the form, and a form that is sent again, from being taken for something new.
"""

import hmac
import secrets
import time
from collections.abc import Callable

LASTS_S = 24 * 3600
LENGTH = 48


class Nonces:
    """Makes and knows them. Without a key that outlives the process each process has its own."""

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._key = key.encode() or secrets.token_bytes(32)
        self._clock = clock

    def new(self) -> str:
        """One for a form that is shown now."""
        said = f"{int(self._clock()):x}.{secrets.token_urlsafe(9)}"
        return f"{said}.{self._tag(said)}"

    def knows(self, once: str) -> bool:
        """Whether a form was shown with it, and not too long ago."""
        said, _, tag = once.rpartition(".")
        if len(once) > LENGTH or not hmac.compare_digest(tag.encode(), self._tag(said).encode()):
            return False
        return 0 <= self._clock() - int(said.partition(".")[0], 16) <= LASTS_S

    def _tag(self, said: str) -> str:
        return hmac.digest(self._key, f"form {said}".encode(), "sha256").hex()[:16]
