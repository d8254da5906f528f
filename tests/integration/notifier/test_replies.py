"""What a text does to the record, and what is answered: on SQLite and on PostgreSQL."""

import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from notifier.inbound import ATTEMPTS, InboundText, accept
from notifier.replies import listing
from notifier.replies.applying import MOST_AN_HOUR
from notifier.replies.paging import MOST_PAGES
from notifier.replies.sending import Answers
from outage import tables as t
from outage.model import Status
from tests.integration.notifier.sending import accepted, outbox, said, tell
from tests.integration.notifier.talk import SITE, Talk
from tests.integration.notifier.world import START, World, etr
from tests.unit.notifier.channels.provider import Answer, Call

ME, OTHER, STRANGER = "+13035550101", "+13035550102", "+13035550199"


@pytest.fixture
def talk(world: World) -> Talk:
    """One account with a house, and one with two places on two streets."""
    talk = Talk(world)
    world.account("one", ["P1"], ME)
    world.account("two", ["P2", "P3"], OTHER)
    talk.address("P1", "12 Oak St", postal_code="77002")
    talk.address("P2", "40 Elm Ave", postal_code="77002")
    talk.address("P3", "7 Maple Rd", postal_code="77003")
    return talk


def test_stop_ends_every_text_and_start_begins_them_again(talk: Talk) -> None:
    assert "no more outage texts" in talk.say(ME, "please stop texting me")
    stopped = talk.endpoint(ME)
    assert stopped.opted_out_at is not None
    assert stopped.opt_out_source == "reply"
    assert talk.endpoint(OTHER).opted_out_at is None
    talk.world.declare("P1", "P2")
    talk.world.plan()
    assert [address for address, _, _ in talk.world.messages()] == [OTHER]
    # Who has stopped is told nothing but what the law lets be told; staff see what was written.
    assert talk.say(ME, "my fridge is full") == "opted_out"
    assert talk.last().for_staff
    assert "outage texts again" in talk.say(ME, "START")
    assert talk.endpoint(ME).opted_out_at is None
    assert talk.last().outcome == "opted_in"


def test_start_outdoes_what_the_cis_said_of_the_account(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False))
    talk.say(ME, "start")
    with talk.world.db.read() as conn:
        a = t.accounts.c
        rows = conn.execute(sa.select(a.outage_alerts, a.alerts_source).order_by(a.key)).all()
    assert [tuple(row) for row in rows] == [(True, "person"), (False, "cis")]


def test_a_stop_word_in_a_sentence_is_asked_back_and_obeyed_on_yes(talk: Talk) -> None:
    assert "reply STOP" in talk.say(ME, "I want this to end")
    assert talk.endpoint(ME).opted_out_at is None
    assert "no more outage texts" in talk.say(ME, "yes")
    assert talk.endpoint(ME).opted_out_at is not None


def test_what_the_provider_has_answered_is_done_and_not_answered_again(talk: Talk) -> None:
    assert talk.say(ME, "STOP", opt_out_type="STOP") == "answered_by_provider"
    assert talk.endpoint(ME).opted_out_at is not None


def test_out_reports_the_place_and_out_cancel_takes_it_back(talk: Talk) -> None:
    assert "power out at Oak St" in talk.say(ME, "OUT")
    assert talk.reports() == [("out", talk.world.ids["P1"], False)]
    assert talk.last().for_staff, "nobody else knows of it"
    assert "taken back" in talk.say(ME, "OUT CANCEL")
    assert talk.reports() == [("out", talk.world.ids["P1"], True)]
    assert "no report from you" in talk.say(ME, "out cancel")


def test_out_where_it_is_known_gives_the_news(talk: Talk) -> None:
    talk.world.declare("P1")
    said = talk.say(ME, "no power")
    assert "your report is noted" in said
    assert "Power out at Oak St since" in said
    assert not talk.last().for_staff


def test_who_has_several_places_is_asked_which(talk: Talk) -> None:
    asked = talk.say(OTHER, "OUT")
    assert asked.endswith("1 Elm Ave, 2 Maple Rd")
    assert "only a number from 1 to 2" in talk.say(OTHER, "3")
    assert "out at Maple Rd" in talk.say(OTHER, "2")
    assert talk.reports() == [("out", talk.world.ids["P3"], False)]
    # What was asked is answered; a number now means nothing.
    assert "Reply OUT to report" in talk.say(OTHER, "1")
    assert len(talk.reports()) == 1


