"""What is told later, or in other words: through the tables, on both databases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from notifier import facts
from notifier.outbox import Outbox
from notifier.policy import Stage
from notifier.situations import HOURLY, OUTAGES
from outage import deadlines, desk, reports
from outage import tables as t
from outage.model import Cause, CrewStatus, Kind, Service
from outage.reports import CustomerReport, ReportKind
from outage.settings import SendMode, Settings, load
from outage.site import NEUTRAL
from tests.integration.notifier.world import MANNERS, START, World, etr, phone

A, B, MAIL = phone(1), phone(2), "one@example.org"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, send=SendMode.SHADOW)


def tell(world: World, *, minutes: float = 2) -> list[tuple[str, str]]:
    """Plan, let time pass, send; return who was told what by it."""
    before = told(world)
    with world.db.write() as conn:
        deadlines.note_due(conn)
    world.plan()
    world.pass_time(minutes=minutes)
    with world.db.write() as conn:
        deadlines.note_due(conn)
    world.plan()
    Outbox(world.db, world.settings, NEUTRAL).drain()
    return told(world)[len(before) :]


def told(world: World) -> list[tuple[str, str]]:
    with world.db.read() as conn:
        rows = conn.execute(
            sa.select(t.endpoints.c.address, t.messages.c.kind, t.messages.c.variant)
            .join(t.endpoints, t.endpoints.c.key == t.messages.c.endpoint_key)
            .where(t.messages.c.state == "shadowed")
            .order_by(t.messages.c.claimed_at, t.messages.c.key)
        )
        return [(row.address, f"{row.kind} {row.variant}".strip()) for row in rows]


def contact(world: World, address: str, **values: Any) -> None:  # noqa: ANN401 facts of one test
    with world.db.write() as conn:
        conn.execute(
            t.contacts.update()
            .where(t.contacts.c.endpoint_key == world.ids[address])
            .values(**values)
        )


def asleep(world: World) -> World:
    """The same world with quiet hours from 23:00 to 7:00; it is 22:00."""
    quiet = load({"OUTAGE_HOME": "/nowhere", **MANNERS, "OUTAGE_QUIET_HOURS": "23:00-07:00"})
    return replace(world, settings=replace(quiet, send=SendMode.SHADOW))


def test_at_night_a_loss_is_told_and_its_end_waits_for_the_morning(world: World) -> None:
    world.account("one", ["P1"], A, MAIL)
    world.account("ill", ["P2"], B, medical=True)
    night = asleep(world)
    night.pass_time(hours=2)
    outage = night.declare("P1", "P2")
    assert sorted(tell(night)) == [(A, "detected"), (B, "detected"), (MAIL, "detected")]
    night.report(outage, etr=etr(5))
    assert sorted(tell(night)) == [(B, "etr"), (MAIL, "etr")]
    night.restore(outage)
    assert sorted(tell(night)) == [(B, "restored"), (MAIL, "restored")]
    assert tell(night, minutes=6 * 60) == []
    assert tell(night, minutes=60) == [(A, "restored")]


def test_who_asked_for_no_quiet_hours_has_none_and_who_set_some_has_those(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], MAIL)
    night = asleep(world)
    night.pass_time(hours=2)
    contact(night, A, quiet_from=0, quiet_until=0)
    contact(night, MAIL, quiet_from=23 * 60, quiet_until=60)
    outage = night.declare("P1", "P2")
    tell(night)
    night.report(outage, etr=etr(9))
    assert tell(night) == [(A, "etr")]
    assert tell(night, minutes=60) == [(MAIL, "etr")]


def test_quiet_hours_are_those_of_the_place_not_of_the_office(world: World) -> None:
    world.account("east", ["P1"], A)
    world.account("west", ["P2"], B)
    with world.db.write() as conn:
        conn.execute(
            t.premises.update()
            .where(t.premises.c.id == "P2")
            .values(time_zone="America/Los_Angeles")
        )
    night = asleep(world)
    night.pass_time(hours=2)
    outage = night.declare("P1", "P2")
    tell(night)
    night.report(outage, etr=etr(9))
    assert tell(night) == [(B, "etr")]


@pytest.mark.parametrize("wrong", ["PST?", "America", "../etc/passwd", "x" * 300])
def test_what_is_no_zone_is_read_as_the_offices_and_stops_nobody(world: World, wrong: str) -> None:
    world.account("west", ["P1"], A, MAIL)
    with world.db.write() as conn:
        conn.execute(t.premises.update().values(time_zone=wrong))
    night = asleep(world)
    night.pass_time(hours=2)
    outage = night.declare("P1")
    tell(night)
    night.report(outage, etr=etr(9))
    assert tell(night) == [(MAIL, "etr")]


def test_what_was_withdrawn_by_the_morning_is_never_told(world: World) -> None:
    world.account("one", ["P1"], A)
    night = asleep(world)
    night.pass_time(hours=2)
    outage = night.declare("P1")
    tell(night)
    night.restore(outage)
    tell(night)
    night.reopen(outage)
    assert tell(night, minutes=9 * 60) == []
    assert [state for _, _, state in night.messages()] == ["shadowed", "withdrawn"]


def test_after_four_a_day_the_rest_is_told_the_next_day_as_it_is_then(world: World) -> None:
    world.account("one", ["P1"], A)
    world.pass_time(hours=3)
    outage = world.declare("P1")
    found = tell(world)
    for hours in (9, 14, 20, 30, 40, 60):
        world.report(outage, etr=etr(hours))
        found += tell(world)
    assert found == [(A, "detected"), (A, "etr"), *[(A, "etr_later")] * 3]
    assert tell(world, minutes=20 * 60) == []
    assert tell(world, minutes=3 * 60) == [(A, "etr_later")]
    with world.db.read() as conn:
        body = conn.execute(
            sa.select(t.texts.c.body)
            .join(t.messages, t.messages.c.text_key == t.texts.c.key)
            .order_by(t.messages.c.key.desc())
        ).scalar()
    assert "Est. back Wed 10:00AM" in str(body)


def test_who_wants_to_hear_once_an_hour_hears_what_is_new_once_an_hour(world: World) -> None:
    world.account("one", ["P1"], A)
    contact(world, A, topics=OUTAGES + HOURLY)
    outage = world.declare("P1", etr=etr(30))
    assert tell(world) == [(A, "detected")]
    for hours in (40, 50):
        world.report(outage, etr=etr(hours))
        assert tell(world) == []
    assert tell(world, minutes=60) == [(A, "etr_later")]
    assert tell(world, minutes=120) == []


def test_a_slip_too_small_to_tell_is_told_when_the_time_they_were_given_passes(
    world: World,
) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(2))
    tell(world)
    world.report(outage, etr=etr(2.3))
    assert tell(world, minutes=100) == []
    assert tell(world, minutes=20) == [(A, "etr_later")]


def test_a_time_that_passes_is_followed_by_an_apology_not_by_silence(world: World) -> None:
    world.account("one", ["P1"], A)
    world.declare("P1", etr=etr(2))
    tell(world)
    assert tell(world, minutes=119) == [(A, "etr_passed")]
    assert tell(world, minutes=600) == []


def test_an_update_that_was_promised_comes_with_news_or_without(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", next_update_by=START + timedelta(hours=1))
    tell(world)
    assert tell(world, minutes=60) == [(A, "no_etr_yet")]
    world.report(outage, next_update_by=START + timedelta(hours=3))
    assert tell(world) == [(A, "no_etr_yet")]
    world.report(outage, etr=etr(5))
    assert tell(world) == [(A, "etr")]


def test_a_crew_on_site_is_told_once(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    tell(world)
    world.report(outage, crew_status=CrewStatus.ENROUTE)
    assert tell(world) == []
    world.report(outage, crew_status=CrewStatus.ARRIVED)
    assert tell(world) == [(A, "crew")]
    world.report(outage, crew_status=CrewStatus.ENROUTE)
    world.report(outage, crew_status=CrewStatus.ARRIVED)
    assert tell(world) == []


def test_only_who_is_partly_back_is_told_so(world: World) -> None:
    world.account("farm", ["P1", "P2"], A)
    world.account("house", ["P3"], B)
    outage = world.declare("P1", "P2", "P3")
    tell(world)
    world.restore(outage, "P1")
    assert tell(world) == [(A, "partly_restored")]
    world.restore(outage)
    assert sorted(tell(world)) == [(A, "restored"), (B, "restored")]


def test_what_comes_and_goes_is_said_so_and_told_as_back_once_it_stays(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1")
    found = tell(world)
    for _ in range(2):
        world.restore(outage)
        found += tell(world)
        world.reopen(outage)
        found += tell(world)
    assert found == [
        (A, "detected"),
        (A, "restored"),
        (A, "correction out"),
        (A, "restored"),
        (A, "correction intermittent"),
    ]
    world.restore(outage)
    assert tell(world, minutes=20) == []
    world.reopen(outage)
    assert tell(world, minutes=60) == []
    world.restore(outage)
    assert tell(world, minutes=31) == [(A, "restored")]


def test_planned_work_is_told_ahead_again_when_near_and_when_it_moves(world: World) -> None:
    world.account("one", ["P1"], A)
    starts = START + timedelta(days=3)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=starts)
    assert tell(world) == [(A, "planned_notice")]
    assert tell(world, minutes=24 * 60) == []
    world.revise(outage, planned_start=starts + timedelta(hours=2))
    assert tell(world) == [(A, "planned_changed")]
    assert tell(world, minutes=26 * 60) == [(A, "planned_reminder")]
    assert tell(world, minutes=60) == []
    world.do(desk.start, outage)
    world.begin(outage)
    assert tell(world) == [(A, "planned_started")]
    world.restore(outage)
    assert tell(world) == [(A, "planned_done")]


def test_planned_work_that_takes_longer_is_told_before_it_begins_and_after(world: World) -> None:
    world.account("one", ["P1"], A)
    starts, ends = START + timedelta(hours=30), START + timedelta(hours=34)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=starts, planned_end=ends)
    assert tell(world) == [(A, "planned_notice")]
    world.revise(outage, planned_end=ends + timedelta(hours=2))
    assert tell(world) == [(A, "planned_changed")]
    world.revise(outage, place="Elm Street")
    assert tell(world) == []
    assert tell(world, minutes=6 * 60) == [(A, "planned_reminder")]
    assert tell(world, minutes=24 * 60) == []
    world.do(desk.start, outage)
    world.begin(outage)
    assert tell(world) == [(A, "planned_started")]
    world.revise(outage, planned_end=ends + timedelta(hours=4))
    assert tell(world) == [(A, "etr_later")]
    assert "Est. back Tue 12:00PM" in newest(world)
    # It takes longer still, and nobody has said so.
    assert tell(world, minutes=9 * 60) == [(A, "etr_passed")]
    world.restore(outage)
    assert tell(world) == [(A, "planned_done")]


def newest(world: World) -> str:
    """The newest text that was worded."""
    with world.db.read() as conn:
        return str(
            conn.execute(
                sa.select(t.texts.c.body)
                .join(t.messages, t.messages.c.text_key == t.texts.c.key)
                .order_by(t.messages.c.claimed_at.desc(), t.messages.c.key.desc())
            ).scalar()
        )


def test_times_in_texts_are_those_of_the_place(world: World) -> None:
    world.account("east", ["P1"], A)
    world.account("west", ["P2"], B)
    world.account("nowhere", ["P3"], phone(3))
    with world.db.write() as conn:
        for name, zone in (("P1", "America/New_York"), ("P2", "America/Denver"), ("P3", "Elm St")):
            named = t.premises.c.id == name
            conn.execute(t.premises.update().where(named).values(time_zone=zone))
    world.declare("P1", "P2", "P3", etr=etr(5))
    tell(world)
    with world.db.read() as conn:
        texts = conn.execute(
            sa.select(t.endpoints.c.address, t.texts.c.body)
            .join(t.messages, t.messages.c.endpoint_key == t.endpoints.c.key)
            .join(t.texts, t.texts.c.key == t.messages.c.text_key)
        )
        said = {row.address: row.body for row in texts}
    # Five hours after 22:00 UTC; what is no zone is read as the utility's own, here UTC.
    assert "Est. back Sun 10:00PM" in said[A]
    assert "Est. back Sun 8:00PM" in said[B]
    assert "Est. back Mon 3:00AM" in said[phone(3)]


def test_planned_work_that_will_not_take_place_is_called_off(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=START + timedelta(hours=5))
    assert tell(world) == [(A, "planned_notice")]
    world.cancel(outage)
    assert tell(world) == [(A, "planned_cancelled")]


def test_planned_work_that_is_listed_no_more_before_it_begins_is_called_off(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=START + timedelta(hours=5))
    assert tell(world) == [(A, "planned_notice")]
    world.close_unlisted(outage)
    assert tell(world) == [(A, "planned_cancelled")]


@pytest.mark.parametrize(("started", "stage"), [(True, Stage.OVER), (False, Stage.CANCELLED)])
def test_planned_work_closed_after_its_start_is_called_off_only_if_it_never_began(
    world: World, started: bool, stage: Stage
) -> None:
    world.account("one", ["P1"], A)
    start = START + timedelta(hours=5)
    outage = world.declare("P1", kind=Kind.PLANNED, planned_start=start)
    assert tell(world) == [(A, "planned_notice")]
    if started:
        world.pass_time(hours=5)
        assert world.do(desk.start, outage, at=start).started_at == start
        world.begin(outage)
        assert tell(world) == [(A, "planned_started")]
    world.do(desk.unlist, outage)
    world.pass_time(hours=6)
    tell(world)
    world.close(outage)
    with world.db.read() as conn:
        key = world.key(conn, outage)
        assert facts.load(conn, [key])[key].policy.stage is stage
    assert ((A, "planned_cancelled") in tell(world)) is not started


def test_nobody_without_service_hears_that_it_stays_on(world: World) -> None:
    world.account("one", ["P1"], A)
    work = world.declare("P1", kind=Kind.PLANNED, planned_start=START + timedelta(hours=5))
    assert tell(world) == [(A, "planned_notice")]
    world.declare("P1")
    assert tell(world) == [(A, "detected")]
    world.cancel(work)
    assert tell(world) == [(A, "cancelled")]


def test_an_advisory_goes_to_everybody_who_has_not_stopped_us_and_is_lifted(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("silent", ["P2"], B, alerts=False)
    world.account("stopped", ["P3"], phone(3))
    with world.db.write() as conn:
        conn.execute(
            t.endpoints.update()
            .where(t.endpoints.c.address == phone(3))
            .values(opted_out_at=START, opt_out_source="sms")
        )
    outage = world.declare("P1", "P2", "P3", kind=Kind.ADVISORY, cause=Cause.WATER_QUALITY)
    assert sorted(tell(world)) == [(A, "advisory"), (B, "advisory")]
    world.lift(outage)
    assert sorted(tell(world)) == [(A, "advisory_lifted"), (B, "advisory_lifted")]


def test_an_advisory_is_taken_back_at_any_hour_from_everybody_who_was_told(world: World) -> None:
    world.account("one", ["P1"], A)
    world.account("silent", ["P2", "P3"], B, alerts=False)
    night = asleep(world)
    night.pass_time(hours=2)
    outage = night.declare("P1", "P2", kind=Kind.ADVISORY, cause=Cause.WATER_QUALITY)
    assert sorted(tell(night)) == [(A, "advisory"), (B, "advisory")]
    night.include(outage, ["P1"])
    assert tell(night) == [(B, "correction unaffected")]
    night.cancel(outage)
    assert tell(night) == [(A, "cancelled")]


def test_an_advisory_stays_where_an_account_that_wants_no_alerts_has_the_place(
    world: World,
) -> None:
    world.account("home", ["P1"], A)
    world.account("shop", ["P2"], A, alerts=False)
    outage = world.declare("P1", "P2", kind=Kind.ADVISORY, cause=Cause.WATER_QUALITY)
    assert tell(world) == [(A, "advisory")]
    world.include(outage, ["P2"])
    assert tell(world) == []
    world.lift(outage)
    assert tell(world) == [(A, "advisory_lifted")]


@pytest.mark.parametrize("cause", [Cause.FLOOD, Cause.WATER_QUALITY])
def test_an_advisory_that_is_only_predicted_is_no_storm_watch(world: World, cause: Cause) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", kind=Kind.ADVISORY, cause=cause, predicted=True)
    assert tell(world) == []
    world.do(desk.confirm, outage)
    world.matched(outage)
    assert tell(world) == [(A, "advisory")]


@pytest.mark.parametrize(("hours_before", "heard"), [(1, ["restored"]), (48, [])])
def test_who_reported_a_loss_hears_that_it_is_over_however_short_it_was(
    world: World, hours_before: int, heard: list[str]
) -> None:
    world.account("one", ["P1"], A)
    world.account("two", ["P2"], B)
    with world.db.write() as conn:
        report = CustomerReport(
            kind=ReportKind.OUT,
            source="reply:1",
            premise_key=world.ids["P1"],
            service=Service.ELECTRIC,
            endpoint_key=world.ids[A],
        )
        reports.write_down(conn, report)
    world.pass_time(hours=hours_before)
    outage = world.declare("P1", "P2")
    world.plan()
    world.restore(outage)
    assert tell(world) == [(A, kind) for kind in heard]
    assert tell(world) == []


def test_a_storm_watch_is_told_once_and_taken_back_without_a_word(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", kind=Kind.ADVISORY, cause=Cause.WIND, predicted=True)
    assert tell(world) == [(A, "storm_watch")]
    world.do(desk.reject, outage)
    world.gis_has_passed()
    assert tell(world) == []


def test_a_message_of_the_release_before_still_says_what_was_told(world: World) -> None:
    world.account("one", ["P1"], A)
    outage = world.declare("P1", etr=etr(5))
    tell(world)
    with world.db.write() as conn:
        old = dict.fromkeys(("told_time", "told_update", "told_crew", "told_places"))
        conn.execute(t.messages.update().values(old))
    world.report(outage, etr=etr(5), crew_status=CrewStatus.ENROUTE)
    assert tell(world) == []
    world.report(outage, etr=etr(9))
    assert tell(world) == [(A, "etr_later")]
