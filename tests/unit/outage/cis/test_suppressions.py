from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from outage import tables as t
from outage.cis import edition
from outage.cis.suppressing import Suppressed, load_suppressions
from outage.cis.suppressions import Suppressions, read_suppressions
from outage.columns import EPOCH
from outage.database import Database
from outage.loading import BadRowsError, LoadOptions, TooManyBadRowsError
from outage.sheet import SheetRefusedError

NOW = datetime(2026, 1, 4, 22, 0, tzinfo=UTC)
LENIENT = LoadOptions(max_bad_percent=100)


def read(folder: Path, text: str, **mapping: str) -> Suppressions:
    path = folder / "list.csv"
    path.write_text(text, encoding="utf-8")
    return read_suppressions(path, mapping=mapping, region="US", zone=UTC, now=NOW)


def who(found: Suppressions) -> list[str]:
    return [one.address for one in found.found]


def load(db: Database, found: Suppressions, *, dry_run: bool = False) -> Suppressed:
    return load_suppressions(db, found, LENIENT, language="en", dry_run=dry_run)


def on_record(db: Database) -> dict[str, tuple[bool, str | None]]:
    with db.read() as conn:
        return {
            row.address: (row.opted_out_at is not None, row.opt_out_source)
            for row in conn.execute(t.endpoints.select())
        }


@pytest.mark.parametrize(
    "header",
    ["phone", "Phone Number", "MSISDN", "mobile", "Cell Phone", "to", "Contact", "number"],
)
def test_the_column_is_found_by_what_vendors_call_it(tmp_path: Path, header: str) -> None:
    assert who(read(tmp_path, f"{header}\n(303) 555-0101\n")) == ["+13035550101"]


@pytest.mark.parametrize(
    ("cell", "addresses"),
    [
        ("(303) 555-0101", ["+13035550101"]),
        ("'3035550101", ["+13035550101"]),
        ("3035550101.0", ["+13035550101"]),
        ("cell 303.555.0101", ["+13035550101"]),
        ("303-555-0101 / 303-555-0102", ["+13035550101", "+13035550102"]),
        ("home: 303 555 0101; work: 303 555 0102", ["+13035550101", "+13035550102"]),
        ("Ann <Ann@Example.org>", ["ann@example.org"]),
        ("a@example.org; b@example.org", ["a@example.org", "b@example.org"]),
        ("none", []),
        ("12 Main Street", []),
    ],
)
def test_a_cell_is_read_as_people_write_it(tmp_path: Path, cell: str, addresses: list[str]) -> None:
    assert who(read(tmp_path, f'contact\n"{cell}"\n')) == addresses


def test_bad_rows_are_named_by_line_and_not_by_number(tmp_path: Path) -> None:
    found = read(tmp_path, "phone,reason\n303-555-0101,STOP\n303-555,STOP\n,\nx,y,z\n")
    assert [(row.line, row.reason) for row in found.rejected] == [
        (3, "no phone number or e-mail address"),
        (4, "no phone number or e-mail address"),
        (5, "number of fields"),
    ]
    assert found.rows == 4


def test_a_postal_address_beside_a_phone_is_none_to_text(tmp_path: Path) -> None:
    found = read(tmp_path, "phone,address\n303-555-0101,303-555-0199 Main Street\n")
    assert who(found) == ["+13035550101"]


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2025-03-04", datetime(2025, 3, 4, tzinfo=UTC)),
        ("2025-03-04T05:06:07-01:00", datetime(2025, 3, 4, 6, 6, 7, tzinfo=UTC)),
        ("2025-03-04 05:06:07 UTC", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("3/4/2025", datetime(2025, 3, 4, tzinfo=UTC)),
        ("3/4/2025 5:06", datetime(2025, 3, 4, 5, 6, tzinfo=UTC)),
    ],
)
def test_dates_are_read_as_vendors_write_them(tmp_path: Path, date: str, at: datetime) -> None:
    found = read(tmp_path, f"phone,created_at\n303-555-0101,{date}\n")
    assert [one.at for one in found.found] == [at]


@pytest.mark.parametrize("date", ["soon", "2199-01-01", "0001-01-01", "31/12/2025"])
def test_an_opt_out_whose_date_says_nothing_counts_all_the_same(tmp_path: Path, date: str) -> None:
    found = read(tmp_path, f"phone,date\n303-555-0101,{date}\n")
    assert (found.undated, found.rejected, [one.at for one in found.found]) == ((2,), (), [None])


