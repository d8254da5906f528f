import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sse_starlette.event import ServerSentEvent

from status_page.frames import EVERYTHING, LARGEST, Change, Wanted, frame, frames_for
from status_page.history import LARGEST_DELTA, LONGEST, History
from status_page.pointer import delta_name
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


def told(change: Change, wanted: Wanted = EVERYTHING) -> Any:  # noqa: ANN401  parsed JSON
    """What one who wants this reads of a change."""
    size, _, rest = (change.frame_for(wanted) or b"").partition(b"\r\n")
    frame_, end = rest[: int(size, 16)], rest[int(size, 16) :]
    assert end == b"\r\n"
    (event,) = parse(frame_)
    assert (event["event"], event["id"]) == ("generation", change.id)
    return json.loads(event["data"])


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
    everybody = told(change)
    mine = told(change, Wanted(outage="O-7K3M2"))
    assert [each["id"] for each in everybody["changed"]] == ["O-7K3M2"]
    assert "details" not in everybody["changed"][0]
    assert "8 homes" in everybody["changed"][0]["row"]
    assert "8 homes" in mine["changed"][0]["details"]
    assert change.frame_for(Wanted(outage="O-7K3M1")) == b""


def test_who_watches_an_outage_that_moved_is_sent_what_leads_on(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    first = publication.publish(status(outage(1), outage(2))).pointer.id
    moved = {"O-7K3M2": "O-7K3M1"}
    second = publication.publish(status(outage(1), moved=moved)).pointer.id
    (change,) = History(tmp_path).between(first, second, "es") or []
    mine = told(change, Wanted(outage="O-7K3M2"))
    (only,) = mine["moved"]
    assert (only["id"], only["into"]) == ("O-7K3M2", "O-7K3M1")
    assert "/es/outages/O-7K3M1" in only["details"]
    everybody = told(change)
    assert (everybody["removed"], everybody["moved"]) == (["O-7K3M2"], [])


def test_filters_that_concern_nothing_are_not_kept(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8)
    history = History(tmp_path)
    for number in range(100):
        (change,) = history.between(ids[0], ids[1], "en") or []
        assert change.frame_for(Wanted(outage=f"O-MADE-UP-{number}")) == b""
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
    mine = told(change, Wanted(outage="O-7K3M2"))
    assert mine["removed"] == ["O-7K3M2"]
    assert mine["changed"] == []


def delta(*changed: dict[str, Any], **lists: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON
    summary = {"id": "e1-2", "base": "e1-1", "summary": "<p>\u2028</p>"}
    return {**summary, "changed": list(changed), "removed": [], "moved": [], **lists}


def row(number: int, area: str, html: str = "<li>") -> dict[str, Any]:
    facts = {"id": f"O-{number}", "area": area, "areas": ["County \x85 of Straß"]}
    return {"id": f"O-{number}", "facts": facts, "row": html, "details": f"<h1>{number}\u2029"}


def test_a_frame_holds_what_the_delta_says_of_what_is_wanted() -> None:
    content = delta(
        row(1, "Roseglen"),
        row(2, "Marpole"),
        removed=["O-8", "O-9"],
        moved=[{"id": "O-9", "into": "O-1", "details": "x"}],
    )
    change = Change(content)
    rows = [{key: each[key] for key in each if key != "details"} for each in content["changed"]]
    for wanted, changed, removed, moved in (
        (EVERYTHING, rows, ["O-8", "O-9"], []),
        (Wanted(area="marpole"), rows[1:], ["O-8", "O-9", "O-1"], []),
        (Wanted(area="county \x85 of strass"), rows, ["O-8", "O-9"], []),
        (Wanted(area="elsewhere"), [], ["O-8", "O-9", "O-1", "O-2"], []),
        (Wanted(outage="O-2", area="roseglen"), content["changed"][1:], [], []),
        (Wanted(outage="O-9"), [], ["O-9"], content["moved"]),
    ):
        lists = {"changed": changed, "removed": removed, "moved": moved}
        assert told(change, wanted) == {**content, **lists}, wanted


def test_a_change_that_is_too_large_is_not_made_into_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [row(number, f"area {number}", "é" * (LARGEST // 40)) for number in range(41)]
    change = Change(delta(*rows))
    made: list[int] = []
    encode = ServerSentEvent.encode

    def noted(event: ServerSentEvent) -> bytes:
        made.append(len(str(event.data)))
        return encode(event)

    monkeypatch.setattr(ServerSentEvent, "encode", noted)
    assert frames_for([change], EVERYTHING) is None
    assert made == []
    # In characters half of them would do, in bytes they are too many.
    assert frames_for([Change(delta(*rows[:21]))], EVERYTHING) is None
    # Who wants little of it is told just that.
    few = Wanted(area="area 7")
    assert [each["id"] for each in told(change, few)["changed"]] == ["O-7"]
    assert frames_for([change] * 25, few) is None
    assert len(frames_for([change] * 15, few) or b"") > LARGEST // 2


def test_what_many_are_told_is_one_and_the_same_object() -> None:
    change = Change(delta(row(1, "Roseglen")))
    for one, other in (
        (EVERYTHING, EVERYTHING),
        (Wanted(area="here"), Wanted(area="there")),
        (Wanted(outage="O-1"), Wanted(outage="O-1", area="there")),
    ):
        assert frames_for([change], one) is frames_for([change], other)


def test_a_delta_that_nobody_would_be_sent_is_not_read(tmp_path: Path) -> None:
    ids = changes(tmp_path, 7, 8)
    path = tmp_path / delta_name(ids[1], "en")
    content = json.loads(path.read_bytes())
    path.write_text(json.dumps(content) + " " * LARGEST_DELTA)
    assert History(tmp_path).between(ids[0], ids[1], "en") is None
