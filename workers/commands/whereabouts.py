"""The options by which every command says where, and what they become."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from outage import where as w
from workers.commands import options

if TYPE_CHECKING:
    from gis import asked
    from gis.shapes import ShapeLimits

Command = TypeVar("Command", bound=Callable[..., None])
_WAYS = {
    "shape": "--shape FILE",
    "devices": "--devices circuit:F12",
    "street": "--street NAME",
    "area": "--area postal_code:V5K",
    "premises": "--premises FILE",
    "all": "--all",
}
WAYS = ", ".join(_WAYS.values())
_DETAILS = {
    "shape": {"crs": "--crs", "layer": "--layer", "accept_repair": "--accept-repair"},
    "street": {"first": "--from", "last": "--to", "side": "--side", "city": "--city"},
    "premises": {"skip_unknown": "--skip-unknown"},
}
"""Way to say where → the options that only it uses."""
_LIST = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_SHAPE = click.Path(exists=True, allow_dash=True, path_type=Path)
"""A FileGDB is a folder."""
_HOUSE = click.IntRange(0, 9_999_999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Where, as it was said on the command line; at most one way."""

    shape: Path | None
    devices: tuple[str, ...]
    street: str | None
    first: int | None
    last: int | None
    side: str | None
    city: str | None
    area: str | None
    premises: Path | None
    skip_unknown: bool
    all: bool
    crs: str | None
    layer: str | None
    accept_repair: bool

    @property
    def way(self) -> str | None:
        """The option that says where, None if none does."""
        return next(iter(self.ways()), None)

    def ways(self) -> list[str]:
        """The options that say where.

        Words that are empty are an option, too: a script's empty variable is a place that is
        unknown, never no place at all, which would restore everybody.
        """
        return [name for name in _WAYS if _is_said(getattr(self, name))]

    def asked(self, limits: ShapeLimits) -> asked.Asked | None:
        """Read what was given, files of at most as many bytes as a shape may have.

        Raises `gis.errors.GisError`.
        """
        from gis import asked

        match self.way:
            case "shape" if self.shape is not None:
                return asked.Shape(
                    source=_read(self.shape, limits) if str(self.shape) == "-" else self.shape,
                    crs=self.crs,
                    layer=self.layer,
                    accept_repair=self.accept_repair,
                )
            case "devices":
                return asked.devices(self.devices)
            case "street" if self.street is not None:
                return w.Street(
                    name=self.street,
                    first=self.first,
                    last=self.last,
                    side=w.Side(self.side) if self.side else None,
                    city=self.city,
                )
            case "area" if self.area is not None:
                return asked.area(self.area)
            case "premises" if self.premises is not None:
                text, name = _read(self.premises, limits), self.premises.name
                ids = asked.ids(text, file=name, max_bytes=limits.max_bytes)
                return asked.Ids(ids=ids, skip_unknown=self.skip_unknown)
            case "all":
                return w.Everything()
        return None


def _read(file: Path, limits: ShapeLimits) -> bytes:
    with click.open_file(str(file), "rb") as opened:
        # One byte over the limit is enough for it to be refused.
        read: bytes = opened.read(limits.max_bytes + 1)
    return read


def where(*, shape: bool = True) -> Callable[[Command], Command]:
    """Give a command the options that say where; it gets them as one value, ``where``.

    Without ``shape`` the command takes the shape as its argument FILE.
    """

    def given_to(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(**said: Any) -> None:  # noqa: ANN401 what click parsed
            given = Given(**{one.name: said.pop(one.name) for one in fields(Given)})
            _check(given, _WAYS if shape else {**_WAYS, "shape": "FILE"})
            command(**said, where=given)

        for option in reversed([_SHAPE_OPTION if shape else _FILE, *_OPTIONS]):
            gathered = option(gathered)
        return gathered  # type: ignore[return-value]  # click keeps what it decorates callable

    return given_to


def _check(given: Given, named: Mapping[str, str]) -> None:
    ways = [named[name] for name in given.ways()]
    if len(ways) > 1:
        raise click.UsageError(f"Say where in one way: {' or '.join(ways)}.")
    for way, details in _DETAILS.items():
        idle = [name for field, name in details.items() if _is_said(getattr(given, field))]
        if idle and given.way != way:
            belong, them = ("belongs", "it") if len(idle) == 1 else ("belong", "them")
            raise click.UsageError(
                f"{' and '.join(idle)} {belong} to {named[way]}; leave {them} out, or say where so."
            )


def _is_said(value: object) -> bool:
    """Whether an option was given; 0 is a house number."""
    return value is not None and value is not False and value != ()


_SHAPE_OPTION = click.option(
    "--shape", type=_SHAPE, help="File with the outage's area, in any format of docs/shapes.md."
)
_FILE = click.argument("shape", metavar="[FILE]", type=_SHAPE, required=False)
_OPTIONS = (
    click.option(
        "--devices",
        multiple=True,
        help="Devices that feed it, commas between: circuit:F12, transformer:T9, SUB1/F12/L3.",
    ),
    click.option("--street", help="Street it is on, like 'E 22nd Ave'."),
    click.option("--from", "first", type=_HOUSE, help="First house number."),
    click.option("--to", "last", type=_HOUSE, help="Last house number."),
    click.option("--side", type=options.words(w.Side), help="House numbers of one side alone."),
    click.option("--city", help="City of the street, where several have it."),
    click.option("--area", help="Area: postal_code:V5K, or a name that only one area has."),
    click.option(
        "--premises",
        type=_LIST,
        help="File of premise, account, meter or other ids, one a line or as CSV; - reads them.",
    ),
    click.option(
        "--skip-unknown", is_flag=True, help="Go on without ids that name nothing for certain."
    ),
    click.option("--all", is_flag=True, help="Every premise with the service."),
    options.crs,
    click.option("--layer", help="Layer of the file, where several have areas."),
    options.accept_repair,
)
