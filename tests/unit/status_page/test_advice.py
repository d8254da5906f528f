import dataclasses
import functools
import html
import re
from typing import get_args

import pytest

from outage.errors import SiteError
from outage.model import Cause, Kind, Service, Status
from outage.site import Advice, Site, example, parse
from status_page.advice import TEXTS, to_do
from status_page.reader import public_site
from status_page.rendering import Renderer
from status_page.view import PublicAdvice, PublicOutage, PublicResource, PublicSite
from status_page.words import catalogue, languages
from tests.unit.status_page.storm import SITE, outage, sample

renderer = functools.cache(Renderer)


def shown(one: PublicOutage, site: PublicSite = SITE, language: str = "en") -> str:
    return html.unescape(" ".join(renderer(site).details(one, language).split()))


def said(one: PublicOutage, site: PublicSite = SITE, language: str = "en") -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", shown(one, site, language)).split())


def test_where_a_wire_may_be_down_that_is_said_first_and_once() -> None:
    told = said(outage(1, cause=Cause.WIRE_DOWN))
    first = told.index("A wire may be down here. Stay at least 10 metres")
    assert first < told.index("Expected back") < told.index("What to do now")
    assert told.index("In danger? Call 911 first.") < told.index("Expected back")
    assert "wires that are down" not in told
    # Of any other cause nobody is frightened, and nobody goes near one all the same.
    other = said(outage(1, cause=Cause.TRANSFORMER))
    assert "A wire may be down here" not in other
    assert "Stay at least 10 metres (35 feet) away from wires that are down" in other


@pytest.mark.parametrize(
    ("one", "expected", "never"),
    [
        (outage(1), "Keep fridge and freezer closed", "smell gas"),
        (outage(1), "If you depend on medical equipment", "Let cold water run"),
        (outage(1, service=Service.WATER), "Turn taps off", "fridge"),
        (outage(1, service=Service.WATER, cause=Cause.MAIN_BREAK), "washed out", "fridge"),
        (outage(1, service=Service.GAS), "leave at once", "Keep fridge"),
        (outage(1, service=Service.GAS), "Do not turn the gas back on", "Switch appliances on"),
        (
            outage(1, kind=Kind.PLANNED, status=Status.PREDICTED, service=Service.WATER),
            "fill clean containers",
            "fridge",
        ),
        (
            outage(1, kind=Kind.ADVISORY, service=Service.WATER),
            "Follow any boil-water notice",
            "Turn taps off",
        ),
        (
            outage(1, kind=Kind.ADVISORY, status=Status.PREDICTED, cause=Cause.WIND),
            "Charge phones, lamps",
            "Keep fridge",
        ),
        (outage(1, status=Status.RESTORED, matched=0), "Throw away meat", "Run a generator"),
        (outage(1, status=Status.CANCELLED, matched=0), "In danger?", "Throw away meat"),
        (
            outage(1, status=Status.RESTORED, matched=0, service=Service.GAS),
            "Do not turn the gas back on",
            "Switch appliances on",
        ),
    ],
)
def test_what_to_do_is_said_by_service_cause_and_state(
    one: PublicOutage, expected: str, never: str
) -> None:
    assert expected in said(one)
    assert never not in said(one)


def test_every_sort_of_outage_has_its_emergency_number_before_everything_else_to_do() -> None:
    for one in sample():
        todo = said(one).partition("What to do now")[2].strip()
        assert todo.startswith("In danger? Call 911 first."), one.id


def test_links_lead_to_the_forms_in_the_same_language_and_nowhere_where_there_are_none() -> None:
    now, over = outage(1), outage(1, status=Status.RESTORED, matched=0)
    assert '<a href="/report?lang=es">' in shown(now, language="es")
    assert '<a href="/subscribe?lang=es">' in shown(now, language="es")
    assert ">Still without service? Tell us</a>" in shown(over)
    assert "/subscribe" not in shown(over)
    without = dataclasses.replace(SITE, forms=False)
    for one in sample():
        assert "/report" not in shown(one, without)
        assert "/subscribe" not in shown(one, without)
        assert "By phone: 604-555-0142" in said(one, without)
    place = PublicResource(kind="warming", name="Library", address="12 Main Street")
    helped = dataclasses.replace(without, resources=(place,))
    assert '<a href="/es/#resources">' in shown(now, helped, "es")


def test_a_utility_adds_its_own_advice_after_the_dangers_or_puts_it_in_place_of_ours() -> None:
    own = (
        PublicAdvice(
            texts=(("en", "Water is handed out."), ("es", "Se reparte agua.")),
            services=(Service.ELECTRIC,),
            causes=(Cause.TREE,),
            sections=("now",),
        ),
        PublicAdvice(texts=(("en", "Eat the ice cream."),), instead_of="food"),
    )
    site = dataclasses.replace(SITE, own_advice=own)
    told = said(outage(1), site)
    assert told.index("Run a generator") < told.index("Water is handed out.")
    assert told.index("Water is handed out.") < told.index("Eat the ice cream.")
    assert "Keep fridge" not in told
    for other in (
        outage(1, cause=Cause.WIND),
        outage(1, service=Service.WATER),
        outage(1, status=Status.RESTORED, matched=0),
    ):
        assert "Water is handed out." not in said(other, site)
    assert '<span lang="es" dir="auto">Se reparte agua.</span>' in shown(outage(1), site, "es")
    # In the next best language rather than in words of ours.
    assert '<span lang="en" dir="auto">Eat the ice cream.</span>' in shown(outage(1), site, "es")


def test_advice_that_nobody_has_reviewed_is_told_in_english_and_called_so() -> None:
    for language in languages():
        told = shown(outage(1), dataclasses.replace(SITE, languages=("en", language)), language)
        assert "Keep fridge and freezer closed" in told
        assert (catalogue(language)["help.unreviewed"] in told) == (language != "en")


def test_a_site_file_can_name_each_piece_of_our_advice_and_no_other() -> None:
    field = Advice.model_fields["instead_of"].annotation
    literal = next(each for each in get_args(field) if each is not type(None))
    assert set(get_args(literal)) == set(TEXTS)
    for code in TEXTS:
        assert code in example()
    with pytest.raises(SiteError, match=r"advice\[1\]\.instead_of"):
        parse(f'{example()}\n[[advice]]\ninstead_of = "x"\ntext = {{ en = "y" }}')


def test_the_example_of_the_site_file_gives_advice_that_the_page_says() -> None:
    commented = example().split("# [[advice]]")[1].split("\n\n")[0]
    text = example() + "\n[[advice]]" + commented.replace("\n# ", "\n")
    site = public_site(parse(text))
    assert "handed out at the fire station" in said(outage(1, service=Service.WATER), site)
    assert public_site(Site.neutral()).own_advice == ()


def test_each_piece_of_advice_has_words_and_is_given_at_some_time() -> None:
    given = {
        each.key
        for service in Service
        for kind in Kind
        for status in Status
        for cause in Cause
        for part in [to_do(outage(1, service=service, kind=kind, status=status, cause=cause), "en")]
        for each in (*part.hazards, *part.rest)
    }
    assert given == set(TEXTS.values())
    assert given <= catalogue("en").keys()
