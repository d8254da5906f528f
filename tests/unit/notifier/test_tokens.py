from hypothesis import given
from hypothesis import strategies as some

from notifier.tokens import LENGTH, MOST_ROWS, Token, made

KEY, OTHER = "made-up-key-of-some-length-0123456789", "another-key-of-thirty-two-letters"
ROWS = some.integers(0, MOST_ROWS - 1)


def read(token: str) -> Token:
    found = Token.read(token)
    assert found is not None
    return found


@given(row=ROWS, facts=some.text(max_size=40))
def test_a_token_names_its_row_and_fits_what_it_was_made_of_and_nothing_else(
    row: int, facts: str
) -> None:
    token = made(KEY, "temporary", row, facts)
    assert len(token) == LENGTH
    assert token.isascii()
    assert token.isalnum()
    found = read(token)
    assert found.row(KEY, "temporary") == row
    assert found.fits(KEY, "temporary", row, facts)
    assert not found.fits(KEY, "temporary", row, facts + "1")
    assert not found.fits(KEY, "temporary", row + 1, facts)
    assert not found.fits(KEY, "link", row, facts)
    assert not found.fits(OTHER, "temporary", row, facts)


@given(row=ROWS, place=some.integers(0, LENGTH - 1), letter=some.sampled_from("09azAZ"))
def test_a_token_with_one_letter_changed_is_no_token_of_its_row(
    row: int, place: int, letter: str
) -> None:
    token = made(KEY, "temporary", row, "facts")
    forged = token[:place] + letter + token[place + 1 :]
    found = Token.read(forged)
    if found is not None and forged != token:
        assert not (
            found.row(KEY, "temporary") == row and found.fits(KEY, "temporary", row, "facts")
        )


@given(written=some.text(max_size=2 * LENGTH))
def test_whatever_is_written_is_read_or_is_none(written: str) -> None:
    found = Token.read(written)
    assert found is None or len(written) == LENGTH


def test_a_row_is_not_to_be_seen_in_its_token() -> None:
    tokens = [made(KEY, "temporary", row, "facts") for row in range(50)]
    assert len({token[-3:] for token in tokens}) > 40
