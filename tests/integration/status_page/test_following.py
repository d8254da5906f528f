"""What is read by difference is what reading everything gives."""

import random
from datetime import timedelta

import pytest
from sqlalchemy.engine import Connection

from outage import clock, journal
from outage import tables as t
from outage.model import CrewStatus
from status_page import following
from status_page.areas import Areas
from status_page.following import Follower
from status_page.reader import read_outages
from status_page.timeline import Timelines
from status_page.view import PublicStatus
from tests.integration.status_page.deeds import Deeds
from tests.integration.status_page.town import NOW, Town


def follower() -> Follower:
    return Follower(Areas(()), Timelines(), send_mode="live")


def seen(by: Follower, conn: Connection) -> tuple[PublicStatus, dict[str, object]]:
    state, _ = by.read(conn)
    shown = {each.id: each for each in state.outages}
    assert len(shown) == len(state.outages)
    return state, {**shown, "moved": dict(state.moved), "as_of": state.as_of}


@pytest.mark.parametrize("seed", range(2))
def test_after_anything_it_is_what_reading_everything_gives(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    deeds, by = Deeds(town, chance), follower()
    for turn in range(200):
        for _ in range(chance.randint(0, 16)):
            deeds.some()
        if turn > 80:
            # Chance alone may leave one out.
            deeds.one(min(sorted(deeds.names), key=lambda each: deeds.done[each]))
        with town.db.read() as conn:
            _, found = seen(by, conn)
            _, expected = seen(follower(), conn)
        assert found == expected, turn
        if turn > 80 and all(deeds.done[each] for each in deeds.names):
            break
    assert {each for each in deeds.names if not deeds.done[each]} == set()


def test_only_what_something_happened_to_is_read(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (town.declare(place) for place in ("A", "B", "C"))
    for each in (one, two, three):
        town.matched(each, 50)
    with town.db.write() as conn:
        journal.move_cursor(conn, "gis", journal.last_number(conn))
    by = follower()
    with town.db.read() as conn:
        before, _ = seen(by, conn)
    town.report(two, crew_status=CrewStatus.ENROUTE, crew_eta=NOW + timedelta(minutes=20))
    asked: list[object] = []
    read = read_outages

    def noted(conn: Connection, now: object, only: object = None) -> object:
        asked.append(only)
        return read(conn, now, only)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(following, "read_outages", noted)
    with town.db.read() as conn:
        state, _ = seen(by, conn)
    assert asked == [[two.key]]
    same = {each.id for each in state.outages if any(each is old for old in before.outages)}
    assert same == {one.id, three.id}
    # Time alone changes what was promised.
    town.move(minutes=30)
    with town.db.read() as conn:
        state, _ = seen(by, conn)
    assert asked == [[two.key], [two.key]]
    assert [each.crew_eta for each in state.outages] == [None] * 3
    # Nothing has happened.
    with town.db.read() as conn:
        seen(by, conn)
    assert len(asked) == 2


def test_a_record_that_is_another_one_is_read_whole(town: Town) -> None:
    town.declare("A")
    by = follower()
    with town.db.read() as conn:
        seen(by, conn)
    with town.db.write() as conn:
        clock.release(conn)
        conn.execute(t.outages.update().values(place="B"))
        conn.execute(t.journal.delete().where(t.journal.c.number > 0))
        conn.execute(t.counters.update().where(t.counters.c.name == "journal").values(value=0))
    with town.db.read() as conn:
        state, _ = seen(by, conn)
    assert [each.area for each in state.outages] == ["B"]
