from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from outage import journal
from outage import tables as t
from outage.cis import edition, loading
from outage.cis.accounts import Accounts, read_accounts
from outage.cis.loading import PreferencesFlippedError, known_premises, load_accounts
from outage.columns import EPOCH
from outage.database import Database, open_database
from outage.disowned import WRONG_PERSON
from outage.loading import Loaded, LoadOptions, LoadRunningError, ShrinkingError
from outage.model import Actor
from outage.sheet import SheetRefusedError

ACTOR = Actor(kind="cli", name="test")
HEADER = "account_id,name,premise_ids,mobile,email,language,medical,outage_alerts,quiet_hours\n"
FULL = LoadOptions(max_bad_percent=60)
ANNA = "A1,Anna,P1 P2,+16045550101,anna@example.org,es,yes,yes,22:00-07:00\n"
BEN = "A2,Ben,P3,604 555 0102,Ben@Example.org,,no,no,\n"


@pytest.fixture
def town(database: Database) -> Database:
    with database.write() as conn:
        conn.execute(
            t.premises.insert(),
            [{"key": n, "id": f"P{n}", "services": 1, "loaded_version": 1} for n in range(1, 5)],
        )
        conn.execute(t.aliases.insert().values(entity="premise", kind="meter", value="M-4", key=4))
    return database


def read(db: Database, folder: Path, *rows: str) -> Accounts:
    path = folder / "accounts.csv"
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    with db.read() as conn:
        return read_accounts(path, premises=known_premises(conn), mapping={})


def load(db: Database, folder: Path, *rows: str, options: LoadOptions = FULL) -> Loaded:
    return load_accounts(db, read(db, folder, *rows), options, actor=ACTOR)


def rows(db: Database, table: sa.Table) -> list[Any]:
    with db.read() as conn:
        return list(conn.execute(table.select().order_by(table.c.key)).all())


def test_a_second_load_at_the_same_time_is_refused(town: Database, tmp_path: Path) -> None:
    other = open_database(town.engine.url)
    with other.alone("load-accounts") as alone:
        assert alone
        with pytest.raises(LoadRunningError):
            load(town, tmp_path, ANNA)
    other.close()
    assert rows(town, t.accounts) == []
    assert load(town, tmp_path, ANNA).added == 1


def holders(db: Database) -> set[tuple[int, int]]:
    return {(o.account_key, o.premise_key) for o in rows(db, t.occupancies) if o.until is None}


def test_the_shared_file_gives_the_expected_lines_reasons_and_fields(shared: Path) -> None:
    expected = json.loads((shared / "data" / "expected.json").read_text())
    premises = {f"P{n:06}": n for n in range(1, 26293)}
    found = read_accounts(shared / "data" / "accounts.csv", premises=premises, mapping={})
    assert len(found.accounts) == expected["accounts_loaded"]
    assert [asdict(row) for row in found.rejected] == [
        row for row in expected["rejected_rows"] if row["file"] == "accounts.csv"
    ]
    assert [asdict(contact) for contact in found.dropped] == expected["dropped_contacts"]


def test_each_bad_row_has_its_line_and_reason(town: Database, tmp_path: Path) -> None:
    found = read(
        town,
        tmp_path,
        ANNA,
        ANNA,
        ",x,P1,,,,,,\n",
        "A3,x,P1 P9,,,,,,\n",
        "A4,x,,,,,maybe,,\n",
        "A5,x,,,,,,,25:00-26:00\n",
        "A6,x,M-4,nobody,nobody@,,,,\n",
    )
    assert [(row.line, row.reason) for row in found.rejected] == [
        (3, "duplicate account_id"),
        (4, "account_id"),
        (5, "unknown premise"),
        (6, "medical"),
        (7, "quiet_hours"),
    ]
    assert [(contact.line, contact.field) for contact in found.dropped] == [
        (8, "mobile"),
        (8, "email"),
    ]
    assert found.accounts[-1].premises == (4,)


