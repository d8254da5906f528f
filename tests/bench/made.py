"""Made-up premises and areas for the benchmarks: seeded, towns of street grids, real densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_WEST, _SOUTH = -85.0, 41.0
_DEGREE_M = 111_320.0
_PER_KM2 = 200  # over the whole territory, as around a large city
_PER_KM2_IN_TOWN = 1_500
_TOWN = 8_000
_BLOCK_M, _SETBACK_M, _LOT_M = 100.0, 14.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Premises of a made-up utility: one service, every place written with seven decimals."""

    lon: Floats
    lat: Floats
    side_m: float

    @property
    def keys(self) -> NDArray[np.int64]:
        """Premise keys, as a database counts them."""
        return np.arange(1, len(self.lon) + 1, dtype=np.int64)

    @property
    def services(self) -> NDArray[np.uint8]:
        """One service."""
        return np.ones(len(self.lon), np.uint8)


def territory(count: int, *, seed: int = 1) -> Territory:
    """Make premises: towns of street grids, houses on both sides of a street."""
    rng = np.random.default_rng(seed)
    side = np.sqrt(count / _PER_KM2) * 1_000
    share = rng.lognormal(sigma=1.0, size=max(1, count // _TOWN))
    town = rng.choice(len(share), size=count, p=share / share.sum())
    centre = rng.uniform(0, side, (len(share), 2))
    radius = np.sqrt(np.bincount(town, minlength=len(share)) / _PER_KM2_IN_TOWN / np.pi) * 1_000
    # Denser towards the middle of a town.
    angle, out = rng.uniform(0, 2 * np.pi, count), rng.beta(1.6, 1.4, count)
    xy = np.column_stack([np.cos(angle), np.sin(angle)]) * (out * radius[town])[:, None]
    lengthwise = rng.integers(0, 2, count)
    rows = np.arange(count)
    street = np.round(xy[rows, lengthwise] / _BLOCK_M) * _BLOCK_M
    sides = rng.choice([-_SETBACK_M, _SETBACK_M], count)
    xy[rows, lengthwise] = street + sides + rng.normal(0, 1.5, count)
    along = np.round(xy[rows, 1 - lengthwise] / _LOT_M) * _LOT_M
    xy[rows, 1 - lengthwise] = along + rng.normal(0, 1.0, count)
    lon, lat = _degrees(xy + centre[town])
    return Territory(lon=np.round(lon, 7), lat=np.round(lat, 7), side_m=float(side))


def feeders(land: Territory, count: int = 200, *, seed: int = 2) -> list[shapely.Polygon]:
    """Make areas of a feeder: about 1,500 premises and 120 vertices each, not convex."""
    rng = np.random.default_rng(seed)
    return [
        shapely.Polygon(_ring(rng, _somewhere(rng, land), rng.uniform(500, 800), vertices=120))
        for _ in range(count)
    ]


def county(land: Territory, *, vertices: int = 2_000, seed: int = 3) -> shapely.Polygon:
    """Make one area with a fifth of all premises inside."""
    middle = np.full(2, land.side_m / 2)
    outline = _ring(np.random.default_rng(seed), np.zeros(2), 1.0, vertices=vertices, metres=False)
    low, high = 0.0, land.side_m
    while high - low > 1:
        radius = (low + high) / 2
        area = shapely.Polygon(np.column_stack(_degrees(middle + outline * radius)))
        shapely.prepare(area)
        share = np.mean(shapely.intersects_xy(area, land.lon[::50], land.lat[::50]))
        low, high = (radius, high) if share < 1 / 5 else (low, radius)
    return area


def storm(
    land: Territory, count: int = 2_000, *, seed: int = 4
) -> list[shapely.Polygon | shapely.MultiPolygon]:
    """Make the areas of a storm: 24 to 80 vertices a ring, a third with holes, a fifth in parts."""
    rng = np.random.default_rng(seed)
    return [_outage(rng, land) for _ in range(count)]


def _outage(rng: np.random.Generator, land: Territory) -> shapely.Polygon | shapely.MultiPolygon:
    parts = int(rng.integers(2, 5)) if rng.random() < 1 / 5 else 1
    holes = int(rng.integers(1, 4)) if rng.random() < 1 / 3 else 0
    centre, radius = _somewhere(rng, land), float(np.exp(rng.normal(np.log(250), 0.5)))
    # Parts stand beside each other, holes beside each other inside a part: the area is valid.
    made = []
    for part in range(parts):
        at = centre + np.array([part * radius * 3.2, rng.uniform(-1, 1) * radius])
        shell = _ring(rng, at, radius, vertices=int(rng.integers(24, 80)))
        inner = [
            _ring(rng, at + radius * 0.3 * _turn(hole / 3), radius * 0.1, vertices=24)
            for hole in range(holes)
        ]
        made.append(shapely.Polygon(shell, inner))
    return made[0] if parts == 1 else shapely.MultiPolygon(made)


def _turn(share: float) -> Floats:
    return np.array([np.cos(2 * np.pi * share), np.sin(2 * np.pi * share)])


def _somewhere(rng: np.random.Generator, land: Territory) -> Floats:
    chosen = rng.integers(len(land.lon))
    return np.array(_metres(land.lon[chosen], land.lat[chosen]))


def _ring(
    rng: np.random.Generator,
    centre: Floats,
    radius: float,
    *,
    vertices: int,
    metres: bool = True,
) -> Floats:
    """Make a ring that every ray from its centre leaves once, rough at every scale."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    waves = np.arange(2, max(3, vertices // 3))
    size = rng.normal(0, 0.22, len(waves)) / waves**0.9
    phase = rng.uniform(0, 2 * np.pi, len(waves))
    rough = (np.sin(np.outer(angle, waves) + phase) * size).sum(axis=1)
    out = radius * np.clip(1 + rough, 0.55, 1.5)
    xy = centre + np.column_stack([np.cos(angle) * out, np.sin(angle) * out])
    return np.column_stack(_degrees(xy)) if metres else xy


def _degrees(xy: Floats) -> tuple[Floats, Floats]:
    lat = _SOUTH + xy[:, 1] / _DEGREE_M
    # One width of a degree for the whole territory: streets stay straight.
    return _WEST + xy[:, 0] / (_DEGREE_M * np.cos(np.radians(_SOUTH))), lat


def _metres(lon: float, lat: float) -> tuple[float, float]:
    return (lon - _WEST) * _DEGREE_M * np.cos(np.radians(_SOUTH)), (lat - _SOUTH) * _DEGREE_M
