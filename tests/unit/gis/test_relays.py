from __future__ import annotations

import threading

from gis.matching import Matcher
from gis.reader import GisReader
from outage import desk, journal
from outage import tables as t
from outage.database import Database
from outage.model import Outage
from tests.unit.gis.world import ACTOR, Rectangle, World, inside

GROUNDS: list[Rectangle] = [(0, 3, 0, 1), (1, 4, 0, 1), (2, 5, 0, 1), (0, 5, 0, 0)]


def drain_with(world: World, relays: int) -> None:
    """Work the journal with several relays at once, until none finds anything more."""

    def relay() -> None:
        reader = GisReader(Matcher(world.db))
        idle = 0
        while idle < 3:
            idle = 0 if journal.turn(world.db, reader) else idle + 1

    threads = [threading.Thread(target=relay) for _ in range(relays)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    world.drain()
    with world.db.read() as conn:
        assert not conn.execute(t.work_items.select()).all()


def test_several_relays_over_the_same_ground_keep_one_interruption_a_premise(
    database: Database,
) -> None:
    world = World.of(database)
    outages: list[Outage] = []
    for ground in GROUNDS:
        outages.append(world.declare(ground))
        world.later()
    drain_with(world, 3)
    everywhere = set().union(*map(inside, GROUNDS))
    assert set(world.out()) == everywhere
    world.later()
    for outage in outages[:3]:
        with world.db.write() as conn:
            desk.restore(conn, outage.id, actor=ACTOR)
    drain_with(world, 3)
    assert world.out() == dict.fromkeys(inside(GROUNDS[3]), outages[3].key)
    with world.db.write() as conn:
        desk.restore(conn, outages[3].id, actor=ACTOR)
    drain_with(world, 3)
    assert world.out() == {}
    assert all(len(world.interruptions(premise)) == 1 for premise in everywhere)
