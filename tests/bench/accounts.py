"""How long it takes to find an account by each thing that a caller may say, and to show it.

    python -m tests.bench.accounts [--accounts N] [--rounds R] [--postgresql] [--json]

Each round asks for something else. Names and streets are as unevenly spread as real ones: the
commonest surname is that of one account in a hundred. The slowest way of asking, two names that
are both common, has a line of its own. The screen is a whole request of an agent, with their
session looked up and the page made, to an account with five outages (`tests.bench.lived`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from console import searching
from outage import names, schema, sessions, staff
from outage import tables as t
from outage.database import Database, open_database
from outage.rights import Role
from tests.bench import lived
from tests.bench.declare import somewhere
from tests.unit.console.staffed import Desk

STEP = 20_000
FIRSTS, LASTS, STREETS, TOWNS = 2_000, 40_000, 8_000, 60
TYPES = ("st", "ave", "rd", "dr", "ln", "ct")
DIRECTIONS = ("", "", "", "n ", "s ", "e ", "w ")
SYLLABLES = ("an", "ber", "car", "dor", "el", "fin", "gra", "hol", "is", "jo", "kel", "lam", "mor")
_P = t.premises.c


def word(at: int) -> str:
    """Make a word of a number: another one for each."""
    found = SYLLABLES[at % len(SYLLABLES)]
    while at := at // len(SYLLABLES):
        found += SYLLABLES[at % len(SYLLABLES)]
    return found


def spread(rng: np.random.Generator, kinds: int, count: int) -> list[int]:
    """Draw so that the commonest is about one in a hundred, and most are rare."""
    weight = 1 / (np.arange(kinds) + 10)
    return [int(at) for at in rng.choice(kinds, size=count, p=weight / weight.sum())]


def build(db: Database, accounts: int, *, seed: int = 1) -> None:
    """Fill a migrated database: each account with a name, a place, a meter and two contacts."""
    rng = np.random.default_rng(seed)
    for first in range(1, accounts + 1, STEP):
        keys = range(first, min(first + STEP, accounts + 1))
        size = len(keys)
        called = {
            key: f"{word(one).title()} {word(other + 31).title()}"
            for key, one, other in zip(
                keys, spread(rng, FIRSTS, size), spread(rng, LASTS, size), strict=True
            )
        }
        streets = [
            f"{DIRECTIONS[at % 7]}{word(at)} {TYPES[at % 6]}" for at in spread(rng, STREETS, size)
        ]
        houses = [int(at) for at in rng.integers(1, 3_000, size)]
        with lived.unchecked(db) as conn:
            for table, rows in rows_of(keys, called, streets, houses).items():
                fill(conn, table, rows)


def fill(conn: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows of one shape; PostgreSQL takes them as one copy, which is many times as fast."""
    if conn.dialect.name == "sqlite":
        conn.execute(table.insert(), rows)
        return
    driver: Any = conn.connection.driver_connection
    columns = ", ".join(rows[0])
    with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        copy.write("".join("\t".join(map(str, row.values())) + "\n" for row in rows))


def rows_of(
    keys: range, called: dict[int, str], streets: list[str], houses: list[int]
) -> dict[sa.Table, list[dict[str, Any]]]:
    """Make the rows of some accounts."""
    return {
        t.accounts: [{"key": key, "id": f"A{key:09d}", "name": called[key]} for key in keys],
        t.account_words: [
            {"word": one, "account_key": key} for key in keys for one in names.words(called[key])
        ],
        t.premises: [
            {
                "key": key,
                "id": f"P{key:09d}",
                "services": 1,
                "loaded_version": 1,
                "address": f"{house} {street.title()}",
                "street": street,
                "house_number": house,
                "city": f"Town {key % TOWNS}",
            }
            for key, street, house in zip(keys, streets, houses, strict=True)
        ],
        t.occupancies: [{"account_key": key, "premise_key": key, "since": 0} for key in keys],
        t.aliases: [
            {"entity": "premise", "kind": "meter", "value": f"M{key:010d}", "key": key}
            for key in keys
        ],
        t.endpoints: [
            {"key": 2 * key + kind, "kind": ("phone", "email")[kind], "address": address}
            for key in keys
            for kind, address in enumerate((f"+999{key:09d}", f"a{key}@example.org"))
        ],
        t.contacts: [
            {
                "account_key": key,
                "endpoint_key": 2 * key + kind,
                "channel": ("sms", "email")[kind],
                "consent_at": 0,
            }
            for key in keys
            for kind in range(2)
        ],
    }


