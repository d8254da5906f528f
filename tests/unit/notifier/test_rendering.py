import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest

from notifier import gsm7
from notifier.facts import OutageFacts
from notifier.kinds import Channel, Kind
from notifier.policy import Facts, Manners, Situation, Stage, belief
from notifier.reading_level import grade
from notifier.rendering import Notice, Text, Voice, render, says_crew
from notifier.replies.intents import Context, Intent
from notifier.replies.understanding import understand
from notifier.situation import MOST_PLACES
from notifier.words import languages, words
from outage import model
from outage.site import LANGUAGES

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


UCS_2 = frozenset({"zh", "pa"})
"""Written in scripts that GSM-7 has not got."""


def every_notice(kinds: Iterable[Kind] = tuple(Kind), at: datetime = AT) -> list[Notice]:
    """What can be stated, with each time near and far, and without it."""
    return [
        replace(
            ETR,
            kind=kind,
            service=service,
            planned=kind.value.startswith("planned"),
            advisory=kind.rule.safety,
            since=at - (MONTH if etr and etr > at else timedelta(0)),
            etr=etr,
            next_update_by=update,
            starts=starts,
            ends=starts + timedelta(hours=6) if starts else None,
            places=places,
            area="Port Alexandria City" if kind.by_area and places > 1 else "",
            people=1_234_567,
            as_of=at,
        )
        for kind, service, (etr, update), starts, places in itertools.product(
            kinds,
            model.Service,
            ((at, None), (at + MONTH, None), (None, at), (None, at + MONTH), (None, None)),
            (at, at + MONTH, None),
            (1, 3, MOST_PLACES),
        )
        if (etr or kind not in {Kind.ETR, Kind.ETR_LATER})
        and (starts or kind not in WITH_START)
        and (starts == at or kind in WITH_START | {Kind.STORM_WATCH})
    ]


WITH_START = frozenset({Kind.PLANNED_NOTICE, Kind.PLANNED_REMINDER, Kind.PLANNED_CHANGED})


def longest(language: str, table: str) -> str:
    names = words(language).tables[table]
    return max(names, key=lambda code: len(names[code]))


@cache
def longest_day(language: str) -> datetime:
    """When day and time take the most room, near and far."""
    chosen = words(language)

    def room(at: datetime) -> int:
        far = chosen.time(at + MONTH, VOICE.zone, "sms", seen_from=at)
        return len(chosen.time(at, VOICE.zone, "sms") + far)

    return max((AT + timedelta(days=day) for day in range(365)), key=room)


def worst(language: str, kind: Kind) -> list[Text]:
    """Every text of a kind on the days with the longest names, with all its facts and with none.

    What may be left out is: with some of its facts a text is no longer than with none, or fits.
    """
    cause, crew, reason = (longest(language, table) for table in ("cause", "crew", "reason"))
    at = longest_day(language)
    stated = every_notice([kind], at)
    full = [
        replace(one, cause=cause, crew_status=crew, etr_reason=reason, promised=at)
        for one in stated
    ]
    none = [replace(one, cause=None, crew_status=None, etr_reason=None) for one in stated]
    return [render(one, Channel.SMS, language, VOICE) for one in (*full, *none)]


def test_there_are_texts_in_every_language_that_a_site_may_speak() -> None:
    assert languages() == set(LANGUAGES)


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_code_has_a_name_in_every_language(language: str) -> None:
    tables = words(language).tables
    assert set(tables["cause"]) == {code.value for code in model.Cause}
    assert set(tables["crew"]) == {code.value for code in model.CrewStatus}
    assert set(tables["reason"]) == {code.value for code in model.Reason}
    assert set(tables["service"]) == {code.value for code in model.Service}
    assert tables.keys() == words("en").tables.keys()
    for table in tables.keys() - {"segments"}:
        assert tables[table].keys() == words("en").tables[table].keys()
    assert words(language).segments.keys() <= {"most", *Kind}


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("kind", Kind)
def test_every_text_message_fits_its_segments_in_the_worst_case_and_needs_them(
    kind: Kind, language: str
) -> None:
    texts = worst(language, kind)
    for text in texts:
        assert text.segments <= words(language).budget(kind), text.body
        assert gsm7.fits_alphabet(text.body) is (language not in UCS_2)
        assert "  " not in text.body
        assert "None" not in text.body
    assert max(text.segments for text in texts) == words(language).budget(kind)


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.rule.takes_back])
def test_what_takes_an_advisory_back_fits_what_an_advisory_may_cost(
    kind: Kind, language: str
) -> None:
    for notice in every_notice([kind], longest_day(language)):
        text = render(replace(notice, advisory=True), Channel.SMS, language, VOICE)
        assert text.segments <= words(language).budget(Kind.ADVISORY)
        assert "No power" not in text.body


