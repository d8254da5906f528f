"""Shapes as a feed wrote them, through the gate and matched before the desk sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gis.errors import GisError
from intake.row import FeedRow
from outage.model import MatchedShape, Service


class Matcher(Protocol):
    """Lets a shape through the gate and finds who is inside."""

    def match(self, geojson: str, service: Service) -> MatchedShape:
        """The shape and how many premises it holds; raises GisError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A shape that is new or changed in the feed; ``digest`` is that of its text.

    ``shape`` is None when the gate refused it, and ``problem`` then says why.
    """

    digest: str
    shape: MatchedShape | None = None
    problem: str = ""


def match(
    rows: Iterable[FeedRow], known: Mapping[str, str], matcher: Matcher, service: Service
) -> dict[str, Written]:
    """Match what each row wrote, by source id, unless it wrote the same before (``known``)."""
    found = {}
    for row in rows:
        if row.shape is None:
            continue
        digest = hashlib.sha256(row.shape.encode()).hexdigest()
        if known.get(row.source_id) != digest:
            found[row.source_id] = _match(row, row.shape, digest, matcher, service)
    return found


def _match(row: FeedRow, shape: str, digest: str, matcher: Matcher, service: Service) -> Written:
    try:
        return Written(digest=digest, shape=matcher.match(shape, service))
    except GisError as error:
        # The earlier shape stays: a feed must not move people in or out by a broken one.
        return Written(
            digest=digest, problem=f"Outage {row.source_id}: its shape was left as it was. {error}"
        )
