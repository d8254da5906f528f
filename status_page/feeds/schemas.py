"""`/feeds/schemas/pointer.json` and `delta.json`: what the published JSON promises.

JSON Schema, draft 2020-12.
"""

from collections.abc import Iterator
from importlib.resources import files

from status_page.draft import Draft
from status_page.feeds.fresh import Fresh
from status_page.rendering import Renderer

NAMES = ("pointer", "delta")


class Schemas:
    """The same files until a release changes them."""

    def __init__(self, _renderer: Renderer) -> None:
        folder = files("status_page.feeds") / "schemas"
        self._contents = [
            (f"feeds/schemas/{each}.json", (folder / f"{each}.json").read_bytes()) for each in NAMES
        ]
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield both."""
        if not draft.each:
            return
        yield from self._fresh.of(draft, self._contents)