@pytest.mark.parametrize("language", sorted(languages() - UCS_2))
def test_where_gsm_7_has_the_letters_one_segment_is_enough(language: str) -> None:
    assert {words(language).budget(kind) for kind in Kind} == {1}


@pytest.mark.parametrize("language", sorted(UCS_2))
@pytest.mark.parametrize("kind", [Kind.DETECTED, Kind.RESTORED, Kind.CORRECTION_OUT])
def test_the_first_of_several_segments_says_what_and_where(kind: Kind, language: str) -> None:
    chosen = words(language)
    for service in model.Service:
        text = render(replace(ETR, kind=kind, service=service), Channel.SMS, language, VOICE)
        first = text.body[:67]
        assert chosen.place("at", 1) in first
        assert chosen.name("service", service) in first
        if kind is Kind.DETECTED:
            assert chosen.time(AT, VOICE.zone, "sms") in first


def test_the_first_segment_in_chinese_says_when_it_should_be_back_and_what_to_do_too() -> None:
    first = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "zh", VOICE).body[:67]
    assert first.startswith(
        "Harbor Light & Power：您的地址周四12:45起停电。预计周四12:45恢复。勿近电线。"
    )


def test_french_says_nothing_in_a_text_that_loses_an_accent() -> None:
    """Months apart: "août" and "aout" are both right."""
    for kind in Kind:
        template = files("notifier").joinpath("templates", "fr", f"{kind.value}.sms.txt")
        assert not set(template.read_text("utf-8")) & set(LOST_IN_FRENCH), kind
    said = (name for table in IN_TEXTS for name in words("fr").tables[table].values())
    assert not set("".join(said)) & set(LOST_IN_FRENCH)


LOST_IN_FRENCH = "âêîôûëïçœÀÂÊÈÎÔÛŒ\u00a0\u202f’«»"
IN_TEXTS = (
    *(
        "area",
        "at",
        "yours",
        "still",
        "notice",
        "call",
        "service",
        "do",
        "advice",
        "lifted",
        "prepare",
    ),
    *("after", "cause", "crew", "reason"),
)


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
    french = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "fr", VOICE).body
    assert french == (
        "Harbor Light & Power: Sans courant à votre adresse depuis jeu. 12h45. "
        "Cause: arbre sur fil. Équipe en route. Fin vers jeu. 12h45. "
        "Info: jeu. 12h45. Évitez fils."
    )
    chinese = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "zh", VOICE).body
    assert chinese == (
        "Harbor Light & Power：您的地址周四12:45起停电。预计周四12:45恢复。勿近电线。"
        "原因：树碰电线。人员在途。截至周四12:45。"
    )
    punjabi = render(replace(ETR, kind=Kind.DETECTED), Channel.SMS, "pa", VOICE).body
    assert punjabi == (
        "Harbor Light & Power: ਤੁਹਾਡੇ ਪਤੇ ਤੇ ਵੀਰ 12:45 ਤੋਂ ਬਿਜਲੀ ਬੰਦ। ਬਹਾਲੀ ਲਗਭਗ ਵੀਰ 12:45। "
        "ਤਾਰਾਂ ਤੋਂ ਦੂਰ ਰਹੋ। ਕਾਰਨ: ਤਾਰ ਤੇ ਰੁੱਖ। ਟੀਮ ਰਾਹ ਵਿੱਚ। ਵੀਰ 12:45 ਦੀ ਖ਼ਬਰ।"
    )


