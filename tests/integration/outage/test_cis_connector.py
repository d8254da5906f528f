"""The utility's own CIS is told of its accounts' outages: over real HTTP, by the contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from notifier import stopping
from outage import clock, desk, journal
from outage import commands as c
from outage import tables as t
from outage.cis import letters
from outage.cis.calling import Said, judged
from outage.cis.connector import Connector, is_quiet
from outage.cis.queueing import ConnectorReader
from outage.cis.reader import CisReader
from outage.clock import business_now
from outage.database import Database, wall_now
from outage.errors import UnknownAccountError
from outage.model import CrewStatus, Outage
from outage.settings import Settings, load
from outage.site import Site
from tests import cis_receiver
from tests.cis_receiver import SECRET, Receiver, serving
from tests.unit.outage import town
from workers import sweeps

ZONE = ZoneInfo("America/Chicago")


@dataclass
class Utility:
    """The record, its CIS, and what tells the one to the other."""

    db: Database
    receiver: Receiver
    more: dict[str, str]

    @property
    def settings(self) -> Settings:
        told = {
            "OUTAGE_CIS_URL": self.receiver.url,
            "OUTAGE_CIS_SECRET": SECRET,
            "OUTAGE_CIS_ALLOW": "127.0.0.0/8",
            "OUTAGE_CIS_PER_S": "0",
            "OUTAGE_CIS_TIMEOUT_S": "0.2",
        }
        return load(told | self.more)

    def queue(self) -> None:
        """Let the readers do what there is to do."""
        for reader in (CisReader(), ConnectorReader()):
            turn = getattr(reader, "turn", None)
            while turn(self.db) if turn else journal.turn(self.db, reader):
                pass
        with self.db.read() as conn:
            assert journal.is_idle(conn, ConnectorReader.name)

    def connector(self, patience: float = 0.0) -> Connector:
        return Connector(self.db, self.settings, ZONE, patience=patience)

    def send(self, patience: float = 0.0) -> None:
        """Send until there is nothing that may be sent now."""
        with self.connector(patience) as connector:
            while connector.turn():
                pass

    def tell(self) -> None:
        self.queue()
        self.send()

    def report(self, outage: Outage, note: str | None = None, **facts: Any) -> None:  # noqa: ANN401 facts of one report
        with self.db.write() as conn:
            command = c.Report(observed_at=business_now(conn), **facts)
            desk.report_progress(conn, outage.id, command, actor=town.CREW, note=note)

    def record(self, outage: Outage, account: str) -> dict[str, Any]:
        return self.receiver.records[outage.id, account]

    def rows(self) -> list[sa.Row[Any]]:
        with self.db.read() as conn:
            asked = t.cis_upserts.select().order_by(t.cis_upserts.c.account_key)
            return list(conn.execute(asked))

    def sent(self) -> int:
        """How many records all calls held."""
        return sum(
            len(event["accounts"])
            for call in self.receiver.calls
            for event in call["data"]["events"]
        )


@pytest.fixture
def utility(database: Database) -> Iterator[Utility]:
    town.settle(database, 6)
    with serving(Receiver()) as receiver:
        yield Utility(database, receiver, {})


def test_the_first_list_is_full_and_what_follows_is_what_has_changed(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1, 2])
    utility.report(outage, "Tree on the line", crew_status=CrewStatus.ARRIVED)
    utility.tell()
    first = utility.record(outage, "A1")
    assert (first["customers"], first["listed"], first["change"]) == ("full", 2, "added")
    assert (first["state"], first["crew_status"], first["status"]) == (
        "out",
        "arrived",
        "confirmed",
    )
    assert [note["text"] for note in first["notes"]] == ["Tree on the line"]
    assert [each["premise"] for each in first["premises"]] == ["P1"]
    with utility.db.write() as conn:
        desk.revise(conn, outage.id, c.Revise(place="Elsewhere"), actor=town.DISPATCHER)
    town.match(utility.db, outage, 2, come=[3], go=[2])
    utility.tell()
    told = {name: utility.record(outage, name) for name in ("A1", "A2", "A3")}
    assert {each["customers"] for each in told.values()} == {"incremental"}
    assert {name: each["change"] for name, each in told.items()} == {
        "A1": "changed",
        "A2": "left",
        "A3": "added",
    }
    assert (told["A2"]["outcome"], told["A2"]["completed_at"] is not None) == ("voided", True)
    assert told["A3"]["notes"] == []
    assert told["A1"]["completed_at"] is None


def test_who_is_restored_is_told_with_when(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1, 2])
    utility.tell()
    with utility.db.write() as conn:
        at = business_now(conn)
        conn.execute(
            t.memberships.update()
            .where(t.memberships.c.premise_key == 1)
            .values(until=at, outcome="restored")
        )
    utility.report(outage, "The first house has service")
    utility.tell()
    told = utility.record(outage, "A1")
    assert (told["change"], told["state"]) == ("restored", "restored")
    assert datetime.fromisoformat(told["completed_at"]) == at
    assert utility.record(outage, "A2")["state"] == "out"


def test_a_newer_state_takes_the_place_of_one_that_waits(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1, 2])
    utility.queue()
    for latest in (3, 4, 5):
        with utility.db.read() as conn:
            etr = c.GivenEtr(latest=business_now(conn) + timedelta(hours=latest))
        utility.report(outage, etr=etr)
        utility.queue()
    utility.send()
    assert utility.sent() == 2
    told = utility.record(outage, "A2")
    assert datetime.fromisoformat(told["etr"]["latest"]) == etr.latest
    assert (told["etr"]["source"], told["etr"]["published"]) == ("dispatcher", True)
    utility.send()
    assert utility.sent() == 2


def test_the_newest_goes_first_and_one_process_sends_at_a_time(utility: Utility) -> None:
    utility.more["OUTAGE_CIS_PER_S"] = "2"
    outages = [town.declare(utility.db) for _ in range(3)]
    for number, outage in enumerate(outages):
        town.match(utility.db, outage, 1, come=[2 * number + 1, 2 * number + 2])
    utility.queue()
    with utility.connector() as connector, utility.connector() as other:
        assert connector.turn()
        assert {outage for outage, _ in utility.receiver.records} == {outages[2].id}
        assert not other.turn()
        assert len(utility.receiver.records) == 2
        connector.close()
        assert other.turn()
    assert {outage for outage, _ in utility.receiver.records} == {outages[1].id, outages[2].id}


def test_no_more_is_sent_in_a_second_than_may_be(utility: Utility) -> None:
    utility.more["OUTAGE_CIS_PER_S"] = "5"
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=range(1, 7))
    utility.queue()
    began = time.monotonic()
    with utility.connector() as connector:
        assert connector.turn()
        assert len(utility.receiver.records) == 5
        while connector.turn():
            pass
    assert len(utility.receiver.records) == 6
    assert time.monotonic() - began >= 1.0


def test_what_was_taken_and_not_answered_comes_again_and_changes_nothing(utility: Utility) -> None:
    faults = iter(["lost answer", "error after", "doubled"])
    utility.receiver.fault = lambda: next(faults, "")
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    utility.queue()
    with utility.connector() as connector:
        for _ in range(3):
            assert connector.turn()
        assert not connector.turn()
    assert len(utility.receiver.ids) == 3
    assert len(set(utility.receiver.ids)) == 1
    assert utility.receiver.stale == 3
    assert [row.attempts for row in utility.rows()] == [0]


def test_an_older_call_that_arrives_late_changes_nothing(utility: Utility) -> None:
    faults = iter(["later"])
    utility.receiver.fault = lambda: next(faults, "")
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    utility.tell()
    utility.report(outage, "Newer")
    utility.tell()
    newest = utility.record(outage, "A1")
    utility.receiver.take_held()
    assert utility.record(outage, "A1") == newest
    assert [note["text"] for note in newest["notes"]] == ["Newer"]


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_refused_is_put_aside_alone_and_can_be_sent_again(
    utility: Utility, *, strict: bool
) -> None:
    utility.receiver.refuses, utility.receiver.strict = {"A4": "unknown_account"}, strict
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=range(1, 7))
    utility.tell()
    assert {account for _, account in utility.receiver.records} == {"A1", "A2", "A3", "A5", "A6"}
    with utility.db.read() as conn:
        (dead,) = letters.refused(conn, 10)
        stands = letters.standing(conn)
    why = "400" if strict else "unknown_account"
    assert (dead.account, dead.code, dead.state) == ("A4", why, "refused")
    assert (stands.refused, stands.codes, stands.accepted, stands.waiting) == (1, {why: 1}, 5, 0)
    utility.send()
    calls = len(utility.receiver.calls)
    utility.send()
    assert len(utility.receiver.calls) == calls, "nothing goes by itself"
    utility.receiver.refuses = {}
    with utility.db.write() as conn:
        assert letters.resend_refused(conn) == 1
    utility.send()
    assert utility.record(outage, "A4")["state"] == "out"
    with utility.db.read() as conn:
        assert letters.refused(conn, 10) == []


def test_a_newer_version_of_what_was_refused_is_tried(utility: Utility) -> None:
    utility.receiver.refuses = {"A1": "closed"}
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    utility.tell()
    utility.receiver.refuses = {}
    utility.report(outage, "On our way")
    utility.tell()
    assert utility.record(outage, "A1")["notes"][0]["text"] == "On our way"


def test_one_account_or_a_whole_outage_is_sent_again(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1, 2, 3])
    utility.tell()
    utility.receiver.records.clear()
    with utility.db.write() as conn:
        assert letters.resend_one(conn, "A2", outage.id) == 1
        with pytest.raises(letters.NothingForTheCisError):
            letters.resend_one(conn, "A5", outage.id)
        with pytest.raises(UnknownAccountError):
            letters.resend_one(conn, "A99", outage.id)
    utility.send()
    assert list(utility.receiver.records) == [(outage.id, "A2")]
    with utility.db.write() as conn:
        assert letters.resend_outage(conn, outage.id.lower()) == 3
    utility.send()
    assert len(utility.receiver.records) == 3


def test_a_cis_that_is_busy_is_left_alone_for_as_long_as_it_asks(utility: Utility) -> None:
    faults = iter(["busy"])
    utility.receiver.fault = lambda: next(faults, "")
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    utility.queue()
    with utility.connector(patience=1.0) as connector:
        assert connector.turn()
        with utility.db.read() as conn:
            stands, now = letters.standing(conn), wall_now(conn)
        assert stands.code == "429"
        assert stands.rests_until is not None
        assert stands.rests_until > now + timedelta(seconds=0.8)
        assert not connector.turn()
    assert utility.receiver.calls == []
    time.sleep(2.1)
    utility.send(patience=1.0)
    assert utility.record(outage, "A1")
    with utility.db.read() as conn:
        assert letters.standing(conn).code is None


def test_what_makes_the_cis_fail_goes_alone_after_a_while_and_holds_up_nobody(
    utility: Utility,
) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=range(1, 7))
    utility.queue()
    utility.receiver.fault = lambda: "error"
    with utility.connector() as connector:
        for _ in range(20):
            connector.turn()
    assert {row.most for row in utility.rows()} == {1}
    utility.receiver.fault = lambda: ""
    utility.send()
    assert len(utility.receiver.calls) == 6
    assert {row.most for row in utility.rows()} == {None}


def test_nothing_is_sent_in_quiet_hours(utility: Utility) -> None:
    utility.more["OUTAGE_CIS_QUIET"] = "01:00-03:30"
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    night = datetime(2030, 1, 15, 1, 30, tzinfo=ZONE)
    with utility.db.write() as conn:
        clock.hold(conn, night)
    utility.tell()
    assert utility.receiver.calls == []
    with utility.db.write() as conn:
        clock.move_to(conn, night + timedelta(hours=2))
    utility.tell()
    assert utility.record(outage, "A1")


@pytest.mark.parametrize(
    ("hour", "hours", "quiet"),
    [
        (23, (22 * 60, 5 * 60), True),
        (4, (22 * 60, 5 * 60), True),
        (5, (22 * 60, 5 * 60), False),
        (2, (60, 180), True),
        (3, (60, 180), False),
        (0, (60, 180), False),
    ],
)
def test_quiet_hours_may_go_over_midnight(
    hour: int, hours: tuple[int, int], *, quiet: bool
) -> None:
    assert is_quiet(datetime(2026, 7, 1, hour, tzinfo=ZONE), ZONE, hours) is quiet


def test_a_cis_inside_is_called_only_where_that_is_allowed(utility: Utility) -> None:
    utility.more["OUTAGE_CIS_ALLOW"] = "10.0.0.0/8"
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    utility.queue()
    with utility.connector() as connector:
        connector.turn()
    with utility.db.read() as conn:
        assert letters.standing(conn).code == "forbidden_address"
    assert utility.receiver.calls == []


def test_nothing_is_queued_before_the_record_it_is_made_of_is_written(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1])
    reader = ConnectorReader()
    while reader.turn(utility.db):
        pass
    assert utility.rows() == []
    journal.expand(utility.db, CisReader())
    while reader.turn(utility.db):
        pass
    assert utility.rows() == [], "the embedded CIS has the entry and has not worked on it"
    utility.tell()
    assert utility.record(outage, "A1")


def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_out(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=range(1, 7))
    reader, connector = CisReader(), ConnectorReader()
    while journal.turn(utility.db, reader):
        pass
    journal.expand(utility.db, connector, after=reader.name)
    item = journal.claim(utility.db, connector.name, after=reader.name)
    assert item is not None
    with utility.db.write() as conn:
        journal.advance(conn, item, {"account": 2})
        conn.execute(t.work_items.update().values(lease_until=wall_now(conn) - timedelta(hours=1)))
        conn.execute(
            t.cis_upserts.insert(),
            [
                {"outage_key": outage.key, "account_key": key, "wanted": item.entry.number}
                for key in (1, 2)
            ],
        )
    utility.tell()
    assert len(utility.receiver.records) == 6


def test_answers_that_are_none_of_the_contract_are_asked_for_again() -> None:
    assert judged(200, {}, b"<p>Welcome</p>").said is Said.FAILED
    assert judged(200, {}, None).said is Said.FAILED
    assert judged(200, {}, b'{"refused": [{"code": "x"}]}').said is Said.FAILED
    assert judged(302, {}, b"").said is Said.FAILED
    prose = b'{"refused": [{"key": "k", "code": "Mrs Example, 202-555-0100"}]}'
    assert judged(200, {}, prose).refused == {"k": "refused"}
    assert judged(204, {}, b"").said is Said.ACCEPTED
    assert judged(422, {}, b"").said is Said.REFUSED
    assert judged(401, {}, b"").said is Said.FAILED


def test_how_long_to_wait_is_a_number_or_a_date() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=90)
    dated = judged(503, {"Retry-After": soon.strftime("%a, %d %b %Y %H:%M:%S GMT")}, b"")
    assert dated.wait_s is not None
    assert 80 < dated.wait_s <= 90
    assert judged(429, {"Retry-After": "7"}, b"").wait_s == 7
    assert judged(429, {"Retry-After": "9" * 99}, b"").wait_s == 3600
    assert judged(429, {"Retry-After": "soon"}, b"").wait_s is None


def test_the_contract_is_one_that_can_fail() -> None:
    call = {"type": "outage.accounts", "data": {"events": [{"outage": "O-7K3M9"}]}}
    assert list(cis_receiver.validator("Call").iter_errors(call))
    assert list(cis_receiver.validator("Time").iter_errors("tomorrow"))
    assert cis_receiver.contract()["openapi"].startswith("3.1")


def test_a_copy_that_nobody_has_looked_at_tells_nothing(utility: Utility) -> None:
    outage = town.declare(utility.db)
    town.match(utility.db, outage, 1, come=[1, 2])
    utility.queue()
    (loop,) = sweeps._cis(utility.db, utility.settings, Site.neutral(), lambda: False)  # noqa: SLF001  # of all loops this one
    with utility.db.write() as conn:
        stopping.hold(conn, why="this database is a copy")
    assert loop.turn() is False
    assert utility.receiver.calls == []
    with utility.db.write() as conn:
        stopping.resume(conn, actor=town.DISPATCHER)
        # Whoever stops messages does not stop the CIS.
        stopping.stop(conn, actor=town.DISPATCHER, why="wrong words")
    assert loop.turn() is True
    assert utility.sent() == 2
    assert loop.close is not None
    loop.close()
