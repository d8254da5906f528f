"""What a phone has to load before the page can be read (issue: 50 KB, compressed)."""

import dataclasses
import gzip
import re

import pytest

from status_page.rendering import Card, Renderer
from status_page.view import Totals
from tests.unit.status_page.storm import SITE, status, storm

MOST_BYTES = 50 * 1024
# The shortest letters and the longest: three bytes each.
LANGUAGES = ("en", "pa")
RENDERER = Renderer(dataclasses.replace(SITE, languages=LANGUAGES, storm_outages=50))


def first_load(html: bytes) -> int:
    """Bytes of a page and all it names, as gzip sends them."""
    named = re.findall(rb'(?:src="|rel="(?:stylesheet|icon)" href=")/static/([^"]+)"', html)
    assert len(named) >= 4
    parts = (html, *(RENDERER.statics[name.decode()] for name in named))
    return sum(len(gzip.compress(part, 6)) for part in parts)


@pytest.mark.parametrize("size", [300, 2000])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_load_of_a_storm_fits_in_fifty_kilobytes(size: int, language: str) -> None:
    outages = storm(size)
    cards = [
        Card(section=each.section, order=each.order, html=RENDERER.row(each, language))
        for each in outages
    ]
    page = RENDERER.index(
        status(*outages),
        language,
        generation="e1-1",
        summary=RENDERER.summary(Totals.of(outages), language),
        cards=cards,
    )
    assert page.count(b"<li id=") == 25
    assert first_load(page) < MOST_BYTES
