from __future__ import annotations

from pathlib import Path

import pytest

from intake import catalogue
from intake.errors import MappingRefused, MappingUndecided, MappingUnknown
from outage.model import Cause, CrewStatus, Kind, Reason

LEAST = """
name = "least"
title = "The least there is"
source = "least"
service = "water"
[snapshot]
rows = "outages"
fetched = { field = "at", unit = "rfc3339" }
[fields]
id = "number"
"""


def test_every_shipped_mapping_is_valid_and_named_like_its_file() -> None:
    folder = Path(catalogue.__file__).parent / "mappings"
    assert [m.name for m in catalogue.shipped()] == sorted(p.stem for p in folder.glob("*.toml"))


def test_the_words_of_the_shipped_feed_become_codes() -> None:
    fields = catalogue.load("bchydro").fields
    assert fields.crew is not None
    assert fields.cause is not None
    assert fields.crew.words["Suspended"].status is CrewStatus.AWAITING
    assert fields.crew.words["Suspended"].reason is Reason.SUSPENDED
    planned = fields.cause.words["Planned work being done on our equipment"]
    assert (planned.code, planned.kind) == (Cause.PLANNED_WORK, Kind.PLANNED)


def test_only_the_id_need_be_mapped() -> None:
    assert catalogue.parse(LEAST, "least.toml").required() == {"number"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('rows = "outages"', 'rows = ""'), "snapshot.rows: String should have at least 1"),
        (("[fields]", "[fields"), "least.toml is not TOML"),
        (('id = "number"', ""), "fields.id: Field required"),
        (('service = "water"', 'service = "steam"'), "service: Input should be 'electric'"),
        (('id = "number"', 'id = "number"\nidd = "x"'), "fields.idd: Extra inputs"),
        (('unit = "rfc3339"', 'unit = "local"'), "needs a zone, like America/Vancouver"),
        (('unit = "rfc3339"', 'unit = "local", zone = "Mars/Base"'), "is not a time zone"),
        (('unit = "rfc3339"', 'unit = "epoch_s", zone = "UTC"'), 'belong to unit = "local" only'),
        (
            ('id = "number"', 'id = "number"\ncrew = { field = "c", words = { x = {status="on"}}}'),
            "fields.crew.words.x.status",
        ),
        (
            ('id = "number"', 'id = "number"\ncause = { field = "c", words = { x = {code="?"}}}'),
            "fields.cause.words.x.code",
        ),
    ],
)
def test_a_mapping_with_a_mistake_is_refused_by_the_name_of_its_key(
    change: tuple[str, str], sentence: str
) -> None:
    with pytest.raises(MappingRefused) as refused:
        catalogue.parse(LEAST.replace(*change), "least.toml")
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    text = LEAST.replace('service = "water"', "").replace('id = "number"', "")
    with pytest.raises(MappingRefused, match=r"service: .*fields\.id: "):
        catalogue.parse(text, "least.toml")


def test_a_mapping_is_loaded_by_name_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(LEAST)
    assert catalogue.load(str(file)).name == "least"
    assert catalogue.load("bchydro").source == "bchydro"


def test_neither_a_name_nor_a_file_is_said_so_with_the_names_there_are() -> None:
    with pytest.raises(MappingUnknown, match="bchydro"):
        catalogue.load("nowhere")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MappingRefused, match="cannot be read as text"):
        catalogue.load(str(file))


def test_the_only_mapping_that_fits_is_chosen() -> None:
    fields = catalogue.load("bchydro").required()
    document = {"fetched": 1_700_000_000, "outages": [dict.fromkeys(fields)]}
    assert catalogue.choose(document).name == "bchydro"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"outages": []}, "has no field 'fetched'"),
        ({"fetched": 1}, "has no list at 'outages'"),
        ({"fetched": 1, "outages": [{"id": 1}]}, "has rows without the field 'area'"),
    ],
)
def test_when_none_fits_the_refusal_says_what_is_missing(document: object, why: str) -> None:
    with pytest.raises(MappingUndecided, match=why):
        catalogue.choose(document)


def test_the_mapping_in_the_documentation_is_valid() -> None:
    text = (Path(catalogue.__file__).parents[1] / "docs" / "feeds.md").read_text()
    example = text.partition("```toml")[2].partition("```")[0]
    assert catalogue.parse(example, "docs/feeds.md").name == "cityfeed"
