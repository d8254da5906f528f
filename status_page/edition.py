"""What is published, and what is about to be."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from status_page.errors import UnreadablePublication
from status_page.pointer import FORMAT, Pointer, parse_id
from status_page.printed import Printed
from status_page.view import PublicStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What is published now, as far as this process knows.

    Attributes:
        ids: Outages that are listed.
        moved: Outages whose page leads on to a listed one, and to which.
        printed: Those of them that can be used again as they are.
        named: Parts the manifest names.
        complete: Every stable page is known to be as the pointer says, by this release's look,
            or to be among those that are made anew because they may be ahead of it.
        there: After a restart, what pages that hold several outages may have been made of: the
            generation in force, then each that was written in part and never came into force.
    """

    pointer: Pointer | None = None
    ids: frozenset[str] = frozenset()
    moved: Mapping[str, str] = field(default_factory=dict)
    printed: Mapping[str, Printed] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    complete: bool = False
    there: tuple[Mapping[str, Printed], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Everything one generation consists of.

    Attributes:
        files: Name and content, in the order in which they must be written, without the pointer.
        issued: What is published once ``issued.pointer`` has been written after them.
        obsolete: Pages to take away after that.
        retired: Parts that no manifest in force names any more.
        status: What it shows.
        whole: The files that hold every outage are among ``files``.
    """

    files: tuple[tuple[str, bytes], ...]
    pointer: Pointer
    issued: Issued
    obsolete: tuple[str, ...]
    retired: tuple[str, ...]
    status: PublicStatus
    whole: bool


def read_manifest(content: bytes | None) -> dict[str, Any]:
    """Read the manifest of a generation.

    Raises:
        UnreadablePublication: It is missing, torn or of another format.
    """
    try:
        found: dict[str, Any] = json.loads(content or b"")
    except ValueError as error:
        raise UnreadablePublication("It is the manifest.") from error
    if found.get("format") != FORMAT:
        raise UnreadablePublication(f"Its manifest has format {found.get('format')!r}.")
    return found


def later(generations: Iterable[str], pointer: Pointer) -> list[str]:
    """Return the generations beyond the one in force: what killed publishers have left."""
    parsed = ((each, parse_id(each)) for each in generations)
    return sorted(
        each
        for each, id_ in parsed
        if id_ is not None and id_[0] == pointer.epoch and id_[1] > pointer.number
    )
