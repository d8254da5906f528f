import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from status_page.frames import Change, Wanted, frame
from status_page.history import LONGEST, History
from tests.unit.status_page.storm import Publication, outage, status

ANYTHING = st.text(st.characters(codec="utf-8"))


def parse(stream: bytes) -> list[dict[str, str]]:
    """Read events as the HTML standard tells browsers to."""
    events: list[dict[str, str]] = []
    event: dict[str, str] = {}
    lines = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for line in lines[:-1]:
        if not line:
            events.append(event)
            event = {}
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        event[name] = f"{event[name]}\n{value}" if name in event else value
    assert event == {}
    return events


@given(st.lists(st.dictionaries(ANYTHING, ANYTHING), min_size=1, max_size=5))
def test_any_text_survives_the_framing(values: list[dict[str, str]]) -> None:
    stream = b"".join(
        frame("generation", value, event_id=f"e1-{number}", retry_ms=number)
        for number, value in enumerate(values)
    )
    assert [
        (each["event"], each["id"], each["retry"], json.loads(each["data"]))
        for each in parse(stream)
    ] == [("generation", f"e1-{n}", str(n), value) for n, value in enumerate(values)]


def changes(folder: Path, *matched: int) -> list[str]:
    publication = Publication(folder)
    return [
        publication.publish(status(outage(1), outage(2, matched=each))).pointer.id
        for each in matched
    ]


def test_a_delta_names_the_generation_it_starts_from(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8, 9)
    found = History(tmp_path).between(ids[0], ids[2], "en")
    assert found is not None
    assert [(each.base, each.id) for each in found] == [(ids[0], ids[1]), (ids[1], ids[2])]


def test_numbers_may_have_gaps(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(outage(1))).pointer.id
    publication.number += 5
    second = publication.publish(status(outage(1, matched=3))).pointer.id
    assert len(History(tmp_path).between(first, second, "es") or []) == 1


def test_there_is_no_way_from_what_is_foreign_unknown_or_too_old(tmp_path: Path) -> None:
    ids = changes(tmp_path, *range(10, LONGEST + 13))
    history = History(tmp_path)
    for have in ("e2-1", "e1-0", "nonsense", "", "e1-1-1", ids[0]):
        assert history.between(have, ids[-1], "en") is None
    assert history.between(ids[3], ids[-1], "xx") is None
    assert len(history.between(ids[3], ids[-1], "en") or []) == LONGEST - 1


def test_where_there_is_no_way_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(outage(1))).pointer.id
    publication.number += LONGEST
    second = publication.publish(status(outage(1, matched=3))).pointer.id
    third = publication.publish(status(outage(1, matched=4))).pointer.id
    read: list[Path] = []
    read_bytes = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    history = History(tmp_path)
    # Too many numbers lie between; a number in other figures; one that was never in force.
    for have in (first, second.replace("-", "-0"), "e1-60"):
        assert history.between(have, third, "en") is None
    assert read == []
    assert len(history.between(second, third, "en") or []) == len(read) == 1


def test_whoever_is_ahead_of_the_pointer_needs_nothing(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8)
    assert History(tmp_path).between(ids[1], ids[0], "en") == []
    assert History(tmp_path).between(ids[1], ids[1], "en") == []


def test_the_list_is_sent_rows_and_an_outage_its_own_page(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8)
    (change,) = History(tmp_path).between(ids[0], ids[1], "en") or []
    assert isinstance(change, Change)
    everybody = json.loads(parse(change.frame_for() or b"")[0]["data"])
    mine = json.loads(parse(change.frame_for(Wanted(outage="O-7K3M2")) or b"")[0]["data"])
    assert [each["id"] for each in everybody["changed"]] == ["O-7K3M2"]
    assert "details" not in everybody["changed"][0]
    assert "8 homes" in everybody["changed"][0]["row"]
    assert "8 homes" in mine["changed"][0]["details"]
    assert change.frame_for(Wanted(outage="O-7K3M1")) is None


def test_who_watches_an_outage_that_moved_is_sent_what_leads_on(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(outage(1), outage(2))).pointer.id
    moved = {"O-7K3M2": "O-7K3M1"}
    second = publication.publish(status(outage(1), moved=moved)).pointer.id
    (change,) = History(tmp_path).between(first, second, "es") or []
    mine = json.loads(parse(change.frame_for(Wanted(outage="O-7K3M2")) or b"")[0]["data"])
    (only,) = mine["moved"]
    assert (only["id"], only["into"]) == ("O-7K3M2", "O-7K3M1")
    assert "/es/outages/O-7K3M1" in only["details"]
    everybody = json.loads(parse(change.frame_for() or b"")[0]["data"])
    assert (everybody["removed"], everybody["moved"]) == (["O-7K3M2"], [])


def test_filters_that_concern_nothing_are_not_kept(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8)
    history = History(tmp_path)
    for number in range(100):
        (change,) = history.between(ids[0], ids[1], "en") or []
        assert change.frame_for(Wanted(outage=f"O-MADE-UP-{number}")) is None
    tracemalloc.start()
    for number in range(2_000):
        change.frame_for(Wanted(outage=f"O-{number}" * 100))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 50_000


def test_an_outage_that_is_taken_off_is_told_as_a_removal(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(outage(1), outage(2))).pointer.id
    second = publication.publish(status(outage(1))).pointer.id
    (change,) = History(tmp_path).between(first, second, "en") or []
    mine = json.loads(parse(change.frame_for(Wanted(outage="O-7K3M2")) or b"")[0]["data"])
    assert mine["removed"] == ["O-7K3M2"]
    assert mine["changed"] == []
