import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from notifier import gsm7
from notifier.kinds import Channel, Kind
from notifier.rendering import Notice, Voice, render
from notifier.situation import MOST_PLACES
from notifier.words import languages, words
from outage import model

# Thursday, 12:45 PM: as long as a day and time get.
AT = datetime(2026, 1, 8, 20, 45, tzinfo=UTC)
MONTH = timedelta(days=28)
VOICE = Voice(
    name="Harbor Light & Power", phone="+1 604-555-0100", zone=ZoneInfo("America/Vancouver")
)
ETR = Notice(
    kind=Kind.ETR_LATER,
    service="electric",
    cause="tree",
    crew_status="enroute",
    since=AT,
    etr=AT,
    etr_reason="moreDamage",
    as_of=AT,
)


def every_notice(kinds: Iterable[Kind] = tuple(Kind)) -> list[Notice]:
    """What can be stated, with each time near and far, and without it."""
    return [
        replace(
            ETR,
            kind=kind,
            service=service,
            planned=kind.value.startswith("planned"),
            advisory=kind.rule.safety,
            since=AT - (MONTH if etr and etr > AT else timedelta(0)),
            etr=etr,
            next_update_by=update,
            starts=starts,
            ends=starts + timedelta(hours=6) if starts else None,
            places=places,
        )
        for kind, service, (etr, update), starts, places in itertools.product(
            kinds,
            model.Service,
            ((AT, None), (AT + MONTH, None), (None, AT), (None, AT + MONTH), (None, None)),
            (AT, AT + MONTH, None),
            (1, 3, MOST_PLACES),
        )
        if (etr or kind not in {Kind.ETR, Kind.ETR_LATER})
        and (starts or kind not in WITH_START)
        and (starts == AT or kind in WITH_START | {Kind.STORM_WATCH})
    ]


WITH_START = frozenset({Kind.PLANNED_NOTICE, Kind.PLANNED_REMINDER, Kind.PLANNED_CHANGED})


def longest(language: str, table: str) -> str:
    names = words(language).tables[table]
    return max(names, key=lambda code: len(names[code]))


def test_there_is_english_and_one_more_language() -> None:
    assert languages() == {"en", "es"}


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_code_has_a_name_in_every_language(language: str) -> None:
    tables = words(language).tables
    assert set(tables["cause"]) == {code.value for code in model.Cause}
    assert set(tables["crew"]) == {code.value for code in model.CrewStatus}
    assert set(tables["reason"]) == {code.value for code in model.Reason}
    assert set(tables["service"]) == {code.value for code in model.Service}
    assert tables.keys() == words("en").tables.keys()


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_text_message_fits_one_segment_in_the_worst_case(language: str) -> None:
    causes, crews, reasons = (longest(language, table) for table in ("cause", "crew", "reason"))
    for notice in every_notice():
        for cause, crew, reason in itertools.product(
            (causes, None), (crews, None), (reasons, None)
        ):
            full = replace(notice, cause=cause, crew_status=crew, etr_reason=reason)
            text = render(full, Channel.SMS, language, VOICE)
            assert text.segments == 1, text.body
            assert gsm7.fits_alphabet(text.body)
            assert "  " not in text.body
            assert "None" not in text.body


@pytest.mark.parametrize("language", sorted(languages()))
def test_a_first_text_says_when_why_who_until_and_as_of(language: str) -> None:
    chosen = words(language)
    for cause, crew in itertools.product(model.Cause, model.CrewStatus):
        notice = replace(ETR, kind=Kind.DETECTED, cause=cause, crew_status=crew)
        body = render(notice, Channel.SMS, language, VOICE).body
        assert body.count(gsm7.to_alphabet(chosen.time(AT, VOICE.zone, "sms"))) == 3
        assert gsm7.to_alphabet(chosen.name("cause", cause)) in body
        assert gsm7.to_alphabet(chosen.name("crew", crew)) in body


def test_a_first_text_reads_like_a_person_wrote_it() -> None:
    english = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "en", VOICE).body
    assert english == (
        "Harbor Light & Power: Power out at your address since Thu 12:45PM. Why: tree on line. "
        "Crew on the way. Est. back Thu 12:45PM. As of Thu 12:45PM. Avoid wires."
    )
    spanish = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "es", VOICE).body
    assert spanish == (
        "Harbor Light & Power: Corte de luz en su direccion desde jue 12:45. "
        "Causa: arbol en linea. Equipo en camino. Fin est. jue 12:45. "
        "Info: jue 12:45. Evite cables."
    )


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [("en", "back Wed 11:45AM.", "back Thu Jan 15 12:45PM."), ("es", "mié 11:45", "jue 15 ene 12")],
)
def test_a_weekday_that_could_be_another_one_has_its_date(
    language: str, near: str, far: str
) -> None:
    for etr, expected in (
        (AT + timedelta(days=6, hours=-1), near),
        (AT + timedelta(days=7), far),
    ):
        assert expected in render(replace(ETR, etr=etr), Channel.SMS, language, VOICE).body


