import csv
import dataclasses
import json
import re
from datetime import date, timedelta
from pathlib import Path

from outage.privacy import FEW
from status_page.charts import HEIGHT, WIDTH, bars
from status_page.view import PublicDay, PublicStatus
from tests.unit.status_page.storm import NOW, SITE, Publication, outage, status

LAST = date(2026, 11, 21)


def state(*days: PublicDay, as_of_minutes: int = 0) -> PublicStatus:
    told = status(outage(1), as_of=NOW + timedelta(minutes=as_of_minutes))
    return dataclasses.replace(told, days=days)


def day(ago: int, **figures: float) -> PublicDay:
    return PublicDay(day=LAST - timedelta(days=ago), **figures)  # type: ignore[arg-type]  # numbers


def words(path: Path) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", path.read_text()).split())


def test_it_leads_to_itself_in_other_languages_and_names_itself_on_paper(tmp_path: Path) -> None:
    Publication(tmp_path).publish(state(day(0, outages=1)))
    for language in SITE.languages:
        html = (tmp_path / f"feeds/days-{language}.html").read_text()
        others = {each for each in SITE.languages if each != language}
        assert set(re.findall(r'href="([^"]+)"[^>]* hreflang="[a-z]+">', html)) == {
            f"/feeds/days-{each}.html" for each in others
        }
        alternate = dict(re.findall(r'rel="alternate" hreflang="([a-z]+)" href="([^"]+)"', html))
        assert alternate == {each: f"/feeds/days-{each}.html" for each in others}
        paper = re.search(r'class="paper">([^<]+)<', html)
        assert paper
        assert paper[1] == f"{SITE.address}/feeds/days-{language}.html"
        for each in others:
            assert (tmp_path / f"feeds/days-{each}.html").is_file()


def test_the_bars_are_told_in_a_sentence_and_as_a_table(tmp_path: Path) -> None:
    days = (
        day(2, outages=4, affected=41, affected_few=1, restored=3, minutes=600),
        day(1),
        day(0, outages=12, planned=2, affected=900),
    )
    Publication(tmp_path).publish(state(*days))
    path = tmp_path / "feeds/days-en.html"
    html, said = path.read_text(), words(path)
    assert html.count('role="img"') == 2
    assert html.count("<rect") == 4
    assert "<desc" in html
    assert (
        "Outages begun, day by day from Nov 19 to Nov 21. Most: 12 on Nov 21. In all: 16." in said
    )
    assert "Most: 900 on Nov 21. In all: At least 941." in said
    assert "Nov 21 12 900 – 2 Nov 20 0 0 – 0 Nov 19 4 At least 41 3.3 hr 0" in said
    assert "no count below 5 is shown" in said
    assert "style=" not in html
    rows = list(csv.DictReader((tmp_path / "feeds/days.csv").read_text().splitlines()))
    assert rows[0]["affected_few"] == "1"
    assert [each["average_minutes"] for each in rows] == ["200", "", ""]
    assert {each["drill"] for each in rows} == {"false"}
    told = json.loads((tmp_path / "feeds/days.json").read_text())
    assert told["time_zone"] == SITE.time_zone
    assert told["days"][2] == {
        "day": "2026-11-21",
        "outages": 12,
        "planned": 2,
        "affected": 900,
        "affected_few": 0,
        "restored": 0,
        "average_minutes": None,
    }


def test_where_time_runs_from_right_to_left_so_do_the_bars(tmp_path: Path) -> None:
    site = dataclasses.replace(SITE, languages=("en", "ar"))
    Publication(tmp_path, site).publish(state(day(1), day(0, outages=3)))
    found = {
        language: re.findall(r'<rect x="([\d.]+)"', (tmp_path / name).read_text())
        for language, name in (("en", "feeds/days-en.html"), ("ar", "feeds/days-ar.html"))
    }
    assert found == {"en": [str(WIDTH / 2)], "ar": ["0.0"]}


def test_the_largest_bar_is_as_tall_as_the_chart_and_the_smallest_can_be_seen() -> None:
    large, small = bars([100_000, 0, FEW])
    assert (large.y, large.height) == (0, HEIGHT)
    assert small.height >= 3
    assert small.x + small.width <= WIDTH
    assert bars([]) == bars([0, 0]) == []


def test_corrections_are_gathered_for_ten_minutes_and_a_new_day_is_told_at_once(
    tmp_path: Path,
) -> None:
    publication = Publication(tmp_path)
    table = tmp_path / "feeds/days.csv"

    def last() -> str:
        return table.read_text().splitlines()[-1][:12]

    publication.publish(state(day(1), day(0, outages=1)))
    publication.publish(state(day(1), day(0, outages=2), as_of_minutes=5))
    assert last() == "2026-11-21,1"
    publication.publish(state(day(0), day(-1, outages=7), as_of_minutes=6))
    assert last() == "2026-11-22,7"
    publication.publish(state(day(0), day(-1, outages=8), as_of_minutes=17))
    assert last() == "2026-11-22,8"
    names = {name for name, _ in publication.publish(state(day(0), day(-1, outages=8))).files}
    assert not any(name.startswith("feeds/days") for name in names)


def test_after_a_restart_over_midnight_the_day_that_has_ended_is_told(tmp_path: Path) -> None:
    before = state(day(1), day(0, outages=1))
    Publication(tmp_path).publish(before)
    again = Publication(tmp_path)
    assert not again.press.has_changed(before)
    assert again.press.has_changed(state(day(0, outages=1), day(-1)))
    # One that sees the new day at once has nothing of its own to compare it to.
    assert Publication(tmp_path).press.has_changed(state(day(0, outages=1), day(-1)))


def test_a_correction_that_had_to_wait_is_told_although_nothing_else_changes(
    tmp_path: Path,
) -> None:
    publication = Publication(tmp_path)
    publication.publish(state(day(0, outages=1)))
    assert not publication.press.has_changed(state(day(0, outages=1, restored=1), as_of_minutes=4))
    later = state(day(0, outages=1, restored=1), as_of_minutes=10)
    assert publication.press.has_changed(later)
    publication.publish(later)
    assert json.loads((tmp_path / "feeds/days.json").read_bytes())["days"][0]["restored"] == 1
    assert not publication.press.has_changed(later)


def test_before_any_day_is_over_the_page_says_so(tmp_path: Path) -> None:
    Publication(tmp_path).publish(state())
    assert "No day has been counted yet." in words(tmp_path / "feeds/days-en.html")
    assert 'href="/feeds/days-en.html"' in (tmp_path / "index.html").read_text()