def test_a_house_number_chooses_too_and_one_in_the_report_needs_no_question(talk: Talk) -> None:
    talk.say(OTHER, "OUT")
    assert "out at Elm Ave" in talk.say(OTHER, "40 elm")
    assert "out at Maple Rd" in talk.say(OTHER, "no water at 7 Maple")
    assert [premise for _, premise, _ in talk.reports()] == [
        talk.world.ids["P2"],
        talk.world.ids["P3"],
    ]


def test_a_house_number_is_said_only_where_two_are_on_one_street(talk: Talk) -> None:
    talk.address("P3", "44 Elm Ave")
    assert talk.say(OTHER, "OUT").endswith("1 40 Elm Ave, 2 44 Elm Ave")


def test_status_tells_what_is_known_now(talk: Talk) -> None:
    assert "no outage at Oak St" in talk.say(ME, "STATUS")
    outage = talk.world.declare("P1")
    assert "No return time yet." in talk.say(ME, "when will it end")
    talk.world.restore(outage)
    assert "no outage at Oak St" in talk.say(ME, "status")


def test_status_of_several_places_says_which_is_out(talk: Talk) -> None:
    talk.world.declare("P3")
    said = talk.say(OTHER, "status")
    assert "Power out at Maple Rd since" in said
    assert "Elm" not in said


def test_off_reopens_that_premise_alone(talk: Talk) -> None:
    talk.restored("P1", "P2", "P3")
    assert "still out at Oak St" in talk.say(ME, "OFF")
    with talk.world.db.read() as conn:
        row = conn.execute(t.outages.select()).one()
        entry = conn.execute(t.journal.select().where(t.journal.c.kind == "reopened")).one()
    assert row.status == Status.PARTIALLY_RESTORED
    assert f'"premises": [{talk.world.ids["P1"]}]' in entry.data
    assert talk.last().outcome == "premise_reopened"
    assert talk.reports() == [("stillOut", talk.world.ids["P1"], False)]


def test_off_of_two_places_asks_only_about_those_that_were_restored(talk: Talk) -> None:
    talk.restored("P3")
    assert "still out at Maple Rd" in talk.say(OTHER, "still no power")


@pytest.mark.parametrize("planned_first", [False, True])
def test_who_is_answered_that_it_is_still_out_gets_no_correction_too(
    talk: Talk, planned_first: bool
) -> None:
    """Told once: the answer counts as what they were told, from the moment it is owed."""
    with outbox(talk.world) as (box, provider):
        answers = Answers(talk.world.db, box.settings, SITE)
        outage = talk.world.declare("P1", "P2")
        tell(talk.world, box)
        talk.end(outage, "P1", "P2")
        tell(talk.world, box)
        talk.say(ME, "OFF")
        talk.goes_on(outage, "P1")
        if planned_first:
            tell(talk.world, box)
        with closing(answers):
            assert answers.turn()
        tell(talk.world, box)
        heard = [body for number, body in said(provider) if number == ME]
    assert len(heard) == 3
    assert "still out at Oak St" in heard[-1]
    told = [(kind, state) for number, kind, state in talk.world.messages() if number == ME]
    assert told == [
        ("detected", "accepted"),
        ("restored", "accepted"),
        ("still_out_received", "accepted"),
    ]


def test_an_answer_that_was_not_sent_leaves_the_correction_to_be_told(talk: Talk) -> None:
    with outbox(talk.world) as (box, provider):
        outage = talk.world.declare("P1")
        tell(talk.world, box)
        talk.end(outage, "P1")
        tell(talk.world, box)
        talk.say(ME, "OFF")
        with talk.world.db.write() as conn:
            # The processes were away for longer than an answer answers anything.
            conn.execute(t.answers.update().values(created_at=START))
        with closing(Answers(talk.world.db, box.settings, SITE)) as answers:
            assert answers.turn()
        talk.goes_on(outage, "P1")
        tell(talk.world, box)
        heard = [body for number, body in said(provider) if number == ME]
    told = [(kind, state) for number, kind, state in talk.world.messages() if number == ME]
    assert told[2:] == [("still_out_received", "expired"), ("correction out", "accepted")]
    assert "Correction" in heard[-1]


