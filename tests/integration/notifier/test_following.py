"""What follows a text that was not delivered: the same fact by e-mail, once, while it holds."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from notifier import receipts
from notifier.audience import sums
from notifier.batches import steady
from notifier.following import follow_up
from notifier.kinds import Kind
from notifier.outbox import Outbox
from notifier.receipts import Receipt
from notifier.situations import HOURLY, OUTAGES
from outage import tables as t
from tests.integration.notifier.sending import A, B, outbox, tell
from tests.integration.notifier.world import START, World, etr, until_it_waits
from tests.unit.notifier.channels.provider import Answer, Call, Provider

MAIL = "one@example.org"
BAD, UNREACHABLE = "30005", "30003"


def mailed(provider: Provider) -> list[tuple[str, str]]:
    """(address, subject) of every mail the provider was asked to send."""
    return [
        (one["to"][0]["email"], str(one.get("subject", "")))
        for call in provider.calls
        if "/mail/send" in call.path
        for one in json.loads(call.body)["personalizations"]
    ]


def contact(world: World, address: str, **values: Any) -> None:  # noqa: ANN401  # facts of one test
    with world.db.write() as conn:
        c = t.contacts
        conn.execute(c.update().where(c.c.endpoint_key == world.ids[address]).values(**values))


def never_arrives(world: World, code: str = BAD, address: str = A) -> None:
    """The provider says of the newest message that it could not be delivered."""
    m = t.messages
    with world.db.read() as conn:
        row = conn.execute(
            sa.select(m.c.key, m.c.provider_id, m.c.provider)
            .where(m.c.endpoint_key == world.ids[address], m.c.state == "accepted")
            .order_by(m.c.key.desc())
        ).first()
    assert row is not None
    said = Receipt(
        provider=row.provider,
        message_key=row.key,
        event="undelivered",
        provider_id=row.provider_id,
        code=code,
    )
    assert receipts.apply(world.db, [said]) == 1


def late_receipt(world: World, event: str, provider_id: str, code: str = "") -> int:
    """Something the provider says of the first message by a text's own id."""
    with world.db.read() as conn:
        key, provider = conn.execute(
            sa.select(t.messages.c.key, t.messages.c.provider).order_by(t.messages.c.key)
        ).first() or (0, "")
    one = Receipt(
        provider=provider or "twilio",
        message_key=key,
        event=event,
        provider_id=provider_id,
        code=code,
    )
    return receipts.apply(world.db, [one])


def text_id(world: World) -> str:
    """By which the provider knows the first message."""
    m = t.messages
    with world.db.read() as conn:
        found = conn.execute(sa.select(m.c.provider_id).order_by(m.c.key)).scalars().first()
    assert found
    return str(found)


def kinds(world: World, address: str) -> list[tuple[str, str]]:
    return [(kind, state) for who, kind, state in world.messages() if who == address]


def followed(world: World) -> list[str | None]:
    m = t.messages
    with world.db.read() as conn:
        return list(conn.execute(sa.select(m.c.followed).order_by(m.c.key)).scalars())


def start(world: World) -> None:
    """Somebody takes alerts by text, and has an e-mail that takes none."""
    world.account("one", ["P1"], A, MAIL)
    contact(world, MAIL, topics=0)


def sums_agree(world: World) -> bool:
    with world.db.read() as conn:
        return all(one.agree for one in sums(conn))


def catch_up(world: World, box: Outbox) -> None:
    while follow_up(world.db):
        pass
    box.drain()


def test_a_restored_that_could_not_be_delivered_is_told_by_email_once(world: World) -> None:
    start(world)
    with outbox(world) as (box, provider):
        outage = world.declare("P1")
        tell(world, box)
        assert kinds(world, MAIL) == []
        world.restore(outage)
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        catch_up(world, box)
        assert [address for address, _ in mailed(provider)] == [MAIL]
        # What comes after it tells them nothing again.
        world.matched(outage)
        tell(world, box)
        catch_up(world, box)
    assert kinds(world, MAIL) == [("restored", "accepted")]
    assert followed(world)[:2] == [None, "by_email"]
    assert sums_agree(world)


def test_who_heard_of_a_loss_by_email_hears_of_its_end_by_email(world: World) -> None:
    start(world)
    with outbox(world) as (box, _):
        outage = world.declare("P1")
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        world.restore(outage)
        tell(world, box)
    assert kinds(world, MAIL) == [("detected", "accepted"), ("restored", "accepted")]
    # The number is known to be bad.
    assert kinds(world, A) == [("detected", "undelivered")]
    assert sums_agree(world)


def test_what_no_longer_holds_is_not_said_by_email_either(world: World) -> None:
    start(world)
    with outbox(world) as (box, provider):
        outage = world.declare("P1")
        tell(world, box)
        world.restore(outage)
        tell(world, box)
        never_arrives(world)
        follow_up(world.db)
        world.reopen(outage)
        world.plan()
        box.drain()
        assert mailed(provider) == []
    assert kinds(world, MAIL) == [("restored", "withdrawn")]
    assert sums_agree(world)


def test_an_email_that_takes_alerts_anyway_gets_nothing_twice(world: World) -> None:
    world.account("one", ["P1"], A, MAIL)
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        assert len(mailed(provider)) == 1
    assert kinds(world, MAIL) == [("detected", "accepted")]
    assert "has_email" in followed(world)


