"""One outage as it is published: its facts as data, its fragments per language, its part."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from status_page.errors import UnreadablePublication
from status_page.pointer import text_of
from status_page.rendering import Card, Renderer
from status_page.view import PublicEtr, PublicOutage, PublicSaid, PublicStep

_TOLD_ELSEWHERE = {"areas", "outline", "etrs", "steps"}
_FACTS = [
    each.name for each in dataclasses.fields(PublicOutage) if each.name not in _TOLD_ELSEWHERE
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Facts are plain JSON values; ``part`` is the name of ``content``, made from its hash.

    ``story`` stands for what is told on its own page only, see `story_of`.
    ``outage`` is what it was printed from, where this process has printed it. Of one that is
    published, `kept` holds what is needed again.
    """

    facts: Mapping[str, Any]
    story: str
    section: str
    order: str
    rows: Mapping[str, str]
    details: Mapping[str, str]
    part: str
    content: bytes
    outage: PublicOutage | None = None

    def shows(self, outage: PublicOutage) -> bool:
        """Whether an outage would be printed just like this."""
        if self.outage is None:
            return self.facts == facts_of(outage) and self.story == story_of(outage)
        return self.outage is outage or self.outage == outage

    def kept(self, outage: PublicOutage | None) -> "Printed":
        """Return what the list and the next look at it need; ``outage`` is what it shows."""
        facts = self.facts if outage is None else {}
        return dataclasses.replace(self, outage=outage, facts=facts, details={}, content=b"")

    def card(self, language: str) -> Card:
        """Return what the list shows of it."""
        return Card(section=self.section, order=self.order, html=self.rows[language])

    def change(self, language: str) -> dict[str, Any]:
        """Return what a delta says of it."""
        return {
            "id": self.facts["id"],
            "section": self.section,
            "order": self.order,
            "facts": self.facts,
            "row": self.rows[language],
            "details": self.details[language],
        }


def print_outage(outage: PublicOutage, renderer: Renderer) -> Printed:
    """Render an outage once in every language."""
    body: dict[str, Any] = {
        "facts": facts_of(outage),
        "story": story_of(outage),
        "section": outage.section,
        "order": outage.order,
        "rows": {each: renderer.row(outage, each) for each in renderer.languages},
        "details": {each: renderer.details(outage, each) for each in renderer.languages},
    }
    content = json_bytes(body)
    return Printed(**body, part=f"{digest(content)}.json", content=content, outage=outage)


def read_part(name: str, content: bytes | None) -> Printed:
    """Take a part up again as it was printed.

    Raises:
        UnreadablePublication: It is missing, or not what its name says.
    """
    if content is None or f"{digest(content)}.json" != name:
        raise UnreadablePublication(f"It is the part {name}.")
    try:
        return Printed(**json.loads(content), part=name, content=b"").kept(None)
    except TypeError as error:
        raise UnreadablePublication(f"Another release wrote the part {name}.") from error


def facts_of(outage: PublicOutage) -> dict[str, Any]:
    """Return an outage as plain JSON values, times in RFC 3339, its outline as GeoJSON."""
    # What has happened is told on its own page only: see `story_of`.
    return {name: _plain(getattr(outage, name)) for name in _FACTS} | {
        "areas": list(outage.area_names),
        "masked": list(outage.masked),
        "outline": json.loads(outage.outline) if outage.outline else None,
    }


def story_of(outage: PublicOutage) -> str:
    """Return what changes with what has happened to an outage, and with nothing else.

    It may change alone: that a time has passed is on record some moments after it did.
    """
    return digest(json_bytes([_plain(each) for each in (*outage.etrs, *outage.steps)]))


def json_bytes(value: object) -> bytes:
    """Return compact JSON, the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    """Return the name that content has by itself."""
    return hashlib.sha256(content).hexdigest()[:40]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return text_of(value)
    if isinstance(value, (PublicEtr, PublicSaid, PublicStep)):
        # Not `dataclasses.asdict`: it copies every value, a hundred times in this.
        return {name: _plain(getattr(value, name)) for name in value.__slots__}
    return str(value) if isinstance(value, str) else value
