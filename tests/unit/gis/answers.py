"""What the index answers, kernel by kernel, against what brute force says."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import shapely

from gis.index import PremiseIndex
from gis.search import kernels, scan
from gis.search.kernels import Scan
from gis.search.layout import lay_out
from tests.unit.gis.areas import Scene, covered


@cache
def scans() -> dict[str, Scan]:
    """The kernels there are: numpy's, and the compiled one where numba is installed."""
    found: dict[str, Scan] = {"numpy": scan.scan}
    with suppress(ImportError):
        found["compiled"] = kernels.compiled()
    return found


def differences(scene: Scene, how: Scan) -> int:
    """Count the points that the index puts on the other side than brute force does."""
    keys = np.arange(len(scene.points))
    lon, lat = scene.points.T
    ones = np.ones(len(keys), np.uint8)
    layout = lay_out(version=1, keys=keys, lon=lon, lat=lat, services=ones)
    found = PremiseIndex.over(layout, how).match_many(shapely.to_wkb(scene.areas).tolist())
    return sum(
        len(np.setxor1d(selection.keys(), np.flatnonzero(covered(area, scene.points))))
        for area, selection in zip(scene.areas, found, strict=True)
    )
