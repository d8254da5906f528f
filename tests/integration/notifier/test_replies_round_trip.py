"""From a text in the simulator through the real hook, and the answer back to the phone."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import sqlalchemy as sa

from notifier.inbound import InboundText, Inbox, accept
from notifier.replies import ending
from notifier.replies.listing import replies
from notifier.replies.sending import Answers
from outage import tables as t
from outage.database import wall_now
from outage.settings import SendMode, Settings
from tests.integration.carrier.conftest import Carrier, wait_until
from tests.integration.notifier.sending import live
from tests.integration.notifier.talk import SITE, Talk
from tests.integration.notifier.test_round_trip import closing_carrier, connected, listening
from tests.integration.notifier.world import World
from tests.unit.notifier.channels.provider import Answer, serving

pytestmark = pytest.mark.processes
ME = "+13035550101"


@pytest.fixture
def carrier(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Carrier]:
    found = Carrier(folder=tmp_path / "carrier")
    port = free_port()
    found.settings["inbound_url"] = f"http://127.0.0.1:{port}/hooks/twilio/inbound#rc=5&rp=all"
    found.settings["keeps_opt_outs"] = True
    with closing_carrier(found, port) as running:
        yield running


def answers(world: World, settings: Settings) -> Answers:
    return Answers(world.db, settings, SITE)


def work(world: World, settings: Settings) -> None:
    """What the loops of `clock` do, until nothing is left."""
    inbox, owed = Inbox(world.db, settings, SITE), answers(world, settings)
    while inbox.turn() or owed.turn():
        pass


def states(world: World) -> list[tuple[str, str, str | None]]:
    a = t.answers.c
    with world.db.read() as conn:
        rows = conn.execute(sa.select(a.role, a.state, a.reason).order_by(a.key))
        return [(row.role, row.state, row.reason) for row in rows]


def heard(carrier: Carrier, number: str) -> list[str]:
    found = carrier.json(f"/json?to={number.replace('+', '%2B')}")["messages"]
    return [message["body"] for message in reversed(found)]


def text(carrier: Carrier, body: str, *, sender: str = ME) -> None:
    assert carrier.post("/inbound", {"from": sender, "body": body})["sid"].startswith("SM")
    wait_until(
        lambda: carrier.json("/json/counts")["inbound_pending"] == 0, "the hook has taken it"
    )


def test_a_text_goes_through_the_hook_and_its_answer_comes_back(
    world: World, carrier: Carrier
) -> None:
    settings = connected(world.settings, carrier)
    talk = Talk(world)
    world.account("one", ["P1"], ME)
    talk.address("P1", "12 Oak St")
    with listening(settings, world.db):
        text(carrier, "OUT")
        work(world, settings)
        assert "We have your report" in heard(carrier, ME)[-1]
        text(carrier, "¡huele a gas!")
        work(world, settings)
        assert "Llame al 911" in heard(carrier, ME)[-1]
        assert "GAS reported by text" in heard(carrier, "+12025550101")[-1]
        assert "GAS reported by text" in heard(carrier, "control-room@example.org")[-1]
        carrier.wait_idle()
    assert {state for _, state, _ in states(world)} == {"accepted"}
    # A receipt of an answer is none of a message.
    with world.db.read() as conn:
        assert conn.execute(t.receipts.select()).all() == []


def test_after_stop_the_provider_answers_and_nothing_more_is_sent(
    world: World, carrier: Carrier
) -> None:
    settings = connected(world.settings, carrier)
    world.account("one", ["P1"], ME)
    with listening(settings, world.db):
        text(carrier, "Stop")
        text(carrier, "STOP")
        work(world, settings)
        assert heard(carrier, ME) == []
        text(carrier, "START")
        work(world, settings)
        text(carrier, "STATUS")
        work(world, settings)
        assert len(heard(carrier, ME)) == 1
    assert [reason for _, _, reason in states(world)] == ["answered_by_provider"] * 3 + [None]


def test_a_hook_that_is_down_gets_the_text_when_it_is_up_again(
    world: World, carrier: Carrier
) -> None:
    settings = connected(world.settings, carrier)
    world.account("one", ["P1"], ME)
    carrier.post("/inbound", {"from": ME, "body": "STATUS"})
    time.sleep(0.3)
    with listening(settings, world.db):
        wait_until(lambda: carrier.json("/json/counts")["inbound_pending"] == 0, "it was taken")
        work(world, settings)
        assert len(heard(carrier, ME)) == 1


@pytest.mark.parametrize(
    ("mode", "state"), [(SendMode.SHADOW, "shadowed"), (SendMode.OFF, "suppressed")]
)
def test_nobody_is_called_in_a_mode_that_calls_nobody(
    world: World, carrier: Carrier, mode: SendMode, state: str
) -> None:
    settings = replace(connected(world.settings, carrier), send=mode)
    world.account("one", ["P1"], ME)
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="fire")])
    work(world, settings)
    assert states(world) == [(role, state, "send_mode") for role in ("page", "page", "answer")]
    assert carrier.json("/json/counts")["sms"] == 0


def test_a_sender_that_died_in_the_call_repeats_pages_and_no_answer(
    world: World, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = connected(world.settings, carrier)
    world.account("one", ["P1"], ME)
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="fire")])
    Inbox(world.db, settings, SITE).drain()
    with world.db.write() as conn:
        conn.execute(t.answers.update().values(state="claimed", fence=1, lease_until=0))
    work(world, settings)
    assert states(world) == [
        ("page", "accepted", None),
        ("page", "accepted", None),
        ("answer", "unknown", "lease_expired"),
    ]
    assert heard(carrier, ME) == []


def test_a_provider_that_does_not_take_it_gets_it_later(
    world: World, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "BACK_OFF", ending.BACK_OFF * 0)
    settings = connected(world.settings, carrier)
    world.account("one", ["P1"], ME)
    carrier.control(faults=[{"kind": "too_many_requests", "api": "sms", "count": 3}])
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="HELP")])
    work(world, settings)
    assert states(world) == [("answer", "accepted", None)]
    assert len(heard(carrier, ME)) == 1


APPLIER = """
    import sys
    from notifier.inbound import Inbox
    from outage.database import open_database
    from outage.settings import load
    from outage.site import example, parse

    inbox = Inbox(open_database(sys.argv[1]), load({"OUTAGE_HOME": sys.argv[2]}), parse(example()))
    print("ready", flush=True)
    while inbox.turn():
        pass
