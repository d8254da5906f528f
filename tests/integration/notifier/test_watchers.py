"""Who watches an area, where gis itself says in which areas an outage lies."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from gis.reader import GisReader
from notifier import area_wishes
from notifier.outbox import Outbox
from notifier.reader import NotifierReader
from outage import desk
from outage import tables as t
from outage.areas import EVERYWHERE, AreaName
from outage.database import Database
from outage.model import Outage
from outage.settings import SendMode, load
from outage.site import NEUTRAL, Area
from tests.acceptance.told_true.by_area import by_area
from tests.acceptance.told_true.case import Case
from tests.acceptance.told_true.people import People
from tests.acceptance.told_true.record import read
from tests.acceptance.told_true.truth import Truth
from tests.integration.notifier.town import Town
from tests.integration.notifier.world import MANNERS

WATCHER = "+12025550177"
WEST, EAST = ("city", "West"), ("city", "East")
AREAS = [Area(name=name, kind=kind, served=900) for kind, name in (WEST, EAST)]
ROW, ALL, FOUR = (0, 5, 0, 0), (0, 5, 0, 1), (0, 1, 0, 1)
"""Six premises, all twelve, and four: too few to be told of."""


@pytest.fixture
def town(database: Database) -> Town:
    town = Town.of(database)
    told = {"OUTAGE_HOME": "/nowhere", "OUTAGE_AREA_LEAST": "5", **MANNERS}
    settings = replace(load(told), send=SendMode.SHADOW)
    town.world.reader = GisReader(town.world.matcher, areas=AREAS)
    town.reader = NotifierReader(settings)
    town.box = Outbox(database, settings, NEUTRAL)
    with database.write() as conn:
        conn.execute(t.premises.update().values(city="WEST"))
    watch(town, WEST)
    return town


def watch(town: Town, area: AreaName, address: str = WATCHER) -> None:
    with town.world.db.write() as conn:
        wish = area_wishes.AreaWish(
            once=f"{address} {area}", kind="phone", address=address, area=area, language="en"
        )
        area_wishes.ask(conn, wish, NEUTRAL, "")
        row = conn.execute(t.watches.select().order_by(t.watches.c.key.desc()).limit(1)).one()
        assert area_wishes.confirm(conn, row)


def heard(town: Town) -> list[str]:
    """What the watcher hears next."""
    return [kind for address, kind in town.settle() if address == WATCHER]


def lies(town: Town, outage: Outage) -> set[tuple[str, str, bool]]:
    a = t.outage_areas.c
    with town.world.db.read() as conn:
        rows = conn.execute(sa.select(a.kind, a.name, a.lies).where(a.outage_key == outage.key))
        return {(row.kind, row.name, row.lies) for row in rows}


def faults(town: Town) -> list[str]:
    """What the independent checker finds wrong with what was told of areas."""
    record = read(town.world.db.engine.url.render_as_string(hide_password=False))
    case = Case(
        record=record, truth=Truth(record), people=People(record), zone=ZoneInfo(str(NEUTRAL.zone))
    )
    return [fault.sentence.partition(") ")[2] for fault in by_area(case)]


def test_where_an_outage_lies_is_written_with_what_was_matched(town: Town) -> None:
    outage = town.world.declare(ROW)
    assert lies(town, outage) == set()
    assert heard(town) == ["area_out"]
    assert lies(town, outage) == {(*EVERYWHERE, True), (*WEST, True)}
    with town.world.db.write() as conn:
        conn.execute(t.premises.update().values(city="East"))
    town.do(desk.restore, outage)
    assert heard(town) == ["area_over"]
    assert lies(town, outage) == {(*EVERYWHERE, True), (*WEST, False), (*EAST, True)}


def test_a_story_is_true_and_the_checker_finds_what_is_not(town: Town) -> None:
    outage = town.world.declare(ROW)
    assert heard(town) == ["area_out"]
    town.etr(outage, 6)
    assert heard(town) == ["area_etr"]
    town.do(desk.restore, outage)
    assert heard(town) == ["area_over"]
    town.world.declare(FOUR)
    assert heard(town) == []
    assert faults(town) == []
    m, w = t.messages, t.watches
    kind = {name: m.c.kind == name for name in ("area_out", "area_etr", "area_over")}
    with town.world.db.write() as conn:
        conn.execute(m.update().where(kind["area_over"]).values(kind="area_again"))
    assert "says that people are out, and the outage is restored" in faults(town)
    with town.world.db.write() as conn:
        conn.execute(m.update().where(m.c.kind == "area_again").values(state="withdrawn"))
    assert faults(town) == ["is the last word, and it is restored"]
    with town.world.db.write() as conn:
        conn.execute(m.update().where(kind["area_etr"]).values(told_time=None))
        conn.execute(w.update().values(ended_at=town.world.now.replace(year=2025)))
    found = faults(town)
    assert "goes to who never said yes to it, or has ended it" in found
    assert any(one.startswith("reads as an ETR of") for one in found)
    assert any(one.startswith("says again what") for one in found)


def test_a_merge_tells_nobody_twice_and_the_end_once(town: Town) -> None:
    one, other = town.world.declare(ROW), town.world.declare((0, 5, 1, 1))
    assert heard(town) == ["area_out", "area_out"]
    town.world.merge(one, other)
    assert heard(town) == []
    town.do(desk.restore, other)
    assert heard(town) == ["area_over"]
    assert faults(town) == []


def test_a_part_that_is_split_off_is_the_same_outage_to_who_watches(town: Town) -> None:
    outage = town.world.declare(ALL)
    assert heard(town) == ["area_out"]
    part = town.world.split(outage, ROW)
    assert heard(town) == []
    town.do(desk.restore, outage)
    assert heard(town) == []
    town.do(desk.restore, part)
    assert heard(town) == ["area_over"]
