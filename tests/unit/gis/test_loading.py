from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from gis.errors import FileAxesSwapped, ManyMoved, ManyOutside
from gis.importing.loading import load_premises
from gis.matching import Matcher
from gis.premises import ReadOptions, read_premises
from gis.shapes import ShapeLimits
from outage import aliases
from outage import tables as t
from outage.database import Database, open_database
from outage.loading import (
    BadRowsError,
    Loaded,
    LoadOptions,
    LoadRunningError,
    ShrinkingError,
    TooManyBadRowsError,
)
from outage.model import Actor, Service

ACTOR = Actor(kind="cli", name="test")
HEADER = "premise_id,address,longitude,latitude,services,circuit,alias_meter\n"
ROWS = [f"P{n},{n} Main St,-100.{n:03},40.5,electric,C1,M{n}\n" for n in range(100, 130)]
FULL = LoadOptions()
PARTIAL = LoadOptions(partial=True)


def load(
    db: Database,
    folder: Path,
    rows: list[str],
    options: LoadOptions = FULL,
    *,
    allow_moves: bool = False,
) -> Loaded:
    path = folder / "some.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    found = read_premises(path, ReadOptions(mapping={}))
    return load_premises(db, found, options, actor=ACTOR, allow_moves=allow_moves)


def open_ids(db: Database) -> list[str]:
    with db.read() as conn:
        return list(
            conn.execute(
                sa.select(t.premises.c.id)
                .where(t.premises.c.closed_at.is_(None))
                .order_by(t.premises.c.id)
            ).scalars()
        )


def entries(db: Database) -> list[str]:
    with db.read() as conn:
        return list(conn.execute(sa.select(t.journal.c.kind)).scalars())


def test_a_load_makes_one_version_and_one_entry(database: Database, tmp_path: Path) -> None:
    assert load(database, tmp_path, ROWS) == Loaded(added=30, changed=0, closed=0, unchanged=0)
    assert entries(database) == ["premisesChanged"]
    index = Matcher(database).index()
    assert (index.version, len(index)) == (1, 30)


def test_a_file_that_takes_many_premises_their_place_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    nowhere = [f"{row[:4]},,,,,,\n" for row in ROWS]
    with pytest.raises(ManyMoved, match=r"30 of 30 premises .* lose their place"):
        load(database, tmp_path, nowhere)
    load(database, tmp_path, nowhere[:5], PARTIAL)
    load(database, tmp_path, nowhere, allow_moves=True)


def test_a_row_with_a_field_too_many_does_not_close_its_premise(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    ragged = ROWS[5].replace(" Main St", " Main St, Apt 5")
    lenient = LoadOptions(max_bad_percent=10)
    assert load(database, tmp_path, [*ROWS[:5], ragged, *ROWS[6:]], lenient).closed == 0
    assert "P105" in open_ids(database)


def test_services_that_a_file_does_not_have_stay_as_they_are(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, [row.replace("electric", "water") for row in ROWS])
    path = tmp_path / "silent.csv"
    path.write_text(
        "premise_id,longitude,latitude\nNEW,-100.5,40.5\nP100,-100.5,40.5\n"
        + "".join(",".join(np.array(row.split(","))[[0, 2, 3]]) + "\n" for row in ROWS[1:])
    )
    found = read_premises(path, ReadOptions(mapping={}))
    assert load_premises(database, found, FULL, actor=ACTOR, allow_moves=True) == Loaded(
        added=1, changed=1, closed=0, unchanged=29, moved=1
    )
    with database.read() as conn:
        bits = conn.execute(sa.select(t.premises.c.services, sa.func.count()).group_by("services"))
        assert dict(map(tuple, bits)) == {Service.ELECTRIC.bit: 1, Service.WATER.bit: 30}


def test_a_second_load_at_the_same_time_is_refused(database: Database, tmp_path: Path) -> None:
    other = open_database(database.engine.url)
    with other.alone("load-premises") as alone:
        assert alone
        with pytest.raises(LoadRunningError):
            load(database, tmp_path, ROWS)
    other.close()
    assert load(database, tmp_path, ROWS).added == 30


def test_the_same_file_again_changes_nothing(database: Database, tmp_path: Path) -> None:
    load(database, tmp_path, ROWS)
    assert load(database, tmp_path, ROWS) == Loaded(added=0, changed=0, closed=0, unchanged=30)
    assert entries(database) == ["premisesChanged"]
    with database.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.aliases)).scalar() == 30