def test_a_file_without_a_header_gets_one_sentence(town: Database, tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text(ANNA)
    with pytest.raises(SheetRefusedError, match="no header"):
        read_accounts(path, premises={}, mapping={})


def test_a_load_writes_accounts_occupancies_endpoints_and_contacts(
    town: Database, tmp_path: Path
) -> None:
    assert load(town, tmp_path, ANNA, BEN).added == 2
    anna, ben = rows(town, t.accounts)
    assert (anna.medical, anna.outage_alerts, ben.medical, ben.outage_alerts) == (1, 1, 0, 0)
    assert holders(town) == {(anna.key, 1), (anna.key, 2), (ben.key, 3)}
    assert {o.since for o in rows(town, t.occupancies)} == {EPOCH}
    assert [(e.kind, e.address, e.language) for e in rows(town, t.endpoints)] == [
        ("phone", "+16045550101", "es"),
        ("email", "anna@example.org", "es"),
        ("phone", "+16045550102", "en"),
        ("email", "ben@example.org", "en"),
    ]
    first = rows(town, t.contacts)[0]
    assert (first.channel, first.quiet_from, first.quiet_until) == ("sms", 22 * 60, 7 * 60)
    assert first.consent_source == "import"


def test_quiet_hours_that_a_person_has_set_are_theirs(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA)
    with town.write() as conn:
        mine = t.contacts.c.channel == "sms"
        conn.execute(t.contacts.update().where(mine).values(quiet_from=0, quiet_until=0))
        conn.execute(t.contacts.update().where(mine).values(chosen_at=EPOCH))
        conn.execute(t.contacts.update().where(~mine).values(quiet_from=0, quiet_until=0))
    load(town, tmp_path, ANNA)
    text, mail = rows(town, t.contacts)
    assert (text.quiet_from, text.quiet_until) == (0, 0)
    assert (mail.quiet_from, mail.quiet_until) == (22 * 60, 7 * 60)


def test_the_same_file_again_changes_nothing(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA, BEN)
    tables = (t.accounts, t.occupancies, t.endpoints, t.contacts)
    before = [rows(town, table) for table in tables]
    assert load(town, tmp_path, ANNA, BEN).unchanged == 2
    assert [rows(town, table) for table in tables] == before
    with town.read() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(t.journal)).scalar() == 1


def test_a_premise_that_moves_to_another_account_ends_the_old_occupancy(
    town: Database, tmp_path: Path
) -> None:
    load(town, tmp_path, ANNA, BEN)
    load(town, tmp_path, BEN.replace("P3", "P3 P2"), options=LoadOptions(partial=True))
    assert holders(town) == {(1, 1), (2, 2), (2, 3)}
    newest = rows(town, t.occupancies)[-1]
    assert newest.since > EPOCH


def test_a_load_killed_after_its_last_move_has_said_that_there_were_some(
    town: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_given: object) -> None:
        raise KeyboardInterrupt

    whole = loading._contacts  # noqa: SLF001 killed before it
    monkeypatch.setattr(loading, "_contacts", die)
    with pytest.raises(KeyboardInterrupt):
        load(town, tmp_path, ANNA, BEN)
    monkeypatch.setattr(loading, "_contacts", whole)
    load(town, tmp_path, ANNA, BEN)
    with town.read() as conn:
        kinds = [entry.kind for entry in journal.entries_after(conn, 0)]
    assert kinds == ["premisesChanged"]
    assert len(rows(town, t.contacts)) == 4


def test_an_account_the_file_no_longer_lists_is_closed_with_all_it_had(
    town: Database, tmp_path: Path
) -> None:
    load(town, tmp_path, ANNA, BEN)
    with pytest.raises(ShrinkingError):
        load(town, tmp_path, ANNA)
    loaded = load(town, tmp_path, ANNA, options=LoadOptions(allow_shrink=True))
    assert loaded.closed == 1
    assert holders(town) == {(1, 1), (1, 2)}
    assert rows(town, t.accounts)[1].closed_at is not None
    assert [c.account_key for c in rows(town, t.contacts) if c.ended_at is None] == [1, 1]
    load(town, tmp_path, ANNA, BEN)
    assert rows(town, t.accounts)[1].closed_at is None
    assert len([c for c in rows(town, t.contacts) if c.ended_at is None]) == 4


def test_a_rejected_row_leaves_its_account_as_it_was(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA, BEN)
    load(town, tmp_path, ANNA, BEN.replace("P3", "P9"))
    assert holders(town) == {(1, 1), (1, 2), (2, 3)}
    assert rows(town, t.accounts)[1].closed_at is None


def test_a_load_never_lifts_an_opt_out(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA, BEN)
    stopped = datetime(2026, 1, 2, tzinfo=UTC)
    with town.write() as conn:
        conn.execute(
            t.endpoints.update()
            .where(t.endpoints.c.address == "+16045550101")
            .values(opted_out_at=stopped, language="fr")
        )
    load(town, tmp_path, BEN, options=LoadOptions(allow_shrink=True))
    load(town, tmp_path, ANNA, BEN)
    phone = rows(town, t.endpoints)[0]
    assert (phone.opted_out_at, phone.language) == (stopped, "fr")


