"""Pages in a language that no message is written in: right to left, and whole."""

import re
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from counter.app import create_app
from outage import tables as t
from outage.database import Database
from outage.model import Cause
from outage.settings import SendMode, Settings
from tests.integration.counter.test_personal import ME, SITE, forms, link, settings
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import World

__all__ = ["settings"]
ARABIC = {"accept-language": "ar-EG, en;q=0.5"}
PAGES = SITE.model_copy(update={"page_languages": ("en", "ar")})


@pytest.fixture
def world(database: Database, settings: Settings) -> World:
    world = World(database, settings)
    world.account("4711-1", ["P1"], ME)
    Talk(world).address("P1", "12 Elm Street", postal_code="62701")
    return world


def once(page: str) -> dict[str, str]:
    """The form's own word."""
    found = re.search('name="once" value="([^"]+)"', page)
    assert found is not None
    return {"once": found[1]}


def test_every_page_is_in_arabic_and_messages_are_in_the_utilitys_language(
    world: World, settings: Settings
) -> None:
    world.declare("P1", cause=Cause.WIND)
    live = replace(settings, send=SendMode.LIVE, twilio_account_sid="AC1")
    app = create_app(live, world.db, PAGES)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as visitor:
        visitor.headers.update(ARABIC)
        place = {"place": "4711-1", "postal_code": "62701", "lang": "ar"}
        mine = visitor.get(f"{link(world)}?lang=ar").text
        asked = visitor.get("/subscribe").text
        found = visitor.post("/lookup", data=place).text
        reported = visitor.get("/report").text
        for page in (mine, asked, found, reported):
            assert '<html lang="ar" dir="rtl">' in page
            assert '<a href="?lang=en" lang="en" hreflang="en">English</a>' in page
        for page in (mine, found):
            assert "رياح" in page
            assert "Elm Street" in page
        # What is sent, and what a choice of language is about, is in the languages of messages.
        assert re.findall('option value="([a-z]+)"', mine) == list(SITE.languages)
        form = once(asked) | place | {"by": "sms", "address": "+12025550177"}
        told = visitor.post("/subscribe", data=form).headers["location"]
        assert told == "/subscribe?said=asked_sms&lang=ar"
        with world.db.read() as conn:
            (wish,) = conn.execute(t.opt_ins.select()).all()
            (answer,) = conn.execute(t.answers.select()).all()
        assert (wish.language, "Reply YES" in answer.body) == ("en", True)
        form = once(reported) | place | {"wrong": "out", "note": "wire down, sparks"}
        assert visitor.post("/report", data=form).status_code == 303
        saved = visitor.post(link(world), data=forms(mine)["save"] | {"language": "es"})
        assert saved.headers["location"].endswith("said=saved&lang=ar")


def test_who_has_no_arabic_page_to_go_to_is_spoken_to_in_the_first_language(
    world: World, settings: Settings
) -> None:
    with TestClient(create_app(settings, world.db, SITE)) as visitor:
        page = visitor.get("/lookup", headers={"accept-language": "ar, fr;q=0.4, es;q=0.8"}).text
        assert '<html lang="es" dir="ltr">' in page
        assert '<html lang="en" dir="ltr">' in visitor.get("/lookup?lang=ar").text
