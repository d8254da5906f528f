"""The short way for who hears of an outage first says of everybody what the long way says."""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection

from notifier import newcomers, scratch
from notifier.manners import Manners
from notifier.planned import Plan
from notifier.planner import look, look_at_all
from notifier.scratch import standing
from notifier.situation import CHANNELS, unpack
from notifier.situations import Moment
from outage import journal
from outage import tables as t
from outage.database import open_database
from outage.settings import load
from outage.site import NEUTRAL
from tests.integration.notifier.world import MANNERS, START, World, phone

PREMISES = [f"P{number}" for number in range(8)]
ADDRESSES = ["+12005550101", "+12005550102", "+12005550103", "a@example.org", "b@example.org"]
accounts = st.lists(
    st.tuples(
        st.lists(st.sampled_from(PREMISES), min_size=1, max_size=2, unique=True),
        st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)
odds = st.lists(
    st.sampled_from(
        [
            "alerts off",
            "closed",
            "critical",
            "hourly",
            "no topics",
            "own quiet hours",
            "opted out",
            "bad number",
            "moved out",
            "contact ended",
            "other zone",
            "reported",
            "out elsewhere",
            "told",
        ]
    ),
    max_size=4,
)


def ahead(conn: Connection) -> int:
    """The number of the next entry: whatever was told was told by others."""
    return journal.last_number(conn) + 1


def make_odd(world: World, odd: str, which: int) -> None:
    """Something that is not as with most people, of the account, contact, … of this number."""
    of: dict[str, tuple[sa.Table, dict[str, Any]]] = {
        "alerts off": (t.accounts, {"outage_alerts": False}),
        "closed": (t.accounts, {"closed_at": START}),
        "critical": (t.accounts, {"critical": True}),
        "hourly": (t.contacts, {"topics": 3}),
        "no topics": (t.contacts, {"topics": 0}),
        "own quiet hours": (t.contacts, {"quiet_from": 0, "quiet_until": 1439}),
        "contact ended": (t.contacts, {"ended_at": START}),
        "opted out": (t.endpoints, {"opted_out_at": START}),
        "bad number": (t.endpoints, {"invalid_at": START - timedelta(days=1)}),
        "moved out": (t.occupancies, {"until": START}),
        "other zone": (t.premises, {"time_zone": "America/Denver"}),
    }
    if odd not in of:
        return
    table, values = of[odd]
    with world.db.write() as conn:
        keys = list(conn.execute(sa.select(table.c.key).order_by(table.c.key)).scalars())
        conn.execute(table.update().where(table.c.key == keys[which % len(keys)]).values(**values))


def _found(conn: Connection) -> list[tuple[int, int, int]]:
    """Whom either way has found, and how they stand."""
    looked_at = conn.execute(standing.select()).all()
    for row in looked_at:
        assert row.channel == CHANNELS[unpack(row.packed).channel]
    n = scratch.newcomers.c
    plain = conn.execute(
        sa.select(n.endpoint_key, n.account_key, n.packed).where(n.packed.is_not(None))
    )
    found = [(row.endpoint_key, row.account_key, row.packed) for row in (*looked_at, *plain)]
    return sorted(found)


@settings(
    max_examples=60,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    people=accounts,
    strange=st.lists(st.tuples(odds, st.integers(0, 9)), max_size=4),
    inside=st.sets(st.sampled_from(PREMISES), min_size=1),
    cut=st.integers(0, 8),
)
def test_both_ways_find_the_same_people_and_the_same_situations(
    empty: Path,
    people: list[tuple[list[str], list[str], bool]],
    strange: list[tuple[list[str], int]],
    inside: set[str],
    cut: int,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty, Path(folder) / "world.db")
        db = open_database(f"sqlite:///{folder}/world.db")
        told = {"OUTAGE_HOME": folder, **MANNERS, "OUTAGE_QUIET_HOURS": "22:00-08:00"}
        given_settings = load(told)
        world = World(db, given_settings)
        with db.write() as conn:
            for name in PREMISES:
                world.premise(conn, name)
        for number, (premises, addresses, medical) in enumerate(people):
            world.account(f"A{number}", premises, *addresses, medical=medical)
        chosen = dict.fromkeys((odd, which) for each, which in strange for odd in each)
        if any(odd == "out elsewhere" for odd, _ in chosen):
            world.declare(min(inside))
        outage = world.declare(*inside)
        for odd, which in chosen:
            make_odd(world, odd, which)
            if odd == "told":
                world.plan()
            if odd == "reported":
                report(world, which)
        with db.write() as conn:
            key = world.key(conn, outage)
            moment = Moment.of(
                conn, Manners.of(given_settings, NEUTRAL), count_shadowed=False, outage_keys=[key]
            )
            plan = Plan(
                number=ahead(conn), outage_key=key, manners=moment.manners, count_shadowed=False
            )
            assert newcomers.may_be(conn, plan, moment.form)
            scratch.prepare(conn)
            look(conn, plan, moment, 0, cut or None)
            short_way = _found(conn)
            scratch.prepare(conn)
            look_at_all(conn, key, moment, 0, cut or None)
            assert short_way == _found(conn)
        db.close()


def report(world: World, which: int) -> None:
    with world.db.write() as conn:
        contact = conn.execute(sa.select(t.contacts.c.endpoint_key)).scalars().all()
        conn.execute(
            t.reports.insert().values(
                premise_key=world.ids[PREMISES[which % len(PREMISES)]],
                endpoint_key=contact[which % len(contact)],
                service="electric",
                kind="out",
                source=f"reply:{which}",
                at=START,
            )
        )


def test_most_people_go_the_short_way(world: World) -> None:
    for number in range(5):
        world.account(f"A{number}", [f"P{number}"])
    world.account("both", ["P5", "P6"])
    outage = world.declare(*(f"P{number}" for number in range(7)))
    with world.db.write() as conn:
        key = world.key(conn, outage)
        moment = Moment.of(
            conn, Manners.of(world.settings, NEUTRAL), count_shadowed=False, outage_keys=[key]
        )
        plan = Plan(
            number=ahead(conn), outage_key=key, manners=moment.manners, count_shadowed=False
        )
        scratch.prepare(conn)
        assert look(conn, plan, moment, 0, None) == (True, True)
        packed = conn.execute(sa.select(scratch.newcomers.c.packed)).scalars().all()
        assert len([one for one in packed if one is not None]) == 5
        assert len([one for one in packed if one is None]) == 2


def test_an_account_with_many_places_is_looked_at_once_for_each_member(world: World) -> None:
    places = [f"P{number:02}" for number in range(50)]
    world.account("landlord", places, phone(1), "landlord@example.org")
    outage = world.declare(*places[:10])
    with world.db.write() as conn:
        key = world.key(conn, outage)
        moment = Moment.of(
            conn, Manners.of(world.settings, NEUTRAL), count_shadowed=False, outage_keys=[key]
        )
        scratch.prepare(conn)
        newcomers.look(conn, moment, {"outage": key, "after": 0, "upto": 1 << 40})
        rows = sa.select(sa.func.count()).select_from(scratch.newcomers)
        assert conn.execute(rows).scalar_one() == 10 * 2
