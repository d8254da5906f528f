"""The temporary link: sent to a number on no account, opened by whoever has it, and its end."""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from counter.app import create_app
from counter.personal import PER_LINK
from notifier import gsm7, temporary
from notifier.links import BLANK, LENGTH, Links
from notifier.replies.applying import MOST_AN_HOUR
from notifier.replies.saying import MOST_SEGMENTS, MOST_WIDE_SEGMENTS
from notifier.replies.sending import Answers
from outage import regrouping
from outage import tables as t
from outage.model import CrewStatus, Kind, Service
from outage.settings import Settings, load
from outage.site import example, parse
from tests.integration.counter.test_personal import SITE, everything, forms, send
from tests.integration.counter.test_personal import link as personal_link
from tests.integration.notifier.sending import outbox
from tests.integration.notifier.sending import said as sent
from tests.integration.notifier.talk import Talk
from tests.integration.notifier.world import MANNERS, START, World, etr

ME, OTHER, STRANGER = "+13035550101", "+13035550102", "+13035550199"
HOUSE, ACCOUNT = "STATUS 12 77002", "STATUS A-10442 77002"


@pytest.fixture
def settings(tmp_path: object) -> Settings:
    return load(
        {
            "OUTAGE_HOME": str(tmp_path),
            "OUTAGE_SECRET_KEY": "made-up-key-of-some-length-0123456789",
            "OUTAGE_PUBLIC_URL": "https://outages.example.org",
            **MANNERS,
        }
    )


@pytest.fixture
def world(database: object, settings: Settings) -> World:
    """Two houses in one postal code, and a third in another; each has neighbours."""
    world = World(database, settings)  # type: ignore[arg-type]  # the fixture's own
    world.account("A-10442", ["P1"], ME)
    world.account("A-20555", ["P2"], OTHER)
    world.account("A-30666", ["P3"])
    talk = Talk(world)
    talk.address("P1", "12 Oak St", postal_code="77002")
    talk.address("P2", "40 Elm Ave", postal_code="77002")
    talk.address("P3", "7 Maple Rd", postal_code="77003")
    world.account("neighbours", [f"N{number}" for number in range(10)])
    for number in range(10):
        talk.address(f"N{number}", f"{100 + number} Pine Ct", postal_code=f"7700{2 + number % 2}")
    return world


@pytest.fixture
def talk(world: World) -> Talk:
    return Talk(world, SITE)


@pytest.fixture
def visitor(world: World, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, world.db, SITE)
    with TestClient(app, follow_redirects=False, base_url="http://127.0.0.1") as client:
        yield client


def paths(world: World) -> list[str]:
    """The paths of all links that went out with answers, in their order."""
    links = Links.of(world.settings)
    assert links is not None
    with world.db.read() as conn:
        keys = conn.execute(sa.select(t.temporary_links.c.answer_key)).scalars().all()
        made = temporary.links_of(conn, links, keys)
    return [made[key].removeprefix(world.settings.public_url) for key in sorted(keys)]


def asked(talk: Talk, text: str) -> str:
    """The path of the link in what is answered to an unknown number."""
    assert BLANK in talk.say(STRANGER, text)
    return paths(talk.world)[-1]


def test_a_number_on_no_account_is_sent_a_link_that_no_record_holds(
    talk: Talk, visitor: TestClient
) -> None:
    talk.world.declare("P1")
    assert BLANK not in talk.say(STRANGER, "STATUS")
    assert talk.say(STRANGER, "12 77002").endswith(f"/s/{'_' * LENGTH}")
    with (
        outbox(talk.world) as (box, provider),
        closing(Answers(talk.world.db, box.settings, SITE)) as answers,
    ):
        while answers.turn():
            pass
        texts = [body for number, body in sent(provider) if number == STRANGER]
    assert [BLANK in text for text in texts] == [False, False]
    before, _, token = texts[-1].rpartition("/s/")
    assert before.endswith(talk.world.settings.public_url)
    assert f"/s/{token}" in paths(talk.world)
    assert visitor.get(f"/s/{token}").status_code == 200
    assert not [row for rows in everything(talk.world.db).values() for row in rows if token in row]
    for secret in ("A-10442", STRANGER[1:], "77002"):
        assert secret not in token