def test_a_changed_number_ends_the_imported_contact_and_keeps_the_persons_own(
    town: Database, tmp_path: Path
) -> None:
    load(town, tmp_path, ANNA, BEN)
    with town.write() as conn:
        conn.execute(
            t.contacts.update().where(t.contacts.c.key == 2).values(consent_source="person")
        )
    load(town, tmp_path, "A1,Anna,P1 P2,+16045550199,,es,yes,yes,\n", BEN)
    open_ones = {
        (c.account_key, c.channel, c.endpoint_key)
        for c in rows(town, t.contacts)
        if c.ended_at is None
    }
    assert (1, "email", 2) in open_ones
    assert (1, "sms", 1) not in open_ones
    assert (1, "sms", 5) in open_ones


def test_households_share_one_endpoint(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA, BEN.replace("604 555 0102", "(604) 555-0101"))
    phones = [e for e in rows(town, t.endpoints) if e.kind == "phone"]
    assert len(phones) == 1
    assert len([c for c in rows(town, t.contacts) if c.channel == "sms"]) == 2


def test_what_a_person_said_here_outlives_the_file(town: Database, tmp_path: Path) -> None:
    load(town, tmp_path, ANNA, BEN)
    with town.write() as conn:
        conn.execute(t.accounts.update().values(outage_alerts=False, alerts_source="person"))
    load(town, tmp_path, ANNA.replace("Anna,", "Ann,"), BEN)
    anna = rows(town, t.accounts)[0]
    assert (anna.name, bool(anna.outage_alerts)) == ("Ann", False)


def test_alerts_that_a_person_turned_on_are_not_for_whom_the_file_adds(
    town: Database, tmp_path: Path
) -> None:
    load(town, tmp_path, BEN.replace(",Ben@Example.org", ","))
    load(town, tmp_path, BEN)
    # Nobody has turned them on: the account's own "no" holds, and START lifts it for all.
    assert [row.topics for row in rows(town, t.contacts)] == [1, 1]
    with town.write() as conn:
        conn.execute(t.contacts.delete().where(t.contacts.c.channel == "email"))
        conn.execute(t.accounts.update().values(outage_alerts=True, alerts_source="person"))
    load(town, tmp_path, BEN)
    assert [(row.channel, row.topics) for row in rows(town, t.contacts)] == [
        ("sms", 1),
        ("email", 0),
    ]
    load(town, tmp_path, BEN.replace(",no,no,", ",no,yes,").replace("0102", "0103"))
    # Now the file says yes for everybody, also for whom it had added before.
    assert [row.topics for row in rows(town, t.contacts)] == [1, 1, 1]


def test_what_the_file_says_holds_for_those_of_an_account_who_have_not_chosen(
    town: Database, tmp_path: Path
) -> None:
    load(town, tmp_path, BEN)
    with town.write() as conn:
        mine = t.contacts.c.channel == "sms"
        conn.execute(t.accounts.update().values(outage_alerts=True, alerts_source="person"))
        conn.execute(t.contacts.update().where(mine).values(consent_source="subscription"))
        conn.execute(t.contacts.update().where(~mine).values(topics=0))
    yes = BEN.replace(",no,no,", ",no,yes,")
    said = []
    for row in (yes, BEN, yes):
        load(town, tmp_path, row)
        said.append([contact.topics for contact in rows(town, t.contacts)])
    assert said == [[1, 1], [1, 0], [1, 1]]
    with town.write() as conn:
        chosen = {"topics": 0, "chosen_at": datetime(2026, 1, 2, tzinfo=UTC)}
        conn.execute(t.contacts.update().values(**chosen))
    load(town, tmp_path, yes)
    assert [contact.topics for contact in rows(town, t.contacts)] == [0, 0]


def test_who_has_subscribed_is_told_on_when_the_file_turns_the_accounts_alerts_off(
    town: Database, tmp_path: Path
) -> None:
    on = BEN.replace(",no,no,", ",no,yes,")
    load(town, tmp_path, ANNA, on)
    with town.write() as conn:
        bens_phone = t.endpoints.c.address == "+16045550102"
        key = conn.execute(sa.select(t.endpoints.c.key).where(bens_phone)).scalar_one()
        mine = t.contacts.c.endpoint_key == key
        conn.execute(t.contacts.update().where(mine).values(consent_source="subscription"))
    said = []
    for anna, ben in (
        (ANNA, BEN),
        (ANNA, BEN),
        (ANNA, on),
        (ANNA.replace(",yes,yes,", ",yes,no,"), BEN),
    ):
        load(town, tmp_path, anna, ben)
        alerts = [bool(row.outage_alerts) for row in rows(town, t.accounts)]
        told = {
            row.endpoint_key == key
            for row in rows(town, t.contacts)
            if row.account_key == 2 and row.topics
        }
        said.append((alerts, sorted(told)))
    assert said == [
        ([True, True], [True]),
        ([True, True], [True]),
        ([True, True], [False, True]),
        ([False, True], [True]),
    ]


