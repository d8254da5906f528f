"""A table of texts written by hand, and what each must be taken for."""

from pathlib import Path

import pytest

from notifier import gsm7
from notifier.replies.intents import Asked, Context, Danger, Intent, Reason
from notifier.replies.lexicon import LANGUAGES
from notifier.replies.saying import say, texts
from notifier.replies.understanding import understand
from tests.unit.notifier.replies.test_saying import LONGEST, SITE

TABLE = Path(__file__).with_name("inbound_texts.tsv")
ROWS = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines()]


def test_the_table_is_as_long_as_it_is_said_to_be() -> None:
    assert len(ROWS) >= 300
    assert len({text for _, _, text in ROWS}) == len(ROWS)


@pytest.mark.parametrize(("expected", "language", "text"), ROWS)
def test_a_text_is_taken_for_what_was_meant(expected: str, language: str, text: str) -> None:
    found = understand(text, Context(language="en", name=SITE.short_name))
    said = " ".join(filter(None, (found.intent, found.danger, found.also)))
    assert (said, found.language) == (expected, language)


def test_a_number_chooses_only_what_was_asked() -> None:
    asked = Context(asked=Asked.WHICH, options=2, numbers=(12, 40))
    assert understand("2", asked).choice == 2
    assert understand("\uff12", asked).choice == 2
    assert understand("40 Elm", asked).choice == 2
    beyond = understand("3", asked)
    assert (beyond.intent, beyond.reason, beyond.choice) == (
        Intent.CHOICE,
        Reason.NOTHING_ASKED,
        None,
    )
    assert understand("2", Context()).choice is None


def test_stop_is_stop_whatever_was_asked() -> None:
    for asked in Asked:
        context = Context(asked=asked, options=3, numbers=(1, 2, 3))
        assert understand("STOP", context).intent is Intent.STOP
        assert understand("I smell gas", context).intent is Intent.DANGER


def test_yes_is_an_answer_only_to_what_was_asked() -> None:
    assert understand("yes", Context(asked=Asked.STOP)).intent is Intent.STOP
    assert understand("yes", Context(opted_out=True)).intent is Intent.START
    assert understand("yes", Context()).intent is Intent.OTHER
    assert understand("sí", Context()).intent is Intent.OTHER


def test_yes_joins_only_who_has_not_stopped() -> None:
    for taken in (None, "START"):
        joining = understand("YES", Context(joining=True, opt_out_type=taken))
        assert joining.intent is Intent.JOIN
        stopped = understand("YES", Context(joining=True, opted_out=True, opt_out_type=taken))
        assert stopped.intent is Intent.START


def test_yes_after_stop_confirms_it() -> None:
    stopped = Context(opted_out=True)
    for text in ("yes stop", "Yes, STOP!", "Yes please stop"):
        assert understand(text, stopped).intent is Intent.STOP
    for text in ("y", "Yes", "sí"):
        assert understand(text, stopped).intent is Intent.START
        lately = Context(opted_out=True, stopped_lately=True)
        assert understand(text, lately).intent is Intent.OTHER
    assert understand("yes please", stopped).intent is Intent.OTHER


@pytest.mark.parametrize("text", ["resume", "Restart", "Reanudar", "activar"])
def test_a_plea_for_power_lifts_no_stop_that_was_never_said(text: str) -> None:
    assert understand(text, Context()).intent is Intent.OTHER
    assert understand(text, Context(opted_out=True)).intent is Intent.START


def test_stop_behind_a_house_number_is_not_taken_for_a_choice() -> None:
    asked = Context(asked=Asked.WHICH, options=2, numbers=(12, 14))
    for text in ("12 STOP", "12 Elm, and please stop all these texts", "12 stop texting me"):
        assert understand(text, asked).intent in {Intent.STOP, Intent.STOP_ASKED}
    for text in ("12", "12 Elm", "12 North End Ave", "12 West End"):
        assert understand(text, asked).choice == 1


