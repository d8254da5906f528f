"""Who watches an area, where gis itself says in which areas an outage lies."""

from concurrent.futures import ThreadPoolExecutor
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
from outage.commands import Revise
from outage.database import Database
from outage.model import Cause, Kind, Outage
from outage.settings import SendMode, load
from outage.site import NEUTRAL, Area
from tests.acceptance.told_true.by_area import by_area
from tests.acceptance.told_true.case import Case
from tests.acceptance.told_true.people import People
from tests.acceptance.told_true.record import read
from tests.acceptance.told_true.truth import Truth
from tests.integration.notifier.town import Town
from tests.integration.notifier.world import MANNERS, phone
from tests.unit.gis.world import ACTOR, COLUMNS, ROWS, STEP

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
    # Here nobody writes while somebody claims, and what was told is told within that slack.
    record = replace(record, slack_ms=0)
    case = Case(
        record=record,
        truth=Truth(record),
        people=People(record),
        zone=ZoneInfo(str(NEUTRAL.zone)),
        most_a_day=town.reader.manners.most_a_day,
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


def test_an_outage_that_grows_elsewhere_is_not_taken_back_and_its_end_is_told(town: Town) -> None:
    with town.world.db.write() as conn:
        east = t.premises.c.key > COLUMNS
        conn.execute(t.premises.update().where(east).values(city="East"))
    outage = town.world.declare(ROW)
    assert heard(town) == ["area_out"]
    with town.world.db.write() as conn:
        shape = town.world.match((0, 4, 0, 1)).for_desk()
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape)
    assert heard(town) == []
    with town.world.db.write() as conn:
        shape = town.world.match((1, 5, 1, 1)).for_desk()
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape)
    assert heard(town) == []
    assert (*WEST, False) in lies(town, outage)
    m = t.messages
    with town.world.db.write() as conn:
        conn.execute(m.update().where(m.c.kind == "area_out").values(kind="area_withdrawn"))
    assert "takes back that people are out, and people are out" in faults(town)
    with town.world.db.write() as conn:
        conn.execute(m.update().where(m.c.kind == "area_withdrawn").values(kind="area_out"))
    town.do(desk.restore, outage)
    assert heard(town) == ["area_over"]
    assert faults(town) == []


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


MOST = 2
"""Messages of areas that a day may bring, in what follows."""


@pytest.fixture
def storm(town: Town) -> list[Outage]:
    """Five outages at once, each large enough; a day brings two of what people could do without."""
    given = {"OUTAGE_HOME": "/nowhere", "OUTAGE_AREA_LEAST": "5", **MANNERS}
    settings = replace(load(given | {"OUTAGE_MOST_A_DAY": str(MOST)}), send=SendMode.SHADOW)
    town.reader = NotifierReader(settings)
    town.box = Outbox(town.world.db, settings, NEUTRAL)
    rows = range(ROWS, ROWS + 5)
    with town.world.db.write() as conn:
        conn.execute(
            t.premises.insert(),
            [
                {
                    "key": 1 + column + row * COLUMNS,
                    "id": f"P{1 + column + row * COLUMNS}",
                    "longitude": -100 + column * STEP,
                    "latitude": 40 + row * STEP,
                    "services": 1,
                    "loaded_version": 2,
                    "city": "WEST",
                }
                for row in rows
                for column in range(COLUMNS)
            ],
        )
        town.world.new_version(conn, 2)
    return [town.world.declare((0, 5, row, row)) for row in rows]


def test_a_storm_brings_so_many_words_a_day_and_the_rest_as_it_is_on_the_next(
    town: Town, storm: list[Outage]
) -> None:
    assert heard(town) == ["area_out"] * MOST
    town.etr(storm[0], 30)
    town.etr(storm[4], 30)
    assert heard(town) == []
    town.do(desk.restore, storm[1])
    town.do(desk.restore, storm[2])
    # Of what was told the end is told; of what was put off there is nothing to say any more.
    assert heard(town) == ["area_over"]
    assert ended(town, WATCHER) == [("area_out", "withdrawn", "never_told")]
    assert faults(town) == []
    town.world.later(11 * 60)
    assert town.world.now.hour == 0
    town.box.drain()
    told = [kind for address, kind in town.told() if address == WATCHER][MOST + 1 :]
    assert told == ["area_out", "area_out"]
    assert faults(town) == []
    for outage in (storm[0], storm[3], storm[4]):
        town.do(desk.restore, outage)
    # The time that waited for its third day is one no more.
    assert heard(town) == ["area_over"] * 3
    assert ended(town, WATCHER)[1:] == [("area_etr", "superseded", "newer_decision")]
    assert faults(town) == []


