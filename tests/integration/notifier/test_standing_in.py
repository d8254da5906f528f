"""Whose phone is known to be bad when an outage begins hears of it by e-mail, if anybody does."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from notifier.situations import OUTAGES
from outage import tables as t
from outage.model import Kind, Service
from tests.integration.notifier.sending import A, B, outbox, tell
from tests.integration.notifier.test_following import (
    MAIL,
    catch_up,
    contact,
    kinds,
    mailed,
    never_arrives,
    start,
    sums_agree,
)
from tests.integration.notifier.world import START, World

OTHER_MAIL = "two@example.org"
LONG_AGO = START - timedelta(days=30)
NONE_CHOSEN = {"topics": 0, "chosen_at": None}


def endpoint(world: World, address: str, **values: Any) -> None:  # noqa: ANN401  # facts of one test
    with world.db.write() as conn:
        e = t.endpoints
        conn.execute(e.update().where(e.c.key == world.ids[address]).values(**values))


def bad(world: World, address: str = A) -> None:
    endpoint(world, address, invalid_at=LONG_AGO)


def hears(world: World) -> list[str]:
    """Who is told of an outage at P1, in order of addresses; it is over afterwards."""
    m, e = t.messages.c, t.endpoints.c
    with outbox(world) as (box, _):
        outage = world.declare("P1")
        tell(world, box)
        catch_up(world, box)
        newest = sa.select(sa.func.max(t.outages.c.key)).scalar_subquery()
        told = sa.select(e.address).join(t.messages, m.endpoint_key == e.key)
        with world.db.read() as conn:
            mine = told.where(m.outage_key == newest, m.state == "accepted").order_by(e.address)
            found = list(conn.execute(mine).scalars())
        world.restore(outage)
        tell(world, box)
    assert sums_agree(world)
    return found


def test_who_heard_of_one_outage_by_email_hears_of_the_next_one_too(world: World) -> None:
    start(world)
    with outbox(world) as (box, provider):
        first = world.declare("P1")
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        world.restore(first)
        tell(world, box)
        world.pass_time(hours=48)
        second = world.declare("P1")
        tell(world, box)
        catch_up(world, box)
        world.restore(second)
        tell(world, box)
        assert [address for address, _ in mailed(provider)] == [MAIL] * 4
    assert kinds(world, MAIL) == [("detected", "accepted"), ("restored", "accepted")] * 2
    assert kinds(world, A) == [("detected", "undelivered")]
    assert sums_agree(world)


def test_an_email_stands_in_for_a_bad_number_and_for_no_good_one(world: World) -> None:
    start(world)
    assert hears(world) == [A]
    bad(world)
    assert hears(world) == [MAIL]


def test_of_several_phones_all_have_to_be_bad(world: World) -> None:
    world.account("one", ["P1"], A, B, MAIL)
    contact(world, MAIL, **NONE_CHOSEN)
    bad(world)
    assert hears(world) == [B]


def test_a_phone_that_takes_no_alerts_is_nobody_to_stand_in_for(world: World) -> None:
    start(world)
    bad(world)
    contact(world, A, topics=0)
    assert hears(world) == []


def test_a_number_that_is_the_accounts_no_more_is_nobody_to_stand_in_for(world: World) -> None:
    start(world)
    bad(world)
    contact(world, A, ended_at=START)
    assert hears(world) == []


def test_only_the_first_email_that_can_be_reached_stands_in(world: World) -> None:
    world.account("one", ["P1"], A, MAIL, OTHER_MAIL)
    for address in (MAIL, OTHER_MAIL):
        contact(world, address, **NONE_CHOSEN)
    bad(world)
    assert hears(world) == [MAIL]
    endpoint(world, MAIL, invalid_at=LONG_AGO)
    assert hears(world) == [OTHER_MAIL]


def test_an_email_that_takes_alerts_is_told_alone(world: World) -> None:
    world.account("one", ["P1"], A, MAIL, OTHER_MAIL)
    contact(world, MAIL, **NONE_CHOSEN)
    bad(world)
    assert hears(world) == [OTHER_MAIL]


def _chose_none(world: World) -> None:
    contact(world, MAIL, chosen_at=START)


def _wants_no_alerts(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False))


def _stopped_texts(world: World) -> None:
    endpoint(world, A, opted_out_at=LONG_AGO)


def _stopped_mail(world: World) -> None:
    endpoint(world, MAIL, opted_out_at=LONG_AGO)


@pytest.mark.parametrize("who", [_chose_none, _wants_no_alerts, _stopped_texts, _stopped_mail])
def test_nobody_is_written_to_who_wants_no_such_mail(world: World, who: Any) -> None:  # noqa: ANN401  # one of the above
    start(world)
    bad(world)
    who(world)
    assert hears(world) == []


def test_what_follows_a_number_found_bad_in_an_outage_stays_the_only_mail_of_it(
    world: World,
) -> None:
    start(world)
    with outbox(world) as (box, provider):
        outage = world.declare("P1")
        tell(world, box)
        world.restore(outage)
        tell(world, box)
        never_arrives(world)
        world.matched(outage)
        tell(world, box)
        assert mailed(provider) == []
        catch_up(world, box)
        assert len(mailed(provider)) == 1
    assert kinds(world, MAIL) == [("restored", "accepted")]


def test_who_heard_of_a_loss_by_email_hears_of_its_end_though_the_number_is_good_again(
    world: World,
) -> None:
    start(world)
    bad(world)
    with outbox(world) as (box, _):
        outage = world.declare("P1")
        tell(world, box)
        endpoint(world, A, invalid_at=None)
        world.restore(outage)
        tell(world, box)
    assert kinds(world, MAIL) == [("detected", "accepted"), ("restored", "accepted")]
    assert sums_agree(world)


def test_an_account_that_is_one_of_two_behind_a_mail_hears_of_its_own_places(world: World) -> None:
    world.account("one", ["P1"], A, MAIL)
    world.account("two", ["P2"], B, MAIL)
    contact(world, MAIL, **NONE_CHOSEN)
    bad(world)
    with outbox(world) as (box, _):
        world.declare("P1", "P2")
        tell(world, box)
    m = t.messages
    with world.db.read() as conn:
        places = conn.execute(
            sa.select(m.c.told_places).where(m.c.endpoint_key == world.ids[MAIL])
        ).scalars()
        assert list(places) == [1]


def test_an_advisory_goes_to_every_mail_as_before(world: World) -> None:
    world.account("one", ["P1"], A, MAIL, OTHER_MAIL)
    for address in (MAIL, OTHER_MAIL):
        contact(world, address, topics=OUTAGES if address == MAIL else 0)
    bad(world)
    with outbox(world) as (box, _):
        world.declare("P1", kind=Kind.ADVISORY, service=Service.WATER)
        tell(world, box)
    assert {address for address, _, state in world.messages() if state == "accepted"} == {
        MAIL,
        OTHER_MAIL,
    }