@pytest.mark.parametrize(
    ("language", "near", "far"),
    [
        ("en", "back Wed 11:45AM.", "back Thu Jan 15 12:45PM."),
        ("es", "mié 11:45", "jue 15 ene 12"),
        ("fr", "vers mer. 11h45.", "vers jeu. 15 janv. 12h45."),
        ("zh", "预计周三11:45恢复", "预计1月15日周四12:45恢复"),
        ("pa", "ਲਗਭਗ ਬੁੱਧ 11:45।", "ਲਗਭਗ ਵੀਰ 15 ਜਨ 12:45।"),
    ],
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
    text = render(ETR, Channel.SMS, "tlh", VOICE)
    assert (text.language, text.template) == ("en", "etr_later/4")


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
    "fr": r"Évitez|Fermez|Sortez|répondez OFF|Appelez|Préparez-vous|rien à faire|Chargez|Gardez|"
    r"be ready|Boil|leave|You can",
    "zh": r"勿近|请关|请离开|请回复OFF|请拨|请做好准备|无需|请给手机充电|请先存水|请备好|"
    r"be ready|Boil|leave|You can",
    "pa": r"ਦੂਰ ਰਹੋ|ਬੰਦ ਕਰੋ|ਬਾਹਰ ਜਾਓ|OFF ਲਿਖੋ|ਫ਼ੋਨ:|ਤਿਆਰ ਰਹੋ|ਲੋੜ ਨਹੀਂ|ਚਾਰਜ ਕਰੋ|ਰੱਖੋ|"
    r"be ready|Boil|leave|You can",
}


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_text_message_says_what_to_do_next(language: str) -> None:
    for notice in every_notice():
        body = render(notice, Channel.SMS, language, VOICE).body
        # Who watches an area is not in the dark: how to do without it is what there is to say.
        assert re.search("STOP" if notice.kind.by_area else NEXT[language], body), body


@pytest.mark.parametrize("language", sorted(languages()))
def test_no_codes_braces_or_empty_facts_are_left_in_a_text(language: str) -> None:
    for notice in every_notice():
        bare = replace(notice, cause=None, crew_status=None, etr_reason=None, promised=None)
        for channel in Channel:
            text = render(bare, channel, language, replace(VOICE, phone=""))
            for shown in (text.subject, text.body, text.html):
                assert not re.search(r"[{}]|None|: \.|  +\S|\bby \.|\(\)", shown), shown


@pytest.mark.parametrize("language", sorted(languages()))
def test_every_word_that_a_text_asks_for_is_understood_from_who_speaks_its_language(
    language: str,
) -> None:
    for kind in (Kind.RESTORED, Kind.PLANNED_DONE):
        body = render(replace(ETR, kind=kind), Channel.SMS, language, VOICE).body
        asked = re.findall(r"(?<![A-Za-z\d])[A-Z]{2,}(?![A-Za-z])", body)
        assert asked == ["OFF"]
        found = understand(asked[0], Context(language=language))
        assert (found.intent, found.language) == (Intent.OFF, language)


@pytest.mark.parametrize("language", sorted(languages()))
def test_nobody_is_told_for_sure_that_service_is_back(language: str) -> None:
    for kind, service in itertools.product(
        (Kind.RESTORED, Kind.PARTLY_RESTORED, Kind.PLANNED_DONE), model.Service
    ):
        notice = replace(ETR, kind=kind, service=service)
        mail = render(notice, Channel.EMAIL, language, VOICE)
        lead = mail.body.partition("\n")[0]
        for said in (render(notice, Channel.SMS, language, VOICE).body, mail.subject, lead):
            assert re.search(SHOULD[language], said), said


