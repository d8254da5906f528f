"""What a number on no account learns by asking again and again: nothing that it does not know."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from notifier.replies import area, guessing
from notifier.replies.applying import MOST_AN_HOUR
from notifier.replies.saying import say
from outage import tables as t
from outage.database import wall_now
from outage.model import Service, Status
from outage.privacy import MIN_PREMISES
from outage.settings import Settings, load
from tests.integration.notifier.talk import SITE, Talk
from tests.integration.notifier.world import MANNERS, World

ME, OTHER, STRANGER, ANOTHER = "+13035550101", "+13035550102", "+13035550198", "+13035550199"
RIGHT, WRONG = "STATUS A-10442 77002", "STATUS A-99999 77002"


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return load({"OUTAGE_HOME": str(tmp_path), **MANNERS})


@pytest.fixture
def talk(database: object, settings: Settings) -> Talk:
    """A house among neighbours, and one with a postal code of its own."""
    world = World(database, settings)  # type: ignore[arg-type]  # the fixture's own
    world.account("A-10442", ["P1"], ME)
    world.account("A-20555", ["LONELY"], OTHER)
    world.account("neighbours", [f"N{number}" for number in range(2 * MIN_PREMISES)])
    talk = Talk(world)
    talk.address("P1", "12 Oak St", postal_code="77002")
    talk.address("LONELY", "7 Farm Rd", postal_code="77051")
    for number in range(2 * MIN_PREMISES):
        code = "77002" if number % 2 else "77052"
        talk.address(f"N{number}", f"{100 + number} Pine Ct", postal_code=code)
    return talk


def later(talk: Talk, **time: float) -> None:
    """Let so much wall time pass: what is on record is older by as much."""
    with talk.world.db.write() as conn:
        past = timedelta(**time) // timedelta(milliseconds=1)
        for column in (t.replies.c.applied_at, t.answers.c.created_at, t.conversations.c.asked_at):
            conn.execute(
                column.table.update().values({column: sa.type_coerce(column, sa.BigInteger) - past})
            )


def test_an_account_that_there_is_is_answered_like_one_that_there_is_not(talk: Talk) -> None:
    talk.world.declare("P1")
    for known, made_up in (
        ("A-10442", "A-10443"),
        ("A-10442, house 12", "A-10443, house 12"),
        ("A-10442 77051", "A-10443 77051"),
        ("A-10442 house 12 77051", "A-10443 house 12 77051"),
    ):
        answers = []
        for number, text in ((STRANGER, known), (ANOTHER, made_up)):
            talk.say(number, "STATUS")
            answers.append(talk.say(number, text))
        assert answers[0] == answers[1]
        assert "We found no such place" in answers[0]
        later(talk, days=2)


def test_who_tries_account_numbers_is_heard_no_more_that_day_and_their_house_still_is(
    talk: Talk,
) -> None:
    talk.world.declare("P1")
    for _ in range(guessing.MOST_A_DAY):
        assert "Oak" not in talk.say(STRANGER, WRONG)
    assert talk.say(STRANGER, RIGHT) == say("house_only", "en", SITE, {}).body
    assert talk.last().outcome == "account_not_looked_up"
    later(talk, hours=1.5)
    assert talk.say(STRANGER, "A-10442 77002") == say("house_only", "en", SITE, {}).body
    assert "An outage is reported in your area" in talk.say(STRANGER, "STATUS 12 77002")
    assert "Oak St" in talk.say(ANOTHER, RIGHT), "others are heard"
    later(talk, hours=23)
    assert "Oak St" in talk.say(STRANGER, RIGHT)


def test_many_numbers_together_try_no_more_than_so_many_account_numbers_an_hour(
    talk: Talk,
) -> None:
    talk.world.declare("P1")
    with talk.world.db.write() as conn:
        now = wall_now(conn)
        conn.execute(
            t.replies.insert(),
            [
                {
                    "provider": "made-up",
                    "provider_id": str(number),
                    "address": "+13035550150",
                    "body": "A-1 77002",
                    "received_at": now,
                    "applied_at": now,
                    "guessed": True,
                }
                for number in range(guessing.MOST_AN_HOUR)
            ],
        )
    assert "cannot look up account numbers" in talk.say(STRANGER, RIGHT)
    assert "An outage is reported in your area" in talk.say(STRANGER, "STATUS 12 77002")
    later(talk, hours=1)
    assert "Oak St" in talk.say(STRANGER, RIGHT)


def test_a_house_number_of_three_digits_is_no_try(talk: Talk) -> None:
    for _ in range(guessing.MOST_A_DAY + 1):
        talk.say(STRANGER, "STATUS 101 77002")
    talk.world.declare("P1")
    assert "Oak St" in talk.say(STRANGER, RIGHT)


@pytest.mark.parametrize("stopped", [False, True])
def test_what_is_tried_without_an_answer_is_not_found_out_later(
    talk: Talk, *, stopped: bool
) -> None:
    """Else thousands of places could be tried in an hour, and one question tell the result."""
    talk.world.declare("P1")
    if stopped:
        talk.say(STRANGER, "STOP")
    for _ in range(MOST_AN_HOUR):
        talk.say(STRANGER, "STATUS 101 77002")
    for text in (RIGHT, "power out 12 77002"):
        talk.say(STRANGER, text)
        assert talk.last().outcome == "too_many"
        assert talk.last().for_staff
    assert talk.reports() == []
    later(talk, hours=2)
    talk.say(STRANGER, "START")
    for text in ("STATUS", "OFF", "ON"):
        assert "Oak" not in talk.say(STRANGER, text)


def test_who_is_on_an_account_is_heard_however_often_they_write(talk: Talk) -> None:
    for _ in range(MOST_AN_HOUR + 1):
        talk.say(ME, "STATUS")
    talk.say(ME, "OUT")
    assert talk.reports() == [("out", talk.world.ids["P1"], False)]


def test_danger_and_stop_are_heard_however_often_a_stranger_writes(talk: Talk) -> None:
    for _ in range(MOST_AN_HOUR + 1):
        talk.say(STRANGER, "STATUS 12 77002")
    assert talk.say(STRANGER, "I smell gas") != "too_many"
    assert talk.last().outcome == "danger_gas"
    talk.say(STRANGER, "STOP")
    assert talk.endpoint(STRANGER).opted_out_at is not None


def test_of_a_house_with_a_postal_code_of_its_own_no_more_is_said_than_of_those_around(
    talk: Talk,
) -> None:
    said = []
    for where in ("LONELY", "N0"):
        outage = talk.world.declare(where)
        said.append(talk.say(STRANGER, "STATUS 7 77051"))
        talk.world.cancel(outage)
        with talk.world.db.write() as conn:
            conn.execute(t.interruptions.delete())
    assert said[0] == said[1]
    assert "An outage is reported in your area" in said[0]
    assert "No outage is reported" in talk.say(STRANGER, "STATUS 7 77051")


@pytest.mark.parametrize(
    "facts",
    [
        {"postal_code": "77002"},
        {"postal_code": "77051"},
        {"postal_code": None},
        {"postal_code": None, "street": "farm rd", "city": "Springfield"},
    ],
)
def test_each_area_has_enough_premises_and_goes_by_an_index(
    talk: Talk, facts: dict[str, object]
) -> None:
    p = t.premises
    with talk.world.db.write() as conn:
        conn.execute(p.update().values(city="Springfield"))
        conn.execute(p.update().where(p.c.key == talk.world.ids["P1"]).values(**facts))
        near = area.area(conn, talk.world.ids["P1"], Service.ELECTRIC)
        assert near is not None
        inside = set(conn.execute(sa.select(p.c.key).where(near)).scalars())
        assert talk.world.ids["P1"] in inside
        assert len(inside) >= MIN_PREMISES
        if conn.dialect.name == "sqlite":
            for asked in (
                area.anybody_out(near, Service.ELECTRIC),
                area.outages_in(near, Service.ELECTRIC),
            ):
                plan = _plan(conn, asked)
                assert "SEARCH premises USING" in plan
                assert "SEARCH interruptions USING INDEX uq_interruptions_open" in plan
                assert "SCAN" not in plan


def _plan(conn: sa.Connection, asked: sa.Select[Any]) -> str:
    made = asked.compile(conn)
    rows = conn.exec_driver_sql(
        f"EXPLAIN QUERY PLAN {made}", tuple(made.params[name] for name in made.positiontup or ())
    )
    return "\n".join(row.detail for row in rows)


def test_an_area_has_enough_premises_with_the_service(talk: Talk) -> None:
    p, ids = t.premises.c, talk.world.ids
    with talk.world.db.write() as conn:
        conn.execute(t.premises.update().values(services=Service.ELECTRIC.bit))
        both = Service.ELECTRIC.bit | Service.GAS.bit
        conn.execute(t.premises.update().where(p.key == ids["P1"]).values(services=both))
        electric = area.area(conn, ids["P1"], Service.ELECTRIC)
        assert electric is not None
        # Of its gas "in your area" would be said of this one house.
        assert area.area(conn, ids["P1"], Service.GAS) is None


def test_where_no_place_on_record_holds_enough_all_outages_count(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        conn.execute(t.premises.update().values(postal_code=None, street="", city=""))
        assert area.area(conn, talk.world.ids["P1"], Service.ELECTRIC) is None
        assert not area.area_is_out(conn, talk.world.ids["P1"])
    outage = talk.world.declare("LONELY")
    with talk.world.db.write() as conn:
        assert area.area_is_out(conn, talk.world.ids["P1"])
        conn.execute(
            t.outages.update().where(t.outages.c.id == outage).values(status=Status.CLOSED)
        )
        assert area.outages_near(conn, talk.world.ids["P1"]) == set()
