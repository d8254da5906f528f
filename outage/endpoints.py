"""One normalised form of a phone number or an e-mail address: what opt-outs are kept by."""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_TEST_NUMBER = re.compile(r"\+999\d{7,12}")
_PUNCTUATION = str.maketrans("", "", " -().")


def normalise_phone(text: str, *, region: str, test_numbers: bool = False) -> str | None:
    """Return a number in E.164, or None if nobody can be reached by it.

    Args:
        text: as people write it; without a country code it is read as one of ``region``.
        region: ISO 3166 code of the country, like ``US``.
        test_numbers: take made-up +999 numbers too.
    """
    if test_numbers and _TEST_NUMBER.fullmatch(plain := text.translate(_PUNCTUATION)):
        return plain
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalise_email(text: str) -> str | None:
    """Return an address in lower case, or None if it is none. No network is asked.

    Case in front of the @ counts in the standard and nowhere in practice; two spellings of a
    mailbox must not outlive one opt-out.
    """
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None
