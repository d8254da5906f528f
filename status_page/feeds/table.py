"""`/feeds/outages.csv`: what is on the list, as a spreadsheet reads it (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Iterator

from status_page.draft import Draft, Pieces
from status_page.feeds import links
from status_page.feeds.fresh import Fresh
from status_page.printed import facts_of
from status_page.rendering import Renderer
from status_page.view import PublicOutage

NAME = "feeds/outages.csv"
COLUMNS = (
    "id",
    "service",
    "kind",
    "status",
    "section",
    "area",
    "cause",
    "started",
    "changed",
    "planned_start",
    "planned_end",
    "restored",
    "crew_status",
    "crew_reason",
    "crew_eta",
    "etr_earliest",
    "etr_latest",
    "etr_confidence",
    "etr_reason",
    "etr_passed",
    "next_update_by",
    "matched",
    "reported",
    "restored_count",
    "masked",
    "listed",
    "drill",
    "message",
    "url",
    "areas",
)
"""In this order; new ones are added at the end."""

_FORMULAS = tuple("=+-@|%\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet may take for the beginning of a formula, wide characters included."""


class Table:
    """A row per outage, and a row of names before them."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._drill = False
        self._rows = Pieces(self._row)
        self._fresh = Fresh()

    def files(self, draft: Draft) -> Iterator[tuple[str, bytes]]:
        """Yield the one file."""
        if not draft.whole:
            return
        if self._drill != draft.status.drill:
            self._drill, self._rows = draft.status.drill, Pieces(self._row)
        rows = (_line(COLUMNS), *self._rows.of(draft.status.outages))
        yield from self._fresh.of(draft, [(NAME, "".join(rows).encode())])

    def _row(self, outage: PublicOutage) -> str:
        facts = facts_of(outage)
        etr = facts["etr"] or {}
        values = {
            **facts,
            **{f"etr_{name}": value for name, value in etr.items()},
            "section": outage.section,
            "masked": " ".join(outage.masked),
            "areas": "; ".join(outage.area_names),
            "drill": self._drill,
            "url": links.page_of(self._renderer, outage.id, self._renderer.languages[0]),
        }
        return _line(cell(values.get(name)) for name in COLUMNS)


def cell(value: object) -> str:
    """Return a value as one line of text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    # Line breaks and tabs are spaces: many readers take a file line by line.
    text = " ".join(str(value).split()).replace("\0", "")
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _line(cells: Iterable[str]) -> str:
    held = io.StringIO()
    csv.writer(held).writerow(cells)
    return held.getvalue()
