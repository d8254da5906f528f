"""The site file: what holds without one, what it accepts, how it refuses."""

from pathlib import Path

import pytest

from outage.colours import contrast
from outage.errors import SiteError
from outage.site import FILE, NEUTRAL, Site, example, load_site, parse

ROOT = Path(__file__).parents[3]
LEAST = 'name = "Example Light"\nshort_name = "ExLight"\ntime_zone = "America/Chicago"\n'


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(SiteError) as caught:
        parse(text)
    return caught.value.problems


def test_without_a_file_a_neutral_site_holds_and_says_so(tmp_path: Path) -> None:
    site = load_site(tmp_path)
    assert site is Site.neutral()
    assert site.is_neutral
    assert (site.name, site.time_zone, site.languages) == (
        "Outage information",
        "UTC",
        ("en", "es"),
    )
    assert site.phones.outage is site.phones.emergency is None


def test_three_facts_are_enough(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(LEAST)
    site = load_site(tmp_path)
    assert not site.is_neutral
    assert site.zone.key == "America/Chicago"
    assert site.languages[0] == "en"


def test_the_example_can_be_used_and_is_in_the_documentation() -> None:
    assert parse(example()).phones.outage == "202-555-0100"
    assert example().strip() in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_every_problem_is_one_sentence_that_names_its_field() -> None:
    text = LEAST + (
        'colour = "red"\nlanguages = ["en", "tlh"]\nservices = ["steam"]\n'
        '[phones]\noutage = "call us"\n'
        '[colours]\naccent = "#ffff00"\naccent_dark = "dark"\n'
        '[[areas]]\nname = "A"\nserved = -1\n'
    )
    assert problems(text) == (
        "languages holds 'tlh'; the languages there are texts in: en, es, fr, zh, pa.",
        "services[1]: input should be 'electric', 'water' or 'gas'.",
        "phones.outage must be a telephone number as people dial it.",
        "colours.accent has a contrast of 1.1 on white; people need 4.5 or more to read it.",
        "colours.accent_dark must be a colour like #0b5394.",
        "areas[1].kind is missing.",
        "areas[1].served: input should be greater than or equal to 0.",
        "colour is not a field of the site file; did you mean colours.",
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('short_name = "Compañía Eléctrica"', "short_name holds 'í', which"),
        ('short_name = "The Example Light and Water Company"', "short_name is 35 characters"),
        ('time_zone = "America/Chicgo"', "did you mean 'America/Chicago'"),
        ('name = " "', "name must be text on one line."),
        ('url = "example.org"', "url must be a web address"),
        ('map.tiles = "../map.pmtiles"', "map.tiles is '../map.pmtiles', no name like"),
        ("languages = []", "languages must hold at least one."),
        ("name = 7", "name: input should be a valid string."),
    ],
)
def test_a_bad_value_is_refused_with_its_reason(line: str, sentence: str) -> None:
    key = line.partition(" ")[0]
    rest = "".join(kept for kept in LEAST.splitlines(keepends=True) if not kept.startswith(key))
    (found,) = problems(rest + line)
    assert sentence in found


def test_a_file_that_is_not_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("name = \n")
    with pytest.raises(SiteError, match=r"It is not TOML: .*line 1"):
        load_site(tmp_path)
    (tmp_path / FILE).write_bytes(b'name = "\xff"')
    with pytest.raises(SiteError, match="cannot be read: it is not UTF-8 text"):
        load_site(tmp_path)


def test_the_neutral_colours_are_readable() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert parse(LEAST).colours == NEUTRAL.colours


def test_the_page_may_be_in_languages_that_messages_are_not() -> None:
    site = parse(LEAST + 'page_languages = ["en", "ar"]\n')
    assert (site.languages, site.page_languages) == (("en", "es"), ("en", "ar"))
    assert problems(LEAST + 'page_languages = ["en", "tlh"]\n') == (
        "page_languages holds 'tlh'; the page has words in: en, es, fr, zh, pa, ar.",
    )


def test_two_areas_of_one_kind_that_differ_in_capitals_only_are_refused() -> None:
    areas = (("Springfield", "county"), ("springfield", "city"), ("SPRINGFIELD", "county"))
    text = "".join(
        f'[[areas]]\nname = "{name}"\nkind = "{kind}"\nserved = 9\n' for name, kind in areas
    )
    (found,) = problems(LEAST + text)
    assert found.startswith("areas holds 'SPRINGFIELD' of kind 'county' twice, at 1 and 3: ")
    assert len(parse(LEAST + text.rpartition("[[areas]]")[0]).areas) == 2
