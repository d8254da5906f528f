from zoneinfo import ZoneInfo

import sqlalchemy as sa

from notifier.explain import explain
from notifier.manners import Manners
from outage import tables as t
from outage.settings import SendMode
from tests.integration.notifier.sending import ask, outbox, tell
from tests.integration.notifier.world import World, etr, phone
from tests.unit.notifier.channels.provider import Answer

ZONE = ZoneInfo("America/Vancouver")
A = phone(1)


def explained(
    world: World, account: str, outage: str, *, count_shadowed: bool = False
) -> list[str]:
    with world.db.read() as conn:
        key = conn.execute(sa.select(t.outages.c.key).where(t.outages.c.id == outage)).scalar_one()
        return explain(
            conn,
            world.ids[f"account {account}"],
            key,
            zone=ZONE,
            manners=Manners(zone=ZONE),
            count_shadowed=count_shadowed,
        )


def test_it_says_what_was_told_and_why_nothing_more_is(world: World) -> None:
    world.account("one", ["P1"], A, "one@example.org")
    outage = world.declare("P1", etr=etr(3))
    with outbox(world) as (box, _):
        tell(world, box)
        world.report(outage, etr=etr(2.8))
        tell(world, box)
    assert explained(world, "one", outage) == [
        "The account holds 1 place in this outage, 1 without service now.",
        (
            "The phone ending in 0101 was to be told that service is out, because of journal "
            "entry 2 at 2026-01-04 14:00; the message was accepted by the provider."
        ),
        "The phone ending in 0101 is told nothing now: the estimated time moved by too little.",
        (
            "The mailbox at example.org was to be told that service is out, because of journal "
            "entry 2 at 2026-01-04 14:00; the message was accepted by the provider."
        ),
        "The mailbox at example.org is told nothing now: the estimated time moved by too little.",
    ]


def test_it_says_what_is_told_later_and_when(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(3))
    with outbox(world) as (box, _):
        tell(world, box)
        world.report(outage, etr=etr(3.2))
        tell(world, box)
    assert explained(world, "one", outage)[-1] == (
        "The phone ending in 0101 is to be told that service will be back later than they were "
        "told when the time is near enough for it to matter, or what they were told has passed "
        "(at 2026-01-04 17:00), if it still holds."
    )


def test_it_says_why_somebody_was_not_told(world: World) -> None:
    world.account("quiet", ["P1"], A, alerts=False)
    outage = world.declare("P1")
    world.plan()
    assert explained(world, "quiet", outage)[1:] == [
        "The phone ending in 0101 is told nothing now: the account wants no outage alerts."
    ]


def test_it_says_when_nobody_can_be_reached(world: World) -> None:
    world.account("one", ["P1"], A)
    with world.db.write() as conn:
        conn.execute(t.contacts.delete())
    outage = world.declare("P1")
    assert explained(world, "one", outage)[1:] == [
        "The account has no phone number or e-mail address, so nobody can be told."
    ]


def test_no_number_and_no_mailbox_is_shown_whole(world: World) -> None:
    world.account("one", ["P1"], A, "secret.name@example.org")
    outage = world.declare("P1")
    world.plan()
    told = " ".join(explained(world, "one", outage))
    assert A not in told
    assert "secret.name" not in told


def test_it_says_that_an_account_was_never_concerned(world: World) -> None:
    world.account("near", ["P1"], A)
    world.account("far", ["P2"], phone(2))
    outage = world.declare("P1")
    world.plan()
    assert explained(world, "far", outage) == [
        "No place of the account was ever inside this outage."
    ]


def test_what_was_only_shadowed_counts_as_told_only_while_that_mode_lasts(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    with outbox(world, send=SendMode.SHADOW) as (box, _):
        tell(world, box)
    assert explained(world, "one", outage, count_shadowed=True)[-1] == (
        "The phone ending in 0101 is told nothing now: what they were last told still holds."
    )
    assert explained(world, "one", outage)[-1] == (
        "The phone ending in 0101 is to be told that service is out."
    )


def test_it_says_what_is_done_about_a_message_that_nobody_knows_the_fate_of(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    with outbox(world, lambda _call: Answer(500)) as (box, _):
        tell(world, box)
        first = explained(world, "one", outage)[1]
        ask(world, box)
        second = explained(world, "one", outage)[1]
        world.pass_time(hours=7)
        ask(world, box)
        last = explained(world, "one", outage)[1]
    assert "the message may or may not have reached the provider (code 500)." in first
    assert "If no receipt tells, the provider is asked after " in first
    assert "the provider, which has not answered so far, is asked after " in second
    assert last.endswith(
        "the message may or may not have reached the provider: the provider did not say in time "
        "whether it has it (code 500)."
    )


def test_it_says_how_often_a_message_was_tried(world: World) -> None:
    world.account("one", ["P1"], "one@example.org")
    outage = world.declare("P1")
    with outbox(world, lambda _call: Answer(500)) as (box, _):
        tell(world, box)
        ask(world, box)
        assert (
            "it is sent again if its kind is, and it still holds"
            in explained(world, "one", outage)[1]
        )
        box.drain()
        ask(world, box)
    assert explained(world, "one", outage)[1].endswith(
        "the message may or may not have reached the provider: it was tried as often as it may be "
        "(code 500). It was tried 2 times."
    )
