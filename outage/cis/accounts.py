"""A file of accounts → validated rows; a contact that cannot be used is dropped and reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from outage.endpoints import normalise_email, normalise_phone
from outage.sheet import RejectedRow, Sheet, SheetRefusedError, read_sheet

FIELDS = (
    "account_id",
    "name",
    "premise_ids",
    "mobile",
    "email",
    "language",
    "medical",
    "critical",
    "outage_alerts",
    "quiet_hours",
)
_YES_NO = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}
_QUIET = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*-\s*([01]?\d|2[0-3]):([0-5]\d)")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MAX_ID = 64

Quiet = tuple[int, int] | None
"""Minutes after local midnight, from and until."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedContact:
    """A phone or e-mail in a good row that nobody can be reached by."""

    file: str
    line: int
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One good row.

    Attributes:
        premises: keys of the premises it holds.
        critical: a hospital, a shelter, a pumping station: looked at first.
        phone: E.164. email: normalised.
        quiet: when not to disturb.
    """

    id: str
    name: str
    premises: tuple[int, ...]
    phone: str | None
    email: str | None
    language: str
    medical: bool
    critical: bool
    outage_alerts: bool
    quiet: Quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """What a file says of accounts.

    Attributes:
        mentioned: ids that only rejected rows name: still listed, so not to be closed.
        rows: how many rows the file has.
    """

    file: str
    accounts: tuple[Account, ...]
    rejected: tuple[RejectedRow, ...]
    dropped: tuple[DroppedContact, ...]
    mentioned: frozenset[str]
    rows: int


def read_accounts(
    path: Path,
    *,
    premises: Mapping[str, int],
    mapping: Mapping[str, str],
    region: str = "US",
    language: str = "en",
    test_numbers: bool = False,
    max_bytes: int = 4_000_000_000,
) -> Accounts:
    """Read and judge a CSV file of accounts.

    Args:
        path: the file.
        premises: any id of a premise → its key.
        mapping: field → its column, where that differs.
        region: country of phone numbers without a country code.
        language: what is spoken where the file says nothing.
        test_numbers: take made-up +999 numbers.
        max_bytes: the largest file to read.

    Raises:
        SheetRefusedError: when the file as a whole cannot be read.
    """
    sheet = read_sheet(
        path, fields=FIELDS, required=("account_id",), mapping=mapping, max_bytes=max_bytes
    )
    if not len(sheet) and not sheet.rejected:
        raise SheetRefusedError(file=sheet.file, problem="the file has a header but no rows")
    reasons = _reasons(sheet, premises)
    phones = _usable(
        sheet, "mobile", lambda t: normalise_phone(t, region=region, test_numbers=test_numbers)
    )
    emails = _usable(sheet, "email", normalise_email)
    good = [at for at, reason in enumerate(reasons) if not reason]
    columns = {field: sheet.text(field) for field in FIELDS}
    return Accounts(
        file=sheet.file,
        accounts=tuple(
            Account(
                id=columns["account_id"][at],
                name=columns["name"][at],
                premises=tuple({premises[one]: None for one in columns["premise_ids"][at].split()}),
                phone=phones.get(columns["mobile"][at]),
                email=emails.get(columns["email"][at]),
                language=columns["language"][at].lower() or language,
                medical=_YES_NO.get(columns["medical"][at].lower(), False),
                critical=_YES_NO.get(columns["critical"][at].lower(), False),
                outage_alerts=_YES_NO.get(columns["outage_alerts"][at].lower(), True),
                quiet=_quiet(columns["quiet_hours"][at]),
            )
            for at in good
        ),
        rejected=tuple(
            sorted(
                [
                    *sheet.rejected,
                    *(
                        RejectedRow(file=sheet.file, line=sheet.lines[at], reason=reason)
                        for at, reason in enumerate(reasons)
                        if reason
                    ),
                ],
                key=lambda row: row.line,
            )
        ),
        dropped=tuple(
            DroppedContact(file=sheet.file, line=sheet.lines[at], field=field)
            for at in good
            for field, usable in (("mobile", phones), ("email", emails))
            if columns[field][at] and columns[field][at] not in usable
        ),
        mentioned=frozenset(
            columns["account_id"][at] for at, reason in enumerate(reasons) if reason
        ),
        rows=len(sheet) + len(sheet.rejected),
    )


def _usable(sheet: Sheet, field: str, normalise: Callable[[str], str | None]) -> dict[str, str]:
    """Normalise each different text of a column once; what cannot be used is left out."""
    found = {text: normalise(text) for text in set(sheet.text(field)) if text}
    return {text: value for text, value in found.items() if value is not None}


def _reasons(sheet: Sheet, premises: Mapping[str, int]) -> list[str]:
    """Why each row is rejected, empty for a good one."""
    checks: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
        ("account_id", "account_id", lambda text: bool(text) and len(text) <= _MAX_ID),
        ("premise_ids", "unknown premise", lambda text: all(p in premises for p in text.split())),
        ("language", "language", lambda text: not text or bool(_LANGUAGE.fullmatch(text.lower()))),
        ("medical", "medical", lambda text: not text or text.lower() in _YES_NO),
        ("critical", "critical", lambda text: not text or text.lower() in _YES_NO),
        ("outage_alerts", "outage_alerts", lambda text: not text or text.lower() in _YES_NO),
        ("quiet_hours", "quiet_hours", lambda text: not text or bool(_QUIET.fullmatch(text))),
    )
    reasons = [""] * len(sheet)
    for field, reason, passes in checks:
        column = sheet.text(field)
        bad = {text for text in set(column) if not passes(text)}
        if bad:
            reasons = [
                why or (reason if text in bad else "")
                for why, text in zip(reasons, column, strict=True)
            ]
    seen: set[str] = set()
    for at, name in enumerate(sheet.text("account_id")):
        if not reasons[at]:
            reasons[at] = "duplicate account_id" if name in seen else ""
            seen.add(name)
    return reasons


def _quiet(text: str) -> Quiet:
    found = _QUIET.fullmatch(text)
    if found is None:
        return None
    hour, minute, until_hour, until_minute = map(int, found.groups())
    return hour * 60 + minute, until_hour * 60 + until_minute
