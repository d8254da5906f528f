"""`/feeds/outages.geojson`: what is on the list, as a map reads it (RFC 7946)."""

from collections.abc import Iterator

from status_page.draft import Draft, Pieces
from status_page.feeds import links
from status_page.feeds.fresh import Fresh
from status_page.printed import facts_of, json_bytes
from status_page.rendering import Renderer
from status_page.view import PublicOutage

NAME = "feeds/outages.geojson"


class GeoJson:
    """One feature per outage; its geometry is the public outline, or null."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._features = Pieces(self._feature)
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the one file."""
        if not draft.whole:
            return
        features = b",\n".join(self._features.of(draft.status.outages))
        drill = b"true" if draft.status.drill else b"false"
        # Whoever shows it beside the page must see which of the two is older.
        generation = draft.pointer.id.encode()
        start = b'{"type":"FeatureCollection","generation":"%b","drill":%b,"features":[\n'
        content = start % (generation, drill) + features + b"\n]}\n"
        yield from self._fresh.of(draft, [(NAME, content)])

    def _feature(self, outage: PublicOutage) -> bytes:
        facts = facts_of(outage)
        outline = facts.pop("outline")
        url = links.page_of(self._renderer, outage.id, self._renderer.languages[0])
        properties = {**facts, "section": outage.section, "url": url}
        return json_bytes(
            {"type": "Feature", "id": outage.id, "geometry": outline, "properties": properties}
        )
