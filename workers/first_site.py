"""A site file made of answers: what is asked, how an answer is read, and the file that comes of it.

Each answer is checked by the site file's own rules (`outage.site`), so that what is written can be
used as it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from outage.errors import SiteError
from outage.model import Service
from outage.site import LANGUAGES, SHORT_NAME_LENGTH, parse

Facts = Mapping[str, Any]
"""Answers by the field of the site file, like ``phones.outage``."""
_LOCALTIME = Path("/etc/localtime")
_AREA = re.compile(r"(?P<name>[^=]+)=\s*(?P<served>\d[\d,. ]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One field of the site file. An optional one is left out where the answer is empty."""

    field: str
    option: str
    asks: str
    says: str = ""
    default: Callable[[Facts], str] = lambda _facts: ""
    read: Callable[[str], Any] = str.strip
    optional: bool = False


class UnreadableError(ValueError):
    """An answer cannot be read; the message says why."""


def _list(answer: str) -> list[str]:
    return [word.strip().lower() for word in answer.split(",") if word.strip()]


def _areas(answer: str) -> list[dict[str, object]]:
    """``Springfield=41200; Troy=8900``; thousands may be set apart by comma, point or space."""
    found: list[dict[str, object]] = []
    for part in filter(None, (part.strip() for part in re.split(r";|,(?!\d{3})", answer))):
        area = _AREA.fullmatch(part)
        if area is None:
            raise UnreadableError("Write areas like Springfield=41200; Troy=8900.")
        served = int(re.sub(r"\D", "", area["served"]))
        found.append({"name": area["name"].strip(), "kind": "area", "served": served})
    return found


def short_name(facts: Facts) -> str:
    """The name, if a text can begin with it, or the first letters of its words."""
    name = str(facts.get("name", ""))
    if 0 < len(name) <= SHORT_NAME_LENGTH:
        return name
    letters = "".join(word[0] for word in re.findall(r"[A-Za-z]+", name) if word[0].isupper())
    return letters[:SHORT_NAME_LENGTH]


def time_zone(_facts: Facts) -> str:
    """The zone of this machine, where it is that of a place; servers that count in UTC say none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCALTIME.is_symlink():
        named = str(_LOCALTIME.resolve()).partition("zoneinfo/")[2]
    is_place = "/" in named and not named.startswith("Etc/")
    return named if is_place and named in available_timezones() else ""


QUESTIONS = (
    Question(field="name", option="--name", asks="Name of the utility"),
    Question(
        field="short_name",
        option="--short-name",
        asks="Short name",
        says=f"Begins every text message; at most {SHORT_NAME_LENGTH} characters.",
        default=short_name,
    ),
    Question(field="url", option="--url", asks="Its web site", optional=True),
    Question(
        field="time_zone",
        option="--time-zone",
        asks="Time zone",
        says="Of all times on the page and in messages.",
        default=time_zone,
    ),
    Question(
        field="services",
        option="--services",
        asks="Services",
        says=f"With commas between: {', '.join(Service)}.",
        default=lambda _facts: "electric",
        read=_list,
    ),
    Question(
        field="languages",
        option="--languages",
        asks="Languages",
        says=f"Of messages and page, the first is the default: {', '.join(LANGUAGES)}.",
        default=lambda _facts: "en,es",
        read=_list,
    ),
    Question(
        field="phones.outage",
        option="--outage-phone",
        asks="Number to report outages",
        says="As people dial it.",
        optional=True,
    ),
    Question(
        field="phones.emergency",
        option="--emergency-phone",
        asks="Number for emergencies",
        default=lambda _facts: "911",
        optional=True,
    ),
    Question(
        field="on_call.phone",
        option="--on-call-phone",
        asks="Number of who is on call",
        says="Is texted at once when a customer texts of gas, wires, fire or a medical device.",
        optional=True,
    ),
    Question(
        field="on_call.email",
        option="--on-call-email",
        asks="Mailbox of who is on call",
        optional=True,
    ),
    Question(
        field="areas",
        option="--areas",
        asks="Areas",
        says="As the public names them, with customers served: Springfield=41200; Troy=8900.",
        read=_areas,
        optional=True,
    ),
    Question(
        field="colours.accent",
        option="--colour",
        asks="Colour of the page",
        says="Readable on white, like #0b5394.",
        default=lambda _facts: "#0b5394",
    ),
)
_FILLED: Facts = {"name": "A utility", "short_name": "A utility", "time_zone": "UTC"}


def answered(question: Question, answer: str, facts: Facts) -> Facts:
    """The facts with one more answer. Raises `UnreadableError` with what is wrong with it."""
    if not answer.strip():
        if question.optional:
            return facts
        raise UnreadableError(f"{question.asks} cannot be left out.")
    more = {**facts, question.field: question.read(answer)}
    try:
        parse(written({**_FILLED, **more}))
    except SiteError as problem:
        raise UnreadableError(" ".join(problem.problems)) from problem
    return more


def written(facts: Facts) -> str:
    """The site file that says so."""
    parts = [_HEAD, _lines(facts, "", ("name", "short_name", "url", "time_zone"))]
    parts.append(_lines(facts, "", ("services", "languages")))
    for table, names in (("phones", ("outage", "emergency")), ("colours", ("accent",))):
        if any(f"{table}.{name}" in facts for name in names):
            parts.append(f"[{table}]\n{_lines(facts, f'{table}.', names)}")
    if "on_call.phone" in facts or "on_call.email" in facts:
        known = {**facts, "on_call.name": "On call"}
        parts.append(f"[[on_call]]\n{_lines(known, 'on_call.', ('name', 'phone', 'email'))}")
    parts += [
        f"[[areas]]\n{_lines(area, '', ('name', 'kind', 'served'))}"
        for area in facts.get("areas", ())
    ]
    return "\n".join(filter(None, parts))


_HEAD = """\
# Whose utility it is. What else may stand here, such as the words of advisories, and places that
# help, is in docs/settings.md ("The site file"). `outage doctor` says what is wrong with it.
"""


def _lines(facts: Facts, table: str, names: tuple[str, ...]) -> str:
    # What JSON makes of text, numbers and lists of text is TOML as well.
    return "".join(
        f"{name} = {json.dumps(facts[table + name], ensure_ascii=False)}\n"
        for name in names
        if table + name in facts
    )
