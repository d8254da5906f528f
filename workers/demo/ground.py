"""The made-up utility's ground: five towns of straight streets on an island that is not there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

ORIGIN_LONGITUDE, ORIGIN_LATITUDE = -125.6, 44.2
METRES_PER_DEGREE = 111_320.0
BLOCK_M = 110.0
STREET_M = 90.0
HOUSES_PER_BLOCK = 16
BLOCKS = 25
STREETS = 25

TOWNS = ("Harbour", "Millbrook", "Northgate", "Oakfield", "Seaview")
STREET_NAMES = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Grove", "Hazel", "Iris", "Juniper",
    "Kestrel", "Laurel", "Maple", "Nettle", "Orchard", "Poplar", "Quince", "Rowan", "Spruce",
    "Thistle", "Umber", "Violet", "Willow", "Yarrow", "Zinnia",
)  # fmt: skip

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude of each corner, the first repeated at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """One premise of the made-up utility, with its place in the grid of its town."""

    number: int
    town: int
    street: int
    block: int
    house: int

    @property
    def address(self) -> str:
        """Number and street, as on the door."""
        return f"{self.block * 100 + self.house * 4 + 2} {STREET_NAMES[self.street]} St"

    @property
    def circuit(self) -> str:
        """One of ten circuits a town has: five streets by half of the blocks."""
        half = int(self.block > BLOCKS // 2)
        return f"{TOWNS[self.town][:3].upper()}-{self.street // 5 * 2 + half + 1:02d}"

    @property
    def transformer(self) -> str:
        """Eight houses hang on one."""
        return f"T{self.number // 8:05d}"

    @property
    def place(self) -> tuple[float, float]:
        """Longitude and latitude."""
        along = self.house // 2 * 12.0 + 10.0
        side = 14.0 if self.house % 2 else -14.0
        return at(self.town, self.block * BLOCK_M + along, self.street * STREET_M + side)


def at(town: int, east_m: float, north_m: float) -> tuple[float, float]:
    """Return longitude and latitude of a spot in a town, in metres from its corner."""
    north = north_m + (town // 3) * 3_000.0
    east = east_m + (town % 3) * 3_400.0
    latitude = ORIGIN_LATITUDE + north / METRES_PER_DEGREE
    per_degree = METRES_PER_DEGREE * math.cos(math.radians(ORIGIN_LATITUDE))
    return round(ORIGIN_LONGITUDE + east / per_degree, 7), round(latitude, 7)


def houses() -> Iterator[House]:
    """Yield all 50,000 houses, always the same."""
    number = 0
    for town in range(len(TOWNS)):
        for street in range(STREETS):
            for block in range(BLOCKS):
                for house in range(HOUSES_PER_BLOCK):
                    number += 1
                    yield House(number=number, town=town, street=street, block=block, house=house)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A piece of a town: whole blocks along ``width``, whole streets along ``height``."""

    town: int
    block: int
    street: int
    width: int
    height: int

    @property
    def ring(self) -> Ring:
        """Its outline, a little crooked, as a hand draws it."""
        west, east = self.block * BLOCK_M - 4.0, (self.block + self.width) * BLOCK_M - 6.0
        south, north = self.street * STREET_M - 40.0, (self.street + self.height - 1) * STREET_M
        north += 40.0
        corners = (
            (west, south),
            ((west + east) / 2, south - 4.0),
            (east, south + 2.0),
            (east + 1.0, north),
            ((west + east) / 2, north + 3.0),
            (west - 1.0, north - 2.0),
            (west, south),
        )
        return tuple(at(self.town, x, y) for x, y in corners)

    @property
    def half(self) -> Plot:
        """The western or southern half of it."""
        if self.width > 1:
            width, height = self.width // 2, self.height
        else:
            width, height = self.width, max(1, self.height // 2)
        return Plot(
            town=self.town, block=self.block, street=self.street, width=width, height=height
        )

    def moved(self, blocks: int) -> Plot:
        """The same plot further along its streets."""
        return Plot(
            town=self.town,
            block=self.block + blocks,
            street=self.street,
            width=self.width,
            height=self.height,
        )

    @property
    def words(self) -> str:
        """Where it is, as the public reads it."""
        first, last = STREET_NAMES[self.street], STREET_NAMES[self.street + self.height - 1]
        where = f"{first} St" if first == last else f"{first} St to {last} St"
        low, high = self.block * 100, (self.block + self.width) * 100
        return f"{where}, {low}–{high} block, {TOWNS[self.town]}"
