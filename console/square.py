"""An address as a square that a telephone's camera reads (QR code)."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def drawn(address: str, title: str) -> Markup:
    """A QR code as SVG inside the page; black on white, whatever the page's colours are."""
    made = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        made,
        kind="svg",
        xmldecl=False,
        svgns=False,
        scale=5,
        border=4,
        dark="#000",
        light="#fff",
        svgclass="square",
        lineclass=None,
        title=title,
        omitsize=True,
    )
    return Markup(made.getvalue().decode())  # noqa: S704  # segno's own, of an address we made
