"""CAP by the schema of the standard, and by what the schema cannot say."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from outage.model import Kind, Service, Status
from tests.unit.status_page.feeds.play import HOSTILE, one_part, states, two_parts
from tests.unit.status_page.storm import NOW, SITE, Publication, hours, outage, status

CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"
Message = etree._Element  # noqa: SLF001 - lxml has no other name for it
Schema = Callable[[bytes], Message]


@pytest.fixture(scope="session")
def schema(shared: Path) -> Schema:
    """Reads a message after the schema has; skipped where the schema is not."""
    rules = etree.XMLSchema(etree.parse(shared / "contracts" / "cap-1.2.xsd"))

    def check(content: bytes) -> Message:
        root = etree.fromstring(content)
        rules.assertValid(root)
        # The schema also takes its other elements for a whole message.
        assert root.tag == f"{CAP}alert"
        return root

    return check


def messages(folder: Path) -> dict[str, bytes]:
    return {path.stem: path.read_bytes() for path in (folder / "feeds/cap").glob("*.xml")}


def text(root: Message, name: str) -> str:
    return root.findtext(f"{CAP}{name}") or ""


def one(folder: Path, name: str = "O-7K3M1") -> Message:
    return etree.fromstring((folder / f"feeds/cap/{name}.xml").read_bytes())


def test_every_message_of_a_storm_is_valid_and_names_those_before_it(
    tmp_path: Path, schema: Schema
) -> None:
    press = Publication(tmp_path)
    before: dict[str, bytes] = {}
    seen: dict[str, list[str]] = {}
    kinds = set()
    for state in states():
        press.publish(state)
        found = messages(tmp_path)
        for key, content in found.items():
            root = schema(content)
            if content == before.get(key):
                continue
            named = text(root, "references").split()
            kind = text(root, "msgType")
            kinds.add(kind)
            if kind == "Alert":
                assert not named
                seen[key] = []
            assert named == seen[key]
            triple = [text(root, each) for each in ("sender", "identifier", "sent")]
            assert not re.search(r"[ ,<&]", "".join(triple[:2]))
            seen[key].append(",".join(triple))
            check_info(root)
        before = found
    assert kinds == {"Alert", "Update", "Cancel"}
    assert not before


def check_info(root: Message) -> None:
    infos = root.findall(f"{CAP}info")
    if text(root, "msgType") != "Cancel":
        assert [text(each, "language") for each in infos] == ["en", "es"]
    for info in infos:
        for area in info.findall(f"{CAP}area"):
            assert len(area) > 1, "an area is a place on the ground or a name for one"
            assert 0 < len(text(area, "areaDesc")) <= 200
            for polygon in area.findall(f"{CAP}polygon"):
                pairs = [
                    tuple(map(float, each.split(","))) for each in (polygon.text or "").split()
                ]
                assert len(pairs) >= 4
                assert pairs[0] == pairs[-1]
                assert all(49 < latitude < 50 and -124 < lon < -123 for latitude, lon in pairs)


def test_the_list_of_messages_says_what_the_messages_say(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for state in states():
        press.publish(state)
        feed = feedparser.parse((tmp_path / "feeds/cap.atom").read_bytes())
        assert not feed.bozo, feed.get("bozo_exception")
        assert {link.type for each in feed.entries for link in each.links} <= {
            "application/cap+xml"
        }
        listed = {Path(each.links[0].href).stem: each for each in feed.entries}
        found = messages(tmp_path)
        assert listed.keys() == found.keys()
        for key, entry in listed.items():
            root = etree.fromstring(found[key])
            assert entry.tags[0].term == text(root, "msgType")
            assert entry.id.endswith(f":{text(root, 'identifier')}")


def test_a_message_stays_as_it_is_while_it_says_the_same(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status(outage(1), outage(2)))
    before = messages(tmp_path)
    press.publish(status(outage(1), outage(2, matched=7), as_of=NOW + hours(1)))
    after = messages(tmp_path)
    assert after["O-7K3M1"] == before["O-7K3M1"]
    assert text(one(tmp_path, "O-7K3M2"), "msgType") == "Update"


def test_after_a_restart_a_message_still_names_those_before_it(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1)))
    first = text(one(tmp_path), "identifier")
    Publication(tmp_path).publish(status(outage(1, matched=7)))
    assert text(one(tmp_path), "references").split(",")[1] == first
    (tmp_path / "status.json").write_text("{")
    again = Publication(tmp_path)
    again.number = 2
    again.publish(status(outage(1, matched=7)))
    assert text(one(tmp_path), "msgType") == "Update"
    assert text(one(tmp_path), "identifier").endswith("-2")


def test_a_message_whose_generation_never_came_into_force_is_named_all_the_same(
    tmp_path: Path,
) -> None:
    killed = Publication(tmp_path)
    killed.publish(status(outage(1)))
    edition = killed.press.edition(
        status(outage(1, matched=7)), epoch="e1", number=2, journal_number=2, checked_at=NOW
    )
    killed.store.write(edition.files)
    orphan = text(one(tmp_path), "identifier")
    after = Publication(tmp_path)
    after.number = 2
    after.publish(status(outage(1, matched=9)))
    assert orphan in text(one(tmp_path), "references")


def test_an_outage_that_was_over_before_anybody_heard_of_it_has_no_message(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1, status=Status.RESTORED, restored=NOW)))
    assert messages(tmp_path) == {}


def test_what_is_cancelled_and_goes_on_is_a_new_alert(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status(outage(1)))
    press.publish(status(outage(1, status=Status.CANCELLED)))
    assert text(one(tmp_path), "msgType") == "Cancel"
    press.publish(status(outage(1)))
    assert text(one(tmp_path), "msgType") == "Alert"
    assert not text(one(tmp_path), "references")


def test_what_goes_on_as_part_of_another_is_cancelled_and_says_as_which(
    tmp_path: Path, schema: Schema
) -> None:
    press = Publication(tmp_path)
    press.publish(status(outage(1), outage(2)))
    press.publish(status(outage(2), moved={"O-7K3M1": "O-7K3M2"}))
    root = schema((tmp_path / "feeds/cap/O-7K3M1.xml").read_bytes())
    assert (text(root, "msgType"), text(root, "incidents")) == ("Cancel", "O-7K3M2")
    press.publish(status(outage(2, matched=7), moved={"O-7K3M1": "O-7K3M2"}))
    assert "O-7K3M1" in messages(tmp_path)
    press.publish(status(outage(2, matched=7)))
    again = Publication(tmp_path)
    again.publish(status(outage(2, matched=8)))
    assert messages(tmp_path).keys() == {"O-7K3M2"}


def test_a_drill_is_an_exercise_that_refers_to_nothing_real(tmp_path: Path, schema: Schema) -> None:
    press = Publication(tmp_path)
    press.publish(status(outage(1)))
    press.publish(status(outage(1), drill=True))
    root = schema((tmp_path / "feeds/cap/O-7K3M1.xml").read_bytes())
    assert [text(root, each) for each in ("status", "msgType", "references")] == [
        "Exercise",
        "Alert",
        "",
    ]


@pytest.mark.parametrize(
    ("facts", "response"),
    [
        ({"status": Status.RESTORED}, "AllClear"),
        ({"status": Status.CLOSED, "listed": False}, "None"),
        ({"status": Status.CANCELLED}, "None"),
        ({"status": Status.CLOSED, "kind": Kind.ADVISORY}, "AllClear"),
    ],
)
def test_all_is_clear_only_where_service_is_back_or_a_notice_is_lifted(
    tmp_path: Path, facts: dict[str, object], response: str
) -> None:
    press = Publication(tmp_path)
    begun = {name: facts[name] for name in facts if name == "kind"}
    press.publish(status(outage(1, **begun)))
    press.publish(status(outage(1, **facts)))
    assert one(tmp_path).findtext(f"{CAP}info/{CAP}responseType") == response


def test_the_ground_is_given_without_holes_latitude_first(tmp_path: Path) -> None:
    shapes = {1: one_part(hole=True), 2: two_parts(), 3: ""}
    Publication(tmp_path).publish(status(*(outage(n, outline=each) for n, each in shapes.items())))
    counts = {n: len(one(tmp_path, f"O-7K3M{n}").findall(f".//{CAP}polygon")) for n in shapes}
    assert counts == {1: 2, 2: 4, 3: 0}, "per language"
    first = one(tmp_path).findtext(f".//{CAP}polygon") or ""
    assert first.split()[0] == "49.200000,-123.100000"


def test_few_people_are_not_counted(tmp_path: Path) -> None:
    Publication(tmp_path).publish(status(outage(1, matched=3, reported=2)))
    values = [each.text for each in one(tmp_path).iter(f"{CAP}value")]
    assert values.count("<5") == 4


def test_what_people_wrote_arrives_as_they_wrote_it(tmp_path: Path) -> None:
    """But for what no XML file may hold."""
    told = dict(enumerate(HOSTILE, 1))
    Publication(tmp_path).publish(
        status(*(outage(n, kind=Kind.ADVISORY, message=each) for n, each in told.items()))
    )
    for number, wrote in told.items():
        read = one(tmp_path, f"O-7K3M{number}").findtext(f".//{CAP}instruction") or ""
        allowed = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "\ufffd", wrote)
        assert read == allowed.replace("\r\n", "\n")


def test_a_long_story_keeps_its_first_and_its_latest_references(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    for matched in range(10, 40):
        press.publish(status(outage(1, matched=matched)))
    named = text(one(tmp_path), "references").split()
    numbers = [int(each.split(",")[1].rpartition("-")[2]) for each in named]
    assert numbers == [1, *range(11, 30)]


def test_what_an_advisory_must_say_is_its_instruction_in_each_language(
    tmp_path: Path, schema: Schema
) -> None:
    notices = ((Service.WATER, "en", "BOIL IT & WAIT."), (Service.WATER, "es", "HIERVA EL AGUA."))
    site = dataclasses.replace(SITE, languages=("en", "es", "fr"), notices=notices)
    state = outage(1, kind=Kind.ADVISORY, service=Service.WATER)
    press = Publication(tmp_path, site)
    for message in ("", "Crews flush Main Street."):
        press.publish(status(dataclasses.replace(state, message=message)))
        infos = schema(messages(tmp_path)[state.id]).findall(f"{CAP}info")
        told = [(text(each, "instruction"), text(each, "responseType")) for each in infos]
        english = ("BOIL IT & WAIT.", "Execute")
        assert told == [english, ("HIERVA EL AGUA.", "Execute"), english]
        for each in infos:
            assert text(each, "instruction") in text(each, "description")
            assert message in text(each, "description")
    press.publish(status(dataclasses.replace(state, status=Status.PREDICTED)))
    (info, *_) = schema(messages(tmp_path)[state.id]).findall(f"{CAP}info")
    assert (text(info, "instruction"), text(info, "responseType")) == ("", "Monitor")
