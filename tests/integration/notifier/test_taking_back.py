"""Take-back: a new version equal to the one before, and everybody who was told hears of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from gis import asked
from gis.matching import Matcher
from gis.reader import GisReader
from gis.shapes import ShapeLimits
from outage import commands as c
from outage import desk, journal, taking_back
from outage import tables as t
from outage.errors import NothingToTakeBackError
from outage.model import (
    Cause,
    CrewStatus,
    JournalKind,
    Kind,
    MatchedShape,
    Outage,
    OutageId,
    OutageKey,
    Service,
)
from outage.register import load
from tests.integration.notifier.sending import A, B, C, outbox, said, tell
from tests.integration.notifier.test_moved_to_a_circuit import load as load_premises
from tests.integration.notifier.world import ACTOR, World, etr


def facts(outage: Outage) -> Outage:
    """All but what every version changes."""
    same = {"version": 0, "observed": {}, "etr_count": 0, "updated_at": outage.declared_at}
    return replace(outage, **same, etr=outage.etr and replace(outage.etr, version=0))  # type: ignore[arg-type]


def now(world: World, outage_id: str) -> Outage:
    with world.db.read() as conn:
        return load(conn, outage_id)


def test_facts_are_what_they_were_and_the_version_is_new(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", cause=Cause.TREE, place="Elm Street", etr=etr(3))
    before = now(world, outage)
    changes: list[Callable[[], None]] = [
        lambda: world.revise(outage, cause=Cause.FIRE, place="Oak Street"),
        lambda: world.report(outage, etr=etr(9), crew_status=CrewStatus.ARRIVED),
        lambda: world.report(outage, withdraw_etr=True),
    ]
    for change in changes:
        change()
        changed = now(world, outage)
        assert facts(changed) != facts(before)
        done = world.do(taking_back.take_back, outage)
        assert facts(done) == facts(before)
        assert facts(now(world, outage)) == facts(before)
        assert done.version == changed.version + 1
        # Taken back twice, the change is there again; and once more, gone.
        assert facts(world.do(taking_back.take_back, outage)) == facts(changed)
        assert facts(world.do(taking_back.take_back, outage)) == facts(before)


def test_an_etr_that_was_told_is_followed_by_the_one_before(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(3))
    with outbox(world) as (box, provider):
        tell(world, box)
        world.report(outage, etr=etr(9))
        tell(world, box)
        world.do(taking_back.take_back, outage)
        world.gis_has_passed()
        tell(world, box)
    texts = [text for _, text in said(provider)]
    assert ["5:00PM" in text or "5PM" in text for text in texts] == [True, False, True]


def test_an_etr_that_was_not_told_yet_is_withdrawn(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(3))
    with outbox(world) as (box, provider):
        tell(world, box)
        world.report(outage, etr=etr(9))
        world.plan()
        world.do(taking_back.take_back, outage)
        world.gis_has_passed()
        tell(world, box)
    assert [kind for _, kind, _ in world.messages()] == ["detected", "etr_later"]
    assert [state for _, _, state in world.messages()] == ["accepted", "withdrawn"]
    assert len(said(provider)) == 1


def test_a_wrong_area_is_taken_back_of_who_was_told_and_who_was_not(
    world: World, tmp_path: Path
) -> None:
    """By gis itself: P1 stays, P2 was told, P3 was not yet."""
    load_premises(world.db, tmp_path, {"P1": "F1", "P2": "F2", "P3": "F2"})
    with world.db.read() as conn:
        world.ids |= dict(conn.execute(sa.select(t.premises.c.id, t.premises.c.key)).all())
    for name, address in (("P1", A), ("P2", B)):
        world.account(name.lower(), [name], address)
    matcher = Matcher(world.db)
    gis = GisReader(matcher)

    def matched(*devices: str) -> MatchedShape:
        wanted = asked.devices(list(devices))
        found = matcher.ask(wanted, Service.ELECTRIC, limits=ShapeLimits(), max_ids=10)
        return found.for_desk()

    def settle() -> None:
        while journal.turn(world.db, gis):
            pass

    outage = _declared(world, matched("circuit:F1"))
    settle()
    with outbox(world) as (box, provider):
        tell(world, box)
        world.do(desk.revise, outage, c.Revise(), shape=matched("circuit:F1", "circuit:F2"))
        settle()
        tell(world, box)
        world.account("late", ["P3"], C)
        with world.db.write() as conn:
            journal.append(
                conn,
                kind=JournalKind.MATCHED,
                actor="gis",
                outage_key=now(world, outage).key,
                data={"of": 0},
            )
        world.plan()
        assert {number for number, _ in said(provider)} == {A, B}
        world.do(taking_back.take_back, outage)
        settle()
        tell(world, box)
    assert world.messages() == [
        (A, "detected", "accepted"),
        (B, "detected", "accepted"),
        (C, "detected", "withdrawn"),
        (B, "correction unaffected", "accepted"),
    ]
    assert world.members(outage) == {"P1"}
    with world.db.read() as conn:
        row = conn.execute(sa.select(t.outages)).one()
    assert (row.premise_count, row.premises_out) == (1, 1)


def _declared(world: World, shape: MatchedShape) -> str:
    command = c.Declare(
        key=OutageKey(0), id=OutageId(""), service=Service.ELECTRIC, kind=Kind.UNPLANNED
    )
    with world.db.write() as conn:
        return desk.declare(conn, command, actor=ACTOR, shape=shape).id


def test_a_declaration_is_cancelled_and_a_restoration_reopened(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    world.restore(outage)
    assert world.do(taking_back.take_back, outage).status == "confirmed"
    other = world.declare("P1")
    assert world.do(taking_back.take_back, other).status == "cancelled"


def _past(world: World, outage: str) -> None:
    world.report(outage, etr=etr(4))
    world.pass_time(hours=2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda world, outage: world.cancel(outage), "it was cancelled; declare it anew"),
        (_past, "has passed"),
    ],
)
def test_where_nothing_can_be_taken_back_one_sentence_says_why(
    world: World, change: Callable[[World, str], None], why: str
) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(1))
    change(world, outage)
    with pytest.raises(NothingToTakeBackError, match=why):
        world.do(taking_back.take_back, outage)
