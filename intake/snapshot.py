"""One snapshot of a feed: a line of a recording, or what a poll brought."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from intake.document import ABSENT, at
from intake.errors import Unreadable
from intake.instants import instant
from intake.mapping import FeedMapping
from intake.row import FeedRow, RowReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with what came in: its line (from 1) and one sentence about it."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot that could be read.

    ``digest`` is the same for the same list, whenever it was fetched. ``complete`` is False
    when a row did not say which outage it is about: such a list proves nobody's absence.
    """

    line: int
    fetched: datetime
    rows: tuple[FeedRow, ...]
    digest: str
    complete: bool = True
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A snapshot that says nothing: torn, not JSON, not this feed's."""

    line: int
    problem: Problem


def read(line: int, text: bytes, mapping: FeedMapping) -> Snapshot | Unusable:
    """The snapshot in one line of JSON; ``line`` counts from 1 and is named in every problem."""
    document = document_in(text)
    if isinstance(document, str):
        return _unusable(line, document)
    fetched = at(document, mapping.snapshot.fetched.field)
    rows = at(document, mapping.snapshot.rows)
    if fetched is ABSENT or not isinstance(rows, list):
        what = mapping.snapshot.fetched.field if fetched is ABSENT else mapping.snapshot.rows
        return _unusable(line, f"It has no {what!r}; this is no snapshot of {mapping.title}.")
    try:
        moment = instant(fetched, mapping.snapshot.fetched)
    except Unreadable as why:
        return _unusable(line, f"Field {mapping.snapshot.fetched.field!r}: {why}.")
    return _snapshot(line, moment, rows, mapping)


def document_in(text: bytes) -> object:
    """The JSON document in a line, or a sentence (str) that says why there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        torn = text.lstrip()[:1] in (b"{", b"[") and text.rstrip()[-1:] not in (b"}", b"]")
        return "The line is torn: its JSON stops in the middle." if torn else "It is not JSON."
    return "It is not a JSON object or list." if isinstance(document, str) else document


def _snapshot(
    line: int, fetched: datetime, rows: Sequence[object], mapping: FeedMapping
) -> Snapshot:
    reader = RowReader(mapping)
    found = [reader.read(row) for row in rows]
    by_id: dict[str, FeedRow] = {}
    for row in found:
        if row is None:
            continue
        if row.source_id in by_id:
            reader.problems.append(
                f"Outage {row.source_id} is listed more than once; the last row counts."
            )
        by_id[row.source_id] = row
    canonical = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    return Snapshot(
        line=line,
        fetched=fetched,
        rows=tuple(by_id.values()),
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        complete=None not in found,
        problems=tuple(
            Problem(line=line, sentence=sentence) for sentence in dict.fromkeys(reader.problems)
        ),
    )


def _unusable(line: int, sentence: str) -> Unusable:
    return Unusable(line=line, problem=Problem(line=line, sentence=sentence))