def test_out_right_after_restored_means_that_it_never_came_back(talk: Talk) -> None:
    talk.restored("P1")
    talk.world.pass_time(hours=1)
    assert "still out at Oak St" in talk.say(ME, "power is out")
    with talk.world.db.read() as conn:
        assert conn.execute(t.outages.select()).one().status == Status.PARTIALLY_RESTORED


def test_out_long_after_restored_is_a_new_report(talk: Talk) -> None:
    talk.restored("P1")
    talk.world.pass_time(hours=5)
    assert "We have your report" in talk.say(ME, "power is out")
    with talk.world.db.read() as conn:
        assert conn.execute(t.outages.select()).one().status == Status.RESTORED


def test_an_unknown_number_is_asked_where_it_is_and_told_of_the_area_only(talk: Talk) -> None:
    talk.world.declare("P2")
    assert "house number and postal code" in talk.say(STRANGER, "STATUS")
    said = talk.say(STRANGER, "12 77002")
    assert "reported in your area" in said
    assert "Oak" not in said
    # It need not say again which place it is.
    assert "We have your report" in talk.say(STRANGER, "out")
    assert talk.reports() == [("out", talk.world.ids["P1"], False)]


def test_an_area_of_few_premises_is_told_of_as_part_of_a_wider_one(talk: Talk) -> None:
    """Alone in its postal code, a house could be watched by whoever knows its address."""
    talk.world.declare("P1")
    talk.say(STRANGER, "STATUS")
    assert "An outage is reported in your area" in talk.say(STRANGER, "7 77003")


