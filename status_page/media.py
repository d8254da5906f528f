"""What every published file is, wherever it is served from: its type, how long it may be kept.

A page process, a bucket and any web server in front of a folder must say the same of it.
"""

from pathlib import PurePosixPath

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
    ".geojson": "application/geo+json",
    ".csv": "text/csv; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
}
"""Type by the end of the name."""

UNKNOWN = "application/octet-stream"

REVALIDATE = "no-cache"
"""Of what is replaced in place: asked for again each time; a 304 costs next to nothing."""

FOR_EVER = "public, max-age=31536000, immutable"
"""Of what is named by its content or its generation and never changes."""

_LASTING = ("generations/", "static/")


def media_type(name: str) -> str:
    """Return the type of a published file, by its name without the end of a compressed twin."""
    if name.startswith("feeds/cap/"):
        return "application/cap+xml"
    return TYPES.get(PurePosixPath(name).suffix, UNKNOWN)


def caching(name: str) -> str:
    """Return the ``Cache-Control`` of a published file."""
    return FOR_EVER if name.startswith(_LASTING) else REVALIDATE
