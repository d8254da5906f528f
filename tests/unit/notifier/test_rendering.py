import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from notifier import gsm7
from notifier.kinds import Channel, Kind, Told
from notifier.policy import MOST_PLACES
from notifier.rendering import Notice, Voice, render
from notifier.words import languages, words
from outage import model

# Thursday, 12:45 PM: as long as a day and time get.
AT = datetime(2026, 1, 8, 20, 45, tzinfo=UTC)
MONTH = timedelta(days=28)
VOICE = Voice(
    name="Harbor Light & Power", phone="+1 604-555-0100", zone=ZoneInfo("America/Vancouver")
)
ETR = Notice(
    kind=Kind.ETR,
    service="electric",
    cause="tree",
    crew_status="enroute",
    since=AT,
    etr=AT,
    later=True,
    etr_reason="moreDamage",
    as_of=AT,
)


def every_notice() -> list[Notice]:
    return [
        replace(
            ETR,
            kind=kind,
            service=service,
            planned=planned,
            since=AT - (MONTH if etr and etr > AT else timedelta(0)),
            etr=etr,
            places=places,
        )
        for kind, service, planned, etr, places in itertools.product(
            Kind, model.Service, (False, True), (AT, AT + MONTH, None), (1, 3, MOST_PLACES)
        )
        if etr is not None or kind is not Kind.ETR
    ]


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
        "Harbor Light & Power: Power out at your address since Thu 12:45PM. Cause: tree on line. "
        "Crew on the way. Est. back Thu 12:45PM. As of Thu 12:45PM."
    )
    spanish = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "es", VOICE).body
    assert spanish == (
        "Harbor Light & Power: Corte de luz en su direccion desde jue 12:45. Causa: arbol en la "
        "linea. Cuadrilla en camino. Regreso est. jue 12:45. Info: jue 12:45."
    )


@pytest.mark.parametrize("language", sorted(languages()))
def test_only_a_later_time_is_called_a_delay(language: str) -> None:
    late = {"en": "delayed", "es": "tardara mas"}[language]
    for later in (True, False):
        notice = replace(ETR, later=later, etr_reason=None)
        assert (late in render(notice, Channel.SMS, language, VOICE).body) is later


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
    assert "Cause: tree on line." in text.body
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
    assert (text.language, text.template) == ("en", "etr/2")


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
        assert f'lang="{language}"' in text.html
        if notice.kind.told is Told.OUT:
            assert words(language).name("crew", "enroute") in text.html


def test_a_public_message_is_escaped_in_html_and_plain_in_text() -> None:
    text = render(replace(ETR, public_message="Ice & <water> here"), Channel.EMAIL, "en", VOICE)
    assert "Ice & <water> here" in text.body
    assert "Ice &amp; &lt;water&gt; here" in text.html
