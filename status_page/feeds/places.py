"""`/feeds/areas.json`: the site's areas, how many are out in each, and where its own feed is."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

from status_page.draft import Draft
from status_page.feeds import links
from status_page.feeds.fresh import Fresh
from status_page.printed import json_bytes
from status_page.rendering import Renderer
from status_page.view import PublicArea, Totals, by_area

NAME = "feeds/areas.json"
_LONGEST = 48
_OTHER = re.compile(r"[^a-z0-9]+")


class Places:
    """Totals by area: sums of what is public of each outage."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the one file."""
        if not draft.whole:
            return
        areas = []
        for area, outages in by_area(self._renderer.site.areas, draft.status.outages):
            totals = Totals.of(outages)
            told = {
                "name": area.name,
                "kind": area.kind,
                "served": area.served,
                "listed": len(outages),
                "outages": totals.outages,
                "matched": totals.matched,
                "reported": totals.reported,
                "counting": totals.counting,
                "matched_few": totals.matched_few,
                "reported_few": totals.reported_few,
                "atom": links.feed(self._renderer, name_of(self._renderer, area)),
            }
            areas.append(told)
        content = json_bytes({"drill": draft.status.drill, "areas": areas}) + b"\n"
        yield from self._fresh.of(draft, [(NAME, content)])


def name_of(renderer: Renderer, area: PublicArea, language: str = "") -> str:
    """Return the name of an area's Atom feed, in the site's first language if in no other."""
    prefix = renderer.prefix(language) if language else ""
    return f"feeds/{prefix}areas/{slug(area)}.atom"


def slug(area: PublicArea) -> str:
    """Return kind and name as part of an address: no two areas share one."""
    told = f"{area.kind} {area.name}".casefold()
    plain = unicodedata.normalize("NFKD", told).encode("ascii", "ignore").decode()
    short = _OTHER.sub("-", plain).strip("-")[:_LONGEST]
    if short.replace("-", " ") == told.replace("_", " "):
        return short
    # Something was lost on the way.
    return f"{short or 'area'}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
