from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifier import own_texts
from notifier.kinds import Channel, Kind
from notifier.linting import rendered, written
from notifier.rendering import Notice, Voice, render
from notifier.texts import OURS, Texts
from notifier.words import languages, words
from notifier.worst import longest_day, notices

AT = datetime(2026, 1, 8, 20, 45, tzinfo=UTC)
VOICE = Voice(
    name="Harbor Light & Power", phone="+1 604-555-0100", zone=ZoneInfo("America/Vancouver")
)
RESTORED = Notice(kind=Kind.RESTORED, service="electric", as_of=AT)
GOOD = "{{ name }}: The {{ low }} is on again {{ at }}.\nIf not, reply OFF.\nAs of {{ as_of }}.\n"


def folder(path: Path, **files: str) -> Path:
    """A folder with these files; ``en__etr_sms_txt`` is ``en/etr.sms.txt``."""
    for name, text in files.items():
        language, _, file = name.partition("__")
        kind, *parts = file.rsplit("_", 2 if file.endswith("_txt") and "body" not in file else 1)
        where = path / language / ".".join([kind, *parts])
        where.parent.mkdir(exist_ok=True)
        where.write_text(text, "utf-8")
    return path


def faults(path: Path) -> list[str]:
    return [fault.sentence for fault in own_texts.load(path, VOICE)[1]]


def test_ours_have_no_fault_by_the_same_rules() -> None:
    """Each language of ours, read as if it were an operator's."""
    for language in languages():
        names = OURS.environment.list_templates(
            filter_func=lambda name, language=language: (
                name.startswith(f"{language}/")  # type: ignore[misc]  # bound at once
                and not name.endswith(".toml")
            )
        )
        assert OURS.environment.loader is not None
        own = {
            name: OURS.environment.loader.get_source(OURS.environment, name)[0] for name in names
        }
        texts = Texts(own)
        assert [fault.sentence for fault in (*written(texts), *rendered(texts, VOICE))] == []


def test_an_own_text_goes_before_ours_and_only_that_one(tmp_path: Path) -> None:
    texts, found = own_texts.load(folder(tmp_path, en__restored_sms_txt=GOOD), VOICE)
    assert found == []
    own = replace(VOICE, texts=texts)
    text = render(RESTORED, Channel.SMS, "en", own)
    assert text.body.startswith("Harbor Light & Power: The power is on again at your address.")
    other = replace(RESTORED, kind=Kind.PLANNED_DONE)
    assert render(other, Channel.SMS, "en", own) == render(other, Channel.SMS, "en", VOICE)
    assert render(RESTORED, Channel.SMS, "es", own) == render(RESTORED, Channel.SMS, "es", VOICE)


def test_what_python_itself_refuses_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    for source in ("{{ " + "9" * 5000 + " }}", "{{ " + "(" * 20_000 + " }}"):
        said = faults(folder(tmp_path, en__restored_sms_txt=source))
        assert said
        assert said[0].startswith("en/restored.sms.txt")


