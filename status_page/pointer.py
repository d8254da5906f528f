"""The pointer: the tiny file that names the generation in force.

It is all that a page process or a browser polls, and the only file that is rewritten when
nothing has changed: ``checked_at`` moves every 15 s, so that silence is never taken for calm.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from status_page.errors import UnreadablePublication

FORMAT = 1
_ID = re.compile(r"([a-z0-9]{1,32})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """What ``status.json`` says.

    Attributes:
        epoch: Changes when the database behind the numbers is another one.
        number: Grows by one or more from generation to generation.
        base: Id of the generation that the deltas start from; None: load everything.
        as_of: Business time for which the published state is known to be true.
        checked_at: Wall time when the publisher last looked.
        counts: Outages now, matched premises out, reported customers out (null: nobody says).
        words: "As of" per language, ready to be shown.
    """

    epoch: str
    number: int
    base: str | None
    as_of: datetime
    checked_at: datetime
    send_mode: str
    drill: bool
    languages: tuple[str, ...]
    counts: Mapping[str, int | None] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The generation's id, which is also the event id of its delta."""
        return f"{self.epoch}-{self.number}"

    @property
    def manifest(self) -> str:
        """Path of the manifest."""
        return f"generations/{self.id}/manifest.json"

    def delta(self, language: str) -> str:
        """Path of the delta in one language."""
        return delta_name(self.id, language)

    def beat(self) -> dict[str, Any]:
        """Return what a heartbeat says: which generation holds, and as of when."""
        return {
            "id": self.id,
            "as_of": text_of(self.as_of),
            "checked_at": text_of(self.checked_at),
            "as_of_words": dict(self.words),
        }

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        content = {
            "format": FORMAT,
            **self.beat(),
            "epoch": self.epoch,
            "number": self.number,
            "base": self.base,
            "manifest": self.manifest,
            "deltas": {each: self.delta(each) for each in self.languages},
            "languages": list(self.languages),
            "send_mode": self.send_mode,
            "drill": self.drill,
            "counts": dict(self.counts),
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes) -> "Pointer":
        """Read the file's content.

        Raises:
            UnreadablePublication: It is not a pointer, or not one of this format.
        """
        try:
            found = json.loads(content)
            if found["format"] != FORMAT:
                raise UnreadablePublication(f"status.json has format {found['format']!r}.")
            return cls(
                epoch=str(found["epoch"]),
                number=int(found["number"]),
                base=found["base"],
                as_of=datetime.fromisoformat(found["as_of"]),
                checked_at=datetime.fromisoformat(found["checked_at"]),
                send_mode=str(found["send_mode"]),
                drill=bool(found["drill"]),
                languages=tuple(found["languages"]),
                counts=dict(found["counts"]),
                words=dict(found["as_of_words"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadablePublication("It is status.json.") from error


def delta_name(generation: str, language: str) -> str:
    """Return the path of a generation's delta in one language."""
    return f"generations/{generation}/delta.{language}.json"


def parse_id(generation: str) -> tuple[str, int] | None:
    """Split a generation's id into epoch and number; None when it is no such id."""
    match = _ID.fullmatch(generation)
    return (match[1], int(match[2])) if match else None


def text_of(moment: datetime) -> str:
    """Return an instant as RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
