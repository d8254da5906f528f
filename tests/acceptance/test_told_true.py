"""The checker of storms is able to fail: each kind of fault, planted in a storm without any.

The storm is played once, with the simulator for a provider; every fault goes into a copy of its
record and of the simulator's log, by plain SQL.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from outage import commands as c
from outage import desk, schema
from outage.database import open_database
from outage.model import CrewStatus, Kind, Service
from outage.settings import SendMode, load
from tests.acceptance.told_true import Finding, check, read
from tests.acceptance.told_true.record import CARRIER_FILE
from tests.acceptance.told_true.rules import RULES
from tests.acceptance.village import NOON, Village, people
from tests.integration.carrier.conftest import ACCOUNT_SID, API_KEY, AUTH_TOKEN, Carrier

pytestmark = pytest.mark.processes

UTC_ZONE = ZoneInfo("UTC")
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The folder of a storm that was played."""

    home: Path

    def copy(self, to: Path) -> Played:
        shutil.copytree(self.home, to)
        return Played(home=to)

    def check(self) -> Finding:
        return check(read(f"sqlite:///{self.home / 'outage.db'}", self.home / "carrier"), UTC_ZONE)

    def plant(self, *statements: str) -> None:
        """Change the record; a statement on the log of the simulator begins with "log:"."""
        with (
            closing(sqlite3.connect(self.home / "outage.db")) as record,
            closing(sqlite3.connect(self.home / "carrier" / CARRIER_FILE)) as log,
        ):
            for statement in statements:
                place, _, rest = statement.rpartition("log:")
                changed = (record if rest == statement and not place else log).execute(rest)
                assert changed.rowcount != 0, f"nothing was planted by {statement}"
            record.commit()
            log.commit()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Outage 1 ends in two parts, 2 is cancelled, 3 is planned and takes place, 4 is an advisory."""
    home = tmp_path_factory.mktemp("storm")
    db = open_database(f"sqlite:///{home / 'outage.db'}")
    schema.upgrade(db)
    with db.write() as conn:
        people(conn)
    carrier = Carrier(folder=home / "carrier")
    try:
        carrier.start()
        settings = replace(
            load({"OUTAGE_HOME": str(home), "OUTAGE_QUIET_HOURS": "none"}),
            send=SendMode.LIVE,
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=AUTH_TOKEN,
            twilio_from="+12005550100",
            twilio_base_url=carrier.base,
            sendgrid_api_key=API_KEY,
            sendgrid_from="outages@example.org",
            sendgrid_base_url=carrier.base,
        )
        village = Village(db, settings)
        _storm(village)
        village.outbox.close()
    finally:
        carrier.kill()
        db.close()
    yield Played(home=home)


def _storm(village: Village) -> None:
    def then(minutes: int) -> None:
        village.settle()
        village.pass_time(timedelta(minutes=minutes))

    broken = village.declare((1, 6))
    then(5)
    village.report(broken, etr=c.GivenEtr(latest=NOON + timedelta(hours=3)))
    then(5)
    village.report(broken, crew_status=CrewStatus.ARRIVED)
    then(5)
    village.restore(broken, (1, 3))
    then(30)
    village.report(broken, etr=c.GivenEtr(latest=NOON + timedelta(hours=7)))
    then(5)
    village.restore(broken)
    then(10)
    mistaken = village.declare((7, 10))
    then(5)
    village.do(desk.cancel, mistaken)
    then(5)
    work = village.declare(
        (9, 11), kind=Kind.PLANNED, planned_start=village.now + timedelta(hours=5)
    )
    then(5)
    village.do(desk.start, work)
    then(5)
    village.restore(work)
    then(10)
    warned = village.declare((5, 7), kind=Kind.ADVISORY, service=Service.WATER)
    then(5)
    village.do(desk.lift, warned, reference="Laboratory 4711")
    then(60)


def _one(kind: str, endpoint: int = 5) -> str:
    """The message of a kind to one phone: the one in house 5, if no other is named."""
    return (
        "(SELECT key FROM messages AS one "
        f"WHERE one.kind = '{kind}' AND one.endpoint_key = {endpoint})"
    )


def _move(kind: str, minutes: int) -> tuple[str, ...]:
    """Let a message have been claimed at another time, by both clocks: late at that barrier."""
    at = f"(SELECT claimed_at + {minutes * MINUTE_MS} FROM messages WHERE key = {_one(kind)})"
    number = f"(SELECT max(number) FROM barriers WHERE business_at <= {at})"
    return (
        "UPDATE messages SET "
        f"tried_at = (SELECT wall_at - 1 FROM barriers WHERE number = {number} + 1), "
        f"claimed_at = (SELECT business_at FROM barriers WHERE number = {number}) "
        f"WHERE key = {_one(kind)}",
    )


PLANTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "the same text a second time": (
        "told_twice",
        "says again what",
        (
            f"UPDATE messages SET text_key = (SELECT text_key FROM messages WHERE key = {_one('detected')}) WHERE key = {_one('etr')}",
        ),
    ),
    "the same facts a second time": (
        "told_twice",
        "says again what",
        (
            f"UPDATE messages SET (told_time, told_crew) = (SELECT told_time, told_crew FROM messages WHERE key = {_one('etr')}) WHERE key = {_one('crew')}",
        ),
    ),
    "a text accepted twice": (
        "accepted_twice",
        "was accepted 2 times",
        (
            "log:INSERT INTO messages SELECT number + 9000, sid || 'x', channel, recipient, sender, "
            "service_sid, subject, body, html, segments, our_id, 1, status, failure, error_code, "
            "callback_url, validity_s, details, accepted_ms, sent_ms, updated_ms, due_ms "
            "FROM messages WHERE channel = 'sms' ORDER BY number LIMIT 1",
        ),
    ),
    "out, when service is back": ("untrue", "says that service is out", _move("etr_later", 60)),
    "restored, while it is out": ("untrue", "an interruption is open", _move("restored", -30)),
    "restored, where nothing was": (
        "untrue",
        "nothing of theirs was restored",
        (
            "UPDATE memberships SET until = NULL, outcome = NULL, restoration_key = NULL "
            "WHERE premise_key = 5 AND outage_key = 1",
        ),
    ),
    "partly restored, where nothing is": (
        "untrue",
        "at some of their places",
        (
            f"UPDATE messages SET kind = 'partly_restored' WHERE key = {_one('crew')}",
        ),
    ),
    "a number of places that is none": (
        "untrue",
        "places are out",
        (f"UPDATE messages SET told_places = 2 WHERE key = {_one('detected')}",),
    ),
    "an ETR that has been replaced": ("untrue", "states ETR version 1", _move("etr", 40)),
    "no ETR, when there is one": ("untrue", "states no ETR, and version 1", _move("detected", 5)),
    "an ETR in words that is another one": (
        "untrue",
        "reads as an ETR of",
        ("UPDATE texts SET body = replace(body, 'back Sun 3:00PM', 'back Sun 4:00PM')",),
    ),
    "no ETR in words, when there is one": (
        "untrue",
        "reads as if there were no ETR",
        ("UPDATE texts SET body = replace(body, 'st. back Sun 3:00PM', 'o return time yet. No return time yet')",),
    ),
    "more to come that nobody promised": (
        "untrue",
        "nobody has promised that",
        ("UPDATE texts SET body = replace(body, 'No return time yet.', 'No return time yet. More by Sun 2:00PM.')",),
    ),
    "a promise that nobody made": (
        "untrue",
        "nobody has promised",
        (
            f"UPDATE messages SET told_time = claimed_at + 999000, told_update = 1 WHERE key = {_one('detected')}",
        ),
    ),
    "a text as of another time": (
        "untrue",
        "reads as of",
        ("UPDATE texts SET body = replace(body, 'As of Sun 12', 'As of Sun 11')",),
    ),
    "back in words, when it is out": (
        "untrue",
        "back, or not back",
        ("UPDATE texts SET body = replace(body, 'Power out at', 'Power should be back at')",),
    ),
    "a crew that is not there": (
        "untrue",
        "says that a crew is on site",
        ("UPDATE journal SET state = replace(state, 'arrived', 'enroute')",),
    ),
    "a crew in words that is not there": (
        "untrue",
        "reads as if a crew were on site",
        ("UPDATE texts SET body = replace(body, 'No return time yet.', 'Crew on site. No return time yet.')",),
    ),
    "a withdrawal of what stands": (
        "untrue",
        "takes back an outage that is",
        ("UPDATE messages SET kind = 'cancelled' WHERE kind = 'restored' AND outage_key = 1",),
    ),
    "no longer affected, and they are": (
        "untrue",
        "they are not affected, and they are",
        (f"UPDATE messages SET kind = 'correction', variant = 'unaffected' WHERE key = {_one('etr')}",),
    ),
    "an advisory lifted that stands": (
        "untrue",
        "lifts an advisory",
        _move("advisory_lifted", -5),
    ),
    "an advisory to somebody outside": (
        "untrue",
        "not inside",
        ("UPDATE messages SET endpoint_key = 11 WHERE kind = 'advisory' AND endpoint_key = 5",),
    ),
    "planned work at another time": (
        "untrue",
        "a start of the work",
        ("UPDATE messages SET told_time = told_time + 600000 WHERE kind = 'planned_notice'",),
    ),
    "planned work ahead that has begun": (
        "untrue",
        "lies ahead, and it is confirmed",
        ("UPDATE journal SET state = replace(state, 'predicted', 'confirmed')",),
    ),
    "an outage that nobody is told of": (
        "untrue",
        "nobody is told of",
        ("UPDATE outages SET silent = 1 WHERE key = 1",),
    ),
    "a claim while gis was counting": (
        "untrue",
        "while gis was counting",
        (
            "DELETE FROM journal WHERE kind = 'matched' AND number = (SELECT min(number) FROM journal WHERE kind = 'matched')",
        ),
    ),
    "nobody said that it was over": (
        "never_told_the_end",
        "and service is back",
        (f"UPDATE messages SET state = 'withdrawn', reason = 'nothing_new' WHERE key = {_one('restored')}",),
    ),
    "nobody said that an advisory was over": (
        "never_told_the_end",
        "and it is over",
        (
            "UPDATE messages SET state = 'withdrawn', reason = 'nothing_new' WHERE kind = 'advisory_lifted' AND endpoint_key = 5",
        ),
    ),
    "a text claimed too late": (
        "past_expiry",
        "was claimed when it had expired",
        (f"UPDATE messages SET expires_at = claimed_at - 1 WHERE key = {_one('etr')}",),
    ),
    "a text accepted too late": (
        "past_expiry",
        "was accepted when it had expired",
        (f"UPDATE messages SET accepted_at = expires_at + 1 WHERE key = {_one('etr')}",),
    ),
    "a text that reached the provider too late": (
        "past_expiry",
        "reached the provider",
        (
            "log:UPDATE messages SET accepted_ms = accepted_ms + 86400000 WHERE channel = 'sms'",
            "INSERT INTO barriers SELECT number + 900, business_at + 86400000, wall_at + 80000000, journal_number FROM barriers ORDER BY number DESC LIMIT 1",
        ),
    ),
    "a text that is valid for too long": (
        "past_expiry",
        "may be delivered after",
        ("log:UPDATE messages SET validity_s = validity_s + 60 WHERE validity_s IS NOT NULL",),
    ),
    "a claim after STOP": (
        "stopped",
        "after its endpoint had stopped",
        (
            f"UPDATE endpoints SET opted_out_at = (SELECT claimed_at - 1 FROM messages WHERE key = {_one('etr')}) WHERE key = 5",
        ),
    ),
    "a claim for a number known to be bad": (
        "stopped",
        "had been found bad",
        (
            f"UPDATE endpoints SET invalid_at = (SELECT claimed_at - 1 FROM messages WHERE key = {_one('etr')}) WHERE key = 5",
        ),
    ),
    "a claim between STOP and START": (
        "stopped",
        "between STOP and START",
        tuple(
            "INSERT INTO replies (provider, provider_id, address, body, received_at, applied_at, "
            f"endpoint_key, outcome) SELECT 'twilio', '{outcome}', '', '', tried_at, "
            f"tried_at + {after}, 5, '{outcome}' FROM messages WHERE key = {_one('etr')}"
            for outcome, after in (("opted_out", -1), ("opted_in", 1))
        ),
    ),
    "a message that got lost": (
        "sums",
        "were decided on",
        (f"DELETE FROM messages WHERE key = {_one('etr')}",),
    ),
    "a message that never ended": (
        "sums",
        "at the end of the storm",
        (f"UPDATE messages SET state = 'pending' WHERE key = {_one('etr')}",),
    ),
    "somebody who was passed over": (
        "audience",
        "are behind its premises",
        ("UPDATE decisions SET count = count - 1 WHERE decision = 'opted_out' OR decision = 'never_told'",),
    ),
    "an acceptance in other words": (
        "provider_log",
        "in other words",
        ("log:UPDATE messages SET body = body || '!' WHERE channel = 'sms'",),
    ),
    "an acceptance for another number": (
        "provider_log",
        "another address",
        ("log:UPDATE messages SET recipient = '+12025550199' WHERE channel = 'sms'",),
    ),
    "a message that was never accepted": (
        "provider_log",
        "was never accepted",
        ("log:DELETE FROM messages WHERE number = 1",),
    ),
    "an acceptance of what was withdrawn": (
        "provider_log",
        "was accepted and is withdrawn",
        (f"UPDATE messages SET state = 'withdrawn' WHERE key = {_one('etr')}",),
    ),
    "a business time of no barrier": (
        "clocks",
        "of no barrier",
        (f"UPDATE messages SET claimed_at = claimed_at + 1 WHERE key = {_one('etr')}",),
    ),
    "an interruption that is open": (
        "reconstruction",
        "is open on record",
        ("UPDATE interruptions SET outcome = NULL, ended_at = NULL WHERE premise_key = 4",),
    ),
    "a member that is live": (
        "reconstruction",
        "live members",
        ("UPDATE memberships SET until = NULL WHERE premise_key = 4 AND outage_key = 1",),
    ),
}


def test_a_storm_without_faults_has_none(played: Played) -> None:
    finding = played.check()
    assert finding.faults == ()
    assert finding.figures["acceptances"] == finding.figures["claimed"] > 40


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_named(fault: str, played: Played, tmp_path: Path) -> None:
    rule, sentence, statements = PLANTED[fault]
    storm = played.copy(tmp_path / "storm")
    storm.plant(*statements)
    found = [one.sentence for one in storm.check().faults if one.rule == rule]
    assert any(sentence in one for one in found), found


def test_every_rule_has_a_fault_that_it_names() -> None:
    written = {rule for rule, _, _ in PLANTED.values()}
    names = {rule.__name__ for rule in RULES} - {"left_in_the_dark"} | {"never_told_the_end"}
    assert written == names


def test_the_command_says_what_is_wrong_and_exits_1(played: Played, tmp_path: Path) -> None:
    storm = played.copy(tmp_path / "storm")
    storm.plant(f"UPDATE messages SET state = 'pending' WHERE key = {_one('etr')}")
    outcomes = {
        home: subprocess.run(
            [sys.executable, "-m", "tests.acceptance.told_true", str(home)],
            capture_output=True,
            text=True,
            check=False,
        )
        for home in (played.home, storm.home)
    }
    assert [one.returncode for one in outcomes.values()] == [0, 1]
    assert "is pending at the end of the storm" in outcomes[storm.home].stderr
