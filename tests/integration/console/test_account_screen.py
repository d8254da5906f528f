"""One account on one screen: what it went through, what it was told and why, and who may see it."""

import html
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from console import dealings, dossier, exchanges
from outage import audit, settings
from outage import tables as t
from outage.database import Database
from outage.model import AccountKey
from outage.rights import Role
from tests.integration.console.lives import A, lived, record, settled
from tests.integration.notifier.sending import SITE
from tests.integration.notifier.world import START, World, phone
from tests.unit.console.staffed import Desk, csrf


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return settled(database, tmp_path)


def read(answer: httpx2.Response) -> str:
    """What somebody reads on a page, in one line."""
    assert answer.status_code == 200, answer.text
    main = answer.text[answer.text.index("<main") :]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def test_one_screen_answers_what_a_caller_asks(world: World) -> None:
    outage = lived(world)
    staffed = Desk.of(world.db)
    agent, _ = staffed.arrive("agnes", Role.AGENT)
    page = read(agent.get("/accounts/one"))
    for said in (
        "Without service at 1 of 2 places.",
        f"No electric since Sun 04 Jan 2026 22:00 UTC , {outage}, back by Mon 05 Jan 2026 06:00",
        "P2 no outage known",
        A,
        "anna.b@example.org",
        "confirmed: the last message was delivered",
        "by the CIS, Sun 04 Jan 2026 22:00 UTC",
        "1 of their places without service since Sun 04 Jan 2026 22:00 UTC",
        "2 times were given",
        "pole down",
        "The phone ending in 0101 is told nothing now: what they were last told still holds.",
        "was to be told that service will be back later than they were told, because of journal",
        "The mailbox at example.org was to be told that service is out",
        "Receipt: delivered, Sun 04 Jan 2026 22:00 UTC",
        "Nobody has written anything.",
    ):
        assert said in page, (said, page)
    # The newest message comes first, and other accounts' are not here.
    assert page.index("will be back later than they were told, because") < page.index(
        "was to be told that service is out"
    )
    assert phone(9) not in page
    assert "0109" not in page
    # By a place that it holds as well, as in the API.
    assert "Account one" in read(agent.get("/accounts/P2"))
    assert agent.get("/accounts/nobody").status_code == 404
    assert agent.get("/accounts/one?messages=x").status_code == 400