def test_who_is_on_an_account_gets_none(talk: Talk) -> None:
    talk.world.declare("P1")
    for text in ("STATUS", "OUT", HOUSE, ACCOUNT):
        assert BLANK not in talk.say(ME, text)
    assert paths(talk.world) == []


def test_without_a_key_nobody_gets_one(talk: Talk) -> None:
    talk.world.settings = replace(talk.world.settings, secret_key="")
    assert "/s/" not in talk.say(STRANGER, HOUSE)


def test_nobody_is_sent_one_for_a_place_that_is_not_there_or_not_yet_chosen(talk: Talk) -> None:
    for text in ("STATUS 99 77002", "A-10442", "OUT", "HELP", "STOP", "START"):
        assert BLANK not in talk.say(STRANGER, text)
    talk.address("P2", "12 Elm Ave", postal_code="77002")
    for text in ("OUT", "12 77002", "STATUS"):
        assert BLANK not in talk.say(STRANGER, text)


def test_house_and_postal_code_open_what_a_text_would_tell_of_the_area(
    talk: Talk, visitor: TestClient
) -> None:
    page = visitor.get(asked(talk, HOUSE)).text
    assert page.count("No outage is reported in your area") == len(SITE.services)
    talk.world.declare("P2", cause="tree")
    page = visitor.get(asked(talk, HOUSE)).text
    assert page.count("An outage is reported in your area") == 1
    assert "At your address" in page
    assert "text us STATUS with your account number" in page
    for secret in ("Oak", "Elm", "tree", "Since", "12 ", "A-10442", "77002", STRANGER):
        assert secret not in page


def test_the_page_of_who_has_proved_nothing_is_the_same_whether_the_house_is_out_or_not(
    talk: Talk, visitor: TestClient
) -> None:
    """Nor does it say so by how long it holds, or by what it offers."""
    talk.world.declare("P2")
    looked = []
    for _ in range(2):
        path = asked(talk, HOUSE)
        pages = [visitor.get(path).text]
        send(visitor, pages[0], "out", once="a" + path[-5:])
        pages.append(visitor.get(path).text)
        send(visitor, pages[1], "on", once="b" + path[-5:])
        looked.append([page.replace(path, "") for page in pages])
        if len(looked) == 1:
            talk.restored("P1")
            mine = talk.world.declare("P1")
    without_once = [[_without_once(page) for page in pages] for pages in looked]
    assert without_once[0] == without_once[1]
    talk.end(mine, "P1")
    assert "An outage is reported in your area" in visitor.get(path).text


def _without_once(page: str) -> str:
    for form in forms(page).values():
        page = page.replace(form["once"].rpartition("-")[0], "")
    return page


def test_account_and_postal_code_open_the_place_by_its_street(
    talk: Talk, visitor: TestClient
) -> None:
    outage = talk.world.declare("P1", cause="tree")
    talk.world.declare("P1", kind=Kind.ADVISORY, service=Service.WATER)
    talk.world.report(outage, etr=etr(5))
    page = visitor.get(asked(talk, ACCOUNT)).text
    for told in ("At Oak St", "tree on line", "DO NOT DRINK THE WATER", "Estimated back"):
        assert told in page
    for secret in ("12 Oak", "A-10442", ME, STRANGER, "with your account number"):
        assert secret not in page
    assert "it ends a day after the outage" in page
    assert "We do not text you when it is back" in page


def test_an_account_number_alone_opens_nothing_nor_with_the_house(
    talk: Talk, visitor: TestClient
) -> None:
    talk.world.declare("P1")
    talk.say(STRANGER, "STATUS")
    assert BLANK not in talk.say(STRANGER, "A-10442")
    assert BLANK not in talk.say(STRANGER, "A-10442, house 12")
    page = visitor.get(asked(talk, "A-99999, house 12, 77002")).text
    assert "An outage is reported in your area" in page
    assert "Oak" not in page


def test_who_names_another_place_or_proves_this_one_gets_a_link_for_that(
    talk: Talk, visitor: TestClient
) -> None:
    assert "Oak" not in visitor.get(asked(talk, HOUSE)).text
    assert "Oak" in visitor.get(asked(talk, ACCOUNT)).text
    # Naming the same house again takes back no proof; another house has none.
    assert "Oak" in visitor.get(asked(talk, HOUSE)).text
    other = visitor.get(asked(talk, "STATUS 7 77003")).text
    assert forms(other)["out"]["place"] == str(talk.world.ids["P3"])
    assert "Maple" not in other


