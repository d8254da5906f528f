"""Our id in a mail that a server of the utility's own sends, so that a bounce can be read back.

It stands in the envelope's sender (VERP: ``bounces+m123-…@example.org``) and in the Message-ID.
Anybody can write a mail that looks like a bounce; only who knows the key can write the mark in it.
"""

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256

_MARK = re.compile(r"\bm(?P<key>\d{1,18})-(?P<tag>[0-9a-f]{20})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Marks made with one key."""

    key: str = field(repr=False)

    def of(self, message_key: int) -> str:
        """The mark of a message."""
        return f"m{message_key}-{self._tag(message_key)}"

    def envelope(self, bounces: str, message_key: int) -> str:
        """The address that a bounce of this message comes back to."""
        local, _, domain = bounces.rpartition("@")
        return f"{local}+{self.of(message_key)}@{domain}"

    def read(self, text: str) -> int | None:
        """The message whose mark stands in a text, if we made it."""
        for found in _MARK.finditer(text):
            message_key = int(found["key"])
            if hmac.compare_digest(self._tag(message_key), found["tag"].lower()):
                return message_key
        return None

    def _tag(self, message_key: int) -> str:
        made = hmac.new(self.key.encode(), f"bounce {message_key}".encode(), sha256)
        return made.hexdigest()[:20]
