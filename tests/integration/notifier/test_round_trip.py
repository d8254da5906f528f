"""From a declared outage through the real SDKs and the simulator to receipts on record."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
import uvicorn

from counter.app import create_app
from notifier import batches
from notifier.carrier.signing import public_key
from notifier.outbox import Outbox
from outage import tables as t
from outage.database import Database
from outage.settings import SendMode, Settings
from outage.site import NEUTRAL
from tests.integration.carrier.conftest import (
    ACCOUNT_SID,
    API_KEY,
    AUTH_TOKEN,
    Carrier,
    wait_until,
)
from tests.integration.notifier.sending import ask
from tests.integration.notifier.world import World, phone

pytestmark = pytest.mark.processes


@contextmanager
def listening(settings: Settings, db: Database) -> Iterator[None]:
    config = uvicorn.Config(
        create_app(settings, db), host="127.0.0.1", port=settings.counter_port, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(lambda: server.started, "the counter listens")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def carrier(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Carrier]:
    with closing_carrier(Carrier(folder=tmp_path / "carrier"), free_port()) as found:
        yield found


@contextmanager
def closing_carrier(carrier: Carrier, counter_port: int) -> Iterator[Carrier]:
    carrier.settings["events_url"] = f"http://127.0.0.1:{counter_port}/hooks/sendgrid/events"
    carrier.settings["bad_numbers"] = {"*50107": 21211, "*50108": 30005}
    try:
        yield carrier.start()
    finally:
        carrier.kill()


def connected(settings: Settings, carrier: Carrier) -> Settings:
    port = int(carrier.settings["events_url"].split(":")[2].partition("/")[0])
    return replace(
        settings,
        send=SendMode.LIVE,
        counter_port=port,
        twilio_account_sid=ACCOUNT_SID,
        twilio_auth_token=AUTH_TOKEN,
        twilio_from="+12005550100",
        twilio_base_url=carrier.base,
        sendgrid_api_key=API_KEY,
        sendgrid_from="outages@example.org",
        sendgrid_base_url=carrier.base,
        sendgrid_webhook_public_key=public_key(carrier.folder),
    )


def states(world: World) -> dict[str, int]:
    m = t.messages
    with world.db.read() as conn:
        rows = conn.execute(sa.select(m.c.state, sa.func.count()).group_by(m.c.state)).all()
    return {row[0]: row[1] for row in rows}


def test_texts_and_mails_arrive_and_their_receipts_come_back(
    world: World, carrier: Carrier
) -> None:
    settings = connected(world.settings, carrier)
    for number in range(1, 21):
        world.account(f"A{number}", [f"P{number}"], phone(number), f"p{number}@example.org")
    outage = world.declare(*(f"P{number}" for number in range(1, 21)))
    box = Outbox(world.db, settings, NEUTRAL)
    with listening(settings, world.db):
        world.plan()
        world.pass_time(seconds=60)
        assert box.drain() == 40
        wait_until(
            lambda: states(world) == {"delivered": 38, "failed": 1, "undelivered": 1},
            "every receipt came back",
        )
        world.restore(outage)
        world.plan()
        assert box.drain() == 38
        carrier.wait_idle()
        wait_until(lambda: states(world).get("delivered") == 76, "every receipt came back")
    with world.db.read() as conn:
        bad = conn.execute(
            sa.select(t.endpoints.c.address, t.endpoints.c.invalid_code)
            .where(t.endpoints.c.invalid_at.is_not(None))
            .order_by(t.endpoints.c.address)
        ).all()
        assert batches.left(conn) == 0
    assert [tuple(row) for row in bad] == [(phone(7), "21211"), (phone(8), "30005")]


def test_the_simulator_killed_in_the_middle_loses_nothing(world: World, carrier: Carrier) -> None:
    settings = connected(world.settings, carrier)
    for number in range(40):
        world.account(f"A{number}", [f"P{number}"], phone(220 + number))
    world.declare(*(f"P{number}" for number in range(40)))
    box = Outbox(world.db, settings, NEUTRAL)
    with listening(settings, world.db):
        world.plan()
        world.pass_time(seconds=60)
        carrier.control(latency_ms=150)
        stop = threading.Timer(0.1, carrier.kill)
        stop.start()
        box.drain()
        stop.join()
        carrier.start()
        world.pass_time(seconds=10)
        box.drain()
        carrier.wait_idle()

        def goes_on() -> bool:
            """As the clock does it: time passes, what is unknown is asked about, what waits goes.

            The carrier may be left alone for a while first, and a call may break off after that.
            """
            world.pass_time(seconds=1)
            ask(world, box)
            box.drain()
            return states(world) == {"delivered": 40}

        wait_until(goes_on, lambda: f"{states(world)} to be delivered", timeout_s=120)