"""


def test_an_applier_killed_anywhere_leaves_each_text_applied_once(
    world: World, tmp_path: Path
) -> None:
    numbers = [f"+1303555{line:04}" for line in range(100, 200)]
    for at, number in enumerate(numbers):
        world.account(f"A{at}", [f"P{at}"], number)
    accept(
        world.db,
        [
            InboundText(provider="twilio", provider_id=f"SM{at}", address=number, body="OUT")
            for at, number in enumerate(numbers)
        ],
    )
    url = world.db.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", textwrap.dedent(APPLIER), url, str(tmp_path)]
    killed = 0
    for wait_s in (0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 60.0):
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        process.stdout.close()
    assert killed
    with world.db.read() as conn:
        r, a = t.replies.c, t.answers.c
        assert conn.execute(sa.select(sa.func.count()).where(r.applied_at.is_(None))).scalar() == 0
        assert conn.execute(sa.select(sa.func.max(r.attempts))).scalar() == 0
        for table in (t.reports, t.answers):
            assert conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 100
        assert conn.execute(sa.select(sa.func.count(a.reply_key.distinct()))).scalar() == 100


def test_a_page_outlasts_a_provider_that_takes_nothing_from_anybody(world: World) -> None:
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="fire")])
    with serving(lambda _: Answer(429)) as provider:
        settings = live(world.settings, provider)
        Inbox(world.db, settings, SITE).drain()
        with world.db.write() as conn:
            conn.execute(t.answers.delete().where(t.answers.c.role != "page"))
            conn.execute(t.answers.delete().where(t.answers.c.channel != "sms"))
        waits_s = list(islice(_waits_s(world, settings), ending.MOST_TRIES + 4))
    assert waits_s[-1] >= ending.LONGEST_BACK_OFF.total_seconds()
    assert states(world) == [("page", "pending", None)]


def test_a_page_that_no_provider_takes_is_tried_ever_later_and_then_listed(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="fire")])
    with serving(lambda _: Answer(503)) as provider:
        settings = live(world.settings, provider)
        Inbox(world.db, settings, SITE).drain()
        with world.db.write() as conn:
            conn.execute(t.answers.delete().where(t.answers.c.role != "page"))
            conn.execute(t.answers.delete().where(t.answers.c.channel != "sms"))
            conn.execute(t.replies.update().values(for_staff=False))
        waits_s = list(_waits_s(world, settings))
        assert len(provider.calls) == ending.MOST_TRIES
    least_s = [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300]
    assert len(waits_s) == len(least_s)
    # Counted from before a call that may take a while here.
    assert all(s <= waited < 2 * s for waited, s in zip(waits_s, least_s, strict=True)), waits_s
    assert states(world) == [("page", "unknown", "tried_enough")]
    with world.db.read() as conn:
        assert [reply.pages for reply in replies(conn)] == [("sms unknown",)]
    assert f"is undelivered after {ending.MOST_TRIES} tries" in caplog.text


def _waits_s(world: World, settings: Settings) -> Iterator[float]:
    """Let every wait be over at once until nothing is owed; how long each would have been."""
    a = t.answers
    while True:
        with world.db.write() as conn:
            conn.execute(t.providers.update().values(rests_until=None))
            before = wall_now(conn)
        # Another process each time: it has not seen the provider fail, and does not let it rest.
        with closing(Answers(world.db, settings, SITE)) as owed:
            assert owed.turn()
        with world.db.write() as conn:
            row = conn.execute(a.select()).one()
            if row.state != "pending":
                return
            yield (row.send_after - before).total_seconds()
            conn.execute(a.update().values(send_after=before))


def test_a_page_whose_sender_always_dies_is_listed_in_the_end(world: World) -> None:
    accept(world.db, [InboundText(provider="twilio", provider_id="SM1", address=ME, body="fire")])
    Inbox(world.db, world.settings, SITE).drain()
    a = t.answers
    for _ in range(ending.MOST_TRIES):
        with world.db.write() as conn:
            conn.execute(
                a.update()
                .where(a.c.role == "page", a.c.state == "pending")
                .values(state="claimed", lease_until=0, fence=a.c.fence + 1)
            )
            ending.take_back(conn)
    assert {one for one in states(world) if one[0] == "page"} == {
        ("page", "unknown", "tried_enough")
    }
