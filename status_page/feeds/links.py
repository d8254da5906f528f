"""Where what is read elsewhere leads back to, and names that stay the same for ever."""

import re
from urllib.parse import urlsplit

from status_page.rendering import Renderer

_NO_SENDER = re.compile(r"[^A-Za-z0-9.:-]")


def page_of(renderer: Renderer, outage: str, language: str) -> str:
    """Return the address of an outage's page."""
    return f"{renderer.site.address}/{renderer.prefix(language)}outages/{outage}"


def list_of(renderer: Renderer, language: str) -> str:
    """Return the address of the list."""
    return f"{renderer.site.address}/{renderer.prefix(language)}"


def feed(renderer: Renderer, name: str) -> str:
    """Return the address of a published file."""
    return f"{renderer.site.address}/{name}"


def host(renderer: Renderer) -> str:
    """Return the host of the page, which is ours and nobody else's."""
    return _NO_SENDER.sub("-", urlsplit(renderer.site.address).hostname or "localhost")


def tag(renderer: Renderer, name: str) -> str:
    """Return a name as RFC 4151 has it: no address, and the same wherever the page moves."""
    return f"tag:{host(renderer)},2026:{name}"
