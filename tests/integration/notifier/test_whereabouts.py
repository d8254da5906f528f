"""Which of somebody's places a text is about: said wherever they have another one."""

import pytest
import sqlalchemy as sa

from notifier import gsm7
from outage import tables as t
from tests.integration.notifier.sending import outbox, said, tell
from tests.integration.notifier.world import World, phone

A, B = phone(1), phone(2)


def located(world: World, premise: str, address: str) -> None:
    p = t.premises
    with world.db.write() as conn:
        conn.execute(p.update().where(p.c.key == world.ids[premise]).values(address=address))


def told(world: World, outage: str | None = None) -> dict[str, str]:
    """What each number is told now; of an outage that is over with it."""
    with outbox(world) as (box, provider):
        if outage is not None:
            world.restore(outage, *world.members(outage))
        tell(world, box, minutes=5)
        return dict(said(provider))


def test_of_several_places_the_one_that_is_out_is_named(world: World) -> None:
    world.account("farm", ["P1", "P2"], A)
    world.account("house", ["P3"], B)
    located(world, "P2", "12 Main Street")
    located(world, "P3", "14 Main Street")
    outage = world.declare("P2", "P3")
    texts = told(world)
    assert "Power out at 12 Main Street since" in texts[A]
    assert "Power out at your address since" in texts[B]
    texts = told(world, outage)
    assert "Power should be back at 12 Main Street." in texts[A]
    assert "Power should be back at your address." in texts[B]


def test_places_of_all_accounts_of_a_number_count(world: World) -> None:
    world.account("mother", ["P1"], A)
    world.account("daughter", ["P2"], A)
    located(world, "P1", "12 Main Street")
    world.declare("P1")
    assert "Power out at 12 Main Street since" in told(world)[A]


def test_a_name_that_another_place_of_theirs_has_too_is_not_said(world: World) -> None:
    world.account("two flats", ["P1", "P2"], A)
    world.account("two houses", ["P3", "P4"], B)
    located(world, "P1", "100 Riverside Avenue Apartment 12")
    located(world, "P2", "100 Riverside Avenue Apartment 14")
    located(world, "P3", "100 Riverside Avenue")
    located(world, "P4", "102 Riverside Avenue")
    world.declare("P1", "P3")
    texts = told(world)
    assert "Power out at one of your addresses since" in texts[A]
    assert "Power out at 100 Riverside Avenue since" in texts[B]


def test_a_text_is_on_the_record_of_the_account_whose_place_it_names(world: World) -> None:
    world.account("mother", ["P1"], A)
    world.account("daughter", ["P2"], A)
    outage = world.declare("P1", "P2")
    told(world)
    with outbox(world) as (box, _):
        world.restore(outage, "P2")
        tell(world, box, minutes=5)
    m = t.messages.c
    statement = sa.select(m.account_key).where(m.kind == "partly_restored")
    with world.db.read() as conn:
        assert conn.execute(statement).scalars().all() == [world.ids["account mother"]]


def test_a_place_that_was_left_does_not_count(world: World) -> None:
    world.account("mover", ["P1", "P2"], A)
    q = t.occupancies
    with world.db.write() as conn:
        old = q.c.premise_key == world.ids["P2"]
        conn.execute(q.update().where(old).values(until=q.c.since))
    world.declare("P1")
    assert "Power out at your address since" in told(world)[A]


def test_some_of_more_places_are_counted_and_all_of_them_are_not_called_some(world: World) -> None:
    world.account("landlord", ["P1", "P2", "P3"], A)
    world.account("couple", ["P4", "P5"], B)
    world.declare("P1", "P2", "P4", "P5")
    texts = told(world)
    assert "Power out at 2 of your addresses since" in texts[A]
    assert "Power out at 2 addresses since" in texts[B]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", "at one of your addresses"),
        ("  12  Main\nStreet ", "at 12 Main Street"),
        ("12345 Upper Riverside Drive West", "at 12345 Upper Riverside since"),
        ("Llanfairpwllgwyngyllgogerychwyrndrobwll", "at Llanfairpwllgwyngyllgoge since"),
        ("{name} {{ name }} 5", "at {name} {{ name }} 5 since"),
        # In another alphabet than the text it would take a segment more.
        ("Αγίου Δημητρίου 5", "at one of your addresses"),
    ],
)
def test_an_address_is_shown_as_far_as_there_is_room(
    world: World, address: str, shown: str
) -> None:
    world.account("farm", ["P1", "P2"], A)
    located(world, "P1", address)
    world.declare("P1")
    text = told(world)[A]
    assert shown in text
    assert gsm7.segments(text) == 1
