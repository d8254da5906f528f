"""The plain ways to tell people, as one would write them first: what ours is held against."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sendgrid.helpers.mail import Mail
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Session, relationship

from outage import tables as t
from outage.model import OutageKey


class _Base(DeclarativeBase):
    metadata = t.metadata


class _Endpoint(_Base):
    __table__ = t.endpoints


class _Contact(_Base):
    __table__ = t.contacts
    endpoint = relationship(_Endpoint)


class _Account(_Base):
    __table__ = t.accounts
    contacts = relationship(_Contact)


class _Message(_Base):
    __table__ = t.messages


def plan(engine: Engine, outage: OutageKey, number: int) -> int:
    """Go through the accounts of an outage one by one and add a message for each contact."""
    holders, members = t.occupancies, t.memberships
    affected = (
        sa.select(_Account)
        .join(holders, holders.c.account_key == t.accounts.c.key)
        .join(members, members.c.premise_key == holders.c.premise_key)
        .where(members.c.outage_key == outage, members.c.removed.is_(None))
        .where(holders.c.until.is_(None))
    )
    now, made = datetime.now(UTC), 0
    with Session(engine) as session:
        account: Any
        for account in session.scalars(affected):
            for contact in account.contacts:
                endpoint = contact.endpoint
                if endpoint.opted_out_at is not None or endpoint.invalid_at is not None:
                    continue
                session.add(
                    _Message(
                        number=number,
                        outage_key=outage,
                        endpoint_key=endpoint.key,
                        account_key=account.key,
                        channel=contact.channel,
                        kind="detected",
                        state="pending",
                        priority=2,
                        planned_at=now,
                        send_after=now + timedelta(minutes=1),
                    )
                )
                made += 1
        session.commit()
    return made


def take_callbacks(engine: Engine, events: Iterable[tuple[int, str]]) -> int:
    """Write down what a provider says of a message: load, change, commit, one at a time."""
    taken = 0
    for key, state in events:
        with Session(engine) as session:
            message: Any = session.get_one(_Message, key)
            message.state = state
            message.ended_at = datetime.now(UTC)
            session.commit()
        taken += 1
    return taken


def text(client: Any, sender: str, number: str, callback: str) -> str:  # noqa: ANN401 - the SDK's
    """Send one text by the SDK."""
    sent = client.messages.create(
        to=number,
        messaging_service_sid=sender,
        body="Harbor Light: power is out at your place. We are on it.",
        status_callback=callback,
    )
    return str(sent.sid)


def send_one(engine: Engine, client: Any, key: int, callback: str) -> None:  # noqa: ANN401 - the SDK's
    """Load a message, send it by the SDK, and write down that it was accepted."""
    with Session(engine) as session:
        message: Any = session.get_one(_Message, key)
        endpoint: Any = session.get_one(_Endpoint, message.endpoint_key)
        message.provider_id = text(client, "MG" + "0" * 32, endpoint.address, callback)
        message.state = "accepted"
        message.accepted_at = datetime.now(UTC)
        session.commit()


def mail(client: Any, sender: str, address: str) -> int:  # noqa: ANN401 - the SDK's
    """Send one e-mail by the SDK."""
    written = Mail(
        from_email=sender,
        to_emails=address,
        subject="Power outage at your place",
        plain_text_content="Power is out at your place. We are on it.",
        html_content="<p>Power is out at your place. We are on it.</p>",
    )
    return int(client.send(written).status_code)


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """Do work; return what it says and the seconds it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began
