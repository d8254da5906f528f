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
    ".pmtiles": "application/vnd.pmtiles",
}
"""Type by the end of the name."""

ENCODINGS = {".br": "br", ".zst": "zstd", ".gz": "gzip"}
"""``Content-Encoding`` by the end of a compressed twin's name; who takes several gets the first."""

UNKNOWN = "application/octet-stream"

REVALIDATE = "no-cache"
"""Of what is replaced in place: asked for again each time; a 304 costs next to nothing."""

A_WHILE = "public, max-age=3600"
"""Of the operator's map: read in hundreds of pieces, and a new one is noticed by its ETag."""

FOR_EVER = "public, max-age=31536000, immutable"
"""Of what is named by its content or its generation and never changes."""

_COMPRESSED = {".png", ".pmtiles"}

_WITHOUT_TWINS = ("generations/parts/", "status.json")
"""Parts are read by the publisher alone; the pointer is too short to be worth it."""
_MANIFEST = "/manifest.json"
"""Long in a storm, made for each change, and of hashes, which hardly get shorter."""

_LASTING = ("generations/", "static/")


def plain(name: str) -> str:
    """Return the name of the file that a compressed twin stands beside; any other name as it is."""
    return name[: -len(end)] if (end := PurePosixPath(name).suffix) in ENCODINGS else name


def has_twins(name: str) -> bool:
    """Whether compressed twins stand beside a file."""
    end = PurePosixPath(name).suffix
    return (
        end in TYPES
        and end not in _COMPRESSED
        and not (name.startswith(_WITHOUT_TWINS) or name.endswith(_MANIFEST))
    )


def media_type(name: str) -> str:
    """Return the type of a published file; a compressed twin has that of its file."""
    if name.startswith("feeds/cap/"):
        return "application/cap+xml"
    return TYPES.get(PurePosixPath(plain(name)).suffix, UNKNOWN)


def encoding(name: str) -> str | None:
    """Return the ``Content-Encoding`` of a compressed twin; None for anything else."""
    return ENCODINGS.get(PurePosixPath(name).suffix)


def caching(name: str) -> str:
    """Return the ``Cache-Control`` of a published file."""
    if name.startswith("tiles/"):
        return A_WHILE
    return FOR_EVER if name.startswith(_LASTING) else REVALIDATE
