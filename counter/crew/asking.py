"""What a crew's form says: a word at the desk, when it was tapped, and under which key."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from outage import crew_words as w
from outage.idempotency import hash_body
from outage.model import Cause, CrewStatus, Reason

MOST_BYTES, MOST_FIELDS = 32 * 1024, 80
"""A sign of a note is up to twelve bytes of a form."""
LONGEST_NOTE = 2_000
LONGEST_WAIT = timedelta(days=7)
"""How long a telephone may have been without a line; what is said to be older is taken for this."""
STATUSES = (
    CrewStatus.ASSIGNED,
    CrewStatus.ENROUTE,
    CrewStatus.ARRIVED,
    CrewStatus.FIELD_COMPLETE,
)
REASONS = (
    Reason.MORE_DAMAGE,
    Reason.ACCESS,
    Reason.WEATHER,
    Reason.PARTS,
    Reason.SAFETY,
    Reason.PRIORITY,
    Reason.OTHER,
)
"""Why a time is what it is, as a crew knows it."""
MINUTES = (30, 60, 120, 240)
"""Times that are one tap away."""
MOST_MINUTES = 7 * 24 * 60
FURTHEST = timedelta(days=60)
"""No crew knows more than that of when service will be back."""
_DAY = timedelta(days=1)
_KEY = re.compile(r"[A-Za-z0-9-]{16,64}")
_MS, _MINUTES = re.compile(r"[0-9]{1,15}"), re.compile(r"[0-9]{1,5}")
_OF_TRANSPORT = frozenset({"csrf", "sent"})
"""What may differ between a form and the same one sent again."""
_Code = TypeVar("_Code", bound=StrEnum)


class Unusable(Exception):
    """A form cannot be used; the message says why in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form as it came."""

    one: Mapping[str, str]
    streets: tuple[str, ...]
    body_hash: str

    @classmethod
    def of(cls, body: bytes) -> Form:
        """Read one. Raises `Unusable`."""
        try:
            pairs = parse_qsl(
                body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            raise Unusable("That has more fields than any form of ours.") from error
        told = sorted(pair for pair in pairs if pair[0] not in _OF_TRANSPORT)
        return cls(
            one=dict(pairs),
            streets=tuple(
                dict.fromkeys(
                    value for name, value in pairs if name == "street" and value.isprintable()
                )
            ),
            body_hash=hash_body(repr(told).encode()),
        )

    def get(self, name: str) -> str:
        """A field without what stands around it; empty where there is none."""
        return self.one.get(name, "").strip()

    @property
    def key(self) -> str:
        """What was made at the tap. Raises `Unusable`."""
        key = self.get("key")
        if not _KEY.fullmatch(key):
            raise Unusable("That form is none of ours. Load the page anew.")
        return key

    def observed_at(self, now: datetime) -> datetime:
        """When it was tapped: so long before now as the telephone says that it waited.

        Both times are the telephone's own, so it does not matter whether its clock is right.
        """
        tapped, sent = self.get("tapped"), self.get("sent")
        if not (_MS.fullmatch(tapped) and _MS.fullmatch(sent)):
            return now
        waited = timedelta(milliseconds=max(0, int(sent) - int(tapped)))
        return now - min(waited, LONGEST_WAIT)


def word(form: Form, observed_at: datetime, zone: ZoneInfo) -> w.Word:
    """What a form says. Raises `Unusable`."""
    does = {"status": _status, "etr": _etr, "cause": _cause, "note": _note, "back": _back}
    read = does.get(form.get("do"))
    if read is None:
        raise Unusable("That form is none of ours. Load the page anew.")
    return read(form, observed_at, zone)


def _status(form: Form, _at: datetime, _zone: ZoneInfo) -> w.Word:
    return w.Arriving(status=_code(form, "status", STATUSES))


def _etr(form: Form, observed_at: datetime, zone: ZoneInfo) -> w.Word:
    given = form.get("minutes")
    reason = _code(form, "reason", REASONS) if form.get("reason") else None
    if given:
        if not _MINUTES.fullmatch(given) or not 0 < int(given) <= MOST_MINUTES:
            raise Unusable("That is no time that we know. Load the page anew.")
        latest = observed_at + timedelta(minutes=int(given))
        # To the next five minutes: nobody means 15:03.
        over = timedelta(minutes=latest.minute % 5, seconds=latest.second)
        latest = latest.replace(microsecond=0) - over + timedelta(minutes=5 if over else 0)
        return w.Estimate(latest=latest, reason=reason)
    latest = _local(form.get("latest"), zone, "Say by when service should be back.")
    first = form.get("earliest")
    earliest = _local(first, zone, "") if first else None
    if latest > observed_at + FURTHEST:
        raise Unusable(f"That time is more than {FURTHEST.days} days away.")
    if earliest is not None and not observed_at - _DAY < earliest <= latest:
        raise Unusable("The earliest time lies in the past, or after the latest.")
    return w.Estimate(latest=latest, earliest=earliest, reason=reason)


def _cause(form: Form, _at: datetime, _zone: ZoneInfo) -> w.Word:
    return w.Found(cause=_code(form, "cause", tuple(Cause)))


def _note(form: Form, _at: datetime, _zone: ZoneInfo) -> w.Word:
    lines = form.get("note").replace("\r\n", "\n")
    text = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in lines)
    if not text.strip():
        raise Unusable("The note says nothing.")
    if len(text) > LONGEST_NOTE:
        raise Unusable(f"The note is longer than {LONGEST_NOTE:,} characters.")
    return w.Noted(text=text.strip())


def _back(form: Form, _at: datetime, _zone: ZoneInfo) -> w.Word:
    if form.get("part") != "yes":
        if form.get("sure") != "yes":
            raise Unusable("Tick that you have looked whether service is back.")
        return w.Back()
    if not form.streets:
        raise Unusable("Choose the streets in which service is back.")
    return w.Back(streets=form.streets[: w.MOST_STREETS])


def _code(form: Form, name: str, known: Sequence[_Code]) -> _Code:
    for code in known:
        if code == form.get(name):
            return code
    raise Unusable("Choose one from the list.")


def _local(given: str, zone: ZoneInfo, missing: str) -> datetime:
    if not given and missing:
        raise Unusable(missing)
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise Unusable("Write times like 2026-11-29 15:30.") from error
    return at if at.tzinfo else at.replace(tzinfo=zone)
