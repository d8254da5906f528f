"""A list of who wants no messages, from an earlier vendor: read as it comes, never lifted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.utils import parseaddr
from pathlib import Path

import phonenumbers

from outage.columns import EARLIEST
from outage.endpoints import normalise_email, normalise_phone
from outage.sheet import RejectedRow, SheetRefusedError, header_of, read_sheet

FIELDS = ("phone", "email", "address", "reason", "date")
"""``address`` is either of the first two; it is read only where neither of them is there."""
_NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": (
        *("phone", "phonenumber", "mobile", "mobilenumber", "mobilephone", "cell", "cellphone"),
        *("msisdn", "telephone", "tel", "sms", "number", "tophone", "phone1", "primaryphone"),
    ),
    "email": ("email", "emailaddress", "mail", "emailid", "toemail", "email1"),
    "address": ("address", "contact", "recipient", "endpoint", "to", "subscriber", "identifier"),
    "reason": ("reason", "type", "cause", "category", "status", "suppressiontype"),
    "date": (
        *("date", "createdat", "created", "optedoutat", "optoutdate", "optout", "unsubscribedat"),
        *("unsubscribed", "timestamp", "datecreated", "createddate", "updatedat", "blockedat"),
    ),
}
_PARTS = re.compile(r"[;,|\s]+")
_SPREADSHEET = re.compile(r"^'|\.0$")
_AMERICAN = ("%m/%d/%Y", "%m/%d/%y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p")
_NO_WORD = re.compile(r"[^a-z]+")
_LONGEST_REASON = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """One endpoint that wants no messages, since then where the file says when."""

    kind: str
    address: str
    reason: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressions:
    """What a file says: each endpoint once; lines whose date says nothing count all the same."""

    file: str
    found: tuple[Suppression, ...]
    rejected: tuple[RejectedRow, ...]
    undated: tuple[int, ...]
    rows: int


def read_suppressions(
    path: Path,
    *,
    mapping: Mapping[str, str],
    region: str,
    zone: tzinfo,
    now: datetime,
    test_numbers: bool = False,
    max_bytes: int = 1_000_000_000,
) -> Suppressions:
    """Read and judge a CSV file of suppressions.

    Args:
        path: the file.
        mapping: field → its column, where no common name of it is used.
        region: country of phone numbers without a country code.
        zone: where times without an offset are from.
        now: no date lies after it.
        test_numbers: take made-up +999 numbers.
        max_bytes: the largest file to read.

    Raises:
        SheetRefusedError: when the file as a whole cannot be read.
    """
    columns = {**_known(header_of(path, max_bytes)), **mapping}
    sheet = read_sheet(path, fields=FIELDS, required=(), mapping=columns, max_bytes=max_bytes)
    contacts = [name for name in ("phone", "email") if name in sheet.columns]
    contacts = contacts or [name for name in ("address",) if name in sheet.columns]
    if not contacts:
        raise SheetRefusedError(
            file=sheet.file,
            problem="no column holds phone numbers or e-mail addresses; "
            "name it with --map phone=COLUMN, email=COLUMN or address=COLUMN",
        )
    found: dict[tuple[str, str], Suppression] = {}
    rejected, undated = list(sheet.rejected), []
    dates, reasons = sheet.text("date"), sheet.text("reason")
    for at, line in enumerate(sheet.lines):
        cells = [sheet.columns[name][at] for name in contacts]
        endpoints = list(_endpoints(cells, region=region, test_numbers=test_numbers))
        if not endpoints:
            reason = "no phone number or e-mail address"
            rejected.append(RejectedRow(file=sheet.file, line=line, reason=reason))
            continue
        since = _date(dates[at], zone, now)
        if dates[at] and since is None:
            undated.append(line)
        for one in endpoints:
            before = found.get(one)
            if before is None or (since is not None and (before.at is None or since > before.at)):
                found[one] = Suppression(
                    kind=one[0], address=one[1], reason=_coded(reasons[at]), at=since
                )
    return Suppressions(
        file=sheet.file,
        found=tuple(found.values()),
        rejected=tuple(sorted(rejected, key=lambda row: row.line)),
        undated=tuple(undated),
        rows=len(sheet) + len(sheet.rejected),
    )


def _known(header: Sequence[str]) -> dict[str, str]:
    """Field → its column, by the names that vendors give them."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(header)}
    return {
        field: plain[name]
        for field, names in _NAMES.items()
        for name in reversed(names)
        if name in plain
    }


def _endpoints(
    cells: Sequence[str], *, region: str, test_numbers: bool
) -> Iterator[tuple[str, str]]:
    for cell in filter(None, (_SPREADSHEET.sub("", cell.strip()) for cell in cells)):
        if "@" in cell:
            for part in (parseaddr(cell)[1], *_PARTS.split(cell)):
                address = normalise_email(part) if "@" in part else None
                if address is not None:
                    yield "email", address
            continue
        number = normalise_phone(cell, region=region, test_numbers=test_numbers)
        # A cell of words and of several numbers, as people keep them.
        for text in [cell] if number else _numbers(cell, region):
            number = normalise_phone(text, region=region, test_numbers=test_numbers)
            if number is not None:
                yield "phone", number


def _numbers(cell: str, region: str) -> list[str]:
    found = phonenumbers.PhoneNumberMatcher(cell, region)
    return [match.raw_string for match in found]


def _date(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """When it was, or None where that cannot be read or can not have been."""
    given: datetime | None = None
    try:
        given = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        for form in _AMERICAN:
            try:
                given = datetime.strptime(text, form)  # noqa: DTZ007 its zone follows
            except ValueError:
                continue
            break
    if given is None:
        return None
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC if text.endswith(" UTC") else zone)
    return given if EARLIEST <= given <= now else None


def _coded(reason: str) -> str:
    """A vendor's word for it, without what it may say of a person."""
    return _NO_WORD.sub("_", reason.lower()).strip("_")[:_LONGEST_REASON]
