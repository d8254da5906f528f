"""XML that any reader takes, whatever people wrote."""

import re

# Only what is ours is read with it: files that this publisher has written.
from xml.etree import ElementTree as ET

_REFUSED = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 file may hold, not even escaped."""
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

Element = ET.Element


def element(name: str, text: str = "", **attributes: str) -> Element:
    """Make an element; ``xml_lang`` stands for ``xml:lang``."""
    made = Element(name, {_attribute(key): clean(value) for key, value in attributes.items()})
    made.text = clean(text) or None
    return made


def add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    """Put an element at the end of another and return it."""
    made = element(name, text, **attributes)
    parent.append(made)
    return made


def fragment(root: Element) -> bytes:
    """Return an element as UTF-8, without a declaration, on a line of its own."""
    return ET.tostring(root, encoding="unicode").encode() + b"\n"


def document(root: Element, comment: str = "") -> bytes:
    """Return a whole file; a comment stands before the root, out of the way of any reader."""
    told = f"<!-- {comment} -->\n".encode() if comment else b""
    return _DECLARATION + told + fragment(root)


def opened(root: Element) -> tuple[bytes, bytes]:
    """Return what comes before and after children that are put in as text."""
    # An element without text and children would be one tag.
    marked = ET.tostring(root, encoding="unicode").encode()
    end = f"</{root.tag}>".encode()
    return _DECLARATION + marked.removesuffix(end) + b"\n", end + b"\n"


def read(content: bytes | None) -> Element | None:
    """Read a file of ours; None where there is none, or it is torn."""
    try:
        return ET.fromstring(content) if content else None  # noqa: S314 - our own file
    except ET.ParseError:
        return None


def _attribute(name: str) -> str:
    return name.replace("_", ":")


def clean(text: str) -> str:
    """Return a text without what no XML file may hold, and no calendar should."""
    return _REFUSED.sub("\ufffd", text)