def test_one_tap_reports_and_another_takes_it_back(talk: Talk, visitor: TestClient) -> None:
    path, key = asked(talk, HOUSE), talk.world.ids["P1"]
    page = visitor.get(path).text
    for _ in range(2):
        done = send(visitor, page, "out")
        assert done.status_code == 303
    shown = visitor.get(done.headers["location"]).text
    assert "We have noted that it is out" in shown
    assert "You have told us that it is out" in shown
    assert talk.reports() == [("out", key, False)]
    last = talk.last()
    assert (last.provider, last.outcome, last.for_staff) == ("link", "reported", True)
    send(visitor, shown, "on")
    assert ("out", key, True) in talk.reports()


def test_still_out_reopens_nothing_without_proof_and_the_premise_with_it(
    talk: Talk, visitor: TestClient
) -> None:
    talk.restored("P1")
    house, account = asked(talk, HOUSE), asked(talk, ACCOUNT)
    send(visitor, visitor.get(house).text, "out")
    assert talk.last().outcome == "still_out_reported"
    send(visitor, visitor.get(house).text, "on")
    page = visitor.get(account).text
    assert "Still out" in page
    send(visitor, page, "out", once="again")
    assert talk.last().outcome == "premise_reopened"
    # Messages are for who is on the account: none states anything to this number.
    assert STRANGER not in {address for address, _, _ in talk.world.messages()}


def test_it_has_no_choices_and_stops_nothing(talk: Talk, visitor: TestClient) -> None:
    path = asked(talk, ACCOUNT)
    page = visitor.get(path).text
    assert set(forms(page)) == {"out"}
    before = everything(talk.world.db)
    for do in ("save", "stop", "resume", "x", ""):
        refused = send(visitor, page, "out", do=do, language="es", night="any", had="")
        assert refused.status_code == 422
        assert "Nothing was changed." in refused.text
    for method in ("GET", "POST"):
        assert visitor.request(method, path + "/unsubscribe").status_code == 404
    for more in ({"place": str(talk.world.ids["P2"])}, {"service": "steam"}, {"once": ""}):
        assert send(visitor, page, "out", **more).status_code == 422
    elsewhere = visitor.post(
        path, data=forms(page)["out"], headers={"sec-fetch-site": "cross-site"}
    )
    assert elsewhere.status_code == 403
    assert everything(talk.world.db) == before


def test_looking_changes_nothing(talk: Talk, visitor: TestClient) -> None:
    path = asked(talk, HOUSE)
    before = everything(talk.world.db)
    for method in ("GET", "HEAD"):
        answer = visitor.request(method, path)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
    assert everything(talk.world.db) == before


@pytest.mark.parametrize("text", [HOUSE, ACCOUNT])
def test_it_holds_until_a_day_after_its_outage_and_knows_no_other(
    talk: Talk, visitor: TestClient, text: str
) -> None:
    outage = talk.world.declare("P1")
    path = asked(talk, text)
    form = forms(visitor.get(path).text).get("out")
    talk.world.pass_time(hours=70)
    assert visitor.get(path).status_code == 200
    talk.end(outage, "P1")
    talk.world.pass_time(hours=23)
    page = visitor.get(path)
    assert page.status_code == 200
    assert "it ends on " in page.text
    form = form or forms(page.text)["out"]
    talk.world.pass_time(hours=2)
    talk.world.declare("P1")
    _is_over(talk, visitor, path, form)
    assert visitor.get(asked(talk, text)).status_code == 200


def _is_over(talk: Talk, visitor: TestClient, path: str, form: dict[str, str]) -> None:
    before = everything(talk.world.db)
    ended = [visitor.get(path), visitor.post(path, data=form)]
    for page in ended:
        assert page.status_code == 410
        assert "which is over: for a new one, text us STATUS" in page.text
        assert "Oak" not in page.text
        assert "reported" not in page.text
    assert everything(talk.world.db) == before