def test_a_longer_name_costs_facts_from_the_end_before_it_costs_a_segment() -> None:
    long = replace(VOICE, name="Snoqualmie Valley Rural Electric Cooperative")
    text = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "en", long)
    assert text.segments == 1
    assert "Crew" not in text.body
    assert "Est. back" in text.body


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("channel", Channel)
def test_what_ends_or_takes_back_neither_claims_an_outage_nor_gives_an_etr(
    language: str, channel: Channel
) -> None:
    chosen = words(language)
    for kind in (Kind.RESTORED, Kind.CANCELLED, Kind.CORRECTION_UNAFFECTED):
        text = render(replace(ETR, kind=kind, as_of=AT.replace(hour=2)), channel, language, VOICE)
        style = "sms" if channel is Channel.SMS else "email"
        assert gsm7.to_alphabet(chosen.time(AT, VOICE.zone, style)) not in text.body
        assert gsm7.to_alphabet(chosen.name("crew", "enroute")) not in text.body
        assert VOICE.phone in text.body


def test_the_correction_of_an_address_that_fell_out_never_says_restored() -> None:
    for channel in Channel:
        text = render(replace(ETR, kind=Kind.CORRECTION_UNAFFECTED), channel, "en", VOICE)
        told = f"{text.subject} {text.body}".lower()
        assert "restored" not in told
        assert "back" not in told
        assert "out at" not in told


def test_restored_gas_never_tells_anybody_to_relight() -> None:
    text = render(replace(ETR, kind=Kind.RESTORED, service="gas"), Channel.EMAIL, "en", VOICE)
    assert "Do not relight appliances yourself." in text.body


def test_an_unknown_language_is_spoken_to_in_english() -> None:
    text = render(ETR, Channel.SMS, "pa", VOICE)
    assert (text.language, text.template) == ("en", "etr_later/3")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.seen.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_email_is_a_whole_triplet(language: str) -> None:
    for notice in every_notice():
        text = render(notice, Channel.EMAIL, language, VOICE)
        assert text.subject
        assert "\n" not in text.subject
        assert "\n\n\n" not in text.body
        tags = _Tags()
        tags.feed(text.html)
        assert tags.open == []
        assert tags.seen.count("h1") == 1
        assert text.language == ("en" if notice.kind.rule.safety else language)
        assert f'lang="{text.language}"' in text.html
        if notice.kind.told.out:
            assert words(language).name("crew", "enroute") in text.html


def test_a_public_message_is_escaped_in_html_and_plain_in_text() -> None:
    text = render(replace(ETR, public_message="Ice & <water> here"), Channel.EMAIL, "en", VOICE)
    assert "Ice & <water> here" in text.body
    assert "Ice &amp; &lt;water&gt; here" in text.html


def test_every_kind_has_every_text_in_every_language() -> None:
    parts = ("sms.txt", "subject.txt", "lead.txt")
    for language, kind, part in itertools.product(languages(), Kind, parts):
        path = files("notifier").joinpath("templates", language, f"{kind.value}.{part}")
        assert path.is_file(), f"{language}: {kind.value}.{part}"


def test_no_template_is_of_a_kind_that_is_gone() -> None:
    for language in languages():
        for path in files("notifier").joinpath("templates", language).iterdir():
            name = path.name.partition(".")[0]
            assert name in {*Kind, "words", "facts", "body"}, path.name


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_text_says_of_which_moment_it_is_and_in_which_zone_by_mail(language: str) -> None:
    chosen = words(language)
    for notice in every_notice():
        for channel, style in ((Channel.SMS, "sms"), (Channel.EMAIL, "email")):
            safety = notice.kind.rule.safety
            said = (words("en") if safety else chosen).time(AT, VOICE.zone, style)
            shown = render(notice, channel, language, VOICE).body
            assert (gsm7.to_alphabet(said) if channel is Channel.SMS else said) in shown


NEXT = {
    "en": r"Avoid wires|Close taps|[Ll]eave|reply OFF|Call|Please|Boil|need to do|"
    r"You can|be ready|Charge|Store|Keep",
    "es": r"Evite|Cierre|Salga|responda OFF|Llame|en cuenta|hacer nada|Cargue|Guarde|Tenga|"
    r"be ready|Boil|leave|You can",
}


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_text_message_says_what_to_do_next(language: str) -> None:
    for notice in every_notice():
        body = render(notice, Channel.SMS, language, VOICE).body
        assert re.search(NEXT[language], body), body