def test_what_somebody_says_while_a_file_is_loaded_is_not_written_over(
    town: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, c = BEN.replace(",no,no,", ",no,yes,"), t.contacts.c
    load(town, tmp_path, on)
    write = loading._write  # noqa: SLF001 what comes between its steps
    turned_off = False

    def meanwhile(db: Database, statement: Any, found: Any, *args: Any, **more: Any) -> None:  # noqa: ANN401
        nonlocal turned_off
        table = statement.table.name
        with db.write() as conn:
            if table == "accounts" and found and not turned_off:
                turned_off = True
                mine = t.contacts.update().where(c.channel == "sms")
                conn.execute(mine.values(consent_source="subscription"))
            elif table == "contacts" and found:
                chosen = {"topics": 3, "chosen_at": datetime(2026, 1, 2, tzinfo=UTC)}
                conn.execute(t.contacts.update().where(c.channel == "email").values(**chosen))
        write(db, statement, found, *args, **more)

    monkeypatch.setattr(loading, "_write", meanwhile)
    load(town, tmp_path, BEN)
    (account,) = rows(town, t.accounts)
    assert (account.outage_alerts, account.alerts_source) == (True, "person")
    assert sorted((row.channel, row.topics) for row in rows(town, t.contacts)) == [
        ("email", 3),
        ("sms", 1),
    ]


def test_whom_a_number_was_taken_from_gets_it_back_once_the_file_lists_it_anew(
    town: Database, tmp_path: Path
) -> None:
    def whose() -> list[bool]:
        return [row.ended_at is None for row in rows(town, t.contacts)]

    other = BEN.replace("604 555 0102", "604 555 0109")
    load(town, tmp_path, ANNA, BEN)
    with town.write() as conn:
        ended = {"ended_at": datetime(2026, 1, 2, tzinfo=UTC), "ended_by": WRONG_PERSON}
        mine = (
            t.contacts.c.key
            == conn.execute(
                sa.select(t.contacts.c.key).where(t.contacts.c.account_key == 2).limit(1)
            ).scalar_one()
        )
        conn.execute(t.contacts.update().where(mine).values(**ended))
    before = whose()
    assert before.count(False) == 1
    for lines in ([ANNA, BEN], [ANNA]):
        load(town, tmp_path, *lines, options=LoadOptions(partial=True))
        assert whose() == before
    load(town, tmp_path, ANNA, other)
    load(town, tmp_path, ANNA, BEN)
    assert whose() == [*before, False, True]


def test_a_file_that_flips_many_preferences_is_held(town: Database, tmp_path: Path) -> None:
    many = [f"B{n},x,,,,,no,yes,\n" for n in range(20)]
    load(town, tmp_path, *many)
    flipped = [row.replace("yes", "no") for row in many]
    with pytest.raises(PreferencesFlippedError, match="20 of 20"):
        load(town, tmp_path, *flipped)
    assert all(row.outage_alerts for row in rows(town, t.accounts))
    found = read(town, tmp_path, *flipped)
    load_accounts(town, found, FULL, actor=ACTOR, accept_preferences=True)
    assert not any(row.outage_alerts for row in rows(town, t.accounts))


def test_hospitals_are_marked_and_copies_kept_elsewhere_learn_of_every_change(
    town: Database, tmp_path: Path
) -> None:
    def said(*lines: str) -> tuple[list[bool], int]:
        path = tmp_path / "critical.csv"
        path.write_text("".join(["account_id,critical\n", *lines]), encoding="utf-8")
        found = read_accounts(path, premises={}, mapping={})
        load_accounts(town, found, FULL, actor=ACTOR)
        with town.read() as conn:
            return [row.critical for row in rows(town, t.accounts)], edition.number(conn)

    first = said("H1,yes\n", "A1,\n")
    assert first[0] == [True, False]
    assert first[1] > 0
    assert said("H1,yes\n", "A1,\n") == first
    flags, number = said("H1,no\n", "A1,yes\n")
    assert flags == [False, True]
    assert number > first[1]