def test_an_account_number_with_its_postal_code_is_told_of_its_place(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        conn.execute(t.accounts.update().where(t.accounts.c.id == "one").values(id="A-10442"))
    talk.world.declare("P1")
    assert "house number and postal code" in talk.say(STRANGER, "status")
    assert "Power out at Oak St" in talk.say(STRANGER, "A-10442 77002")


def test_an_account_number_alone_proves_nothing(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        conn.execute(t.accounts.update().where(t.accounts.c.id == "one").values(id="A-10442"))
    talk.world.declare("P1")
    talk.say(STRANGER, "out")
    assert "no such place" in talk.say(STRANGER, "A-10442")
    # With the house it would tell where that account is; a postal code says what they know.
    assert "no such place" in talk.say(STRANGER, "A-10442, house 12")
    said = talk.say(STRANGER, "A-99999, house 12, 77002")
    assert "We have your report: power out at your address" in said
    assert talk.reports() == [("out", talk.world.ids["P1"], False)]
    for text in ("status", "off", "on"):
        assert "Oak" not in talk.say(STRANGER, text)


def test_a_street_will_do_where_no_postal_code_is_on_record(talk: Talk) -> None:
    talk.say(STRANGER, "my lights are out")
    assert "We have your report" in talk.say(STRANGER, "it's 12 Oak St")
    assert talk.reports() == [("out", talk.world.ids["P1"], False)]


def test_a_place_that_is_not_there_is_asked_for_again(talk: Talk) -> None:
    talk.say(STRANGER, "OUT")
    assert "no such place" in talk.say(STRANGER, "99 77002")
    assert "We have your report" in talk.say(STRANGER, "12 77002")


def test_a_stranger_cannot_reopen_an_outage(talk: Talk) -> None:
    talk.restored("P1")
    talk.say(STRANGER, "OFF")
    assert "still out" in talk.say(STRANGER, "12 77002")
    assert talk.last().for_staff
    with talk.world.db.read() as conn:
        assert conn.execute(t.outages.select()).one().status == Status.RESTORED


def test_a_stranger_who_chooses_among_streets_has_proved_nothing(talk: Talk) -> None:
    talk.address("P2", "12 Elm Ave", postal_code="77002")
    talk.restored("P1", "P2")
    talk.say(STRANGER, "OFF")
    assert "1 " in talk.say(STRANGER, "12, 77002")
    talk.say(STRANGER, "1")
    with talk.world.db.read() as conn:
        assert conn.execute(t.outages.select()).one().status == Status.RESTORED
    assert talk.reports() == [("stillOut", talk.world.ids["P1"], False)]
    talk.world.declare("P2")
    talk.say(STRANGER, "OUT")
    told = talk.say(STRANGER, "2")
    assert talk.last().outcome == "reported_known"
    assert "since" not in told.lower()


def test_a_recycled_number_hears_nothing_more_of_the_account(talk: Talk) -> None:
    talk.world.declare("P1")
    assert "gets no more texts" in talk.say(ME, "wrong number")
    assert talk.endpoint(ME).invalid_code == "wrong_person"
    talk.world.plan()
    assert talk.world.messages() == []
    assert "Oak" not in talk.say(ME, "STATUS")


def test_a_language_is_changed_if_the_utility_speaks_it(talk: Talk) -> None:
    assert "le escribimos en español" in talk.say(ME, "ESPAÑOL")
    assert talk.endpoint(ME).language == "es"
    assert "No sabemos de ningun corte" in talk.say(ME, "STATUS")
    assert "We write in English, español" in talk.say(OTHER, "中文")
    assert talk.endpoint(OTHER).language == "en"


def test_an_answer_is_in_the_language_of_the_text(talk: Talk) -> None:
    assert "Tenemos su reporte: sin luz" in talk.say(ME, "no hay luz")
    assert "We have your report" in talk.say(OTHER, "no water at 7 Maple")


def test_danger_is_answered_with_whom_to_call_and_paged_at_once(talk: Talk) -> None:
    said = talk.say(ME, "huele a gas")
    assert "call 911" in said
    assert "Llame al 911" in said
    assert "alerting our staff" in said
    [(first, body), (second, _)] = talk.pages()
    assert (first, second) == ("+12025550101", "control-room@example.org")
    for fact in ("GAS", ME, "huele a gas", "Account one: 12 Oak St"):
        assert fact in body
    talk.say(STRANGER, "wire down on 5th")
    assert len(talk.pages()) == 4
    assert "belongs to no account" in talk.pages()[-1][1]


def test_danger_and_stop_in_one_text_are_both_heard(talk: Talk) -> None:
    said = talk.say(ME, "Stop texting, oxygen")
    assert "call 911 now" in said
    assert "You get no more outage texts" in said
    assert talk.endpoint(ME).opted_out_at is not None
    assert talk.last().outcome == "danger_medical opted_out"
    assert len(talk.pages()) == 2
    assert "have stopped our texts: call them" in talk.pages()[0][1]


def test_danger_does_not_swallow_the_report_in_the_same_text(talk: Talk) -> None:
    answer = talk.say(ME, "a wire is down and we have no power")
    assert "wire" in answer
    assert "Oak St" in answer
    assert talk.last().outcome == "danger_wire reported"
    talk.say(OTHER, "STOP")
    answer = talk.say(OTHER, "my mom is on oxygen, when will the power be back")
    assert talk.last().outcome.startswith("danger_medical told_")
    assert "Elm" not in answer


def test_danger_is_answered_where_the_provider_has_heard_stop(talk: Talk) -> None:
    assert "call 911 now" in talk.say(ME, "STOP oxygen", opt_out_type="STOP")
    assert talk.endpoint(ME).opted_out_at is not None
    assert len(talk.pages()) == 2


def test_a_machine_that_answers_danger_pages_once_and_is_answered_thrice(talk: Talk) -> None:
    said = [talk.say(ME, "Away. Emergency? Call our desk") for _ in range(6)]
    assert [one == "too_many" for one in said] == [False] * 3 + [True] * 3
    assert talk.last().for_staff
    assert len(talk.pages()) == 2
    # Other words are news, and so is another number; without end neither.
    talk.say(ME, "wire down too")
    talk.say(OTHER, "Away. Emergency? Call our desk")
    assert len(talk.pages()) == 6
    for number in range(10):
        talk.say(ME, f"emergency number {number}")
    assert len(talk.pages()) == 2 + 2 * MOST_PAGES


def test_a_page_that_failed_is_no_reason_not_to_page(talk: Talk) -> None:
    talk.say(ME, "gas leak")
    with talk.world.db.write() as conn:
        conn.execute(t.answers.update().where(t.answers.c.role == "page").values(state="failed"))
    talk.say(ME, "gas leak")
    assert len(talk.pages()) == 4


def test_the_same_danger_pages_again_after_a_while(talk: Talk) -> None:
    talk.say(ME, "gas leak")
    with talk.world.db.write() as conn:
        conn.execute(t.answers.update().values(created_at=START))
    talk.say(ME, "gas leak")
    assert len(talk.pages()) == 4


def test_danger_and_stop_overtake_and_each_number_keeps_its_order(talk: Talk) -> None:
    for text in ("STATUS", "STATUS", "START"):
        talk.write(OTHER, text)
    talk.write(STRANGER, "my freezer is full")
    talk.write(OTHER, "STOP")
    talk.write(ME, "STATUS")
    talk.write(ME, "there is a wire down")
    order = []
    while talk.inbox.turn():
        with talk.world.db.read() as conn:
            r = t.replies.c
            done = sa.select(r.body).where(r.applied_at.is_not(None)).order_by(r.key)
            order.append(set(conn.execute(done).scalars()))
    assert "my freezer is full" not in order[-2]
    assert talk.endpoint(OTHER).opted_out_at is not None
    assert "there is a wire down" in order[-2]


def test_a_quotation_of_ours_hides_nothing_written_beside_it(talk: Talk) -> None:
    talk.write(ME, "Liked \u201cExample L&W: Smell gas? Leave now, then call 911.\u201d")
    assert talk.inbox.drain() == 1
    assert (talk.last().intent, talk.pages(), talk.answers()) == ("reaction", [], [])
    assert "call 911" in talk.say(ME, "Liked \u201cExample L&W: thanks\u201d but I smell gas")
    assert len(talk.pages()) == 2


@pytest.mark.parametrize("changed", [False, True])
def test_status_says_no_none_while_an_outage_is_still_counted(talk: Talk, changed: bool) -> None:
    talk.world.declare("P2")
    with talk.world.db.write() as conn:
        conn.execute(t.shapes.insert().values(digest="new", wkb=b"", vertices=0))
        matched = "old" if changed else None
        conn.execute(t.outages.update().values(shape_digest="new", matched_shape_digest=matched))
    assert "We are finding out whether it is at Oak St" in talk.say(ME, "STATUS")
    assert talk.last().outcome == "told_counting"
    # Who is known to be out hears that.
    assert "Power out at Elm Ave" in talk.say(OTHER, "STATUS")
    with talk.world.db.write() as conn:
        conn.execute(t.outages.update().values(matched_shape_digest="new"))
    assert "We know of no outage at Oak St" in talk.say(ME, "STATUS")


def test_status_tells_the_time_on_the_clock_of_the_place(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        there = t.premises.c.id == "P1"
        conn.execute(t.premises.update().where(there).values(time_zone="America/Los_Angeles"))
        there = t.premises.c.id == "P3"
        conn.execute(t.premises.update().where(there).values(time_zone="no zone"))
    times = {}
    for zone in ("America/Los_Angeles", SITE.time_zone):
        at = START.astimezone(ZoneInfo(zone))
        times[zone] = f"{at:%a} {at:%I:%M%p}".replace(" 0", " ")
    assert len(set(times.values())) == 2
    assert f"As of {times['America/Los_Angeles']}." in talk.say(ME, "STATUS")
    outage = talk.world.declare("P1", "P3")
    talk.world.report(outage, etr=etr(9))
    at = (START + timedelta(hours=9)).astimezone(ZoneInfo("America/Los_Angeles"))
    told = talk.say(ME, "STATUS")
    assert f"since {times['America/Los_Angeles']}." in told
    assert f"{at:%I:%M%p}".removeprefix("0") in told
    # What is no zone is read as the utility's own.
    assert f"since {times[SITE.time_zone]}." in talk.say(OTHER, "STATUS")


def test_answers_to_one_number_go_out_one_after_the_other(talk: Talk) -> None:
    """A batch is sent all at once: the answer could overtake the question."""
    under_way: list[int] = []
    most: list[int] = []

    def slowly(call: Call) -> Answer:
        under_way.append(call.caller)
        time.sleep(0.2)
        most.append(len(under_way))
        under_way.remove(call.caller)
        return accepted(call)

    talk.say(STRANGER, "STATUS")
    talk.say(STRANGER, "12 77002")
    with (
        outbox(talk.world, slowly) as (box, provider),
        closing(Answers(talk.world.db, box.settings, SITE)) as answers,
    ):
        while answers.turn():
            pass
        heard = [body for number, body in said(provider) if number == STRANGER]
    assert most == [1, 1]
    assert "house number and postal code" in heard[0]
    assert "in your area" in heard[1]


def test_a_number_that_the_provider_has_stopped_is_stopped_here(talk: Talk) -> None:
    def refused(_call: Call) -> Answer:
        return Answer(400, b'{"code": 21610, "message": "unsubscribed", "status": 400}')

    talk.say(ME, "STATUS")
    with (
        outbox(talk.world, refused) as (box, _),
        closing(Answers(talk.world.db, box.settings, SITE)) as answers,
    ):
        assert answers.turn()
    stopped = talk.endpoint(ME)
    assert stopped.opted_out_at is not None
    assert stopped.opt_out_source == "twilio"
    assert talk.last().for_staff, "nobody has answered it"


def test_danger_is_answered_to_who_has_stopped_too(talk: Talk) -> None:
    talk.say(ME, "stop")
    assert "call 911" in talk.say(ME, "my mom is on oxygen")
    assert len(talk.pages()) == 2


def test_nobody_is_said_to_be_alerted_where_nobody_is_on_call(world: World, talk: Talk) -> None:
    quiet = Talk(world, site=SITE.model_copy(update={"on_call": ()}), numbers=talk.numbers)
    assert "alerting" not in quiet.say(ME, "gas leak")
    assert quiet.pages() == []
    assert quiet.last().for_staff


def test_a_short_code_is_listed_and_not_answered(talk: Talk) -> None:
    talk.write("72645", "Your code is 1234")
    assert talk.inbox.drain() == 1
    assert talk.answers() == []
    assert talk.last().for_staff


def test_the_same_text_again_is_the_same_text(talk: Talk) -> None:
    one = InboundText(provider="twilio", provider_id="SMx", address=ME, body="OUT")
    assert accept(talk.world.db, [one, one]) == 1
    assert accept(talk.world.db, [one] * 100) == 0
    assert talk.inbox.drain() == 1
    assert accept(talk.world.db, [replace(one, body="STOP")]) == 0
    assert talk.inbox.drain() == 0
    assert len(talk.answers()) == 1
    assert talk.endpoint(ME).opted_out_at is None


def test_two_machines_that_answer_each_other_come_to_an_end(talk: Talk) -> None:
    said = [talk.say(ME, "I am away and will answer soon") for _ in range(MOST_AN_HOUR + 3)]
    assert said[MOST_AN_HOUR:] == ["too_many"] * 3
    assert "more outage texts" in talk.say(ME, "STOP")


def test_what_cannot_be_applied_goes_to_staff_and_holds_nobody_up(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        # A damaged row of ours, which the program did not write.
        conn.execute(
            t.conversations.insert().values(
                endpoint_key=talk.world.ids[ME],
                asked="nonsense",
                about="out",
                asked_at=sa.text("9999999999999"),
            )
        )
    talk.write(ME, "OUT")
    talk.write(OTHER, "STATUS")
    assert talk.inbox.drain() == ATTEMPTS + 1
    with talk.world.db.read() as conn:
        found = {one.address: one for one in listing.replies(conn, everything=True)}
    assert (found[ME].reason, found[ME].for_staff) == ("failed", True)
    assert found[OTHER].outcome == "told_none"
    assert "passed on to our staff" in (found[ME].answer or "")


def test_danger_and_stop_are_heard_even_where_the_text_cannot_be_applied(talk: Talk) -> None:
    with talk.world.db.write() as conn:
        conn.execute(
            t.conversations.insert().values(
                endpoint_key=talk.world.ids[ME],
                asked="nonsense",
                about="out",
                asked_at=sa.text("9999999999999"),
            )
        )
    talk.write(ME, "stop texting me, I smell gas")
    assert talk.inbox.drain() == ATTEMPTS
    assert len(talk.pages()) == 2
    assert "call 911" in talk.answers()[-1]
    assert talk.endpoint(ME).opted_out_at is not None


def test_staff_see_what_waits_for_them_until_somebody_has_looked(talk: Talk) -> None:
    talk.say(ME, "STATUS")
    talk.say(ME, "my freezer is full")
    with talk.world.db.write() as conn:
        [waiting] = listing.replies(conn)
        assert (waiting.text, waiting.accounts, waiting.intent) == (
            "my freezer is full",
            ("one",),
            "other",
        )
        assert listing.handle(conn, waiting.key, by="test")
        assert not listing.handle(conn, 4711, by="test")
        assert listing.replies(conn) == []
        assert len(listing.replies(conn, everything=True)) == 2
        assert [one.intent for one in listing.replies(conn, everything=True, intent="status")] == [
            "status"
        ]
