"""What is read by difference is what reading everything gives."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import clock, commands, desk, journal
from outage import tables as t
from outage.errors import OutageError
from outage.model import CrewStatus, JournalKind, OutageId
from outage.regrouping import merge
from status_page import following
from status_page.areas import Areas
from status_page.following import Follower
from status_page.reader import read_outages
from status_page.timeline import Timelines
from status_page.view import PublicStatus
from tests.integration.status_page.town import NOW, SOMEBODY, Town


def follower() -> Follower:
    return Follower(Areas(()), Timelines(), send_mode="live")


def seen(by: Follower, conn: Connection) -> tuple[PublicStatus, dict[str, object]]:
    state, _ = by.read(conn)
    shown = {each.id: each for each in state.outages}
    assert len(shown) == len(state.outages)
    return state, {**shown, "moved": dict(state.moved), "as_of": state.as_of}


def deeds(town: Town, chance: random.Random) -> list[Callable[[], object]]:
    """What may happen next."""
    with town.db.read() as conn:
        o = t.outages.c
        open_ = conn.execute(
            sa.select(o.id, o.key).where(o.status.not_in(["closed", "cancelled", "restored"]))
        ).all()
    one = chance.choice(open_) if open_ else None
    soon = NOW + timedelta(minutes=chance.randint(1, 900))
    found: list[Callable[[], object]] = [
        lambda: town.declare(f"Place {chance.random()}"),
        lambda: town.move(minutes=chance.choice((1, 30, 400))),
    ]
    if one is None:
        return found

    def told(
        command: Callable[..., object], *values: object, **named: object
    ) -> Callable[[], object]:
        def do() -> None:
            with town.db.write() as conn:
                command(conn, OutageId(one.id), *values, **named, actor=SOMEBODY)

        return do

    def matched() -> None:
        with town.db.write() as conn:
            number = journal.append(conn, kind=JournalKind.MATCHED, actor="gis", outage_key=one.key)
            out = chance.randint(0, 900)
            conn.execute(
                t.outages.update()
                .where(t.outages.c.key == one.key)
                .values(matched_number=number, members=out, premises_out=out)
            )

    def gis_follows() -> None:
        with town.db.write() as conn:
            journal.move_cursor(conn, "gis", journal.last_number(conn))

    report = commands.Report(
        observed_at=NOW, crew_status=chance.choice(list(CrewStatus)), next_update_by=soon
    )
    revise = commands.Revise(place=f"Place {chance.random()}", planned_start=None)
    found += [
        matched,
        gis_follows,
        told(desk.report_progress, report),
        told(desk.revise, revise),
        told(desk.cancel),
    ]
    if len(open_) > 1:
        other = chance.choice([each for each in open_ if each.id != one.id])
        found.append(told(merge, into=other.id, shape=None))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_after_anything_it_is_what_reading_everything_gives(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    by = follower()
    for _ in range(40):
        for _ in range(chance.randint(0, 3)):
            try:
                chance.choice(deeds(town, chance))()
            except (OutageError, ValueError):
                # What may not be done now leaves nothing behind.
                continue
        with town.db.read() as conn:
            _, found = seen(by, conn)
            _, expected = seen(follower(), conn)
        assert found == expected


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
