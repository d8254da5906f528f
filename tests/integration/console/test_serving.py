"""What an agent does for who calls: once, on the audit log, and never to other accounts."""

import html
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from notifier import stopping
from notifier.inbound import Inbox
from outage import audit, disowned, report_groups
from outage import tables as t
from outage.clock import business_now
from outage.database import Database
from outage.rights import Role
from tests.integration.console.lives import A, settled
from tests.integration.notifier.sending import SITE
from tests.integration.notifier.world import ACTOR, START, World, phone
from tests.unit.console.staffed import Desk, csrf

NEW = "+13125550142"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return settled(database, tmp_path)


def agent(world: World, role: Role = Role.AGENT) -> TestClient:
    return Desk.of(world.db).arrive("agnes", role)[0]


def send(who: TestClient, to: str, once: str = "", **fields: str) -> str:
    """Send a form of the screen, and say what the address tells of what was done."""
    page = who.get("/accounts/one").text
    found = re.search(r'name="once" value="([^"]+)"', page)
    assert found
    form = csrf(who) | {"once": once or found[1]} | fields
    answer = who.post(f"/accounts/one/{to}", data=form)
    assert answer.status_code == 303, answer.text
    address: str = answer.headers["location"]
    assert 'role="status"' in who.get(address).text
    return address.partition("?said=")[2]


def one(world: World, statement: sa.Select[Any]) -> Any:  # noqa: ANN401  # whatever was asked for
    with world.db.read() as conn:
        return conn.execute(statement).scalar_one()


def rows(world: World, table: sa.Table) -> list[Any]:
    with world.db.read() as conn:
        return list(conn.execute(table.select()))


def actions(world: World) -> list[str]:
    with world.db.read() as conn:
        entries = [each for each in audit.newest(conn) if each.about == "account:one"]
    assert not any(A in str(each) or NEW in str(each) for each in entries)
    return [each.action for each in reversed(entries)]


def contact(world: World, address: str) -> int:
    c, e = t.contacts.c, t.endpoints.c
    found = sa.select(c.key).join(t.endpoints, e.key == c.endpoint_key).where(e.address == address)
    return int(one(world, found))


def test_a_report_of_what_nobody_knew_waits_at_the_desk(world: World) -> None:
    who, place = agent(world), str(world.ids["P1"])
    fields = {"place": place, "service": "electric", "once": "w"}
    assert send(who, "reports", **fields) == "report_new"
    assert send(who, "reports", **fields) == "report_again"
    (report,) = rows(world, t.reports)
    assert (report.kind, report.source, report.outage_key) == ("out", "staff:w", None)
    assert (report.premise_key, report.endpoint_key) == (int(place), None)
    with world.db.read() as conn:
        (group,) = report_groups.groups(conn)
    assert (group.reports, group.premises) == (1, 1)
    assert actions(world) == ["report for customer"]


def test_a_report_of_what_is_known_goes_with_its_outage(world: World) -> None:
    outage = world.declare("P1")
    who = agent(world)
    assert send(who, "reports", place=str(world.ids["P1"]), service="electric") == "report_known"
    (report,) = rows(world, t.reports)
    assert report.outage_key == one(
        world, sa.select(t.outages.c.key).where(t.outages.c.id == outage)
    )
    # Water is another matter.
    assert send(who, "reports", place=str(world.ids["P1"]), service="water") == "report_new"


def test_out_again_just_after_it_was_restored_lets_the_outage_go_on_there(world: World) -> None:
    outage = world.declare("P1", "P8")
    world.restore(outage)
    with world.db.write() as conn:
        key = conn.execute(sa.select(sa.func.max(t.restorations.c.key))).scalar_one()
        m = t.memberships
        ended = {"until": START, "outcome": "restored", "restoration_key": key}
        conn.execute(m.update().values(**ended))
    who = agent(world)
    assert send(who, "reports", place=str(world.ids["P1"]), service="electric") == "report_reopened"
    (report,) = rows(world, t.reports)
    assert (report.kind, report.source[:6]) == ("stillOut", "staff:")
    still = one(world, sa.select(t.journal.c.actor).where(t.journal.c.kind == "reopened"))
    assert still.startswith("staff:")


def test_a_place_of_somebody_else_cannot_be_reported(world: World) -> None:
    who = agent(world)
    for place, service, status in (
        (str(world.ids["P8"]), "electric", 422),
        ("x", "electric", 422),
        (str(world.ids["P1"]), "steam", 422),
        ("9" * 15, "electric", 422),
    ):
        form = csrf(who) | {"once": "1", "place": place, "service": service}
        assert who.post("/accounts/one/reports", data=form).status_code == status
    assert rows(world, t.reports) == []


def test_they_are_texted_how_it_stands_now_and_not_an_old_text(world: World) -> None:
    world.declare("P1", cause="tree")
    who, key = agent(world), contact(world, A)
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().where(t.endpoints.c.address == A).values(language="es"))
    # No number of the tests' own is one that anybody could have.
    with world.db.write() as conn:
        conn.execute(t.endpoints.update().where(t.endpoints.c.address == A).values(address=NEW))
    assert send(who, f"contacts/{key}/status", once="w") == "told"
    assert send(who, f"contacts/{key}/status", once="w") == "not_told"
    Inbox(world.db, world.settings, SITE.model_copy(update={"languages": ("en", "es")})).drain()
    (reply,), (answer,) = rows(world, t.replies), rows(world, t.answers)
    assert (reply.provider, reply.outcome, reply.for_staff) == ("staff", "told_out", False)
    assert (answer.address, answer.language, answer.state) == (NEW, "es", "pending")
    assert "luz" in answer.body or "electric" in answer.body.lower()
    assert actions(world) == ["text status"]
    page = who.get("/accounts/one").text
    assert "an agent asked for them: told_out" in page
    assert html.escape(answer.body) in page
    # Once the number is somebody else's, what was written from it is no longer shown.
    send(who, f"contacts/{key}/not-theirs")
    assert "an agent asked for them" not in who.get("/accounts/one").text


