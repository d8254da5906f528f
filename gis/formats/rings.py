"""What every way to write a shape is read into: areas of parts of rings, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gis.errors import BadVertex, ShapeEmpty, ShapeTooBig

MAX_DEPTH = 16
"""How deep collections may lie in one another."""

_SHORTEST, _LONGEST = 2, 4  # x y, x y z, x y z m

Coordinates = NDArray[np.float64]
Raw = TypeVar("Raw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """One closed line, in the order written; its first vertex may be missing at the end.

    Attributes:
        where: what a message calls it.
        xy: shape (n, 2), n > 0, as written: finite or not, in any coordinate system.
    """

    where: str
    xy: Coordinates

    @property
    def corners(self) -> int:
        """How many vertices it has, the last not counted again where it closes the ring."""
        return len(self.xy) - bool(len(self.xy) > 1 and (self.xy[0] == self.xy[-1]).all())


Part = list[Ring]
"""The outline first, then the holes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A shape as somebody wrote it.

    Attributes:
        areas: separate areas (features, geometries), which are meant together; each has parts.
        crs: the coordinate system it names itself, if it does.
    """

    areas: list[list[Part]]
    crs: str | None = None


def assemble(
    areas: Iterable[Iterable[Sequence[Raw]]], ring: Callable[[Raw, str], Coordinates]
) -> list[list[Part]]:
    """Number the parts through, and read each ring under the name it gets by that.

    Raises:
        ShapeEmpty: when there is no part, or one without an outline.
    """
    number = 0
    found: list[list[Part]] = []
    for polygons in areas:
        parts: list[Part] = []
        for rings in polygons:
            number += 1
            if not len(rings):
                raise ShapeEmpty
            parts.append([_ring(raw, f"Part {number}", at, ring) for at, raw in enumerate(rings)])
        found.append(parts)
    if not number:
        raise ShapeEmpty
    return found


def _ring(raw: Raw, part: str, at: int, read: Callable[[Raw, str], Coordinates]) -> Ring:
    where = f"{part}, hole {at}" if at else part
    xy = read(raw, where)
    if not len(xy):
        raise ShapeEmpty
    return Ring(where=where, xy=xy)


def tight(text: str, blanks: str | None = None) -> str:
    """Take away the blanks around commas, in a time that grows with the text only.

    (A pattern that looks for blanks before a comma begins anew at every blank.)
    """
    return ",".join(piece.strip(blanks) for piece in text.split(","))


def from_words(positions: Sequence[Sequence[str]], where: str) -> Coordinates:
    """Read positions whose numbers are text; what follows x and y is left out.

    Raises:
        BadVertex: names the first that is no position.
    """
    lengths = set(map(len, positions))
    if len(lengths) == 1 and _SHORTEST <= (length := lengths.pop()) <= _LONGEST:
        try:
            flat = np.array(list(map(float, chain.from_iterable(positions))), dtype=np.float64)
        except ValueError:
            pass
        else:
            return flat.reshape(-1, length)[:, :2]
    pairs = [_pair(words, where, number) for number, words in enumerate(positions, 1)]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


def _pair(words: Sequence[str], where: str, number: int) -> tuple[float, float]:
    vertex = f"{where}, vertex {number}"
    if not _SHORTEST <= len(words) <= _LONGEST:
        raise BadVertex(where=vertex, problem="it is no pair of numbers")
    for word in words:
        try:
            float(word)
        except ValueError:
            raise BadVertex(where=vertex, problem=f"{word[:40]!r} is no number") from None
    return float(words[0]), float(words[1])


def too_deep() -> ShapeTooBig:
    """What a shape gets whose collections lie too deep in one another."""
    return ShapeTooBig(
        found=f"more than {MAX_DEPTH}",
        what="collections in one another",
        limit=MAX_DEPTH,
        remedy="take its areas out of them",
    )
