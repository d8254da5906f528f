"""Merge and split tell nobody anything, and lose nobody: gis, notifier and outbox together."""

import shutil
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from notifier import batches
from outage import desk
from outage import tables as t
from outage.database import Database, open_database
from outage.errors import OutageError
from outage.model import Outage
from tests.integration.notifier.town import Town, everybody
from tests.integration.notifier.world import phone
from tests.unit.gis.world import COLUMNS, Rectangle

LEFT: Rectangle = (0, 2, 0, 0)
RIGHT: Rectangle = (3, 5, 0, 0)
MIDDLE: Rectangle = (2, 3, 0, 0)


@pytest.fixture
def town(database: Database) -> Town:
    return Town.of(database)


def test_a_merge_tells_nobody_and_restoring_tells_everybody_once(town: Town) -> None:
    one, other = town.world.declare(LEFT), town.world.declare((2, 4, 0, 0))
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3, 4, 5)
    town.world.merge(one, other)
    assert town.settle() == []
    assert town.world.row(one).status == "closed"
    town.do(desk.restore, other)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3, 4, 5)
    town.do(desk.reopen, other)
    assert sorted(town.settle()) == everybody("correction out", 1, 2, 3, 4, 5)


def test_cancelling_after_a_merge_tells_everybody_who_was_told_under_either(town: Town) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(RIGHT)
    town.settle()
    town.world.merge(one, other)
    town.settle()
    town.do(desk.cancel, other)
    assert sorted(town.settle()) == everybody("cancelled", 1, 2, 3, 4, 5)


def test_a_split_tells_nobody_and_each_half_ends_on_its_own(town: Town) -> None:
    one = town.world.declare((0, 3, 0, 0))
    town.etr(one, 6)
    town.settle()
    part = town.world.split(one, MIDDLE)
    assert town.settle() == []
    town.do(desk.restore, one)
    assert sorted(town.settle()) == everybody("restored", 1, 2)
    town.do(desk.restore, part)
    assert sorted(town.settle()) == everybody("restored", 3, 4)


def test_what_was_split_and_merged_back_is_told_of_once(town: Town) -> None:
    one = town.world.declare((0, 3, 0, 0))
    town.settle()
    part = town.world.split(one, MIDDLE)
    town.settle()
    town.etr(part, 6)
    assert sorted(town.settle()) == everybody("etr", 3, 4)
    town.world.merge(part, one)
    # Nobody stands by the time that was given for the part.
    assert sorted(town.settle()) == everybody("no_etr_yet", 3, 4)
    town.do(desk.restore, one)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3, 4)


def test_an_etr_is_told_after_a_merge_only_where_it_is_another_time(town: Town) -> None:
    one, other, third = (town.world.declare(r) for r in (LEFT, (3, 3, 0, 0), (4, 4, 0, 0)))
    for outage, hours in ((one, 6), (other, 6.1), (third, 12)):
        town.etr(outage, hours)
    town.settle()
    town.world.merge(one, other)
    assert town.settle() == []
    town.world.merge(other, third)
    assert sorted(town.settle()) == everybody("etr_later", 1, 2, 3, 4)


def test_whoever_is_restored_before_the_merge_is_told_so_and_stays_so(town: Town) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(RIGHT)
    town.settle()
    town.do(desk.restore, one, shape=town.world.match((0, 0, 0, 0)).for_desk())
    town.world.merge(one, other)
    assert town.settle() == everybody("restored", 1)
    town.do(desk.restore, other)
    assert sorted(town.settle()) == everybody("restored", 2, 3, 4, 5)


def test_what_waited_to_be_sent_is_said_once_by_the_outage_it_goes_on_under(town: Town) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(RIGHT)
    town.settle(send=False)
    town.world.merge(one, other)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3, 4, 5)


def test_what_goes_on_from_a_message_with_a_sender_waits_in_no_batch(town: Town) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(RIGHT)
    town.settle(send=False)
    town.send_state("pending", "claimed", one)
    town.send_state("pending", "accepted", other)
    town.world.merge(one, other)
    town.do(desk.restore, other)
    town.settle(send=False)
    town.world.later(30)
    batches.assign(town.world.db, 100)
    assert town.batched() == [phone(4), phone(5)]
    town.send_state("claimed", "accepted", one)
    batches.assign(town.world.db, 100)
    assert town.batched() == [phone(number) for number in range(1, 6)]


