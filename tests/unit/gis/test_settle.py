"""The quick way to settle premises that just came comes to what the general way comes to."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.membership import hindsight, interruptions, members
from gis.membership.scratch import fill
from outage import desk
from outage import tables as t
from outage.model import Kind, Outage
from tests.migrated import migrated
from tests.unit.gis.world import ACTOR, COLUMNS, NOON, ROWS, Rectangle, World, inside

Given = tuple[Kind, Rectangle, int, bool]
"""Kind, ground, minutes since it began, and whether it was restored."""
GROUNDS = st.builds(
    lambda x, y: (min(x), max(x), min(y), max(y)),
    st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, COLUMNS - 1)),
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)),
)
OUTAGES = st.tuples(st.sampled_from(Kind), GROUNDS, st.integers(0, 60), st.booleans())


@settings(
    max_examples=60,
    deadline=None,
)
@given(
    earlier=st.lists(OUTAGES, min_size=1, max_size=4),
    last=OUTAGES,
)
def test_the_shortcut_for_premises_that_just_came_ends_as_the_general_look(
    earlier: list[Given], last: Given
) -> None:
    with TemporaryDirectory() as folder:
        db = migrated(Path(folder) / "town.db")
        world = World.of(db)
        for kind, ground, minutes, over in earlier:
            outage = world.declare(ground, kind, **began(kind, minutes))
            world.drain()
            if over and outage.interrupts:
                with db.write() as conn:
                    desk.restore(conn, outage.id, actor=ACTOR)
                world.drain()
            world.later(5)
        kind, ground, minutes, _ = last
        outage = world.declare(ground, kind, **began(kind, minutes))
        short = settled_by(world, outage, ground, shortly=True)
        assert short == settled_by(world, outage, ground, shortly=False)
        db.close()


def began(kind: Kind, minutes: int) -> dict[str, datetime]:
    """Planned work of an hour ahead interrupts nobody; other outages began a while ago."""
    if kind is not Kind.PLANNED:
        return {"started_at": NOON - timedelta(minutes=minutes)}
    start = NOON + timedelta(hours=1)
    return {"planned_start": start, "planned_end": start + timedelta(hours=2)}


def settled_by(
    world: World, outage: Outage, ground: Rectangle, *, shortly: bool
) -> list[tuple[object, ...]]:
    """All interruptions once premises have come to an outage; nothing of it is kept."""
    i = t.interruptions.c
    facts = (i.premise_key, i.outage_key, i.first_outage_key, i.started_at, i.ended_at, i.outcome)
    end = interruptions.End(at=world.now, outcome="voided", voided=outage.key)
    with world.db.engine.connect() as conn:
        fill(conn, np.array(sorted(inside(ground))))
        members.come(conn, outage.key, 1, world.now, "shape")
        if not shortly:
            # What was restored in hindsight goes on before anybody looks who holds it.
            facts_of_it = {"of_service": outage.service.value, "came": outage.key}
            conn.execute(hindsight.GO_ON, facts_of_it)
        interruptions.settle(conn, outage.service, end, outage.key if shortly else None)
        found = conn.execute(sa.select(*facts).order_by(*facts)).all()
        conn.rollback()
    return [tuple(row) for row in found]