def test_an_account_without_anything_says_so(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(t.accounts.insert().values(id="empty", name="<b>Nobody</b>"))
    viewer, _ = Desk.of(world.db).arrive("vera", Role.VIEWER)
    answer = viewer.get("/accounts/empty")
    assert "<b>Nobody" not in answer.text
    page = read(answer)
    for said in (
        "They hold no place now.",
        "nobody here can be told",
        "Nobody has written anything.",
        "No outage has concerned this account.",
        "Nothing was to be sent to this account.",
        "Nothing came from their numbers and addresses.",
    ):
        assert said in page, (said, page)


def test_health_of_contacts_is_told_apart(world: World) -> None:
    states: dict[str, dict[str, Any]] = {
        "stopped Sun": {"opted_out_at": START, "opt_out_source": "reply"},
        "suppressed by a list": {"opted_out_at": START, "opt_out_source": "import:bounce"},
        "bounced Sun 04 Jan 2026 22:00 UTC, code 30005": {
            "invalid_at": START,
            "invalid_code": "30005",
        },
        "nothing sent yet": {},
    }
    nothing = dict.fromkeys(("opted_out_at", "opt_out_source", "invalid_at", "invalid_code"))
    viewer, _ = Desk.of(world.db).arrive("vera", Role.VIEWER)
    for said, values in states.items():
        with world.db.write() as conn:
            here = t.endpoints.c.address == A
            conn.execute(t.endpoints.update().where(here).values(nothing | values))
        page = read(viewer.get("/accounts/one"))
        assert said in page, page
        # Who cannot find people by a number is not shown one whole.
        assert A not in page
        assert "…0101" in page
        assert "a…@example.org" in page
    with world.db.write() as conn:
        conn.execute(t.contacts.update().values(ended_at=START, ended_by="wrong_person"))
    assert "not theirs since Sun 04 Jan 2026 22:00 UTC, said who has the number" in read(
        viewer.get("/accounts/one")
    )


def test_who_may_not_see_whether_they_are_medical_does_not_and_each_look_is_kept(
    world: World,
) -> None:
    staffed = Desk.of(world.db)
    agent, _ = staffed.arrive("agnes", Role.AGENT)
    viewer, _ = staffed.arrive("vera", Role.VIEWER)
    assert "medical equipment" not in viewer.get("/accounts/one").text
    assert viewer.post("/accounts/one/medical", data=csrf(viewer)).status_code == 403
    assert "depends on medical" not in read(agent.get("/accounts/one"))
    assert looks(world) == []
    found = read(agent.post("/accounts/one/medical", data=csrf(agent)))
    assert "Somebody here depends on medical equipment." in found
    assert "The CIS has nobody here" in read(agent.post("/accounts/P8/medical", data=csrf(agent)))
    assert looks(world) == ["account:other", "account:one"]
    assert agent.post("/accounts/nobody/medical", data=csrf(agent)).status_code == 404
    assert len(looks(world)) == 2


def looks(world: World) -> list[str]:
    with world.db.read() as conn:
        return [one.about for one in audit.newest(conn) if one.action == "look at medical"]


def test_a_note_is_written_once_and_stands_with_who_and_when(world: World) -> None:
    staffed = Desk.of(world.db)
    agent, _ = staffed.arrive("agnes", Role.AGENT)
    once = re.search(r'name="once" value="([^"]+)"', agent.get("/accounts/one").text)
    assert once
    words = "Called twice.\r\n\r\n  <i>Dog</i> in the yard. "
    form = csrf(agent) | {"once": once[1], "text": words}
    for _ in range(2):
        answer = agent.post("/accounts/one/notes", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/accounts/one#notes")
    page = agent.get("/accounts/one")
    assert page.text.count("Called twice.\n&lt;i&gt;Dog&lt;/i&gt; in the yard.") == 1
    assert "Sun 04 Jan 2026 22:00 UTC, agnes Called twice." in read(page)
    with world.db.read() as conn:
        entries = [one for one in audit.newest(conn) if one.action == "note"]
    assert [one.about for one in entries] == ["account:one"]
    assert "twice" not in str(entries)
    viewer, _ = staffed.arrive("vera", Role.VIEWER)
    assert "Write it down" not in read(viewer.get("/accounts/one"))
    assert viewer.post("/accounts/one/notes", data=csrf(viewer)).status_code == 403
    assert "Called twice." in read(viewer.get("/accounts/one"))


def test_a_note_that_says_nothing_or_too_much_is_not_written(world: World) -> None:
    agent, _ = Desk.of(world.db).arrive("agnes", Role.AGENT)
    refused = agent.post("/accounts/one/notes", data=csrf(agent) | {"once": "1", "text": " \n "})
    assert refused.status_code == 422
    assert "Write what the note is to say." in refused.text
    for text in ("x" * 501, "a\x00b", "a\u202eb"):
        form = csrf(agent) | {"once": "1", "text": text}
        assert agent.post("/accounts/one/notes", data=form).status_code == 422
    with world.db.read() as conn:
        assert conn.execute(t.account_notes.select()).all() == []


def test_long_lists_come_a_page_at_a_time_and_in_no_more_statements(world: World) -> None:
    outages = [world.declare("P1", "P2")]
    world.plan()
    record(world)
    few = statements(world)
    outages += [world.declare("P1", "P2") for _ in range(dealings.OUTAGES + 1)]
    with world.db.write() as conn:
        account = world.ids["account one"]
        places = range(1000, 1000 + dossier.PLACES + 5)
        conn.execute(
            t.premises.insert(),
            [{"key": key, "id": f"Q{key}", "services": 3, "loaded_version": 1} for key in places],
        )
        held = [{"account_key": account, "premise_key": key, "since": START} for key in places]
        conn.execute(t.occupancies.insert(), held)
        for at in range(dossier.CONTACTS):
            world._contact(conn, account, phone(200 + at), "en")  # noqa: SLF001  # the world's own
        conn.execute(
            t.account_notes.insert(),
            [
                {"account_key": account, "once": str(n), "at": START, "actor": "cli", "text": "x"}
                for n in range(dossier.NOTES + 1)
            ],
        )
    world.plan()
    record(world)
    assert statements(world) == few
    viewer, _ = Desk.of(world.db).arrive("vera", Role.VIEWER)
    for name, mark, expected in (
        ("places", r"P\d+|Q\d+", {"P1", "P2", *(f"Q{key}" for key in places)}),
        ("outages", r"O-\w+", set(outages)),
    ):
        assert walked(viewer, name, rf'id="({mark})"|(?:row">)({mark})<') == expected
    with world.db.read() as conn:
        rows = [one for at in pages(conn, account) for one in at]
        counted = conn.execute(
            sa.select(sa.func.count()).where(t.messages.c.account_key == account)
        ).scalar_one()
    assert counted > dealings.MESSAGES
    assert len(rows) == counted
    assert [one.planned_at for one in rows] == sorted(
        (one.planned_at for one in rows), reverse=True
    )
    assert "Further contacts" in viewer.get("/accounts/one").text
    assert "Older notes" in viewer.get("/accounts/one").text


def pages(conn: sa.Connection, account: int) -> list[tuple[dealings.Told, ...]]:
    found, before = [], 0
    while True:
        some = dealings.messages(conn, AccountKey(account), before, zone=SITE.zone)
        found.append(some.rows)
        before = some.next
        if not before:
            return found


def walked(viewer: Any, name: str, mark: str) -> set[str]:  # noqa: ANN401  # a test's browser
    """Follow the links of a list from page to page."""
    found: list[str] = []
    address = "/accounts/one"
    while address:
        text = viewer.get(address).text
        begin = text.index(f'aria-labelledby="{name}"')
        part = text[begin : text.index("</section>", begin)]
        found += ["".join(hit) for hit in re.findall(mark, part) if "".join(hit) != name]
        more = re.search(rf'href="(/accounts/one\?{name}=\d+)', part)
        address = more[1] if more else ""
    assert len(found) == len(set(found))
    return set(found)


def statements(world: World) -> int:
    """How many a screen takes."""
    counted = []

    def count(*_: object) -> None:
        counted.append(1)

    sa.event.listen(world.db.engine, "before_cursor_execute", count)
    try:
        with world.db.read() as conn:
            one = dossier.holder(conn, "one")
            dossier.places(conn, one.key, 0)
            dossier.contacts(conn, one.key, 0, whole=True)
            dossier.notes(conn, one.key, 0)
            dealings.outages(conn, one.key, 0, site=SITE, settings=settings.load({}))
            dealings.messages(conn, one.key, 0, zone=SITE.zone)
            exchanges.exchanges(conn, one.key, 0)
    finally:
        sa.event.remove(world.db.engine, "before_cursor_execute", count)
    return len(counted)
