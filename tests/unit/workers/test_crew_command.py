"""`outage crew`: links made, listed and revoked, and what crews propose decided."""

import json
from datetime import timedelta
from pathlib import Path

from outage import crew_links, crew_words
from outage.clock import business_now
from outage.crew_words import Limits
from outage.database import Database
from tests.unit.workers.desk import Refuse, Run, declared, drain


def test_a_link_is_shown_once_listed_and_revoked(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    assert "There are no links" in run("crew", "list")
    name = declared(run, tmp_path)["id"]
    said = run("crew", "link", name, "--label", "truck-7")
    address = said.splitlines()[0]
    assert address.startswith("http://127.0.0.1:8002/crew/")
    assert "█" in said or "▄" in said
    assert "It is not shown again." in said
    words = address.rpartition("/")[2]
    with town.read() as conn:
        assert crew_links.of_token(conn, words) is not None
    listed = run("crew", "list")
    assert "truck-7" in listed
    assert words not in listed
    made = json.loads(run("crew", "link", name, "--hours", "2", "--json"))
    assert made["link"].rpartition("/")[0].endswith("/crew")
    assert (made["key"], made["outage"]) == (2, name)
    assert "holds no longer" in run("crew", "revoke", "1")
    with town.read() as conn:
        assert crew_links.of_token(conn, words) is None
    holding = {each["key"]: each["holds"] for each in json.loads(run("crew", "list", "--json"))}
    assert holding == {1: False, 2: True}
    assert "`outage crew list`" in refuse("crew", "revoke", "9")
    assert "at most 40 characters" in refuse("crew", "link", name, "--label", "x" * 41)
    run("cancel", name)
    assert "cancelled" in refuse("crew", "link", name)


def test_what_crews_propose_is_listed_and_decided(
    town: Database, run: Run, refuse: Refuse, tmp_path: Path
) -> None:
    assert "Nothing waits." in run("crew", "proposals")
    name = declared(run, tmp_path)["id"]
    drain(town)
    run("crew", "link", name, "--label", "truck-7")
    with town.write() as conn:
        link, now = crew_links.get(conn, 1), business_now(conn)
        for word in (crew_words.Estimate(latest=now + timedelta(hours=2)), crew_words.Back()):
            nobody = Limits(restores=0, etr=0)
            crew_words.say(conn, link, word, observed_at=now, limits=nobody)
    said = run("crew", "proposals")
    assert "truck-7" in said
    assert "back by" in said
    assert "all is back" in said
    kinds = [each["kind"] for each in json.loads(run("crew", "proposals", "--json"))]
    assert kinds == ["etr", "restored"]
    assert "is done" in run("crew", "agree", "1")
    assert "comes to nothing" in run("crew", "refuse", "2")
    assert "decided" in refuse("crew", "agree", "2")
    refuse("crew", "agree", "9")
    shown = json.loads(run("show", name, "--json"))
    assert (shown["status"], shown["etr"]["source"]) == ("confirmed", "crew")
