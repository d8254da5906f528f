"""Every way to say where, on the command line: `outage match|declare|update|restore`."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
import sqlalchemy as sa

from gis.matching import Matcher
from gis.reader import GisReader
from outage import journal
from outage import tables as t
from outage import where as w
from outage.cis.reader import CisReader
from outage.database import Database
from outage.where import from_spec
from tests.migrated import migrated
from tests.unit.gis.neighbourhood import House, Neighbourhood, make, settle
from workers import cli

Ask = Callable[..., tuple[int, str, str]]
BOX = shapely.to_geojson(shapely.box(0.0005, 9.9, 0.0305, 10.1))
REPAIRED = "POLYGON ((0 9.9, 0.02 10.1, 0.02 9.9, 0 10.1, 0 9.9))"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OUTAGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def there() -> Neighbourhood:
    return make(random.Random(3))


@pytest.fixture
def db(home: Path, there: Neighbourhood) -> Iterator[Database]:
    opened = migrated(home / "outage.db")
    settle(opened, there)
    yield opened
    opened.close()


@pytest.fixture
def ask(db: Database, capsys: pytest.CaptureFixture[str]) -> Ask:
    def ask(*words: str) -> tuple[int, str, str]:
        code = cli.run(words)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return ask


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "box.json").write_text(BOX)
    frame = geopandas.GeoDataFrame(geometry=[shapely.from_geojson(BOX)], crs="EPSG:4326")
    for layer in ("box", "other"):
        frame.to_file(tmp_path / "areas.gpkg", layer=layer)
    (tmp_path / "list.csv").write_text("name,premise_id\nAnn,P1\nBob,M2\nEve,P1\n")
    (tmp_path / "bad.txt").write_text("P1 nobody1 nobody2")
    return tmp_path


def facts(said: tuple[int, str, str]) -> dict[str, Any]:
    code, out, err = said
    assert code == 0, err
    read: dict[str, Any] = json.loads(out)
    return read


WAYS: dict[str, tuple[list[str], Callable[[House], bool]]] = {
    "shape": (
        ["--shape", "{}/box.json"],
        lambda h: h.longitude is not None and 0.0005 <= h.longitude <= 0.0305,
    ),
    "layer": (
        ["--shape", "{}/areas.gpkg", "--layer", "box"],
        lambda h: h.longitude is not None and 0.0005 <= h.longitude <= 0.0305,
    ),
    "devices": (["--devices", "circuit:F1", "--devices", "SUB0/F2"], lambda h: h.key % 4 in {1, 2}),
    "street": (
        ["--street", "Main St", "--from", "104", "--to", "150", "--side", "even"],
        lambda h: h.street == "Main Street" and h.number % 2 == 0 and 104 <= h.number <= 150,
    ),
    "area": (["--area", "city:dry lake"], lambda h: h.city == "Dry Lake"),
    "premises": (["--premises", "{}/list.csv"], lambda h: h.key in {1, 2}),
    "all": (["--all"], lambda _: True),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_a_preview_and_a_declaration_find_the_same_premises(
    ask: Ask, files: Path, db: Database, there: Neighbourhood, way: str
) -> None:
    words, rule = WAYS[way]
    words = [word.format(files) for word in words]
    inside = {f"P{h.key}" for h in there.houses if rule(h) and h.services & 1}
    asked = [word for word in words if word != "--shape"]
    preview = facts(ask("match", *asked, "--service", "electric", "--ids", "--json"))
    assert set(preview["ids"]) == inside
    outage = facts(ask("declare", *words, "--json"))
    assert outage["premise_count"] == preview["premises"] == len(inside)
    while journal.turn(db, GisReader(Matcher(db))):
        pass
    members = sa.select(t.premises.c.id).join(
        t.memberships, t.memberships.c.premise_key == t.premises.c.key
    )
    with db.read() as conn:
        assert set(conn.execute(members).scalars()) == inside
        spec = conn.execute(sa.select(t.shapes.c.spec)).scalar_one()
    assert (spec is None) is (way in {"shape", "layer"})
    again = facts(ask("match", *asked, "--against", outage["id"], "--json"))
    kept = {"added": 0, "removed": 0, "kept": len(inside)}
    assert again["difference"] == {"from": outage["id"], "service": "electric"} | kept
    assert again["overlaps"] == []


def test_an_outage_moves_to_a_street_and_a_list_of_it_is_restored(
    ask: Ask, files: Path, db: Database, there: Neighbourhood
) -> None:
    name = facts(ask("declare", "--all", "--json"))["id"]
    moved = facts(ask("update", name, "--street", "main street", "--json"))
    main = {h.key for h in there.houses if h.street == "Main Street" and h.services & 1}
    assert moved["premise_count"] == len(main)
    readers = (GisReader(Matcher(db)), CisReader())
    while any([journal.turn(db, reader) for reader in readers]):  # noqa: C419 each has its turn
        pass
    code, out, _ = ask("restore", name, "--premises", f"{files}/list.csv")
    assert (code, out) == (
        0,
        f"{name}: service is back for the premises inside; they are told once the count is done.\n",
    )
    while any([journal.turn(db, reader) for reader in readers]):  # noqa: C419 each has its turn
        pass
    with db.read() as conn:
        restored = conn.execute(sa.select(t.outages.c.premises_restored)).scalar_one()
        spec = conn.execute(sa.select(t.shapes.c.spec).order_by(t.shapes.c.spec)).scalars().all()
    assert restored == len(main & {1, 2})
    assert w.Listed(premises=(1, 2)) in [from_spec(one) for one in spec if one]


def test_an_outage_says_how_many_premises_it_shares_with_which_others(
    ask: Ask, files: Path, db: Database
) -> None:
    whole = facts(ask("declare", "--all", "--json"))
    shared = facts(ask("declare", "--premises", f"{files}/list.csv", "--json"))
    ask("declare", "--premises", f"{files}/list.csv", "--service", "water")
    while journal.turn(db, GisReader(Matcher(db))):
        pass
    number = shared["premise_count"]
    assert number
    assert facts(ask("show", whole["id"], "--json"))["overlaps"] == [
        {"id": shared["id"], "premises": number}
    ]
    said = f"{number} of its premises are in {whole['id']} too"
    assert said in ask("show", shared["id"])[1]
    ask("cancel", shared["id"])
    assert facts(ask("show", whole["id"], "--json"))["overlaps"] == []


def test_a_difference_says_of_which_service_the_outage_is(ask: Ask, files: Path) -> None:
    name = facts(ask("declare", "--premises", f"{files}/list.csv", "--json"))["id"]
    asked = ("match", "--all", "--service", "water", "--against", name)
    assert facts(ask(*asked, "--json"))["difference"]["service"] == "electric"
    assert f"{name} is of electric" in ask(*asked)[1]
    assert "is of electric" not in ask("match", "--all", "--against", name)[1]


@pytest.mark.parametrize("option", ["--street", "--area", "--devices"])
def test_an_empty_word_never_means_the_whole_outage(ask: Ask, db: Database, option: str) -> None:
    name = facts(ask("declare", "--all", "--json"))["id"]
    code, out, _ = ask("restore", name, option, "")
    assert (code, out) == (1, "")
    with db.read() as conn:
        assert conn.execute(sa.select(t.outages.c.status)).scalar_one() == "confirmed"


def test_unknown_ids_refuse_a_declaration_and_not_a_preview(ask: Ask, files: Path) -> None:
    bad = ("--premises", f"{files}/bad.txt")
    code, _, err = ask("declare", *bad)
    assert code == 1
    assert err.startswith("outage: 2 of 3 ids name no premise for certain: 'nobody1', 'nobody2'.")
    assert err.count("\n") == 1
    assert facts(ask("match", *bad, "--json"))["list"]["unknown"] == ["nobody1", "nobody2"]
    assert "Ids of nothing that is served: nobody1, nobody2" in ask("match", *bad)[1]
    assert facts(ask("declare", *bad, "--skip-unknown", "--json"))["premise_count"] == 1


def test_a_preview_answers_a_repair_that_a_declaration_refuses(ask: Ask, files: Path) -> None:
    (files / "bow.wkt").write_text(REPAIRED)
    bow = f"{files}/bow.wkt"
    assert facts(ask("match", bow, "--json"))["as_drawn"]["premises"] >= 0
    code, out, _ = ask("match", bow)
    assert code == 0
    assert "The shape was repaired: part 1" in out


def test_the_recipient_limit_holds_for_every_way(
    ask: Ask, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTAGE_MAX_RECIPIENTS", "1")
    for way, (words, _) in WAYS.items():
        code, _, err = ask("declare", *(word.format(files) for word in words))
        assert (code, "OUTAGE_MAX_RECIPIENTS" in err) == (1, True), way


def test_a_preview_in_words_says_what_a_dispatcher_needs(
    ask: Ask, files: Path, there: Neighbourhood
) -> None:
    behind = there.behind([h for h in there.houses if h.services & 1])
    code, out, _ = ask("match", "--all", "--service", "electric")
    assert code == 0
    assert f"{behind['accounts']} accounts inside" in out
    assert f"{behind['medical']} medical, {behind['critical']} critical" in out
    assert f"{behind['unreachable']} nobody can be reached at" in out
    for channel, languages in behind["contacts"].items():
        assert f"{sum(languages.values())} by {channel} (" in out
    assert "without coordinates" in ask("match", f"{files}/box.json")[1]
    assert "several cities" in ask("match", "--street", "main st")[1]


BAD: list[tuple[list[str], int, str]] = [
    (["declare"], 2, "Say where it is: --shape FILE, --devices"),
    (["declare", "--all", "--area", "x"], 2, "in one way: --area postal_code:V5K or --all"),
    (["declare", "--all", "--from", "3"], 2, "--from belongs to --street NAME"),
    (["declare", "--all", "--from", "0", "--city", "x"], 2, "--from and --city belong to --street"),
    (
        ["declare", "--area", "x", "--layer", "y"],
        2,
        "--layer belongs to --shape FILE; leave it",
    ),
    (["match", "--all", "--crs", "EPSG:26910"], 2, "--crs belongs to FILE"),
    (["declare", "--devices", "F1", "--skip-unknown"], 2, "--skip-unknown belongs to --premises"),
    (["declare", "--shape", "{}/box.json", "--skip-unknown"], 2, "--skip-unknown belongs to"),
    (["update", "O-1", "--accept-repair"], 2, "--accept-repair belongs to --shape FILE"),
    (["restore", "O-1", "--premises", "{}/list.csv", "--layer", ""], 2, "--layer belongs to"),
    (["match"], 2, "Say where: FILE, --devices"),
    (["match", "{}/none.json"], 2, "none.json"),
    (["match", "{}"], 1, "the folder is no FileGDB"),
    (["match", "--street", "Main St", "--side", "left"], 2, "left"),
    (["declare", "--devices", "circuit:F11"], 1, "through 'circuit:F11'; did you mean circuit:F1"),
    (["declare", "--devices", ","], 1, "at least one device"),
    (["declare", "--street", "Mian St"], 1, "did you mean main st?"),
    (["declare", "--street", "Main St", "--from", "9", "--to", "3"], 1, "from 9 to 3"),
    (["declare", "--street", "Main St", "--from", "900"], 1, "No premise is inside this place"),
    (["declare", "--area", "zip:V5K"], 1, "'zip' is no kind of area"),
    (["declare", "--area", "Atlantis"], 1, "called 'Atlantis'"),
    (["declare", "--premises", "{}/empty.txt"], 1, "at least one id"),
    (["declare", "--premises", "{}/binary"], 1, "binary is not UTF-8 text"),
    (["declare", "--street", ""], 1, "No premise is on"),
    (["declare", "--area", ""], 1, "called ''"),
    (["declare", "--devices", ""], 1, "at least one device"),
    (["match", "--street", "Main St", "--to", "99999999999999999999"], 2, "--to"),
    (["declare", "--premises", "{}/wide.csv"], 1, "wide.csv cannot be read as a table (field"),
    (["match", "--all", "--against", "O-NONE"], 1, "no outage 'O-NONE'"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), BAD)
def test_bad_input_gets_one_clear_sentence_and_leaves_nothing(
    ask: Ask, files: Path, db: Database, *, words: list[str], code: int, sentence: str
) -> None:
    (files / "empty.txt").write_text("\n \n")
    (files / "wide.csv").write_text(f'premise_id,name\nP1,"{"a" * 200_000}"')
    (files / "binary").write_bytes(b"\xff\xfe\x00")
    found, out, err = ask(*(word.format(files) for word in words))
    assert (found, out) == (code, "")
    assert sentence in err.replace("\n", " ")
    with db.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.outages)).scalar_one() == 0