def test_of_a_chain_of_outages_the_last_waits_for_the_one_before_it_to_speak(town: Town) -> None:
    """The last one was declared first, so its message would go first."""
    with town.world.db.write() as conn:
        for premise in (2, 6):
            c = t.contacts
            phone_5 = sa.select(t.endpoints.c.key).where(t.endpoints.c.address == phone(5))
            conn.execute(
                c.update()
                .where(c.c.account_key == premise)
                .values(endpoint_key=phone_5.scalar_subquery())
            )
    last, first = town.world.declare((5, 5, 0, 0)), town.world.declare((1, 4, 0, 0))
    town.settle(send=False)
    second = town.world.split(first, (2, 4, 0, 0))
    town.settle(send=False)
    part = town.world.split(second, (2, 2, 0, 0))
    town.settle(send=False)
    town.world.merge(part, last)
    town.settle(send=False)
    town.world.later(30)
    batches.assign(town.world.db, 100)
    assert town.batched().count(phone(5)) == 3
    # What there is to say of the first one is being worked out: it says nothing yet.
    town.etr(first, 6)
    town.box.drain()
    assert [one for one in town.told() if one[0] == phone(5)] == everybody("detected", 5)


def test_a_prediction_merged_into_what_is_confirmed_is_news(town: Town) -> None:
    one, other = town.world.declare(LEFT, predicted=True), town.world.declare(RIGHT)
    assert sorted(town.settle()) == everybody("detected", 4, 5)
    town.world.merge(one, other)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3)


def test_one_phone_with_a_place_back_and_a_place_out_believes_that_it_is_out(town: Town) -> None:
    """Premises 5 and 6 share a phone: 5 is back under one outage, 6 out under the other."""
    one, other = town.world.declare((3, 4, 0, 0)), town.world.declare((5, 5, 0, 0))
    town.settle()
    town.do(desk.restore, one, shape=town.world.match((4, 4, 0, 0)).for_desk())
    assert town.settle() == everybody("restored", 5)
    town.world.merge(other, one)
    assert town.settle() == []
    town.do(desk.restore, one)
    assert sorted(town.settle()) == everybody("restored", 4, 5)


def test_one_place_of_two_that_is_back_after_a_split_is_not_called_the_address(town: Town) -> None:
    """Premises 5 and 6 share a phone; the part that is split off holds the first of them."""
    one = town.world.declare((1, 5, 0, 0))
    town.settle()
    part = town.world.split(one, (1, 4, 0, 0))
    town.settle(send=False)
    town.do(desk.restore, part)
    assert sorted(town.settle()) == everybody("restored", 2, 3, 4, 5)
    assert of_one_place(town) == {phone(5)}


def test_what_was_told_is_known_however_many_outages_the_loss_goes_through(town: Town) -> None:
    """It goes from the first to the second as that ends, and to the third by a merge."""
    first = town.world.declare(LEFT)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3)
    second, third, other = (town.world.declare(LEFT) for _ in range(3))
    assert town.settle() == []
    town.do(desk.restore, first)
    assert town.settle() == []
    town.world.merge(second, other)
    assert town.settle() == []
    town.etr(third, 6)
    assert sorted(town.settle()) == everybody("etr", 1, 2, 3)
    town.do(desk.restore, third)
    town.do(desk.restore, other)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3)


def test_who_heard_that_it_is_back_from_another_outage_hears_that_it_is_out_again(
    town: Town,
) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(LEFT)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3)
    town.do(desk.restore, one)
    assert town.settle() == []
    town.do(desk.restore, other)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3)
    town.do(desk.reopen, one)
    assert sorted(town.settle()) == everybody("correction out", 1, 2, 3)
    town.do(desk.restore, one)
    assert sorted(town.settle()) == everybody("restored", 1, 2, 3)
    town.do(desk.reopen, other)
    assert sorted(town.settle()) == everybody("correction out", 1, 2, 3)


def test_who_read_that_another_outage_took_its_notice_back_hears_that_it_is_out_again(
    town: Town,
) -> None:
    one, other = town.world.declare(LEFT), town.world.declare(LEFT)
    assert sorted(town.settle()) == everybody("detected", 1, 2, 3)
    town.do(desk.restore, one)
    assert town.settle() == []
    town.do(desk.cancel, other)
    town.settle()
    town.do(desk.reopen, one)
    assert sorted(town.settle()) == everybody("correction out", 1, 2, 3)