def asked(db: Database, accounts: int, rounds: int) -> dict[str, list[str]]:
    """What is asked for, by what it is."""
    chance = random.Random(3)
    keys = [chance.randrange(1, accounts + 1) for _ in range(rounds)]
    with db.read() as conn:
        rows = conn.execute(
            sa.select(t.accounts.c.name, _P.address, _P.street, _P.city)
            .join(t.accounts, t.accounts.c.key == _P.key)
            .where(_P.key.in_(keys))
        ).all()
    common = [word(at).title() for at in range(12)]
    surnames = [word(at + 31).title() for at in range(12)]
    ways: dict[str, Callable[[int], str]] = {
        "account id": lambda at: f"A{keys[at]:09d}",
        "meter": lambda at: f"M{keys[at]:010d}",
        "phone": lambda at: f"+999{keys[at]:09d}",
        "e-mail": lambda at: f"a{keys[at]}@example.org",
        "address": lambda at: rows[at % len(rows)].address,
        "address, town": lambda at: f"{rows[at % len(rows)].address}, {rows[at % len(rows)].city}",
        "street": lambda at: rows[at % len(rows)].street,
        "whole name": lambda at: rows[at % len(rows)].name,
        "surname": lambda at: rows[at % len(rows)].name.split()[1],
        "beginnings": lambda at: " ".join(part[:3] for part in rows[at % len(rows)].name.split()),
        "two common names": lambda at: f"{common[at % 12]} {surnames[at // 12 % 12]}",
        "two letters": lambda at: rows[at % len(rows)].name[:2],
        "nobody": lambda at: f"zz{keys[at]} qq",
    }
    return {name: [way(at) for at in range(rounds)] for name, way in ways.items()}


def measure(
    db: Database, ask: Callable[[str], int], questions: list[str], *, sessions: int
) -> dict[str, float]:
    """Ask each once; milliseconds by the clock, and of processors at work for it."""
    took, worked, found = [], [], 0
    servers = backends(db, sessions)
    for question in questions:
        began, busy = time.perf_counter(), at_work(servers)
        found += ask(question)
        took.append((time.perf_counter() - began) * 1_000)
        worked.append(at_work(servers) - busy)
    p50, p95 = np.percentile(took, [50, 95])
    return {
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "worst_ms": round(max(took), 1),
        "p95_processor_ms": round(float(np.percentile(worked, 95)), 1),
        "found": round(found / len(questions), 1),
    }


def backends(db: Database, sessions: int) -> list[Path]:
    """Where Linux says how long each of PostgreSQL's processes for us was at work."""
    if db.is_sqlite:
        return []
    # As many as the pool gives out at a time: those that are asked have all been begun.
    with contextlib.ExitStack() as opened:
        for _ in range(sessions):
            opened.enter_context(db.read())
    with db.read() as conn:
        pids = conn.execute(
            sa.text("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
        ).scalars()
        return [Path(f"/proc/{pid}/schedstat") for pid in pids]


def at_work(servers: list[Path]) -> float:
    """Milliseconds that processors were at work so far, here and for the database."""
    theirs = sum(int(one.read_text("ascii").split()[0]) for one in servers)
    return time.process_time() * 1_000 + theirs / 1e6


def searched(db: Database) -> Callable[[str], int]:
    """Find accounts, as the box does."""

    def ask(question: str) -> int:
        with db.read() as conn:
            return len(searching.search(conn, question, test_numbers=True).found)

    return ask


def shown(db: Database) -> Callable[[str], int]:
    """Have an account's screen, as an agent's browser does; how many outages are on it."""
    desk = Desk.of(db)
    with db.write() as conn:
        member, _ = staff.add(conn, name="agnes", role=Role.AGENT)
        words = sessions.begin(conn, member, "")
    browser = desk.browser(words)

    def ask(name: str) -> int:
        page = browser.get(f"/accounts/{name}")
        page.raise_for_status()
        return page.text.count("<article")

    ask(f"A{1:09d}")  # templates are read once
    return ask


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with somewhere(postgresql=options.postgresql) as url:
        db = open_database(url)
        schema.upgrade(db)
        began = time.perf_counter()
        build(db, options.accounts)
        rows = lived.live(db, options.accounts)
        with db.write() as conn:
            conn.execute(sa.text("ANALYZE"))
        built_s = time.perf_counter() - began
        questions = asked(db, options.accounts, options.rounds)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        figures = {
            name: measure(db, searched(db), some, sessions=1) for name, some in questions.items()
        }
        figures["the screen"] = measure(db, shown(db), questions["account id"], sessions=5)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        database = db.engine.dialect.name
        db.close()
    facts = {
        "database": database,
        "accounts": options.accounts,
        "account_outages": rows,
        "built_s": round(built_s),
        "grown_mib": round(grown / 1024),
        "by": figures,
    }
    sys.stdout.write(json.dumps(facts, indent=2) if options.json else _table(facts))
    sys.stdout.write("\n")


def _table(facts: dict[str, Any]) -> str:
    filled = f"{facts['accounts']:,} accounts, {facts['account_outages']:,} account-outage rows"
    lines = [f"{facts['database']}, {filled}, built in {facts['built_s']} s"]
    lines += [f"{'found by':<18}{'p50 ms':>9}{'p95 ms':>9}{'worst':>9}{'p95 work':>10}{'found':>8}"]
    lines += [
        f"{name:<18}{one['p50_ms']:>9}{one['p95_ms']:>9}{one['worst_ms']:>9}"
        f"{one['p95_processor_ms']:>10}{one['found']:>8}"
        for name, one in facts["by"].items()
    ]
    return "\n".join([*lines, f"memory grew by {facts['grown_mib']} MiB meanwhile"])


if __name__ == "__main__":
    main()
