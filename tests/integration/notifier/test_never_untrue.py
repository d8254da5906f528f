"""Whatever happens to outages, in whatever order: nobody is told something untrue."""

import shutil
import tempfile
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifier.outbox import Outbox
from outage import tables as t
from outage.clock import business_now
from outage.database import open_database
from outage.errors import OutageError
from outage.model import OutageId
from outage.settings import SendMode, load
from outage.site import NEUTRAL
from tests.integration.notifier.world import MANNERS, World, etr, phone

PREMISES = ("P1", "P2", "P3", "P4")
some = st.sets(st.sampled_from(PREMISES), min_size=1)
which = st.integers(0, 2)
events = st.one_of(
    st.tuples(st.just("declare"), which, some),
    st.tuples(st.just("include"), which, some),
    st.tuples(st.just("restore"), which, st.just(set[str]())),
    st.tuples(st.just("restore"), which, some),
    st.tuples(st.just("reopen"), which, st.just(set[str]())),
    st.tuples(st.just("cancel"), which, st.just(set[str]())),
    st.tuples(st.just("unlist"), which, st.just(set[str]())),
    st.tuples(st.just("etr"), st.integers(1, 6), st.just(set[str]())),
)
steps = st.lists(st.tuples(events, st.sampled_from([0, 1, 61, 600])), min_size=3, max_size=14)


@hypothesis_settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
def test_belief_follows_truth(
    empty: Path, steps: list[tuple[tuple[str, int, set[str]], int]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outage.db"
        shutil.copy(empty, path)
        db = open_database(f"sqlite:///{path}")
        settings = replace(load({"OUTAGE_HOME": folder, **MANNERS}), send=SendMode.SHADOW)
        world = World(db, settings)
        world.account("one", ["P1"], phone(1))
        world.account("two", ["P2", "P3"], phone(2))
        world.account("three", ["P3", "P4"], phone(2), phone(3))
        try:
            play(world, steps)
        finally:
            db.close()


def play(world: World, steps: list[tuple[tuple[str, int, set[str]], int]]) -> None:
    box = Outbox(world.db, world.settings, NEUTRAL)
    outages: dict[int, OutageId] = {}
    seen = 0
    for (event, number, premises), seconds in steps:
        happen(world, outages, event, number, premises)
        world.plan()
        if seconds:
            world.pass_time(seconds=seconds)
            box.drain()
            seen = check_what_was_told(world, seen)
    world.pass_time(hours=1)
    box.drain()
    check_what_was_told(world, seen)
    check_the_end(world)


def happen(
    world: World, outages: dict[int, OutageId], event: str, number: int, premises: set[str]
) -> None:
    chosen = outages.get(number % 3)
    if event == "declare":
        if chosen is None:
            outages[number] = world.declare(*premises)
        return
    if chosen is None:
        return
    try:
        match event:
            case "include":
                world.include(chosen, premises | world.members(chosen) - {"P1", "P3"})
            case "restore":
                world.restore(chosen, *premises & world.members(chosen))
            case "reopen":
                world.reopen(chosen)
            case "cancel":
                world.cancel(chosen)
            case "unlist":
                world.end_unlisted(chosen)
            case _:
                world.report(chosen, etr=etr(number * 0.4 + 24))
    except OutageError:
        pass  # the desk refuses what makes no sense; that is another test's


def out_of(world: World, endpoint: int, outage: int) -> set[tuple[int, int]]:
    """(premise, outage that holds it) for the endpoint's premises in an outage that are out now."""
    i, m, o, c = t.interruptions, t.memberships, t.occupancies, t.contacts
    held = (
        sa.select(o.c.premise_key)
        .join(c, c.c.account_key == o.c.account_key)
        .where(c.c.endpoint_key == endpoint)
    )
    members = sa.select(m.c.premise_key).where(m.c.outage_key == outage)
    with world.db.read() as conn:
        return {
            (row.premise_key, row.outage_key)
            for row in conn.execute(
                sa.select(i.c.premise_key, i.c.outage_key).where(
                    i.c.outcome.is_(None),
                    i.c.premise_key.in_(held),
                    i.c.premise_key.in_(members),
                )
            )
        }


def check_what_was_told(world: World, seen: int) -> int:
    m = t.messages
    with world.db.read() as conn:
        told = conn.execute(m.select().where(m.c.state == "shadowed").order_by(m.c.key)).all()
    lines: dict[tuple[int, int], list[str]] = defaultdict(list)
    for row in told:
        lines[row.outage_key, row.endpoint_key].append(f"{row.kind} {row.variant}".strip())
    for kinds in lines.values():
        assert kinds.count("detected") <= 1
        assert kinds[0] == "detected"
        assert all(a != b or a == "etr" for a, b in pairwise(kinds))
    for row in told[seen:]:
        out = out_of(world, row.endpoint_key, row.outage_key)
        if row.told_state in {"back", "unaffected", "cancelled"}:
            assert not out
        else:
            assert row.outage_key in {holder for _, holder in out}
    return len(told)


def check_the_end(world: World) -> None:
    """Who is out was told so; who was told so and is not, was told that or has a reason."""
    m, i = t.messages, t.interruptions
    with world.db.read() as conn:
        waits = conn.execute(m.select().where(m.c.state == "pending")).all()
        # An ETR that moved earlier by little is told when less time is left (`notifier.manners`).
        assert {row.kind for row in waits} <= {"etr"}
        assert not [row for row in waits if row.send_after <= business_now(conn)]
        told = {
            (row.outage_key, row.endpoint_key): row.told_state
            for row in conn.execute(m.select().where(m.c.state == "shadowed").order_by(m.c.key))
        }
        listed = t.outages.c.unlisted_since.is_(None)
        rows = conn.execute(
            sa.select(i.c.outage_key, t.contacts.c.endpoint_key)
            .join(t.occupancies, t.occupancies.c.premise_key == i.c.premise_key)
            .join(t.contacts, t.contacts.c.account_key == t.occupancies.c.account_key)
            .join(t.outages, t.outages.c.key == i.c.outage_key)
            .where(i.c.outcome.is_(None), listed)
        )
        out = {(row.outage_key, row.endpoint_key) for row in rows}
    for where in out:
        assert told.get(where) == "out"
    for (outage, endpoint), state in told.items():
        if state == "out" and not out_of(world, endpoint, outage):
            assert (outage, endpoint) not in out
            with world.db.read() as conn:
                reasons = set(
                    conn.execute(
                        sa.select(t.decisions.c.decision).where(t.decisions.c.outage_key == outage)
                    ).scalars()
                )
            assert reasons & {"no_longer_listed", "told_for_other_outage", "out_in_other_outage"}