def test_what_was_told_before_it_was_back_is_not_known_after_a_merge(town: Town) -> None:
    """The first part is back just as another outage takes it, which ends by itself."""
    one = town.world.declare((1, 2, 0, 0))
    assert sorted(town.settle()) == everybody("detected", 2, 3)
    town.do(desk.restore, one, shape=town.world.match((1, 1, 0, 0)).for_desk())
    town.settle(send=False)
    short = town.world.declare((1, 1, 0, 0))
    assert town.settle() == everybody("detected", 2)
    town.do(desk.restore, short)
    assert town.settle() == everybody("restored", 2)
    third = town.world.declare((0, 1, 0, 0))
    town.settle(send=False)
    town.world.merge(one, third)
    assert sorted(town.settle()) == [(phone(1), "detected"), (phone(2), "correction out")]


which = st.integers(0, 3)
edges = st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, COLUMNS - 1)).map(sorted)
events = st.lists(
    st.tuples(
        st.sampled_from(
            ["declare", "declare", "part", "whole", "reopen", "cancel", "merge", "merge", "split"]
        ),
        which,
        edges,
        st.booleans(),
    ),
    min_size=4,
    max_size=12,
)
Event = tuple[str, int, list[int], bool]


@pytest.mark.timeout(900)  # 40 s on a quiet machine
@hypothesis_settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=events)
def test_belief_follows_truth_through_merge_and_split(empty: Path, events: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outage.db"
        shutil.copy(empty, path)
        db = open_database(f"sqlite:///{path}")
        town = Town.of(db)
        outages: list[Outage] = []
        try:
            for event in events:
                play(town, outages, event)
            for outage in outages:
                happen(town, outages, ("whole", outages.index(outage), [0, 0], True))
            town.settle()
            assert not town.world.out()
            assert not {address for address, kind in believed(town).items() if is_out(kind)}
        finally:
            db.close()


def play(town: Town, outages: list[Outage], event: Event) -> None:
    quiet = not pending(town)
    done = happen(town, outages, event)
    told = town.settle(send=event[3])
    if quiet and done and event[0] in {"merge", "split"}:
        assert told == []
        assert not pending(town)
    if event[3]:
        out = {phone(min(premise, COLUMNS - 1)) for premise in town.world.out()}
        told_out = {address for address, kind in believed(town).items() if is_out(kind)}
        assert told_out <= out
        # Whoever has several places may have heard since of another one that it is back.
        assert out - told_out <= of_one_place(town)


def happen(town: Town, outages: list[Outage], event: Event) -> bool:
    name, number, (first, last), _ = event
    rectangle = (first, last, 0, 0)
    if name == "declare":
        outages.append(town.world.declare(rectangle))
        return True
    if not outages:
        return False
    outage = outages[number % len(outages)]
    try:
        if name == "merge":
            town.world.merge(outage, outages[first % len(outages)])
        elif name == "split":
            outages.append(town.world.split(outage, rectangle))
        elif name in {"part", "whole"}:
            shape = town.world.match(rectangle).for_desk() if name == "part" else None
            town.do(desk.restore, outage, shape=shape)
        else:
            town.do({"reopen": desk.reopen, "cancel": desk.cancel}[name], outage)
    except OutageError:
        return False
    return True


def pending(town: Town) -> int:
    m = t.messages.c
    with town.world.db.read() as conn:
        found = conn.execute(sa.select(sa.func.count()).where(m.state == "pending"))
        return int(found.scalar_one())


def believed(town: Town) -> dict[str, str]:
    """What each phone was told last."""
    return dict(town.told())


def of_one_place(town: Town) -> set[str]:
    """Phones whose last text says that one place of several is back."""
    m, e, x = t.messages.c, t.endpoints.c, t.texts.c
    statement = (
        sa.select(e.address, m.kind, x.body)
        .join(t.messages, m.endpoint_key == e.key)
        .join(t.texts, x.key == m.text_key)
        .where(m.state == "shadowed")
        .order_by(m.ended_at, m.key)
    )
    with town.world.db.read() as conn:
        last = {row.address: row for row in conn.execute(statement)}
    back = (row for row in last.values() if row.kind == "restored")
    return {row.address for row in back if "one of your addresses" in row.body}


def is_out(kind: str) -> bool:
    return kind in {"detected", "etr", "correction out"}
