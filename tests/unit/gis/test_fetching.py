from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from gis.search import fetching
from outage import tables as t
from outage.database import Database
from tests.unit.gis.world import World

_KEY = np.dtype([("key", np.int64), ("lon", np.float64)])


@pytest.mark.parametrize("at_a_time", [1, 5, 12, 20_000])
def test_every_row_is_fetched_once_however_many_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, at_a_time: int
) -> None:
    World.of(database)
    monkeypatch.setattr(fetching, "_AT_A_TIME", at_a_time)
    p = t.premises.c
    with database.write() as conn:
        conn.execute(t.premises.update().where(p.key == 3).values(longitude=None))
        rows = fetching.fetch(conn, sa.select(p.key, p.longitude).order_by(p.key), _KEY)
    assert rows["key"].tolist() == list(range(1, 13))
    assert np.isnan(rows["lon"]).tolist() == [key == 3 for key in range(1, 13)]


def test_no_row_is_an_empty_array(database: Database) -> None:
    with database.read() as conn:
        nothing = sa.select(t.premises.c.key, t.premises.c.longitude)
        assert len(fetching.fetch(conn, nothing, _KEY)) == 0