def test_a_file_that_cannot_be_looked_at_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, en__restored_sms_txt=GOOD)

    def refused(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    assert faults(tmp_path) == ["en/restored.sms.txt: Permission denied."]


def test_a_message_records_which_texts_it_was_made_of(tmp_path: Path) -> None:
    def version(text: str) -> str:
        texts, _ = own_texts.load(folder(tmp_path, en__restored_sms_txt=text), VOICE)
        return render(RESTORED, Channel.SMS, "en", replace(VOICE, texts=texts)).template

    ours = render(RESTORED, Channel.SMS, "en", VOICE).template
    first, second = version(GOOD), version(GOOD.replace("again", "once more"))
    assert first.startswith(f"{ours}+")
    assert first != second
    assert version(GOOD) == first


def test_own_words_go_before_ours_one_by_one(tmp_path: Path) -> None:
    path = folder(tmp_path, en__words_toml='reviewed_by = "A. N."\n[service]\nwater = "Main"\n')
    texts, found = own_texts.load(path, VOICE)
    assert found == []
    assert texts.words("en").name("service", "water") == "Main"
    assert texts.words("en").name("service", "gas") == words("en").name("service", "gas")
    assert texts.words("en").reviewed_by == "A. N."
    assert texts.words("es") == words("es")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("tlh__etr_sms_txt", GOOD, "tlh/etr.sms.txt: there are no texts in 'tlh'"),
        ("en__restord_sms_txt", GOOD, "no kind of message 'restord'; did you mean restored"),
        ("en__body_rtf", "x", "en/body.rtf: is none of KIND.sms.txt"),
        ("en__restored_sms_txt", "{{ name", "en/restored.sms.txt, line 1: "),
        ("en__restored_sms_txt", GOOD + "{{ nmae }}", "{{ nmae }}, which is no fact; did you mean"),
        ("en__restored_sms_txt", "{{ name }}: Back on.", "does not say {{ as_of }}, and must."),
        ("en__etr_sms_txt", "{{ name }}: Soon. {{ as_of }}", "does not say {{ etr }}, and must."),
        ("en__restored_sms_txt", "Hello! " + GOOD, "has to begin with {{ name }} and a colon"),
        ("en__restored_sms_txt", "At {{ name }}" + GOOD[10:], "has to begin with {{ name }}"),
        ("en__restored_sms_txt", GOOD + "😀", "holds 😀, with which a text holds 70 letters"),
        ("en__restored_sms_txt", GOOD + "\u200b", "holds '\\u200b', which nobody can see."),
        ("en__restored_sms_txt", GOOD + "We are sorry. " * 9, "takes 2 segments at its longest"),
        (
            "en__restored_lead_txt",
            "Restoration of electrical infrastructure necessitates additional investigation.",
            "reads like grade",
        ),
        ("en__words_toml", "[service", "en/words.toml: is not TOML"),
        ("en__words_toml", '[services]\nwater = "x"', "[services] is no table of ours."),
        ("en__words_toml", '[service]\nsteam = "x"', "[service] steam is no text of ours."),
        ("en__words_toml", "[segments]\nmost = 0", "whole numbers from 1 to 9."),
        ("en__words_toml", f'[service]\nwater = "{"water " * 30}"', "segments at its longest"),
        ("en__restored_sms_txt", GOOD + "{{ name.__class__.mro() }}", "cannot be made"),
        ("en__restored_sms_txt", GOOD + "{{ 1/0 }}", "restored cannot be made: division by zero."),
        ("en__restored_sms_txt", GOOD + "{% include 'en/restored.sms.txt' %}", "cannot be made"),
        (
            "en__etr_lead_txt",
            "{{ etr }}{% if public_message %}{{ 1/0 }}{% endif %}",
            "en/etr.lead.txt: etr cannot be made: division by zero.",
        ),
        ("en__words_toml", 'locale = "xx"', "en/words.toml: times cannot be told: "),
        ("en__words_toml", '[at]\none = "{}"', "en/words.toml: "),
    ],
)
def test_each_fault_is_one_sentence_and_ours_is_sent_instead(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    path = folder(tmp_path, **{name: text})
    texts, found = own_texts.load(path, VOICE)
    assert any(sentence in fault.sentence for fault in found), found
    assert texts.own == {}
    assert all("\n" not in fault.sentence for fault in found)


def test_an_own_text_that_fails_when_it_is_sent_gives_way_to_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    texts = Texts({"en/restored.sms.txt": GOOD + "{{ 1/0 }}"})
    text = render(RESTORED, Channel.SMS, "en", replace(VOICE, texts=texts))
    assert text == render(RESTORED, Channel.SMS, "en", VOICE)
    assert "an own text of restored in en failed; ours is sent" in caplog.text


def test_a_name_with_accents_is_known_as_it_is_sent(tmp_path: Path) -> None:
    voice = replace(VOICE, name="Compañía de Luz")
    texts, found = own_texts.load(folder(tmp_path, en__restored_sms_txt=GOOD), voice)
    assert found == []
    sent = render(RESTORED, Channel.SMS, "en", replace(voice, texts=texts))
    assert sent.body.startswith("Compañia de Luz:")


def test_a_fault_takes_no_other_text_along(tmp_path: Path) -> None:
    path = folder(tmp_path, en__restored_sms_txt=GOOD, en__etr_sms_txt="{{ nothing }}")
    texts, found = own_texts.load(path, VOICE)
    assert set(texts.own) == {"en/restored.sms.txt"}
    assert {fault.name for fault in found} == {"en/etr.sms.txt"}


def test_what_lies_beside_the_languages_or_is_hidden_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours", "utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x", "utf-8")
    assert faults(tmp_path) == []


def test_a_folder_that_is_not_there_and_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    assert faults(tmp_path / "none") == [f"{tmp_path / 'none'} is no folder of texts."]
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "etr.sms.txt").write_bytes(b"\xff\xfe")
    assert faults(tmp_path) == ["en/etr.sms.txt: is not UTF-8 text."]


def test_a_language_of_another_script_may_use_its_letters(tmp_path: Path) -> None:
    text = "{{ name }}：{{ at }}应已恢复。截至{{ as_of }}。请回复OFF。"
    assert faults(folder(tmp_path, zh__restored_sms_txt=text)) == []


def test_a_link_follows_a_text_where_it_costs_nothing_and_a_mail_always() -> None:
    link = "https://out.example.org/s/" + "_" * 17
    for language in languages():
        chosen = words(language)
        at = longest_day(chosen, VOICE.zone)
        for kind in Kind:
            for notice in list(notices(kind, chosen, at))[::7]:
                bare = render(notice, Channel.SMS, language, VOICE)
                linked = render(notice, Channel.SMS, language, VOICE, link=link)
                assert linked.segments == bare.segments
                assert linked.body in {bare.body, f"{bare.body} {link}"}
            mail = render(notice, Channel.EMAIL, language, VOICE, link=link)
            assert link in mail.body
            assert f'href="{link}"' in mail.html
    short = render(RESTORED, Channel.SMS, "en", replace(VOICE, name="We"), link=link)
    assert short.body.endswith(f" {link}")