def test_a_load_updates_adds_and_closes_and_a_return_opens_again(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    changed = ROWS[0].replace("M100", "M999").replace("Main", "High")
    new = "P999,new,,,,,\n"
    assert load(database, tmp_path, [changed, *ROWS[2:], new]) == Loaded(
        added=1, changed=1, closed=1, unchanged=28
    )
    assert "P101" not in open_ids(database)
    assert "P999" in open_ids(database)
    with database.read() as conn:
        meters = conn.execute(
            sa.select(t.aliases.c.value)
            .join(t.premises, t.premises.c.key == t.aliases.c.key)
            .where(t.premises.c.id == "P100")
        ).scalars()
        assert list(meters) == ["M999"]
        newest = conn.execute(
            t.premises_versions.select().order_by(t.premises_versions.c.version.desc())
        ).first()
        assert newest is not None
        assert (newest.version, newest.premises, newest.unplaced) == (2, 30, 1)
    load(database, tmp_path, [changed, *ROWS[1:], new])
    assert "P101" in open_ids(database)


def test_a_partial_file_keeps_what_it_does_not_list(database: Database, tmp_path: Path) -> None:
    load(database, tmp_path, ROWS)
    assert load(database, tmp_path, ROWS[:2], PARTIAL).closed == 0
    assert len(open_ids(database)) == 30


def test_columns_the_file_does_not_have_stay_as_they_are(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    path = tmp_path / "short.csv"
    path.write_text("premise_id,longitude,latitude\nP100,-100.1,40.5\n")
    found = read_premises(path, ReadOptions(mapping={}))
    load_premises(database, found, PARTIAL, actor=ACTOR)
    with database.read() as conn:
        row = conn.execute(t.premises.select().where(t.premises.c.id == "P100")).one()
    assert (row.address, row.circuit) == ("100 Main St", "C1")


def test_a_much_smaller_file_is_refused_unless_it_may_shrink(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    with pytest.raises(ShrinkingError, match="2 premises, 30 are on record"):
        load(database, tmp_path, ROWS[:2])
    assert len(open_ids(database)) == 30
    load(database, tmp_path, ROWS[:2], LoadOptions(allow_shrink=True))
    assert len(open_ids(database)) == 2


def test_premises_of_a_rejected_row_are_still_listed(database: Database, tmp_path: Path) -> None:
    load(database, tmp_path, ROWS)
    bad = ROWS[0].replace("-100.100", "x")
    load(database, tmp_path, [bad, *ROWS[1:]], LoadOptions(max_bad_percent=50))
    assert "P100" in open_ids(database)


def test_too_many_bad_rows_load_nothing(database: Database, tmp_path: Path) -> None:
    bad = ROWS[0].replace("-100.100", "x")
    with pytest.raises(TooManyBadRowsError, match="1 of 30 rows are bad"):
        load(database, tmp_path, [bad, *ROWS[1:]])
    with pytest.raises(BadRowsError, match="--strict"):
        load(database, tmp_path, [bad, *ROWS[1:]], LoadOptions(strict=True, max_bad_percent=50))
    assert open_ids(database) == []
    assert entries(database) == []


class Killed(BaseException):
    """The process ends here."""


def load_killed(
    db: Database, folder: Path, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load rows two at a time and die in front of what makes them count."""

    def dies(*_args: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("gis.importing.steps.FIRST", 2)
        patch.setattr("gis.importing.loading._conclude", dies)
        with pytest.raises(Killed):
            load(db, folder, rows)


AROUND = {
    "type": "Polygon",
    "coordinates": [[[-101, 40], [-99.9, 40], [-99.9, 41], [-101, 41], [-101, 40]]],
}


def inside(db: Database) -> set[str]:
    found = Matcher(db).match(AROUND, Service.ELECTRIC, limits=ShapeLimits())
    with db.read() as conn:
        ids = sa.select(t.premises.c.id).where(t.premises.c.key.in_(found.keys.tolist()))
        return set(conn.execute(ids).scalars())


def test_an_index_holds_one_version_whatever_a_load_has_written_so_far(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(database, tmp_path, ROWS)
    everybody = inside(database)
    assert len(everybody) == 30
    # One moves away, one loses its place, one is not listed any more, one is new; then half of
    # it again, and back, by loads that come to no end either.
    away = ROWS[0].replace("-100.100", "-98.5")
    nowhere = ROWS[1].replace("-100.101,40.5", ",")
    changed = [away, nowhere, *ROWS[3:], "P999,new,-100.5,40.5,electric,C1,M999\n"]
    load_killed(database, tmp_path, changed, monkeypatch)
    assert inside(database) == everybody
    load_killed(database, tmp_path, [ROWS[0], *changed[1:]], monkeypatch)
    assert inside(database) == everybody
    load(database, tmp_path, changed)
    assert inside(database) == everybody - {"P100", "P101", "P102"} | {"P999"}
    # The next load keeps what the last one made of them, not what was before that.
    load_killed(database, tmp_path, ROWS, monkeypatch)
    assert inside(database) == everybody - {"P100", "P101", "P102"} | {"P999"}


def test_closures_of_a_killed_load_count_when_it_is_done_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(database, tmp_path, ROWS)
    load_killed(database, tmp_path, ROWS[1:], monkeypatch)
    load(database, tmp_path, ROWS[1:])
    assert entries(database) == ["premisesChanged", "premisesChanged"]
    assert "P100" not in inside(database)


def test_a_load_that_was_killed_and_done_again_comes_to_the_same(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(database, tmp_path, ROWS)
    new = "P999,new,-100.5,40.5,electric,C1,M999\n"
    changed = [ROWS[0].replace("Main", "High"), *ROWS[2:], new]
    load_killed(database, tmp_path, changed, monkeypatch)
    expected = Loaded(added=1, changed=1, closed=1, unchanged=28)
    assert load(database, tmp_path, changed) == expected
    # One that comes back was not on record just before.
    load_killed(database, tmp_path, ROWS, monkeypatch)
    assert load(database, tmp_path, ROWS) == expected


def test_many_far_moves_are_refused_unless_meant(database: Database, tmp_path: Path) -> None:
    load(database, tmp_path, ROWS)
    swapped = [row.replace("-100.", "-99.") for row in ROWS]
    with pytest.raises(ManyMoved, match="30 of 30"):
        load(database, tmp_path, swapped)
    assert load(database, tmp_path, swapped, allow_moves=True).changed == 30


MANY = [f"P{n},{n} Main St,-100.{n},40.5,electric,C1,M{n}\n" for n in range(100, 250)]


def test_many_new_premises_far_from_all_others_are_refused_unless_meant(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, MANY)
    away = [f"Q{n},{n} Main St,-90.{n},40.5,electric,C1,N{n}\n" for n in range(100, 130)]
    with pytest.raises(ManyOutside, match="30 of 30 premises"):
        load(database, tmp_path, [*MANY, *away])
    near = [row.replace("-90.", "-100.") for row in away]
    assert load(database, tmp_path, [*MANY, *near]).added == 30
    assert load(database, tmp_path, [*MANY, *away], allow_moves=True).changed == 30


def test_new_premises_that_are_near_only_the_other_way_round_are_refused(
    database: Database, tmp_path: Path
) -> None:
    europe = [row.replace("-100.", "10.") for row in MANY]
    load(database, tmp_path, europe)
    turned = [f"Q{n},{n} Main St,40.5,10.{n},electric,C1,N{n}\n" for n in range(100, 130)]
    with pytest.raises(FileAxesSwapped, match="look swapped in 30 rows"):
        load(database, tmp_path, turned, PARTIAL)
    same = [
        row.replace("10.", "40.5,10.", 1).replace(",40.5,electric", ",electric") for row in europe
    ]
    with pytest.raises(FileAxesSwapped, match="look swapped in 150 rows"):
        load(database, tmp_path, same)


def test_a_dry_run_says_what_a_load_would_and_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    changed = [ROWS[0].replace("Main", "High"), *ROWS[2:], "P999,new,,,,,\n"]
    (tmp_path / "some.csv").write_text(HEADER + "".join(changed))
    found = read_premises(tmp_path / "some.csv", ReadOptions(mapping={}))
    before = entries(database), open_ids(database)
    said = load_premises(database, found, FULL, actor=ACTOR, dry_run=True)
    assert said == Loaded(added=1, changed=1, closed=1, unchanged=28)
    assert (entries(database), open_ids(database)) == before
    assert load_premises(database, found, FULL, actor=ACTOR) == said


def test_premises_that_move_far_are_counted_before_and_after(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    near, far = ROWS[0].replace("-100.100", "-100.101"), ROWS[1].replace("-100.", "-99.")
    lost = ROWS[2].replace("-100.102,40.5", ",")
    (tmp_path / "some.csv").write_text(HEADER + "".join([near, far, lost, *ROWS[3:]]))
    found = read_premises(tmp_path / "some.csv", ReadOptions(mapping={}))
    said = load_premises(database, found, FULL, actor=ACTOR, dry_run=True)
    assert said == Loaded(added=0, changed=3, closed=0, unchanged=27, moved=2)
    assert load_premises(database, found, FULL, actor=ACTOR) == said


def test_streets_and_house_numbers_are_kept_of_every_address(
    database: Database, tmp_path: Path
) -> None:
    load(database, tmp_path, ROWS)
    c = t.premises.c
    one = sa.select(c.street, c.house_number).where(c.id == "P100")
    with database.read() as conn:
        assert tuple(conn.execute(one).one()) == ("main st", 100)
    with database.write() as conn:
        # As a load before there were streets left them.
        conn.execute(t.premises.update().values(street=None, house_number=None))
    assert load(database, tmp_path, ROWS).changed == 30
    with database.read() as conn:
        assert tuple(conn.execute(one).one()) == ("main st", 100)


def test_a_meter_that_a_file_has_no_more_names_nothing(database: Database, tmp_path: Path) -> None:
    load(database, tmp_path, ROWS)
    taken = [row.replace(f"M{n}", "") for n, row in zip(range(100, 130), ROWS, strict=True)][:2]
    # One of the two meters stands at another premise now.
    given = ROWS[2].replace("M102", "M100")
    load(database, tmp_path, [*taken, given, *ROWS[3:]])
    with database.read() as conn:
        assert [aliases.find_premise(conn, name) for name in ("M101", "M102")] == [None, None]
        assert aliases.find_premise(conn, "M100") == aliases.find_premise(conn, "P102")
        assert aliases.find_premise(conn, "M103") is not None
    # What a file says nothing of stays.
    (tmp_path / "short.csv").write_text("premise_id,longitude,latitude\nP103,-100.103,40.5\n")
    found = read_premises(tmp_path / "short.csv", ReadOptions(mapping={}))
    load_premises(database, found, PARTIAL, actor=ACTOR)
    with database.read() as conn:
        assert aliases.find_premise(conn, "M103") is not None


def test_a_meter_that_stands_for_two_premises_is_always_the_last_ones(
    database: Database, tmp_path: Path
) -> None:
    rows = [ROWS[0].replace("M100", "M101"), *ROWS[1:]]
    meter = sa.select(t.premises.c.id).join(
        t.aliases, sa.and_(t.aliases.c.key == t.premises.c.key, t.aliases.c.value == "M101")
    )
    for _ in range(3):
        load(database, tmp_path, rows)
        with database.read() as conn:
            assert list(conn.scalars(meter)) == ["P101"]
