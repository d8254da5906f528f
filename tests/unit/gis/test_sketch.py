"""Where an outage is, small enough for a telephone."""

import pytest
import shapely

from gis import sketch as room
from gis.sketch import sketch
from outage import tables as t
from outage.database import Database
from tests.unit.outage.town import declare, match, settle


def places(db: Database, count: int) -> None:
    with db.write() as conn:
        for key in range(1, count + 1):
            here = {"longitude": -98.0 + key / 1e4, "latitude": 29.0 + key / 1e4}
            conn.execute(t.premises.update().where(t.premises.c.key == key).values(**here))


def give(db: Database, outage_key: int, shape: shapely.Geometry) -> None:
    with db.write() as conn:
        conn.execute(
            t.shapes.insert().values(
                digest="d", wkb=shapely.to_wkb(shape), vertices=shapely.get_num_coordinates(shape)
            )
        )
        mine = t.outages.c.key == outage_key
        conn.execute(t.outages.update().where(mine).values(shape_digest="d"))


def test_an_outage_without_shape_has_its_middle_at_a_premise(database: Database) -> None:
    settle(database, 4)
    places(database, 3)
    outage = declare(database)
    with database.read() as conn:
        assert sketch(conn, outage.key) is None
    match(database, outage, 1, come=[1, 2, 3, 4])
    with database.read() as conn:
        found = sketch(conn, outage.key)
    assert found is not None
    assert (len(found.points), found.rings) == (3, [])
    assert found.middle == (-98.0 + 2 / 1e4, 29.0 + 2 / 1e4)
    match(database, outage, 2, go=[1, 2, 3])
    with database.read() as conn:
        assert sketch(conn, outage.key) is None


def test_a_shape_is_drawn_with_its_holes_and_without_what_cannot_be_seen(
    database: Database,
) -> None:
    outage = declare(database)
    ring = shapely.Point(-98.0, 29.0).buffer(0.1, quad_segs=500)
    hole = shapely.Point(-98.0, 29.0).buffer(0.05, quad_segs=500)
    give(database, outage.key, ring - hole)
    with database.read() as conn:
        found = sketch(conn, outage.key)
    assert found is not None
    outer, inner = found.rings
    assert len(outer) + len(inner) < 200
    drawn = shapely.Polygon(outer, [inner])
    assert drawn.symmetric_difference(ring - hole).area < 0.02 * (ring - hole).area
    assert drawn.covers(shapely.Point(found.middle))  # and not the hole


def test_of_very_many_premises_some_are_drawn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_POINTS", 5)
    settle(database, 9)
    places(database, 9)
    outage = declare(database)
    match(database, outage, 1, come=range(1, 10))
    with database.read() as conn:
        found = sketch(conn, outage.key)
    assert found is not None
    assert len(found.points) == 5
