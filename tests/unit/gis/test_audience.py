"""What is counted from arrays is what is counted from the tables, at every moment."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import numpy as np
import pytest

from gis import counting
from gis.keeping import Keeper
from gis.matching import Matcher
from gis.preview import Previewer
from gis.selection import Selection
from outage import clock, settings
from outage import tables as t
from outage import where as w
from outage.cis import edition
from outage.clock import business_now
from outage.database import Database
from outage.model import Service
from tests.unit.gis.neighbourhood import Neighbourhood, make, settle

WITHOUT_MOMENT = ("accounts", "medical", "critical", "unreachable", "contacts")


def same(one: counting.Counts, other: counting.Counts) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in WITHOUT_MOMENT)


@pytest.fixture
def there(database: Database) -> Neighbourhood:
    made = make(random.Random(11), houses=120, people=90)
    settle(database, made)
    return made


def some(rng: random.Random, keeper: Keeper, size: int) -> Selection:
    assert keeper.current is not None
    positions = rng.sample(range(size), k=rng.randrange(size + 1))
    return Selection.of(keeper.current.keys_at, 1, np.array(positions, dtype=np.int64))


def test_any_selection_is_counted_as_in_the_tables_and_one_by_one(
    database: Database, there: Neighbourhood
) -> None:
    keeper, rng = Keeper(database, Matcher(database)), random.Random(1)
    assert keeper.look()
    assert keeper.current is not None
    with database.read() as conn:
        for _ in range(60):
            inside = some(rng, keeper, len(there.houses))
            counted = keeper.current.count(conn, inside)
            assert same(counted, counting.count(conn, inside.keys().tolist()))
            behind = there.behind(there.houses[key - 1] for key in inside.keys().tolist())
            assert {name: getattr(counted, name) for name in behind} == behind


def test_nobody_and_nothing_on_record_count_as_none(database: Database) -> None:
    keeper = Keeper(database, Matcher(database))
    assert keeper.look()
    assert keeper.current is not None
    nobody = Selection.of(keeper.current.keys_at, 0, np.empty(0, np.int64))
    with database.read() as conn:
        counted = keeper.current.count(conn, nobody)
    assert (counted.accounts, counted.unreachable, counted.contacts) == (0, 0, {})


def test_who_opts_out_or_turns_out_invalid_later_is_subtracted_at_once(
    database: Database, there: Neighbourhood
) -> None:
    keeper, rng = Keeper(database, Matcher(database)), random.Random(2)
    keeper.look()
    assert keeper.current is not None
    for column in ("opted_out_at", "invalid_at"):
        for key in rng.sample([one.key for one in there.endpoints], k=15):
            with database.write() as conn:
                stamp = {column: business_now(conn)}
                conn.execute(t.endpoints.update().where(t.endpoints.c.key == key).values(**stamp))
        with database.read() as conn:
            assert keeper.current.holds(conn, keeper.current.keys_at)
            inside = some(rng, keeper, len(there.houses))
            expected = counting.count(conn, inside.keys().tolist())
            assert same(keeper.current.count(conn, inside), expected)


def test_a_load_of_accounts_is_not_counted_with_what_was_read_before_it(
    database: Database, there: Neighbourhood
) -> None:
    matcher = Matcher(database)
    keeper = Keeper(database, matcher)
    previewer = Previewer(database, matcher, settings.load({}), keeper)
    everybody = w.Everything()
    assert previewer.preview(everybody, Service.ELECTRIC)["prepared"] is False
    keeper.look()
    before = previewer.preview(everybody, Service.ELECTRIC)
    assert before["prepared"] is True
    with database.write() as conn:
        conn.execute(t.occupancies.delete().where(t.occupancies.c.account_key <= 10))
        edition.changed(conn)
    after = previewer.preview(everybody, Service.ELECTRIC)
    assert after["prepared"] is False
    assert after["accounts"] < before["accounts"]
    # The first look sees that people move; the next one finds them settled.
    assert [keeper.look(), keeper.look(), keeper.look()] == [False, True, False]
    again = previewer.preview(everybody, Service.ELECTRIC)
    assert again["prepared"] is True
    assert {name: again[name] for name in WITHOUT_MOMENT} == {
        name: after[name] for name in WITHOUT_MOMENT
    }


def test_a_new_version_of_the_premises_is_read_anew(
    database: Database, there: Neighbourhood
) -> None:
    matcher = Matcher(database)
    keeper = Keeper(database, matcher)
    keeper.look()
    with database.write() as conn:
        conn.execute(t.premises.update().where(t.premises.c.key == 1).values(closed_at=0))
        conn.execute(
            t.premises_versions.insert().values(
                version=2, at=business_now(conn), premises=0, unplaced=0, digest="2"
            )
        )
    assert [keeper.look(), keeper.look()] == [True, False]
    assert keeper.current is not None
    assert len(keeper.current.keys_at) == len(there.houses) - 1


def test_a_clock_that_goes_back_makes_it_be_read_anew(
    database: Database, there: Neighbourhood
) -> None:
    keeper = Keeper(database, Matcher(database))
    keeper.look()
    with database.write() as conn:
        clock.hold(conn, business_now(conn) - timedelta(days=365))
    assert [keeper.look(), keeper.look()] == [True, False]


def test_the_keeper_reads_by_itself_while_it_runs(database: Database, there: Neighbourhood) -> None:
    keeper = Keeper(database, Matcher(database))
    until = time.monotonic() + 20
    with keeper.running():
        while keeper.current is None and time.monotonic() < until:
            time.sleep(0.01)
    assert keeper.current is not None
