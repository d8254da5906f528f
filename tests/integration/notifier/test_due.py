"""The short way of a claim says of whom it is for what the long way says of them."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from notifier import due, scratch
from notifier.batches import in_flight
from notifier.manners import Manners
from notifier.situations import Moment, situations
from outage import tables as t
from outage.database import open_database
from outage.settings import load
from outage.site import NEUTRAL
from tests.integration.notifier.test_newcomers import PREMISES, accounts, make_odd, odds, report
from tests.integration.notifier.world import MANNERS, START, World

BATCH = 7
before = st.lists(
    st.tuples(
        st.sampled_from(["claimed", "accepted", "shadowed", "superseded", "failed", "unknown"]),
        st.integers(0, 9),
    ),
    max_size=3,
)


def _told_before(conn: Connection, number: int, state: str, which: int) -> None:
    """Let there be an earlier message to whom one of the pending ones goes, of the same outage."""
    m = t.messages
    pending = m.select().where(m.c.state == "pending").order_by(m.c.key)
    rows = conn.execute(pending).mappings().all()
    if not rows:
        return
    row = dict(rows[which % len(rows)])
    earlier = {"key": None, "number": number, "state": state}
    told = {"claimed_at": START - timedelta(hours=1), "told_state": "out", "told_places": 1}
    conn.execute(m.insert().from_select(*_one(row | earlier | told)))


def _one(row: dict[str, Any]) -> tuple[list[str], sa.Select[Any]]:
    row.pop("key")
    columns = t.messages.c
    return list(row), sa.select(*(sa.literal(row[name], columns[name].type) for name in row))


def _put_into_a_batch(conn: Connection) -> None:
    m = t.messages
    conn.execute(m.update().where(m.c.state.in_(due.OPEN)).values(batch_key=BATCH))


def _moment(conn: Connection, world: World, *, shadowed: bool = False) -> Moment:
    return Moment.of(
        conn,
        Manners.of(world.settings, NEUTRAL),
        count_shadowed=shadowed,
        outage_keys=conn.execute(due.outages(BATCH)).scalars(),
    )


def _long_way(conn: Connection, moment: Moment) -> dict[tuple[int, int], sa.Row[Any]]:
    m = t.messages.c
    scratch.prepare(conn)
    whom = sa.select(m.outage_key, m.endpoint_key).where(m.batch_key == BATCH).distinct()
    conn.execute(scratch.targets.insert().from_select(["outage_key", "endpoint_key"], whom))
    found = conn.execute(situations(scratch.targets, moment.form), moment.values)
    return {(row.outage_key, row.endpoint_key): row for row in found}


def _linked(conn: Connection) -> dict[tuple[int, int, str], tuple[int, int]]:
    """Contact and first place of whoever has both, by account, endpoint and channel."""
    c, o = t.contacts.c, t.occupancies.c
    rows = conn.execute(
        sa.select(c.account_key, c.endpoint_key, c.channel, c.key, o.key.label("place"))
        .join(t.occupancies, o.account_key == c.account_key)
        .where(c.ended_at.is_(None), o.until.is_(None))
        .order_by(o.key.desc())
    )
    return {(row[0], row[1], row[2]): (row.key, row.place) for row in rows}


@settings(
    max_examples=60,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    people=accounts,
    strange=st.lists(st.tuples(odds, st.integers(0, 9), st.booleans()), max_size=4),
    inside=st.sets(st.sampled_from(PREMISES), min_size=1),
    told=before,
    shadowed=st.booleans(),
)
def test_both_ways_find_the_same_situations(
    empty: Path,
    people: list[tuple[list[str], list[str], bool]],
    strange: list[tuple[list[str], int, bool]],
    inside: set[str],
    told: list[tuple[str, int]],
    *,
    shadowed: bool,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty, Path(folder) / "world.db")
        db = open_database(f"sqlite:///{folder}/world.db")
        given_settings = load(
            {"OUTAGE_HOME": folder, **MANNERS, "OUTAGE_QUIET_HOURS": "22:00-08:00"}
        )
        world = World(db, given_settings)
        with db.write() as conn:
            for name in PREMISES:
                world.premise(conn, name)
        for number, (premises, addresses, medical) in enumerate(people):
            world.account(f"A{number}", premises, *addresses, medical=medical)
        world.declare(*inside)

        chosen = {(odd, which): after for each, which, after in strange for odd in each}

        def change(*, after_planning: bool) -> None:
            for odd, which in [odd for odd, after in chosen.items() if after is after_planning]:
                make_odd(world, odd, which)
                if odd == "reported":
                    report(world, which)

        change(after_planning=False)
        world.plan()
        change(after_planning=True)
        with db.write() as conn:
            for number, (state, which) in enumerate(told):
                _told_before(conn, 1000 + number, state, which)
            _put_into_a_batch(conn)
            moment = _moment(conn, world, shadowed=shadowed)
            rows = due.of_batch(conn, BATCH, moment)
            m = t.messages.c
            assert sorted(row.key for row in rows) == sorted(
                conn.execute(sa.select(m.key).where(m.batch_key == BATCH)).scalars()
            )
            slow = _long_way(conn, moment)
            held = {tuple(pair) for pair in conn.execute(in_flight(scratch.targets))}
            of = {
                row.key: (row.account_key, row.endpoint_key, row.channel)
                for row in conn.execute(t.messages.select().where(m.batch_key == BATCH))
            }
            linked = _linked(conn)
            for row in rows:
                made = (row.contact_key, row.here) if row.linked else None
                assert made == linked.get(of[row.key])
                if row.packed is not None:
                    pair = (row.outage_key, row.endpoint_key)
                    place = slow[pair]
                    assert (row.packed, row.zone) == (place.packed, place.zone)
                    assert place.told_key is None
                    assert pair not in held
        db.close()


def test_most_people_go_the_short_way(world: World) -> None:
    for number in range(5):
        world.account(f"A{number}", [f"P{number}"])
    world.account("both", ["P5", "P6"])
    world.declare(*(f"P{number}" for number in range(7)))
    world.plan()
    with world.db.write() as conn:
        _put_into_a_batch(conn)
        rows = due.of_batch(conn, BATCH, _moment(conn, world))
        assert sorted(row.packed is None for row in rows) == [False] * 5 + [True]
