"""Due messages on their way, through real processes."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from outage import tables as t
from outage.settings import load
from tests.integration.notifier.sending import listed
from tests.integration.notifier.world import World
from tests.integration.workers.conftest import Crew, Start, eventually
from tests.migrated import migrated
from tests.unit.notifier.channels.provider import Answer, Call, Provider, serving

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

PEOPLE = 30
SENDERS = ("valkey", "clock", "worker-sms", "worker-sms-urgent")


class Post:
    """A provider that can be made to keep everybody waiting."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()

    def answer(self, call: Call) -> Answer:
        if call.method == "GET":
            return listed()
        assert self.open.wait(60)
        return Answer(201, json.dumps({"sid": f"SM{call.body.hex()[-30:]}"}).encode())


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def provider(post: Post) -> Iterator[Provider]:
    with serving(post.answer) as found:
        yield found
        post.open.set()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def lease_s() -> str:
    """So long that no machine is too busy: the provider's list is empty, whatever it took."""
    return "60"


@pytest.fixture
def settings(provider: Provider, lease_s: str) -> dict[str, str]:
    return {
        "OUTAGE_SEND": "live",
        "OUTAGE_BATCH_SIZE": "10",
        "OUTAGE_LEASE_S": lease_s,
        "OUTAGE_ASK_AFTER_S": "10",
        "OUTAGE_TWILIO_ACCOUNT_SID": f"AC{'0' * 32}",
        "OUTAGE_TWILIO_AUTH_TOKEN": "made-up-token",
        "OUTAGE_TWILIO_FROM": "+15005550006",
        "OUTAGE_TWILIO_BASE_URL": provider.url,
    }


@pytest.fixture
def world(home: Path, settings: dict[str, str]) -> Iterator[World]:
    """An outage over thirty accounts whose texts are due."""
    db = migrated(home / "outage.db")
    found = World(db, load({"OUTAGE_HOME": str(home), **settings}))
    premises = [f"P{number}" for number in range(PEOPLE)]
    for premise in premises:
        found.account(f"of {premise}", [premise])
    found.declare(*premises)
    found.plan()
    found.pass_time(seconds=60)
    yield found
    db.close()


def _states(world: World) -> dict[str, int]:
    m = t.messages
    with world.db.read() as conn:
        rows = conn.execute(sa.select(m.c.state, sa.func.count()).group_by(m.c.state))
        return {row[0]: row[1] for row in rows}


def _all_accepted(world: World) -> bool:
    return _states(world) == {"accepted": PEOPLE}


@pytest.fixture
def run(start: Start, home: Path, settings: dict[str, str], world: World) -> Callable[..., Crew]:
    """Starts processes of `outage up` by name, on the home where the texts are due."""
    del world  # made before anything starts
    return partial(start, home=home, module="some", settings=settings)


def test_clock_and_worker_send_what_is_due(
    run: Callable[..., Crew], world: World, provider: Provider
) -> None:
    run(*SENDERS)

    eventually(lambda: _all_accepted(world), within_s=30)
    assert len(provider.calls) == PEOPLE


def test_without_redis_and_workers_the_clock_sends_by_itself(
    run: Callable[..., Crew], world: World, provider: Provider
) -> None:
    crew = run("clock")

    eventually(lambda: _all_accepted(world), within_s=30)
    assert len(provider.calls) == PEOPLE
    assert "Redis is away" in crew.output


@pytest.mark.parametrize("lease_s", ["5"])
def test_a_worker_killed_in_a_call_leaves_nothing_unsent(
    run: Callable[..., Crew], world: World, provider: Provider, post: Post
) -> None:
    post.open.clear()
    crew = run(*SENDERS)
    eventually(lambda: provider.calls, within_s=30)

    for name in ("worker-sms", "worker-sms-urgent"):
        os.kill(crew.pids[name], signal.SIGKILL)
    post.open.set()

    # The lease has to run out, and a receipt gets its time, before anything is sent again.
    eventually(lambda: _all_accepted(world), within_s=60)


def test_a_worker_told_to_end_gives_the_rest_of_its_batch_back(
    run: Callable[..., Crew], world: World, provider: Provider
) -> None:
    crew = run(*SENDERS)
    eventually(lambda: provider.calls, within_s=30)

    crew.process.send_signal(signal.SIGTERM)
    assert crew.process.wait(10) == 0

    assert "claimed" not in _states(world)
    run(*SENDERS)
    eventually(lambda: _all_accepted(world), within_s=30)
    assert len(provider.calls) == PEOPLE
