"""Whom messages reach, and why they do not reach the others."""

import sqlalchemy as sa

from notifier.reach import Shared, Why, reach, unreached
from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from tests.integration.notifier.world import World, phone

PHONE, MAIL = "phone", "email"


def test_nobody_is_there_at_first(database: Database) -> None:
    with database.read() as conn:
        found = reach(conn)
    assert (found.accounts, found.reached, found.shared, found.premises) == (0, 0, 0, 0)
    assert set(found.nobody.values()) == {0}


def contact(world: World, account: str, channel: str, address: str, **facts: object) -> None:
    """One more contact of an account; facts of its endpoint, or of it."""
    kind = PHONE if channel == "sms" else MAIL
    with world.db.write() as conn:
        e, c = t.endpoints, t.contacts
        key = conn.execute(
            sa.select(e.c.key).where(e.c.kind == kind, e.c.address == address)
        ).scalar()
        if key is None:
            key = conn.execute(
                e.insert().values(kind=kind, address=address).returning(e.c.key)
            ).scalar_one()
        own = {name: value for name, value in facts.items() if name in c.c}
        rest = {name: value for name, value in facts.items() if name in e.c}
        if rest:
            conn.execute(e.update().where(e.c.key == key).values(**rest))
        whose = conn.execute(
            sa.select(t.accounts.c.key).where(t.accounts.c.id == account)
        ).scalar_one()
        conn.execute(
            c.insert().values(
                account_key=whose, endpoint_key=key, channel=channel, consent_at=EPOCH, **own
            )
        )


def account(world: World, name: str, *, place: bool = True, **facts: object) -> None:
    with world.db.write() as conn:
        a = t.accounts
        key = conn.execute(a.insert().values(id=name, **facts).returning(a.c.key)).scalar_one()
        if place:
            world.premise(conn, f"P-{name}")
            conn.execute(
                t.occupancies.insert().values(
                    account_key=key, premise_key=world.ids[f"P-{name}"], since=EPOCH
                )
            )


def test_each_account_counts_once_by_what_reaches_it_or_the_reason_why_not(world: World) -> None:
    account(world, "both")
    contact(world, "both", "sms", phone(1))
    contact(world, "both", "email", "a@example.org")
    account(world, "text")
    contact(world, "text", "sms", phone(1))
    contact(world, "text", "email", "gone@example.org", invalid_at=EPOCH)
    account(world, "mail")
    contact(world, "mail", "email", "b@example.org")
    contact(world, "mail", "sms", phone(2), opted_out_at=EPOCH)
    account(world, "nowhere", place=False)
    contact(world, "nowhere", "sms", phone(3))
    account(world, "unwanted", outage_alerts=False)
    contact(world, "unwanted", "sms", phone(4))
    account(world, "other topics")
    contact(world, "other topics", "sms", phone(5), topics=2)
    account(world, "nothing")
    account(world, "ended", critical=True)
    contact(world, "ended", "sms", phone(6), ended_at=EPOCH)
    account(world, "stopped")
    contact(world, "stopped", "sms", phone(2))
    contact(world, "stopped", "email", "gone@example.org")
    account(world, "bad", medical=True)
    contact(world, "bad", "email", "gone@example.org")
    account(world, "closed", closed_at=EPOCH)
    contact(world, "closed", "sms", phone(1))
    with world.db.read() as conn:
        found = reach(conn)
        why = {each: unreached(conn, each, 10) for each in Why}
    assert found.accounts == 10
    assert found.by == {"sms+email": 1, "sms": 1, "email": 1}
    assert why == {
        Why.NO_PLACE: ["nowhere"],
        Why.NOT_WANTED: ["other topics", "unwanted"],
        Why.NO_CONTACT: ["ended", "nothing"],
        Why.OPTED_OUT: ["stopped"],
        Why.INVALID: ["bad"],
    }
    assert found.nobody == {str(each): len(ids) for each, ids in why.items()}
    assert found.medical == {**dict.fromkeys(map(str, Why), 0), "no_contact": 1, "invalid": 1}
    assert (found.shared, found.sharing) == (2, 4)
    assert [shared.accounts for shared in found.most] == [2, 2]
    assert isinstance(found.most[0], Shared)
    assert (found.premises, found.unplaced, found.empty) == (10, 10, 0)


def test_an_account_that_shares_two_phones_counts_once(world: World) -> None:
    for name in ("his", "hers"):
        account(world, name)
        contact(world, name, "sms", phone(1))
        contact(world, name, "sms", phone(2))
    with world.db.read() as conn:
        found = reach(conn)
    assert (found.shared, found.sharing) == (2, 2)


def test_what_is_counted_as_reached_is_what_is_told(world: World) -> None:
    """The same people, told by an outage that holds them all."""
    for number in range(6):
        account(world, f"a{number}", outage_alerts=number != 4)
        if number != 5:
            contact(world, f"a{number}", "sms", phone(number))
    with world.db.write() as conn:
        e = t.endpoints
        conn.execute(e.update().where(e.c.address == phone(0)).values(opted_out_at=EPOCH))
        conn.execute(e.update().where(e.c.address == phone(1)).values(invalid_at=EPOCH))
    world.declare(*(f"P-a{number}" for number in range(6)))
    world.plan()
    told = [address for address, _, state in world.messages() if state == "pending"]
    with world.db.read() as conn:
        assert reach(conn).reached == len(told) == 2
