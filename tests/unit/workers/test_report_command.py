"""`outage report`: whom messages reach, in words, as ids, and as JSON."""

import json

import sqlalchemy as sa

from outage import tables as t
from outage.columns import EPOCH
from outage.database import Database
from tests.unit.workers.desk import Run


def test_reach_is_told_in_words_as_ids_and_as_json(town: Database, run: Run) -> None:
    with town.write() as conn:
        a, e = t.accounts.c, t.endpoints
        whose = conn.execute(sa.select(a.key).order_by(a.key).limit(1)).scalar_one()
        key = conn.execute(
            e.insert().values(kind="phone", address="+12025550101").returning(e.c.key)
        ).scalar_one()
        conn.execute(
            t.contacts.insert().values(
                account_key=whose, endpoint_key=key, channel="sms", consent_at=EPOCH
            )
        )
        accounts = conn.execute(sa.select(sa.func.count()).select_from(t.accounts)).scalar_one()
    facts = json.loads(run("report", "reach", "--json"))
    assert facts["accounts"] == accounts > 1
    assert facts["by"] == {"sms": 1}
    assert facts["reached"] + sum(facts["nobody"].values()) == accounts
    said = run("report", "reach")
    assert f"Messages reach {facts['reached']:,} of {accounts:,} accounts" in said
    for why, number in facts["nobody"].items():
        ids = run("report", "reach", "--list", why).split()
        assert len(ids) == number
        assert ids == json.loads(run("report", "reach", "--list", why, "--json"))
        assert (f"--list {why}" in said) == (number > 0)


def test_where_there_is_nobody_it_says_how_to_begin(run: Run, town: Database) -> None:
    with town.write() as conn:
        conn.execute(t.accounts.update().values(closed_at=EPOCH))
    assert "There are no accounts" in run("report", "reach")
    assert run("report", "reach", "--list", "no_contact") == ""