def test_a_reason_is_kept_as_a_word_without_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "phone,reason\n303-555-0101,Spam Report by 303-555-0101!\n")
    assert found.found[0].reason == "spam_report_by"


def test_a_file_without_such_a_column_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SheetRefusedError, match="no header"):
        read(tmp_path, "who,what\n303-555-0101,STOP\n")
    with pytest.raises(SheetRefusedError, match="--map phone=COLUMN"):
        read(tmp_path, "reason,who\nSTOP,303-555-0101\n")
    assert who(read(tmp_path, "who,what\n303-555-0101,STOP\n", phone="who")) == ["+13035550101"]


def test_opt_outs_are_recorded_also_of_who_is_not_known_yet(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as conn:
        conn.execute(t.endpoints.insert().values(kind="phone", address="+13035550101"))
        before = edition.number(conn)
    found = read(tmp_path, "phone,reason,date\n303-555-0101,STOP,2025-03-04\n303-555-0102,,\n")
    assert load(database, found, dry_run=True) == Suppressed(
        opted_out=2, created=1, unchanged=0, came_back=0
    )
    assert on_record(database) == {"+13035550101": (False, None)}
    assert load(database, found).opted_out == 2
    assert on_record(database) == {
        "+13035550101": (True, "import:stop"),
        "+13035550102": (True, "import"),
    }
    assert load(database, found) == Suppressed(opted_out=0, created=0, unchanged=2, came_back=0)
    with database.read() as conn:
        assert edition.number(conn) > before


def test_an_opt_out_that_is_there_keeps_its_time_and_source(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as conn:
        conn.execute(
            t.endpoints.insert().values(
                kind="phone", address="+13035550101", opted_out_at=EPOCH, opt_out_source="reply"
            )
        )
    load(database, read(tmp_path, "phone\n303-555-0101\n"))
    with database.read() as conn:
        row = conn.execute(sa.select(t.endpoints)).one()
    assert (row.opted_out_at, row.opt_out_source) == (EPOCH, "reply")


def test_a_list_outdoes_what_was_stopped_by_the_page(database: Database, tmp_path: Path) -> None:
    with database.write() as conn:
        conn.execute(
            t.endpoints.insert().values(
                kind="phone", address="+13035550101", opted_out_at=EPOCH, opt_out_source="link"
            )
        )
    for once in (1, 0):
        loaded = load(database, read(tmp_path, "phone\n303-555-0101\n"))
        assert (loaded.opted_out, loaded.unchanged) == (once, 1 - once)
    assert on_record(database) == {"+13035550101": (True, "import")}


@pytest.mark.parametrize(
    ("date", "stays"), [("2025-03-04", True), ("", True), ("2026-01-04", False)]
)
def test_who_has_texted_start_since_is_left_alone(
    database: Database, tmp_path: Path, date: str, *, stays: bool
) -> None:
    with database.write() as conn:
        key = conn.execute(
            t.endpoints.insert()
            .values(kind="phone", address="+13035550101")
            .returning(t.endpoints.c.key)
        ).scalar_one()
        conn.execute(
            t.replies.insert().values(
                provider="twilio",
                provider_id="SM1",
                address="+13035550101",
                body="START",
                intent="start",
                endpoint_key=key,
                received_at=datetime(2025, 6, 1, tzinfo=UTC),
            )
        )
    done = load(database, read(tmp_path, f"phone,date\n303-555-0101,{date}\n"))
    assert done.came_back == int(stays)
    assert on_record(database)["+13035550101"][0] is not stays


def test_too_many_bad_rows_change_nothing(database: Database, tmp_path: Path) -> None:
    found = read(tmp_path, "phone\n303-555-0101\nnobody\n")
    for options, error in (
        (LoadOptions(), TooManyBadRowsError),
        (replace(LENIENT, strict=True), BadRowsError),
    ):
        with pytest.raises(error):
            load_suppressions(database, found, options, language="en")
    assert on_record(database) == {}


@given(cells=st.lists(st.text(max_size=30), max_size=5))
def test_whatever_stands_in_a_cell_it_is_read_or_rejected(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    rows = [cell.replace('"', "").replace("\r", "").replace("\n", "") for cell in cells]
    text = "phone\n" + "".join(f'"{cell}"\n' for cell in rows)
    try:
        found = read(tmp_path_factory.mktemp("x"), text.encode("utf-8", "replace").decode())
    except SheetRefusedError:
        return
    assert len(found.rejected) <= found.rows == len(rows)
