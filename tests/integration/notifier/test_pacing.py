"""Pacing: little sits at a provider, whoever claims, and what is urgent overtakes."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from notifier import batches, pacing, queue
from notifier.claiming import claim
from notifier.outbox import Outbox
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database, open_database, wall_now
from tests.integration.notifier.sending import SITE, live, outbox, said
from tests.integration.notifier.world import World, phone

SLOW = 0.5
"""Two seconds for each text, so that a slow machine does not outlast a whole test."""


def people(world: World, count: int, *, medical: bool = False, start: int = 0) -> None:
    names = [f"P{number}" for number in range(start, start + count)]
    for number, name in enumerate(names, start):
        world.account(name, [name], phone(number), medical=medical)
    world.declare(*names)
    world.plan()
    world.pass_time(seconds=60)


def ahead(db: Database, name: str = "twilio") -> float:
    with db.read() as conn:
        return pacing.ahead(conn, name).total_seconds()


def most(begun: float, more: float = 0) -> float:
    """Messages that a paced sender may have been handed since then, however slow this machine."""
    return SLOW * (time.monotonic() - begun + more + pacing.AHEAD.total_seconds()) + 1


def as_if_later(db: Database, seconds: float) -> None:
    """Let the provider be so many seconds further with what it was handed."""
    p = t.providers.c.paced_until
    with db.write() as conn:
        earlier = sa.type_coerce(p, sa.BigInteger) - int(seconds * 1000)
        conn.execute(t.providers.update().values(paced_until=earlier))


def test_a_sender_with_a_speed_is_handed_a_few_seconds_of_work(world: World) -> None:
    people(world, 20)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, provider):
        begun = time.monotonic()
        sent = box.drain()
        assert 3 <= sent <= most(begun)
        assert ahead(world.db) <= pacing.AHEAD.total_seconds() + 1 / SLOW
        as_if_later(world.db, 5)
        assert 2 <= box.drain() <= most(begun, 5) - sent
        as_if_later(world.db, 30)
        while box.drain():
            as_if_later(world.db, 30)
    assert len(said(provider)) == 20


def test_a_sender_without_a_speed_takes_all(world: World) -> None:
    people(world, 40)
    with outbox(world, batch_size=7) as (box, provider):
        assert box.drain() == 40
    assert len(said(provider)) == 40
    assert ahead(world.db) == 0


def test_what_is_urgent_goes_while_all_else_waits(world: World) -> None:
    people(world, 40)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, provider):
        box.drain()
        before = len(said(provider))
        people(world, 3, medical=True, start=90)
        found = box.waiting(queued_too=True)
        assert found[0].lane == "sms-urgent"
        assert box.send(found[0].key) == 1
        assert {number for number, _ in said(provider)[before:]} <= {
            phone(number) for number in (90, 91, 92)
        }


def test_urgent_texts_too_stay_within_half_a_minute(world: World) -> None:
    people(world, 40, medical=True)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, _):
        assert box.drain() >= 13
        assert ahead(world.db) <= 30


def test_of_several_processes_that_claim_at_once_none_goes_beyond(world: World) -> None:
    people(world, 60)
    settings = replace(world.settings, twilio_segments_per_s=SLOW)
    with outbox(world) as (_, provider):
        paced = replace(live(settings, provider), twilio_segments_per_s=SLOW)
        box = Outbox(world.db, paced, SITE)
        for _ in range(4):
            batches.assign(world.db, 1)
        with world.db.read() as conn:
            keys = [batch.key for batch in batches.waiting(conn, queued_too=True)]
        assert len(keys) == 20

        def attempt(key: int) -> int:
            other = open_database(world.db.engine.url)
            try:
                found = claim(other, key, box.terms)
            finally:
                other.close()
            return 0 if found is None else len(found.outgoing)

        begun = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            claimed = sum(pool.map(attempt, keys))
        box.close()
    assert 3 <= claimed <= most(begun)
    assert ahead(world.db) <= pacing.AHEAD.total_seconds() + 1 / SLOW
    with world.db.read() as conn:
        left = conn.execute(
            sa.select(t.batches.c.enqueued_at, t.batches.c.lease_until).where(
                t.batches.c.state == "open"
            )
        ).all()
    # What found no room is queued again at once, not after a while.
    assert set(left) <= {(None, None)}


def test_a_kill_after_the_claim_leaves_too_little_room_and_never_too_much(world: World) -> None:
    people(world, 20)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, _):
        (first, *_) = box.waiting(queued_too=True)
        claimed = claim(world.db, first.key, box.terms)  # and then it is killed
        assert claimed is not None
        assert len(claimed.outgoing) == 1
        assert ahead(world.db) > 0


def test_a_worker_gets_no_more_batches_than_there_is_room_for(world: World) -> None:
    people(world, 40)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, _):
        found = box.waiting(queued_too=False)
        assert len(found) == pacing.AHEAD.total_seconds() / pacing.BATCH_S
        box.queued(batch.key for batch in found)
        assert box.waiting(queued_too=False) == []


def test_the_queue_tells_how_long_it_takes(world: World) -> None:
    people(world, 40)
    people(world, 3, medical=True, start=90)
    with outbox(world, twilio_segments_per_s=SLOW) as (box, _), world.db.read() as conn:
        urgent, rest, mail = queue.lanes(conn, box.settings)
        assert (urgent.name, urgent.due, urgent.segments) == ("sms-urgent", 3, 3)
        assert (rest.due, rest.later, rest.with_sender) == (40, 0, 0)
        assert urgent.drains_in == timedelta(seconds=6)
        assert rest.drains_in == timedelta(seconds=86)
        assert (mail.due, mail.drains_in) == (0, timedelta(0))
    with outbox(world) as (box, _):
        with world.db.read() as conn:
            assert [lane.drains_in for lane in queue.lanes(conn, box.settings)[:2]] == [None, None]
        box.send(box.waiting(queued_too=True)[0].key)
        with world.db.read() as conn:
            # Three in the last minute: how fast it goes is known from that.
            found = queue.lanes(conn, box.settings)[1].drains_in
            assert found is not None
            assert 600 < found.total_seconds() < 10_000
            facts = queue.facts(conn, box.settings, SITE)
    assert [lane["with_provider"] for lane in facts["lanes"]] == [3, 0, 0]
    assert facts["senders"][0]["name"] == "twilio"


@pytest.mark.parametrize("seconds", [0, 1, 60, 3600])
def test_the_flow_fades_while_nothing_is_claimed(database: Database, seconds: int) -> None:
    with database.write() as conn:
        pacing.claimed(conn, "twilio", 600, 0)
        flow, at = conn.execute(sa.select(t.providers.c.flow, t.providers.c.flow_at)).one()
        later = at + timedelta(seconds=seconds)
        assert flow == pytest.approx(10)
        assert pacing.flow_now(flow, at, later) == pytest.approx(
            10 * 2.718281828 ** -(seconds / 60)
        )
        assert wall_now(conn) >= at


@given(rate=st.floats(0.1, 500))
def test_a_steady_stream_is_measured_for_what_it_is(rate: float) -> None:
    flow, at = 0.0, EPOCH
    for _ in range(600):
        later = at + timedelta(seconds=1)
        flow, at = pacing.flow_now(flow, at, later) + rate / pacing.MEMORY_S, later
    assert flow == pytest.approx(rate, rel=0.05)


def test_a_look_at_what_is_due_goes_by_its_index_however_much_waits(world: World) -> None:
    people(world, 2)
    if not world.db.is_sqlite:
        pytest.skip("PostgreSQL chooses its plan by how much is in the tables")
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(_conn: object, _cursor: object, statement: str, given: object, *_: object) -> None:
        asked.append((statement, given))  # type: ignore[arg-type]  # SQLite's are tuples

    sa.event.listen(world.db.engine, "before_cursor_execute", note)
    batches.assign(world.db, 500)
    sa.event.remove(world.db.engine, "before_cursor_execute", note)
    looks = [(said, given) for said, given in asked if "messages.priority = ?" in said]
    assert len(looks) == 4 + 4 + 8
    with world.db.read() as conn:
        for statement, given in looks:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            assert "ix_messages_due (channel=? AND priority=?)" in plan[0][3]
            assert not any("TEMP B-TREE" in line[3] for line in plan)