def test_who_has_stopped_or_is_not_theirs_is_not_texted(world: World) -> None:
    who, key = agent(world), contact(world, A)
    other, mail = contact(world, phone(9)), contact(world, "anna.b@example.org")
    for which in (other, mail, 10**9):
        assert send(who, f"contacts/{which}/status") == "not_told"
    for values in ({"opted_out_at": START}, {"opted_out_at": None, "invalid_at": START}):
        with world.db.write() as conn:
            conn.execute(t.endpoints.update().values(**values))
        assert send(who, f"contacts/{key}/status") == "not_told"
        assert "Text how it stands" not in who.get("/accounts/one").text
    assert rows(world, t.replies) == []


def test_while_sending_is_stopped_nobody_is_texted_or_asked(world: World) -> None:
    who, key = agent(world), contact(world, A)
    with world.db.write() as conn:
        stopping.stop(conn, actor=ACTOR, why="a wrong text")
    assert send(who, f"contacts/{key}/status") == "not_told"
    assert send(who, "contacts", address="(312) 555-0142", language="en") == "not_asked"
    assert rows(world, t.replies) == rows(world, t.opt_ins) == actions(world) == []


def test_a_number_that_is_not_theirs_hears_nothing_until_it_is_again(world: World) -> None:
    who, key = agent(world), contact(world, A)
    assert send(who, f"contacts/{key}/not-theirs") == "ended"
    assert send(who, f"contacts/{key}/not-theirs") == "unchanged"
    assert "they said so here" in who.get("/accounts/one").text
    world.declare("P1")
    world.plan()
    e, m = t.endpoints.c, t.messages.c
    told = (
        sa.select(sa.func.count())
        .select_from(t.messages)
        .join(t.endpoints, e.key == m.endpoint_key)
    )
    assert one(world, told.where(e.address == A)) == 0
    assert one(world, told) == 1
    assert send(who, f"contacts/{key}/theirs") == "begun"
    assert send(who, f"contacts/{key}/theirs") == "unchanged"
    # Not those of others, by their numbers.
    other = contact(world, phone(9))
    assert send(who, f"contacts/{other}/not-theirs") == "unchanged"
    assert {row.ended_by for row in rows(world, t.contacts)} == {None}
    assert actions(world) == ["contact not theirs", "contact theirs"]


def test_a_number_that_went_to_somebody_else_is_not_theirs_again(world: World) -> None:
    """Who has it now said WRONG and asked for texts of their own: an agent's slip tells them no
    more of this account."""
    who, key = agent(world), contact(world, A)
    assert send(who, f"contacts/{key}/not-theirs") == "ended"
    e = t.endpoints
    with world.db.write() as conn:
        wrong = {"invalid_at": business_now(conn), "invalid_code": disowned.WRONG_PERSON}
        conn.execute(e.update().where(e.c.address == A).values(**wrong))
        endpoint = conn.execute(e.select().where(e.c.address == A)).one()
        # As their own yes does (`notifier.opting`).
        disowned.part(conn, endpoint, business_now(conn))
        conn.execute(e.update().values(invalid_at=None, invalid_code=None))
    assert send(who, f"contacts/{key}/theirs") == "unchanged"
    assert "Theirs after all" not in who.get("/accounts/one").text
    c = t.contacts.c
    assert one(world, sa.select(c.ended_by).where(c.key == key)) == disowned.WRONG_PERSON


def test_what_bounced_is_tried_again_but_not_what_is_somebody_elses(world: World) -> None:
    who, key = agent(world), contact(world, A)
    for code, said in (("30005", "tried"), ("wrong_person", "unchanged")):
        with world.db.write() as conn:
            bad = {"invalid_at": START, "invalid_code": code}
            conn.execute(t.endpoints.update().values(**bad))
        shown = "Write to it again" in who.get("/accounts/one").text
        assert shown is (said == "tried")
        assert send(who, f"contacts/{key}/try-again") == said
    still = {row.address for row in rows(world, t.endpoints) if row.invalid_at is not None}
    assert still == {row.address for row in rows(world, t.endpoints)}


def test_a_new_number_is_asked_for_a_yes_before_it_is_theirs(world: World) -> None:
    who, before = agent(world), len(rows(world, t.contacts))
    fields = {"address": "(312) 555-0142", "language": "en"}
    assert send(who, "contacts", **fields) == "asked_phone"
    # Asked just now: once is enough.
    assert send(who, "contacts", **fields) == "not_asked"
    (answer,) = rows(world, t.answers)
    assert (answer.address, answer.channel) == (NEW, "sms")
    assert "YES" in answer.body
    assert len(rows(world, t.contacts)) == before
    assert actions(world) == ["contact add"]
    for address in ("12", "a@b@c", "x@"):
        form = csrf(who) | {"once": "1", "address": address, "language": "en"}
        refused = who.post("/accounts/one/contacts", data=form)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text


def test_who_may_only_read_does_nothing(world: World) -> None:
    viewer, key = agent(world, Role.VIEWER), contact(world, A)
    page = viewer.get("/accounts/one").text
    assert "/accounts/one/" not in page
    for to in ("reports", "contacts", *(f"contacts/{key}/{do}" for do in DEEDS)):
        assert viewer.post(f"/accounts/one/{to}", data=csrf(viewer)).status_code == 403
    assert actions(world) == []


DEEDS = ("status", "not-theirs", "theirs", "try-again")