@pytest.mark.parametrize("language", sorted(languages()))
def test_no_codes_braces_or_empty_facts_are_left_in_a_text(language: str) -> None:
    for notice in every_notice():
        bare = replace(notice, cause=None, crew_status=None, etr_reason=None, promised=None)
        for channel in Channel:
            text = render(bare, channel, language, replace(VOICE, phone=""))
            for shown in (text.subject, text.body, text.html):
                assert not re.search(r"[{}]|None|: \.|  +\S|\bby \.|\(\)", shown), shown


WHO_WAITS = {"en": "Thu 12:45PM", "es": "jue 12:45"}


@pytest.mark.parametrize("language", sorted(languages()))
def test_without_a_time_of_return_a_text_says_when_there_will_be_more(language: str) -> None:
    kinds = (Kind.DETECTED, Kind.NO_ETR_YET, Kind.ETR_PASSED, Kind.CREW, Kind.PARTLY_RESTORED)
    for kind in kinds:
        early = AT - timedelta(hours=1)
        notice = replace(
            ETR, kind=kind, etr=None, next_update_by=AT, as_of=early, since=early, promised=early
        )
        assert WHO_WAITS[language] in render(notice, Channel.SMS, language, VOICE).body


def test_an_apology_names_the_time_that_passed() -> None:
    notice = replace(
        ETR, kind=Kind.ETR_PASSED, etr=None, promised=AT - timedelta(hours=1), crew_status=None
    )
    assert "It is past Thu 11:45AM." in render(notice, Channel.SMS, "en", VOICE).body


def test_only_a_later_time_has_a_reason_for_it() -> None:
    for kind in (Kind.ETR, Kind.ETR_LATER):
        body = render(replace(ETR, kind=kind), Channel.SMS, "en", VOICE).body
        assert ("more damage found" in body) is (kind is Kind.ETR_LATER)


MANDATED = "DO NOT DRINK THE WATER WITHOUT BOILING IT FIRST."


@pytest.mark.parametrize("channel", Channel)
def test_an_advisory_says_what_the_utility_is_bound_to_say_in_full(channel: Channel) -> None:
    long = f"{MANDATED} {'Bring all water to a boil. ' * 9}".strip()
    voice = replace(VOICE, advisory={"water": {"en": long}})
    notice = replace(ETR, kind=Kind.ADVISORY, advisory=True, service="water")
    assert long in render(notice, channel, "en", voice).body
    assert MANDATED not in render(notice, channel, "en", VOICE).body


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.rule.safety])
def test_an_unreviewed_safety_text_is_english_with_a_line_to_call(kind: Kind) -> None:
    text = render(replace(ETR, kind=kind, advisory=True), Channel.SMS, "es", VOICE)
    assert words("es").reviewed_by == ""
    assert text.language == "en"
    assert f"Español: {VOICE.phone}" in text.body


def test_an_advisory_gives_no_time_of_return_and_its_end_is_no_restoration() -> None:
    for kind in (Kind.ADVISORY, Kind.ADVISORY_LIFTED):
        for channel in Channel:
            text = render(replace(ETR, kind=kind, advisory=True), channel, "en", VOICE)
            assert not re.search("restored|back", f"{text.subject} {text.body}", re.IGNORECASE)


def test_gas_is_never_relit_by_anybody_we_write_to() -> None:
    for notice in every_notice():
        body = render(replace(notice, service="gas"), Channel.EMAIL, "en", VOICE).body
        assert len(re.findall("relight", body)) == len(re.findall("[Dd]o not relight", body))


def test_english_is_read_with_six_years_of_school() -> None:
    """Names and times are the utility's; the words between them are ours."""
    for notice in every_notice():
        plain = replace(VOICE, name="We", phone="")
        text = render(notice, Channel.EMAIL, "en", plain)
        lead = text.body.partition("\n")[0]
        sms = render(notice, Channel.SMS, "en", plain).body.removeprefix("We: ")
        assert grade(lead) <= 6, lead
        assert grade(sms) <= 6, sms


def test_the_grade_tells_plain_from_learned_words() -> None:
    assert grade("The cat sat on the mat.") < 1
    assert grade("Restoration of electrical service necessitates additional infrastructure.") > 15


def grade(text: str) -> float:
    """Years of school that a text asks for (Flesch and Kincaid, 1975), numbers left out."""
    plain = re.sub(r"\b(?:Est\.|[\d:]+(?:[AP]M)?|UTC|Pacific Standard Time)", "", text)
    sentences = [part for part in re.split(r"[.!?:]\s*", plain) if re.search("[a-z]", part)]
    heard = [syllables(word) for part in sentences for word in re.findall("[A-Za-z']+", part)]
    return 0.39 * len(heard) / len(sentences) + 11.8 * sum(heard) / len(heard) - 15.59


def syllables(word: str) -> int:
    """Groups of vowels, a silent e left out."""
    groups = re.findall("[aeiouy]+", re.sub(r"(?<=[^l\W])e[sd]?$", "", word.lower()))
    return max(1, len(groups))
