import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from notifier import gsm7

basic = st.text(st.sampled_from(sorted(gsm7.BASIC)))
any_gsm7 = st.text(st.sampled_from(sorted(gsm7.BASIC | gsm7.EXTENDED)), max_size=700)


def test_the_alphabet_has_its_published_size() -> None:
    assert len(gsm7.BASIC) == 127  # 128 less the escape
    assert len(gsm7.EXTENDED) == 10


def test_what_fits_one_segment_and_what_does_not() -> None:
    assert gsm7.segments("a" * 160) == 1
    assert gsm7.segments("a" * 161) == 2
    assert gsm7.segments("a" * 306) == 2
    assert gsm7.segments("a" * 307) == 3
    assert gsm7.segments("é" * 160) == 1
    assert gsm7.segments("á" * 70) == 1
    assert gsm7.segments("á" * 71) == 2
    assert gsm7.segments("€" * 80) == 1
    assert gsm7.segments("€" * 81) == 2
    assert gsm7.segments("😀" * 35) == 1
    assert gsm7.segments("😀" * 36) == 2


def test_an_escaped_character_is_never_split_between_segments() -> None:
    # 152 septets, then a euro of two: it moves whole into the second segment.
    assert gsm7.segments("a" * 152 + "€" + "a" * 152) == 3


def test_anything_outside_the_alphabet_more_than_doubles_the_price() -> None:
    assert gsm7.segments("a" * 159 + "’") == 3


def test_spanish_loses_only_the_accents_the_alphabet_lacks() -> None:
    assert gsm7.to_alphabet("año") == "año"
    assert gsm7.to_alphabet("Sí, está aquí: última hora, teléfono, pingüino") == (
        "Si, esta aqui: ultima hora, teléfono, pingüino"
    )
    assert gsm7.to_alphabet(unicodedata.normalize("NFD", "año español")) == "año español"


def test_typographic_marks_become_plain_ones() -> None:
    assert gsm7.to_alphabet("“It’s”\u202f—\u00a0back…") == '"It\'s" - back...'


@given(any_gsm7)
def test_what_is_in_the_alphabet_is_never_touched(text: str) -> None:
    assert gsm7.to_alphabet(text) == text
    assert gsm7.fits_alphabet(text)


@given(any_gsm7)
def test_segments_hold_every_septet(text: str) -> None:
    count, length = gsm7.segments(text), gsm7.septets(text)
    if count == 1:
        assert length <= 160
    else:
        assert length > 160
        assert -(-length // 153) <= count <= length // 152 + 1


@given(st.text())
def test_any_text_at_all_is_mapped_and_counted(text: str) -> None:
    mapped = gsm7.to_alphabet(text)
    assert gsm7.segments(mapped) >= 1
    assert mapped.count("ñ") == unicodedata.normalize("NFC", text).count("ñ")
