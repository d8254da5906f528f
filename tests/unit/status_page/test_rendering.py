import dataclasses
import html as html_lib
import re
from pathlib import Path

import pytest

from outage.model import CrewStatus, Kind, Service, Status
from status_page.rendering import Renderer
from status_page.standing import Standing
from status_page.view import PublicArea, PublicOutage, PublicSite, PublicStatus, Totals
from status_page.words import catalogue, languages
from tests.unit.status_page.storm import NOW, SITE, Publication, etr, hours, outage, sample, status

NEUTRAL = PublicSite(name="Outage information", time_zone="UTC", languages=("en",), neutral=True)


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def row(one: PublicOutage, language: str = "en") -> str:
    return words_of(Renderer(SITE).row(one, language))


def page(tmp_path: Path, state: PublicStatus, site: PublicSite = SITE) -> str:
    Publication(tmp_path, site).publish(state)
    return words_of((tmp_path / "index.html").read_text())


def test_without_an_estimate_the_page_says_so_and_when_the_next_word_comes() -> None:
    assert "No estimate yet." in row(outage(1))
    said = row(outage(1, next_update_by=NOW + hours(2)))
    assert "No estimate yet. Next update by Sunday 22 Nov, 5:15 PM PST." in said


def test_an_estimate_that_has_passed_is_not_met_with_silence() -> None:
    said = row(outage(1, etr=etr(-1, passed=True)))
    assert "The estimated time (Sunday 22 Nov, 2:15 PM PST) has passed." in said


def test_before_the_first_match_counting_is_under_way() -> None:
    said = row(outage(1, matched=None, reported=45))
    assert "Counting is under way; 45 customers reported out" in said


def test_reported_and_matched_counts_are_both_said() -> None:
    said = row(outage(1, matched=1243, reported=1310))
    assert "1,243 homes and businesses out; 1,310 customers reported out" in said


def test_where_nobody_is_matched_the_reported_count_stands_alone() -> None:
    said = row(outage(1, matched=0, reported=663))
    assert "People 663 customers reported out" in said
    assert "No homes" not in said
    assert "No homes or businesses found inside the area" in row(outage(1, matched=0))


def test_no_longer_listed_claims_no_restoration() -> None:
    for status_now in (Status.CONFIRMED, Status.CLOSED):
        said = row(outage(1, status=status_now, listed=False)).lower()
        assert "no longer listed" in said
        assert "restored" not in said


def test_a_prediction_is_said_to_be_one() -> None:
    said = row(outage(1, status=Status.PREDICTED))
    assert "Not confirmed yet" in said
    assert "101 homes and businesses concerned" in said


def test_what_was_planned_and_is_called_off_was_no_mistake() -> None:
    called_off = row(outage(1, kind=Kind.PLANNED, status=Status.CANCELLED))
    assert "will not take place" in called_off
    assert "mistake" not in called_off
    withdrawn = row(outage(1, kind=Kind.ADVISORY, status=Status.CANCELLED))
    assert "This advisory has been withdrawn." in withdrawn
    assert "mistake" in row(outage(1, status=Status.CANCELLED))


def test_an_advisory_that_nobody_has_confirmed_is_not_in_force() -> None:
    said = row(outage(1, kind=Kind.ADVISORY, status=Status.PREDICTED))
    assert "Not confirmed yet" in said
    assert "In force" not in said


def test_an_advisory_has_neither_estimate_nor_crew() -> None:
    said = row(outage(1, kind=Kind.ADVISORY, etr=etr(2), crew_status=CrewStatus.ARRIVED))
    assert "Expected back" not in said
    assert "Crew" not in said


@pytest.mark.parametrize("language", SITE.languages)
@pytest.mark.parametrize("one", sample(), ids=lambda each: str(each.id))
def test_every_sort_of_outage_renders_in_every_language(one: PublicOutage, language: str) -> None:
    renderer = Renderer(SITE)
    for html in (renderer.row(one, language), renderer.details(one, language)):
        assert "{" not in html
        assert "<b>" not in html


def test_text_that_people_wrote_is_shown_as_text() -> None:
    html = Renderer(SITE).details(outage(1, message="<script>alert(1)</script>"), "en")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_published_fragments_hold_no_relative_words() -> None:
    html = "".join(Renderer(SITE).details(each, "en") for each in sample())
    assert not re.search(r"\b(ago|today|tomorrow|minutes? from|in about)\b", html)


def test_totals_count_only_what_interrupts_now() -> None:
    totals = Totals.of(sample())
    assert totals == Totals(outages=9, matched=2486, reported=1355, counting=1, matched_few=1)


def test_the_list_shows_most_people_first() -> None:
    first, second = outage(1, matched=5), outage(2, matched=900)
    assert sorted([first.order, second.order]) == [second.order, first.order]


def test_a_site_nobody_has_set_up_says_so(tmp_path: Path) -> None:
    said = page(tmp_path, status(), NEUTRAL)
    assert "has not been set up for a utility yet" in said
    assert "local emergency number" in said


