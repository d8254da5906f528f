"""How much of one outage's ground others cover."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import shapely


class Grounds:
    """The areas of several outages, by id.

    Args:
        areas: WKB of an area that has passed the gate, by id; WGS 84.
    """

    def __init__(self, areas: Mapping[str, bytes]) -> None:
        self._ids = list(areas)
        self._place = {one: place for place, one in enumerate(self._ids)}
        self._areas = np.array(shapely.from_wkb(list(areas.values())), dtype=object)
        self._tree = shapely.STRtree(self._areas)

    def shares(self, one: str, others: Collection[str]) -> dict[str, float]:
        """Give the share (0 to 1) of its ground that each of the others covers, if any.

        Measured in degrees: over the few kilometres of an outage a share is the same in any
        unit. An outage without ground shares none.
        """
        place = self._place.get(one)
        if place is None:
            return {}
        area = self._areas[place]
        near = self._tree.query(area, predicate="intersects")
        over = [i for i in near if i != place and self._ids[i] in others]
        shared = shapely.area(shapely.intersection(area, self._areas[over])) / shapely.area(area)
        return {self._ids[i]: float(s) for i, s in zip(over, shared, strict=True) if s > 0}