@pytest.mark.parametrize("text", [HOUSE, ACCOUNT])
def test_it_is_for_no_outage_that_comes_later(talk: Talk, visitor: TestClient, text: str) -> None:
    first = talk.world.declare("P1")
    path = asked(talk, text)
    talk.end(first, "P1")
    before = visitor.get(path).text
    form = forms(before)["out"]
    talk.world.pass_time(hours=3)
    later = talk.world.declare("P1", cause="vehicle")
    page = visitor.get(path).text
    assert page.count("There is another outage: for news of it, text us STATUS") == 1
    assert "vehicle" not in page
    assert "Since" not in page
    assert all(one["service"] != form["service"] for one in forms(page).values())
    assert visitor.post(path, data=form).status_code == 422
    talk.end(later, "P1")
    # Nor does it reopen what was restored of that one.
    if text == ACCOUNT:
        assert visitor.post(path, data=form).status_code == 422
    assert talk.reports() == []


@pytest.mark.parametrize("text", [HOUSE, ACCOUNT])
def test_no_link_outlives_thirty_days(talk: Talk, visitor: TestClient, text: str) -> None:
    talk.world.declare("P1")
    path = asked(talk, text)
    talk.world.pass_time(days=29)
    page = visitor.get(path)
    assert page.status_code == 200
    talk.world.pass_time(days=2)
    assert visitor.get(path).status_code == 410


