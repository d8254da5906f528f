from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from gis.index import PremiseIndex
from gis.premises import ReadOptions, read_premises
from gis.shapes import ShapeLimits, accept


@pytest.fixture(scope="module")
def index(shared: Path) -> PremiseIndex:
    found = read_premises(shared / "data" / "premises.csv", ReadOptions(mapping={}))
    return PremiseIndex(
        version=1,
        keys=np.arange(len(found), dtype=np.int64),
        lon=found.lon,
        lat=found.lat,
        services=found.services,
    )


def test_a_real_storm_gives_the_independent_counts(shared: Path, index: PremiseIndex) -> None:
    outages: set[int] = set()
    versions: set[tuple[int, tuple[float, ...]]] = set()
    members: dict[int, set[int]] = {}
    with lzma.open(shared / "data" / "storm-2022-11-30.jsonl.xz") as lines:
        for line in lines:
            for outage in json.loads(line)["outages"]:
                outages.add(outage["id"])
                version = (outage["id"], tuple(outage["polygon"]))
                if version in versions:
                    continue
                versions.add(version)
                shape = accept(outage["polygon"], limits=ShapeLimits())
                inside = index.match(shape.wkb).keys().tolist()
                if inside:
                    members.setdefault(outage["id"], set()).update(inside)
    assert len(outages) == 676
    assert len(versions) == 760
    assert len(members) == 16
    assert len(set().union(*members.values())) == 2_271
    assert sum(map(len, members.values())) == 2_379
