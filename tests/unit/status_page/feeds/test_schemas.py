"""Real pointers, deltas and events of the stream against the schemas that are served."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from status_page.frames import Change, Wanted
from status_page.pointer import delta_name
from tests.unit.status_page.feeds.play import states
from tests.unit.status_page.storm import Publication, outage, status


def validator(folder: Path, name: str) -> Draft202012Validator:
    schema = json.loads((folder / f"feeds/schemas/{name}.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_every_pointer_and_delta_of_a_storm_is_valid(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    changed = removed = moved = 0
    for state in states():
        pointer = press.publish(state).pointer
        validator(tmp_path, "pointer").validate(json.loads((tmp_path / "status.json").read_bytes()))
        for language in pointer.languages:
            delta = json.loads((tmp_path / delta_name(pointer.id, language)).read_bytes())
            validator(tmp_path, "delta").validate(delta)
            changed += len(delta["changed"])
            removed += len(delta["removed"])
            moved += len(delta["moved"])
    assert min(changed, removed, moved) > 0


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(outage="O-7K3M1")])
def test_what_the_stream_sends_is_valid_too(tmp_path: Path, wanted: Wanted) -> None:
    press = Publication(tmp_path)
    press.publish(status(outage(1), outage(2)))
    pointer = press.publish(status(outage(1, matched=7), outage(2, matched=8))).pointer
    delta = json.loads((tmp_path / delta_name(pointer.id, "en")).read_bytes())
    sent = Change(delta).frame_for(wanted)
    assert sent
    (line,) = re.findall(rb"^data: (.*)$", sent, re.MULTILINE)
    event = json.loads(line)
    assert "O-7K3M1" in {each["id"] for each in event["changed"]}
    validator(tmp_path, "delta").validate(event)


def spoilt(found: dict[str, Any], *path: str | int, value: object) -> dict[str, Any]:
    copy: Any = json.loads(json.dumps(found))
    inner = copy
    for each in path[:-1]:
        inner = inner[each]
    inner[path[-1]] = value
    return dict(copy)


def test_what_breaks_a_promise_is_refused(tmp_path: Path) -> None:
    press = Publication(tmp_path)
    press.publish(status())
    pointer = press.publish(status(outage(1))).pointer
    delta = json.loads((tmp_path / delta_name(pointer.id, "en")).read_bytes())
    facts = ("changed", 0, "facts")
    for path, value in (
        (("removed",), [1]),
        (("counts", "matched"), None),
        ((*facts, "matched"), -1),
        ((*facts, "status"), "gone"),
        ((*facts, "masked"), ["phone"]),
        ((*facts, "outline"), {"type": "Point", "coordinates": [0, 0]}),
    ):
        with pytest.raises(jsonschema.ValidationError):
            validator(tmp_path, "delta").validate(spoilt(delta, *path, value=value))