def test_no_log_has_the_link_the_number_or_the_place(
    talk: Talk, visitor: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    talk.world.declare("P1")
    path = asked(talk, ACCOUNT)
    with (
        outbox(talk.world) as (box, provider),
        closing(Answers(talk.world.db, box.settings, SITE)) as answers,
    ):
        while answers.turn():
            pass
        assert path in sent(provider)[-1][1]
    send(visitor, visitor.get(path).text, "out", do="x")
    visitor.get(path + "x")
    with talk.world.db.write() as conn:
        conn.execute(t.temporary_links.update().values(premises="broken"))
    visitor.get(path)
    # The test's own client and provider write down what they do; ours do not.
    ours = [r for r in caplog.records if not r.name.startswith(("httpx", "httpcore", "asyncio"))]
    for record in ours:
        for secret in (path[3:], STRANGER, STRANGER[1:], "10442", "Oak"):
            assert secret not in record.getMessage(), record
            assert secret not in str(record.exc_info)


def test_one_link_is_asked_thirty_times_a_minute_at_most(talk: Talk, visitor: TestClient) -> None:
    path = asked(talk, HOUSE)
    # On a slow machine some come back meanwhile.
    answers = (visitor.get(path).status_code for _ in range(10 * PER_LINK))
    assert 429 in answers


@pytest.mark.parametrize("text", [HOUSE, ACCOUNT])
def test_where_no_outage_is_known_it_holds_for_a_day(
    talk: Talk, visitor: TestClient, text: str
) -> None:
    path = asked(talk, text)
    page = visitor.get(path).text
    assert "it ends on Monday, January 5, 2026" in page
    # What comes later is another outage: the link shows it while it holds, and is not for it.
    talk.world.pass_time(hours=20)
    talk.world.declare("P1")
    assert visitor.get(path).status_code == 200
    talk.world.pass_time(hours=5)
    _is_over(talk, visitor, path, forms(page)["out"])


def test_an_outage_that_is_merged_goes_on_as_the_other(talk: Talk, visitor: TestClient) -> None:
    one, other = talk.world.declare("P1"), talk.world.declare("P3")
    path = asked(talk, ACCOUNT)
    talk.world.do(regrouping.merge, one, into=other, shape=None)
    talk.world.pass_time(hours=60)
    assert visitor.get(path).status_code == 200
    talk.world.cancel(other)
    talk.world.pass_time(hours=25)
    assert visitor.get(path).status_code == 410


def test_what_was_proved_dies_with_the_occupancy(talk: Talk, visitor: TestClient) -> None:
    talk.world.declare("P1")
    path = asked(talk, ACCOUNT)
    with talk.world.db.write() as conn:
        here = t.occupancies.c.premise_key == talk.world.ids["P1"]
        conn.execute(t.occupancies.update().where(here).values(until=START))
        conn.execute(
            t.occupancies.insert().values(
                account_key=talk.world.ids["account A-20555"],
                premise_key=talk.world.ids["P1"],
                since=START,
            )
        )
    page = visitor.get(path)
    assert page.status_code == 410
    assert "Oak" not in page.text


def test_of_two_accounts_at_a_place_each_ends_the_link_by_moving_out(
    talk: Talk, visitor: TestClient
) -> None:
    with talk.world.db.write() as conn:
        other = conn.execute(
            t.occupancies.insert()
            .values(
                account_key=talk.world.ids["account A-20555"],
                premise_key=talk.world.ids["P1"],
                since=START,
            )
            .returning(t.occupancies.c.key)
        ).scalar_one()
    path = asked(talk, ACCOUNT)
    assert visitor.get(path).status_code == 200
    with talk.world.db.write() as conn:
        mine = sa.and_(
            t.occupancies.c.premise_key == talk.world.ids["P1"], t.occupancies.c.key != other
        )
        conn.execute(t.occupancies.update().where(mine).values(until=START))
    assert visitor.get(path).status_code == 410


def test_a_link_that_we_did_not_make_opens_nothing(talk: Talk, visitor: TestClient) -> None:
    token = asked(talk, HOUSE).removeprefix("/s/")
    for place in range(LENGTH):
        letter = "0" if token[place] != "0" else "1"
        forged = token[:place] + letter + token[place + 1 :]
        assert visitor.get(f"/s/{forged}").status_code in {404, 429}


@pytest.mark.parametrize(
    "changed",
    [
        {"premises": "[3]"},
        {"occupancies": "[1]"},
        {"outages": "[1]"},
        {"made_at": START + timedelta(days=9)},
    ],
)
def test_what_a_link_opens_is_signed(
    talk: Talk, visitor: TestClient, changed: dict[str, object]
) -> None:
    path = asked(talk, HOUSE)
    with talk.world.db.write() as conn:
        conn.execute(t.temporary_links.update().values(**changed))
    assert visitor.get(path).status_code == 404


def test_a_temporary_link_is_no_personal_one_and_the_other_way_round(
    talk: Talk, visitor: TestClient
) -> None:
    temporary_page = visitor.get(asked(talk, ACCOUNT)).text
    personal_page = visitor.get(personal_link(talk.world, ME)).text
    assert "save" in forms(personal_page)
    assert "save" not in forms(temporary_page)


def test_the_key_before_opens_it_until_it_is_taken_out(talk: Talk, settings: Settings) -> None:
    path = asked(talk, HOUSE)
    for before, status in ((settings.secret_key, 200), ("", 404)):
        newer = replace(
            settings, secret_key="another-key-of-thirty-two-letters", secret_key_before=before
        )
        with TestClient(create_app(newer, talk.world.db, SITE)) as client:
            assert client.get(path).status_code == status


def test_nobody_makes_a_directory_of_it(talk: Talk) -> None:
    for _ in range(MOST_AN_HOUR + 5):
        talk.say(STRANGER, HOUSE)
    assert len(paths(talk.world)) == MOST_AN_HOUR
    assert talk.answers()[-1] == "too_many"


def test_a_report_by_text_brings_it_too(talk: Talk, visitor: TestClient) -> None:
    assert BLANK not in talk.say(STRANGER, "OUT")
    path = asked(talk, "12 77002")
    assert "You have told us that it is out" in visitor.get(path).text
    assert BLANK in talk.say(STRANGER, "ON")
    assert "You have told us" not in visitor.get(path).text


@pytest.mark.parametrize("language", ["en", "es", "fr", "zh", "pa"])
def test_all_that_is_known_of_a_place_has_room_for_the_link_in_every_language(
    talk: Talk, visitor: TestClient, language: str
) -> None:
    outage = talk.world.declare("P1", cause="transformer")
    talk.world.report(outage, crew_status=CrewStatus.ARRIVED, etr=etr(30))
    talk.say(STRANGER, "HELP")
    with talk.world.db.write() as conn:
        conn.execute(t.endpoints.update().values(language=language))
    talk.site = parse(example().replace('languages = ["en", "es"]', f'languages = ["{language}"]'))
    body = talk.say(STRANGER, ACCOUNT)
    assert BLANK in body
    wide = not gsm7.fits_alphabet(body)
    assert wide is (language in {"zh", "pa"})
    assert gsm7.segments(body) <= (MOST_WIDE_SEGMENTS if wide else MOST_SEGMENTS)
    page = visitor.get(paths(talk.world)[-1]).text
    assert f'<html lang="{language}" dir="ltr">' in page
    for broken in ("{", "}", "None"):
        assert broken not in page