SHOULD = {
    "en": "should be",
    "es": "eber[ií]a haber",
    "fr": "en principe|ne devriez plus",
    "zh": "应已",
    "pa": "ਸਾਡੇ ਮੁਤਾਬਕ",
}
WHO_WAITS = {
    "en": "Thu 12:45PM",
    "es": "jue 12:45",
    "fr": "jeu. 12h45",
    "zh": "周四12:45",
    "pa": "ਵੀਰ 12:45",
}


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


ON_SITE = Facts(
    stage=Stage.OPEN,
    etr=AT + timedelta(hours=2),
    next_update=AT + timedelta(hours=1),
    crew_on_site=True,
)


def what_is_out(*, planned: bool) -> Iterable[tuple[Kind, OutageFacts]]:
    """Every kind that says so, with a time of return, an end of planned work, or neither."""
    for kind, etr, ends in itertools.product(
        [kind for kind in Kind if kind.told.out and not kind.rule.answer],
        (ON_SITE.etr, None),
        (AT + timedelta(hours=3), None),
    ):
        policy = replace(ON_SITE, planned=planned, etr=etr, ends=ends)
        if not planned and (ends or kind is Kind.PLANNED_STARTED):
            continue
        without = kind not in {Kind.ETR, Kind.ETR_LATER}
        with_one = kind not in {Kind.NO_ETR_YET, Kind.ETR_PASSED}
        if with_one if policy.back else without:
            yield (
                kind,
                OutageFacts(
                    policy=policy,
                    service="electric",
                    planned=planned,
                    cause="tree",
                    crew_status="arrived",
                    since=AT,
                    place="",
                ),
            )


@pytest.mark.parametrize("language", sorted(languages()))
@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("planned", [False, True])
def test_what_is_remembered_as_told_is_what_the_text_says(
    language: str, channel: Channel, planned: bool
) -> None:
    chosen, style = words(language), "sms" if channel is Channel.SMS else "email"
    manners, situation = Manners(zone=VOICE.zone), Situation(here=True, places=1)
    for kind, about in what_is_out(planned=planned):
        text = render(about.notice(kind, 1, AT), channel, language, VOICE)
        crew_said = says_crew(text, kind, about.crew_status)
        known = belief(kind, situation, about.policy, manners, AT, crew_said=crew_said)
        assert known.time is not None
        stated = chosen.time(known.time, VOICE.zone, style, seen_from=AT)
        assert (gsm7.to_alphabet(stated) if channel is Channel.SMS else stated) in text.body, kind
        assert known.crew is crew_said


def test_a_crew_is_not_said_where_there_is_no_room_for_it() -> None:
    long = replace(VOICE, name="Snoqualmie Valley Rural Electric Cooperative")
    notice = replace(ETR, kind=Kind.DETECTED, crew_status="arrived")
    assert not says_crew(render(notice, Channel.SMS, "en", long), notice.kind, "arrived")
    assert says_crew(render(notice, Channel.SMS, "en", VOICE), notice.kind, "arrived")


MANDATED = "DO NOT DRINK THE WATER WITHOUT BOILING IT FIRST."


@pytest.mark.parametrize("channel", Channel)
def test_an_advisory_says_what_the_utility_is_bound_to_say_in_full(channel: Channel) -> None:
    long = f"{MANDATED} {'Bring all water to a boil. ' * 9}".strip()
    voice = replace(VOICE, advisory={"water": {"en": long}})
    notice = replace(ETR, kind=Kind.ADVISORY, advisory=True, service="water")
    assert long in render(notice, channel, "en", voice).body
    assert MANDATED not in render(notice, channel, "en", VOICE).body


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.safety(advisory=True)])
@pytest.mark.parametrize(
    ("language", "line"),
    [("es", "Español: "), ("fr", "Appelez le "), ("zh", "中文："), ("pa", "ਪੰਜਾਬੀ: ")],
)
def test_an_unreviewed_safety_text_is_english_with_a_line_to_call(
    kind: Kind, language: str, line: str
) -> None:
    text = render(replace(ETR, kind=kind, advisory=True), Channel.SMS, language, VOICE)
    assert words(language).reviewed_by == ""
    assert text.language == "en"
    assert f"{line}{VOICE.phone}" in text.body


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
