"""Scripts and maps for the pages: ours, the public page's, and what both take from others."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from console.routing import Open
from outage.settings import Settings
from outage.site import TILES, Site

OURS = ("draw.js", "drawing.js", "declared.js", "terradraw.js", "terradrawmap.js")
SHARED = (
    *("atlas.js", "map.css", "maplibre.mjs", "mapworker.mjs", "pmtiles.js", "topojson.js"),
    *("world.json", "states.json", "licences.txt"),
)
"""Of the public page."""
_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".json": "application/json",
    ".txt": "text/plain",
    ".pmtiles": "application/vnd.pmtiles",
}


def routes() -> list[BaseRoute]:
    """Every address of this: what anybody may have, for it is public already."""
    return [Open("/static/{name}", static), Open("/tiles/{name}", tiles)]


async def static(request: Request) -> Response:
    """A script, a style, or what the map is drawn with."""
    name = request.path_params["name"]
    for room, known in (("console", OURS), ("status_page", SHARED)):
        if name in known:
            return _file(Path(str(files(room).joinpath("static", name))))
    raise HTTPException(404)


async def tiles(request: Request) -> Response:
    """The operator's own map, the one that the site names, in ranges."""
    name: str = request.path_params["name"]
    path = tiles_of(request.app.state.settings, request.app.state.site)
    if path is None or path.name != name or not re.fullmatch(TILES, name):
        raise HTTPException(404)
    return _file(path)


def tiles_of(settings: Settings, site: Site) -> Path | None:
    """Where the operator's map lies; None where there is none, or only a bucket has it."""
    if site.map.tiles is None:
        return None
    path = settings.published / "tiles" / site.map.tiles
    return path if path.is_file() else None


def _file(path: Path) -> Response:
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)