def test_two_senders_at_once_keep_to_what_a_day_may_bring(town: Town, storm: list[Outage]) -> None:
    town.settle(send=False)
    town.world.later(30)
    town.box = Outbox(town.world.db, replace(town.box.settings, batch_size=1), NEUTRAL)
    keys = [batch.key for batch in town.box.waiting(queued_too=True)]
    assert len(keys) == len(storm)
    with ThreadPoolExecutor(len(keys)) as senders:
        list(senders.map(town.box.send, keys))
    assert [kind for address, kind in town.told() if address == WATCHER] == ["area_out"] * MOST


def test_the_checker_counts_what_a_day_brought(town: Town, storm: list[Outage]) -> None:
    assert heard(town) == ["area_out"] * MOST
    m = t.messages
    put_off = m.c.state == "pending"
    told = sa.select(m.c.key).where(m.c.state == "shadowed").limit(1).scalar_subquery()
    with town.world.db.write() as conn:
        one = conn.execute(m.select().where(m.c.key == told)).one()
        same = ("state", "told_state", "claimed_at", "tried_at", "text_key", "sends")
        conn.execute(m.update().where(put_off).values({name: getattr(one, name) for name in same}))
    assert f"is one of {len(storm)} on one day, and {MOST} are the most" in faults(town)


OWN = phone(1)


def hold(town: Town, seconds: int) -> None:
    """Let what says "back" wait as it does in service."""
    given = {"OUTAGE_HOME": "/nowhere", "OUTAGE_AREA_LEAST": "5", **MANNERS}
    given["OUTAGE_RESTORED_HOLD_S"] = str(seconds)
    settings = replace(load(given), send=SendMode.SHADOW)
    town.reader = NotifierReader(settings)
    town.box = Outbox(town.world.db, settings, NEUTRAL)


def waiting(town: Town, address: str) -> list[tuple[int, str, str, str | None]]:
    """What was planned for an address, with what became of it, the oldest first."""
    m, e = t.messages.c, t.endpoints.c
    with town.world.db.read() as conn:
        rows = conn.execute(
            sa.select(m.key, m.kind, m.state, m.reason)
            .join(t.endpoints, e.key == m.endpoint_key)
            .where(e.address == address)
            .order_by(m.key)
        )
        return [(row.key, row.kind, row.state, row.reason) for row in rows]


def ended(town: Town, address: str) -> list[tuple[str, str, str | None]]:
    return [row[1:] for row in waiting(town, address) if row[2] in {"withdrawn", "superseded"}]


def test_who_watches_hears_once_that_their_own_place_is_back(town: Town) -> None:
    hold(town, 240)
    watch(town, WEST, OWN)
    outage = town.world.declare(ROW)
    assert (OWN, "detected") in town.settle()
    town.do(desk.restore, outage, shape=town.world.match((0, 0, 0, 0)).for_desk())
    town.settle(send=False)
    before = waiting(town, OWN)
    assert before[-1][1:] == ("restored", "pending", None)
    for hours in (6, 9):
        town.etr(outage, hours)
        town.settle(send=False)
        assert waiting(town, OWN) == before
    town.world.later(5)
    town.box.drain()
    town.do(desk.restore, outage)
    town.settle()
    told = [kind for address, kind in town.told() if address == OWN]
    assert told == ["detected", "restored"]
    assert ended(town, OWN) == []


def test_who_watches_and_was_never_out_hears_that(town: Town) -> None:
    watch(town, WEST, OWN)
    outage = town.world.declare(ROW)
    assert (OWN, "detected") in town.settle()
    with town.world.db.write() as conn:
        shape = town.world.match((1, 5, 0, 0)).for_desk()
        desk.revise(conn, outage.id, Revise(), actor=ACTOR, shape=shape)
    town.settle(send=False)
    before = waiting(town, OWN)
    assert before[-1][1:] == ("correction", "pending", None)
    town.etr(outage, 6)
    town.settle(send=False)
    assert waiting(town, OWN) == before
    assert (OWN, "correction unaffected") in town.settle()
    assert ended(town, OWN) == []


def no_alerts(town: Town) -> None:
    with town.world.db.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False))


def test_who_watches_and_wants_no_alerts_hears_an_advisory(town: Town) -> None:
    no_alerts(town)
    watch(town, WEST, OWN)
    town.world.declare(ROW, Kind.ADVISORY, cause=Cause.WATER_QUALITY)
    assert [kind for address, kind in town.settle() if address == OWN] == ["advisory"]
    assert ended(town, OWN) == []


def test_what_tells_of_an_area_waits_once_for_who_wants_no_alerts(town: Town) -> None:
    no_alerts(town)
    watch(town, WEST, OWN)
    outage = town.world.declare(ROW)
    town.settle(send=False)
    before = waiting(town, OWN)
    assert [row[1:] for row in before] == [("area_out", "pending", None)]
    town.etr(outage, 6)
    town.settle(send=False)
    assert waiting(town, OWN) == before
    assert (OWN, "area_out") in town.settle()
