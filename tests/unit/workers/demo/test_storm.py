"""The storm holds everything it promises, and its script can be worked out without gis."""

from collections import Counter
from pathlib import Path

import numpy as np

from gis.index import PremiseIndex
from gis.shapes import ShapeLimits, accept
from outage.model import Service
from workers.demo import ground, storm, utility
from workers.demo.expected import expected


def test_sixty_outages_are_declared_and_every_one_ends() -> None:
    acts = storm.acts()
    declared = [act.label for act in acts if isinstance(act, storm.Declare)]
    ended = {
        act.label
        for act in acts
        if isinstance(act, storm.Cancel) or (isinstance(act, storm.Restore) and act.plot is None)
    }
    assert len(declared) == len(set(declared)) == storm.OUTAGES
    assert ended == set(declared)


def test_nothing_happens_to_an_outage_before_it_is_declared() -> None:
    declared: set[str] = set()
    for act in storm.acts():
        if isinstance(act, storm.Declare):
            declared.add(act.label)
        assert act.label in declared


def test_it_has_slips_partial_restorations_a_corrected_polygon_and_a_reopening() -> None:
    counts = Counter(type(act) for act in storm.acts())
    partial = [act for act in storm.acts() if isinstance(act, storm.Restore) and act.plot]
    slips = [act for act in storm.acts() if isinstance(act, storm.Update) and act.reason]
    assert counts[storm.Revise] == counts[storm.Reopen] == counts[storm.Cancel] == 1
    assert counts[storm.Start] == 1
    assert partial
    assert slips


def test_the_scripts_own_arithmetic_agrees_with_the_index(tmp_path: Path) -> None:
    _, accounts = utility.write_files(tmp_path)
    houses = list(ground.houses())
    index = PremiseIndex(
        version=1,
        keys=np.array([house.number for house in houses]),
        lon=np.array([house.place[0] for house in houses]),
        lat=np.array([house.place[1] for house in houses]),
        services=np.full(len(houses), Service.ELECTRIC.bit, dtype=np.uint8),
    )
    found = set()
    for act in storm.acts():
        if isinstance(act, storm.Declare | storm.Revise):
            drawn = {"type": "Polygon", "coordinates": [[list(c) for c in act.plot.ring]]}
            keys = index.match(accept(drawn, limits=ShapeLimits()).wkb).keys()
            found |= {(act.label, f"H{key:06d}") for key in keys}
    assert expected(storm.acts(), accounts).memberships == found
