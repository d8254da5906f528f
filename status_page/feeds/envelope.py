"""What a CAP message says of itself, written and read back."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from status_page.feeds.xml import Element, add, document, element, read

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_IN = f"{{{NAMESPACE}}}"
MOST_REFERENCES = 20
"""Of a message; the first one is always among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a message says of itself, as it is written in it.

    Attributes:
        kind: ``Alert``, ``Update`` or ``Cancel``.
        references: Messages before it, each as sender, identifier and time with commas between.
    """

    identifier: str
    sender: str
    sent: str
    status: str
    kind: str
    note: str = ""
    references: str = ""
    incidents: str = ""

    @classmethod
    def of(cls, content: bytes | None) -> Self | None:
        """Read a published message; None where there is none, or it is no message."""
        root = read(content)
        if root is None or root.tag != f"{_IN}alert":
            return None
        told = {each.tag.removeprefix(_IN): each.text or "" for each in root}
        told["kind"] = told.pop("msgType", "")
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            return cls(**{name: text for name, text in told.items() if name in names})
        except TypeError:
            return None

    @property
    def reference(self) -> str:
        """How a later message names this one."""
        return f"{self.sender},{self.identifier},{self.sent}"

    def before(self) -> str:
        """Return the references of the message that follows this one."""
        first, *others = [*self.references.split(), self.reference]
        return " ".join([first, *others[-(MOST_REFERENCES - 1) :]])

    def message(self, info: Iterable[Element]) -> bytes:
        """Return the file."""
        root = element("alert", xmlns=NAMESPACE)
        add(root, "identifier", self.identifier)
        add(root, "sender", self.sender)
        add(root, "sent", self.sent)
        add(root, "status", self.status)
        add(root, "msgType", self.kind)
        add(root, "scope", "Public")
        for name in ("note", "references", "incidents"):
            text: str = getattr(self, name)
            if text:
                add(root, name, text)
        root.extend(info)
        return document(root)
