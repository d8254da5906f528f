"""Stepping into a foreign JSON document by dotted paths."""

from __future__ import annotations

from collections.abc import Mapping

from intake.mapping import FeedMapping

QUOTED_CHARACTERS = 60
ABSENT = object()
"""What ``at`` answers for a field that is not there, which is not the same as null."""


def at(document: object, path: str) -> object:
    """The value at a dotted path, or ``ABSENT``; an empty path is the document itself."""
    for step in path.split(".") if path else ():
        if not isinstance(document, Mapping) or step not in document:
            return ABSENT
        document = document[step]
    return document


def misfit(mapping: FeedMapping, document: object) -> str | None:
    """Why this document is no snapshot of that feed, as half a sentence; nothing when it is one."""
    if at(document, mapping.snapshot.fetched.field) is ABSENT:
        return f"has no field {mapping.snapshot.fetched.field!r}"
    rows = at(document, mapping.snapshot.rows)
    if not isinstance(rows, list):
        return f"has no list at {mapping.snapshot.rows!r}"
    missing = sorted(
        path for path in mapping.required() if any(at(row, path) is ABSENT for row in rows)
    )
    return f"has rows without the field {missing[0]!r}" if missing else None


def quoted(value: object) -> str:
    """A foreign value as it may stand in a sentence: quoted, and cut when it is long."""
    text = repr(value)
    return text if len(text) <= QUOTED_CHARACTERS else f"{text[: QUOTED_CHARACTERS - 3]}..."