@pytest.mark.parametrize("mode", ["off", "shadow", "allowlist"])
def test_the_page_says_when_messages_are_not_sent(tmp_path: Path, mode: str) -> None:
    Publication(tmp_path).publish(status(send_mode=mode))
    notices = (tmp_path / "index.html").read_text().split('id="notices"')[1].split("<main")[0]
    assert catalogue("en")[f"notice.{mode}"] in notices


def test_a_drill_says_that_nothing_of_it_happens_now(tmp_path: Path) -> None:
    assert "Drill or replay." in page(tmp_path, status(drill=True))


def test_with_no_outage_the_page_says_so_and_asks_for_reports(tmp_path: Path) -> None:
    assert "No outages are reported now." in page(tmp_path, status())


def test_nothing_is_inline_and_nothing_comes_from_another_host(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(*sample()))
    for path in tmp_path.rglob("*.html"):
        html = path.read_text()
        assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*\ssrc=)", html)
        assert set(re.findall(r'(?:src|href)="(https?://[^"]*)"', html)) <= {SITE.website}


def test_the_colour_of_the_utility_reaches_the_style() -> None:
    plain = Renderer(SITE).statics
    own = Renderer(
        PublicSite(name="A", time_zone="UTC", languages=("en",), accent="#112233")
    ).statics
    assert any(b"--brand:#112233" in content for content in own.values())
    assert set(plain) != set(own)


def test_safety_is_told_in_english_where_nobody_has_reviewed_the_language(tmp_path: Path) -> None:
    others = tuple(language for language in languages() if language != "en")
    Publication(tmp_path, dataclasses.replace(SITE, languages=("en", *others))).publish(status())
    for language in others:
        html = (tmp_path / language / "index.html").read_text()
        help_ = html[html.index('<section class="help"') :]
        said = html_lib.unescape(re.sub(r"<[^>]*>", "", help_))
        assert '<ul lang="en" dir="ltr">' in help_
        assert "Stay at least 10 metres" in said
        assert catalogue(language)["help.electric.wires"] not in said
        assert catalogue(language)["help.emergency"].format(phone="911") in said
        assert "604-555-0142" in said


def test_a_language_is_written_in_its_own_direction(tmp_path: Path) -> None:
    Publication(tmp_path, dataclasses.replace(SITE, languages=("en", "ar"))).publish(status())
    assert '<html lang="en" dir="ltr">' in (tmp_path / "index.html").read_text()
    assert '<html lang="ar" dir="rtl">' in (tmp_path / "ar" / "index.html").read_text()


def test_style_says_start_and_end_and_never_left_or_right() -> None:
    style = next(each for name, each in Renderer(SITE).statics.items() if name.endswith(".css"))
    assert not re.search(rb"[-:\s](left|right)\b", style)


def test_an_advisory_in_force_carries_its_notice_word_for_word() -> None:
    bound = "BOIL THE WATER FOR ONE MINUTE."
    notices = ((Service.WATER, "en", bound), (Service.WATER, "es", "HIERVA EL AGUA."))
    languages_ = ("en", "es", "ar")
    renderer = Renderer(dataclasses.replace(SITE, languages=languages_, notices=notices))
    one = outage(1, kind=Kind.ADVISORY, service=Service.WATER)
    for show in (renderer.row, renderer.details):
        assert f'lang="en" dir="auto">{bound}' in show(one, "en")
        assert 'lang="es" dir="auto">HIERVA EL AGUA.' in show(one, "es")
        # Not in words of ours: in the next best that the utility has given.
        assert f'lang="en" dir="auto">{bound}' in show(one, "ar")
        for other in (
            outage(1, kind=Kind.ADVISORY, service=Service.ELECTRIC),
            outage(1, kind=Kind.ADVISORY, service=Service.WATER, status=Status.PREDICTED),
            outage(1, kind=Kind.ADVISORY, service=Service.WATER, status=Status.CLOSED),
        ):
            assert bound not in show(other, "en")


def test_each_area_where_some_are_out_is_told_with_out_and_served() -> None:
    areas = tuple(PublicArea(name=name, kind="county", served=9000) for name in ("A", "B", "C"))
    renderer = Renderer(dataclasses.replace(SITE, areas=areas))
    outages = (
        outage(1, matched=40, areas=(("county", "A"),)),
        outage(2, matched=700, areas=(("county", "B"),)),
        outage(3, matched=3, areas=(("county", "A"),)),
        outage(4, matched=60, areas=(("county", "C"),), kind=Kind.PLANNED, status=Status.PREDICTED),
    )
    standing = Standing(renderer.site.areas)
    standing.take(outages)
    said = words_of(renderer.summary(standing.totals, "en", standing.totals_by_area()))
    assert "Area Out Served B 700 9,000 A At least 41 9,000 To protect" in said
    assert "By area" not in words_of(renderer.summary(Totals.of(outages), "en"))