@pytest.mark.parametrize(
    ("text", "house", "code", "account"),
    [
        ("12 V5K 0A1", 12, "V5K 0A1", None),
        ("1467 e 22nd ave v5k0a1", 1467, "V5K 0A1", "1467"),
        ("101-1467 E 22nd Ave", 1467, None, "101-1467"),
        ("4020 77002", 4020, "77002", "4020"),
        ("my account is A-10442, zip 77002-1234", None, "77002", "A-10442"),
        ("77002", None, None, "77002"),
    ],
)
def test_a_place_is_read_as_people_write_it(
    text: str, house: int | None, code: str | None, account: str | None
) -> None:
    found = understand(text, Context(asked=Asked.WHO))
    assert found.intent is Intent.PLACE
    assert found.place is not None
    assert found.place.house_number == house
    assert found.place.postal_code == code
    assert found.place.account == account


def test_words_are_no_place() -> None:
    for text in ("I do not know", "V5K 0A1", "the blue house"):
        assert understand(text, Context(asked=Asked.WHO)).intent is not Intent.PLACE


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(texts("en").say))
def test_our_own_text_handed_back_ends_nothing(name: str, language: str) -> None:
    said = say(name, language, SITE, LONGEST).body
    found = understand(said, Context(name=SITE.short_name))
    assert found.intent in {Intent.REACTION, Intent.DANGER}
    assert found.also is None
    liked = understand(f"Liked \u201c{said}\u201d", Context(name=SITE.short_name))
    assert liked.intent is Intent.REACTION


def test_stop_under_a_text_of_ours_is_asked_back() -> None:
    for language in LANGUAGES:
        ours = say("stopped", language, SITE, LONGEST).body
        found = understand(f"{ours}\nSTOP", Context(name=SITE.short_name))
        assert found.intent is Intent.STOP_ASKED


@pytest.mark.parametrize("name", ["Compañía de Luz", "Énergie d’Oc", "Hydro-Cœur"])
def test_our_own_text_is_known_by_a_name_with_accents(name: str) -> None:
    body = f"{name}: Texts stopped. Reply START to get them again. Reply STOP to end."
    for sent in (body, gsm7.to_alphabet(body)):
        for text in (sent, f"Liked “{sent}”"):
            assert understand(text, Context(name=name)).intent is Intent.REACTION


def test_a_house_number_911_is_no_cry_for_help_where_it_was_asked_for() -> None:
    asked = Context(asked=Asked.WHO)
    assert understand("911 77002", asked).intent is Intent.PLACE
    assert understand("911 77002 I smell gas", asked).intent is Intent.DANGER
    assert understand("911 please", asked).intent is Intent.DANGER
    assert understand("911 77002", Context()).intent is Intent.DANGER


def test_stop_that_the_provider_has_heard_hides_no_danger() -> None:
    found = understand("STOP oxygen", Context(opt_out_type="STOP"))
    assert (found.intent, found.danger, found.also) == (
        Intent.DANGER,
        Danger.MEDICAL,
        Intent.STOP,
    )


def test_what_the_provider_has_acted_on_is_done_here_too() -> None:
    found = understand("Stop", Context(opt_out_type="STOP"))
    assert (found.intent, found.reason) == (Intent.STOP, Reason.PROVIDER_SAYS)


def test_a_service_is_the_one_that_is_named() -> None:
    assert understand("we have no water", Context()).service == "water"
    assert understand("sin luz", Context()).service == "electric"
    assert understand("OUT", Context()).service is None


def test_out_with_a_place_behind_it_names_the_place() -> None:
    heard = understand("OUT 12 77002", Context(language="en", name="PCE"))
    assert heard.intent is Intent.OUT
    assert heard.place is not None
    assert (heard.place.house_number, heard.place.postal_code) == (12, "77002")
    assert understand("OUT 12 of us", Context(language="en", name="PCE")).intent is Intent.OTHER