def test_who_cannot_be_reached_otherwise_is_tried_once_more_and_then_listed(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    with outbox(world) as (box, _):
        world.declare("P1", "P2")
        tell(world, box)
        never_arrives(world, UNREACHABLE)
        never_arrives(world, BAD, B)
        catch_up(world, box)
        assert kinds(world, A) == [("detected", "pending")]
        tell(world, box, minutes=10)
        assert kinds(world, A) == [("detected", "accepted")]
        never_arrives(world, UNREACHABLE)
        catch_up(world, box)
    assert kinds(world, A) == [("detected", "undelivered")]
    assert kinds(world, B) == [("detected", "undelivered")]
    assert set(followed(world)) == {"again", "nothing"}
    assert sums_agree(world)


def test_who_stopped_texts_is_not_written_to_by_email(world: World) -> None:
    start(world)
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
        never_arrives(world, "21610")
        catch_up(world, box)
        assert mailed(provider) == []
    assert followed(world) == ["nothing"]


def test_what_failed_long_ago_is_let_be(world: World) -> None:
    start(world)
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
        never_arrives(world)
        world.pass_time(hours=7)
        catch_up(world, box)
        assert mailed(provider) == []
    assert followed(world) == ["nothing"]


def test_what_arrives_while_it_is_to_be_followed_is_followed_by_nothing(world: World) -> None:
    if world.db.is_sqlite:
        pytest.skip("SQLite has one writer: nothing arrives meanwhile")
    start(world)
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
        sid = text_id(world)
        never_arrives(world)
        with ThreadPoolExecutor(1) as pool:
            with world.db.write() as conn:
                keys = list(conn.execute(sa.select(t.outages.c.key)).scalars())
                steady(conn, keys, alone=True)
                done = pool.submit(follow_up, world.db)
                until_it_waits(world)
                assert late_receipt(world, "delivered", sid) == 1
            done.result(60)
        catch_up(world, box)
        assert mailed(provider) == []
    assert kinds(world, A) == [("detected", "delivered")]
    assert followed(world) == [None]


def test_what_arrives_late_after_all_is_not_sent_again(world: World) -> None:
    world.account("one", ["P1"], A)
    with outbox(world) as (box, provider):
        outage = world.declare("P1")
        tell(world, box)
        sid = text_id(world)
        never_arrives(world, UNREACHABLE)
        catch_up(world, box)
        assert late_receipt(world, "undelivered", sid, UNREACHABLE) == 0
        assert kinds(world, A) == [("detected", "pending")]
        assert late_receipt(world, "delivered", sid) == 1
        tell(world, box, minutes=10)
        assert len(provider.calls) == 1
        # They know that it is out, so they hear that it is back.
        world.restore(outage)
        tell(world, box)
    assert kinds(world, A) == [("detected", "delivered"), ("restored", "accepted")]
    assert sums_agree(world)


def test_what_is_said_of_the_first_try_does_not_end_the_second(world: World) -> None:
    sids = iter(("SMfirst", "SMsecond"))

    def answer(_call: Call) -> Answer:
        return Answer(201, json.dumps({"sid": next(sids)}).encode())

    world.account("one", ["P1"], A)
    with outbox(world, answer) as (box, _):
        world.declare("P1")
        tell(world, box)
        never_arrives(world, UNREACHABLE)
        catch_up(world, box)
        tell(world, box, minutes=10)
        assert text_id(world) == "SMsecond"
        assert late_receipt(world, "undelivered", "SMfirst", UNREACHABLE) == 0
        assert late_receipt(world, "delivered", "SMsecond") == 1
    assert kinds(world, A) == [("detected", "delivered")]


def test_who_turns_alerts_off_hears_no_more_in_place_of_texts(world: World) -> None:
    start(world)
    with outbox(world) as (box, _):
        outage = world.declare("P1")
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        with world.db.write() as conn:
            conn.execute(t.accounts.update().values(outage_alerts=False))
        world.restore(outage)
        tell(world, box)
    assert kinds(world, MAIL) == [("detected", "accepted")]


def test_an_email_that_somebody_wants_no_alerts_at_stands_in_for_nothing(world: World) -> None:
    start(world)
    contact(world, MAIL, chosen_at=START)
    with outbox(world) as (box, provider):
        world.declare("P1")
        tell(world, box)
        never_arrives(world)
        catch_up(world, box)
        assert mailed(provider) == []
    assert followed(world) == ["nothing"]


def test_what_is_put_off_has_the_place_in_the_queue_of_what_it_will_say(world: World) -> None:
    world.account("one", ["P1"], A)
    contact(world, A, topics=OUTAGES + HOURLY)
    m = t.messages
    with outbox(world) as (box, _):
        outage = world.declare("P1")
        tell(world, box)
        world.restore(outage)
        tell(world, box)
        world.reopen(outage)
        world.report(outage, etr=etr(6))
        world.plan()
        assert kinds(world, A)[-1] == ("correction out", "pending")
        # They did not hear "restored", so there is nothing to correct, and the rest can wait.
        never_arrives(world, UNREACHABLE)
        box.drain()
        with world.db.read() as conn:
            row = conn.execute(m.select().where(m.c.state == "pending")).one()
    assert (row.kind, row.priority) == ("etr", 2 * Kind.ETR.urgency + 1)
