"""Where an outage or a step is, as a value on record: drawn, or named in one of the utility's ways.

Standard library only. Who is inside is for `gis.where` to find, each time anew: a circuit that
gains a premise tonight concerns that premise too.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Side(enum.StrEnum):
    """A side of a street, by its house numbers."""

    ODD = "odd"
    EVEN = "even"


class AreaKind(enum.StrEnum):
    """What kinds of area a premise lies in."""

    COUNTY = "county"
    CITY = "city"
    POSTAL_CODE = "postal_code"
    ZONE = "zone"
    NEIGHBOURHOOD = "neighbourhood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The inside of a shape on record, by its digest."""

    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Whatever is fed through any of these devices.

    Each is a circuit, a transformer (``circuit:F12``, ``transformer:T9``) or the beginning of an
    ordered path (``SUB1/F12/L3``).
    """

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A street, or the house numbers of it from ``first`` to ``last``, both sides or one."""

    name: str
    """As `gis.streets` normalises it."""
    first: int | None = None
    last: int | None = None
    side: Side | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Everything in an area."""

    kind: AreaKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """These premises, by their keys."""

    premises: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """All premises there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """What is inside at least one of them."""

    of: tuple[Where, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """What is inside one and the other."""

    one: Where
    other: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class But:
    """What is inside one and not the other."""

    one: Where
    without: Where


Where = Drawn | Devices | Street | Area | Listed | Everything | AnyOf | Both | But


def any_of(*places: Where) -> Where:
    """Return what is inside at least one of them, each named once."""
    flat = [one for place in places for one in (place.of if isinstance(place, AnyOf) else [place])]
    each = tuple(dict.fromkeys(flat))
    for half in each:
        # Both halves of a place that was split are that place, else each time doubles its text.
        if isinstance(half, But):
            other = Both(one=half.one, other=half.without)
            if other in each:
                return any_of(half.one, *(one for one in each if one not in (half, other)))
    return each[0] if len(each) == 1 else AnyOf(of=each)


def to_json(where: Where) -> dict[str, Any]:
    """Return the value that stands for ``where`` on record; `from_json` reads it back."""
    value: Any
    match where:
        case Drawn():
            kind, value = "shape", where.digest
        case Devices():
            kind, value = "devices", list(where.paths)
        case Street():
            facts = {name: getattr(where, name) for name in where.__slots__}
            kind = "street"
            value = {name: fact for name, fact in facts.items() if fact is not None}
        case Area():
            kind, value = "area", {"kind": where.kind, "name": where.name}
        case Listed():
            kind, value = "premises", list(where.premises)
        case Everything():
            kind, value = "all", True
        case AnyOf():
            kind, value = "any", [to_json(one) for one in where.of]
        case Both():
            kind, value = "both", [to_json(where.one), to_json(where.other)]
        case But():
            kind, value = "but", [to_json(where.one), to_json(where.without)]
    return {kind: value}


def from_json(given: Mapping[str, Any]) -> Where:
    """Read a value that `to_json` wrote; it is our own, so anything else is a `KeyError`."""
    ((kind, value),) = given.items()
    return _READERS[kind](value)


def _street(value: Mapping[str, Any]) -> Street:
    side = Side(value["side"]) if "side" in value else None
    return Street(**{**value, "side": side})


def _pair(value: Sequence[Any]) -> tuple[Where, Where]:
    return from_json(value[0]), from_json(value[1])


_READERS: Mapping[str, Callable[[Any], Where]] = {
    "shape": lambda value: Drawn(digest=value),
    "devices": lambda value: Devices(paths=tuple(value)),
    "street": _street,
    "area": lambda value: Area(kind=AreaKind(value["kind"]), name=value["name"]),
    "premises": lambda value: Listed(premises=tuple(value)),
    "all": lambda _: Everything(),
    "any": lambda value: AnyOf(of=tuple(map(from_json, value))),
    "both": lambda value: Both(**dict(zip(("one", "other"), _pair(value), strict=True))),
    "but": lambda value: But(**dict(zip(("one", "without"), _pair(value), strict=True))),
}


def to_spec(where: Where) -> str:
    """Return the text that is stored: equal places have equal texts."""
    return json.dumps(to_json(where), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def from_spec(spec: str) -> Where:
    """Read a stored text back."""
    return from_json(json.loads(spec))


def digest(where: Where) -> str:
    """Return the name under which a place is on record: a shape's own, else the text's SHA-256."""
    if isinstance(where, Drawn):
        return where.digest
    return hashlib.sha256(to_spec(where).encode()).hexdigest()
