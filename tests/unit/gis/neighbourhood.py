"""A made-up neighbourhood with its people, as plain values and in a database."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from gis.streets import normalise
from outage import tables as t
from outage.database import Database

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_STREETS = ("Main Street", "E 2nd Av", "Elm Court")
_CITIES = ("Dry Creek", "Dry Lake")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    key: int
    kind: str
    language: str
    opted_out: bool = False
    invalid: bool = False


@dataclass(frozen=True, kw_only=True)
class Person:
    key: int
    medical: bool
    critical: bool
    alerts: bool
    contacts: tuple[tuple[int, bool, int], ...]
    """Endpoint, whether it has ended, topics."""


@dataclass(frozen=True, kw_only=True)
class House:
    key: int
    number: int
    street: str
    circuit: str
    city: str
    postal_code: str
    longitude: float | None
    services: int
    holders: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Neighbourhood:
    houses: tuple[House, ...]
    people: tuple[Person, ...]
    endpoints: tuple[Endpoint, ...]
    moved_out: tuple[tuple[int, int], ...] = field(default=())
    """(person, house) of occupancies that have ended."""

    def behind(self, houses: Iterable[House]) -> dict[str, Any]:
        """Who is behind houses, one by one: what the preview has to say."""
        people = {key: self.people[key - 1] for house in houses for key in house.holders}
        contacts: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        unreachable = 0
        for person in people.values():
            reached = False
            for key, ended, topics in person.contacts:
                endpoint = self.endpoints[key - 1]
                usable = not (ended or endpoint.opted_out or endpoint.invalid)
                if person.alerts and usable and topics & 1:
                    channel = "sms" if endpoint.kind == "phone" else "email"
                    contacts[channel][endpoint.language].add(key)
                    reached = True
            unreachable += not reached
        return {
            "accounts": len(people),
            "medical": sum(person.medical for person in people.values()),
            "critical": sum(person.critical for person in people.values()),
            "unreachable": unreachable,
            "contacts": {
                channel: {language: len(keys) for language, keys in by.items()}
                for channel, by in contacts.items()
            },
        }


def make(rng: random.Random, *, houses: int = 60, people: int = 50) -> Neighbourhood:
    """A neighbourhood in which everything occurs that counts, or does not."""
    endpoints = tuple(
        Endpoint(
            key=key,
            kind=rng.choice(("phone", "email")),
            language=rng.choice(("en", "en", "es", "fr")),
            opted_out=rng.random() < 0.1,
            invalid=rng.random() < 0.1,
        )
        for key in range(1, people + 10)
    )
    return Neighbourhood(
        endpoints=endpoints,
        people=tuple(
            Person(
                key=key,
                medical=rng.random() < 0.2,
                critical=rng.random() < 0.1,
                alerts=rng.random() < 0.8,
                contacts=tuple(
                    (one.key, rng.random() < 0.2, rng.choice((1, 1, 1, 3, 2)))
                    for one in rng.sample(endpoints, k=rng.randrange(4))
                ),
            )
            for key in range(1, people + 1)
        ),
        houses=tuple(
            House(
                key=key,
                number=100 + key,
                street=_STREETS[key % 3],
                circuit=f"F{key % 4}",
                city=_CITIES[key % 5 == 0],
                postal_code=f"V5{'KLM'[key % 3]}",
                longitude=key / 1000 if key % 6 else None,
                services=2 if key % 8 == 0 else 1,
                holders=tuple(rng.sample(range(1, people + 1), k=rng.choice((0, 1, 1, 1, 2)))),
            )
            for key in range(1, houses + 1)
        ),
        moved_out=((1, houses), (2, 1)),
    )


def settle(db: Database, there: Neighbourhood) -> None:
    """Put it on record: premise P7, account A7, its meter M7 in one system and map number 7."""
    with db.write() as conn:
        for table, rows in _rows(there).items():
            if rows:
                conn.execute(table.insert(), rows)


def _address(one: Endpoint) -> str:
    return f"+1512555{100 + one.key:04}" if one.kind == "phone" else f"{one.key}@example.org"


def _rows(there: Neighbourhood) -> dict[sa.Table, list[dict[str, Any]]]:
    held = {(who, house.key) for house in there.houses for who in house.holders}
    return {
        t.premises: [
            {
                "key": house.key,
                "id": f"P{house.key}",
                "longitude": house.longitude,
                "latitude": None if house.longitude is None else 10.0,
                "services": house.services,
                "loaded_version": 1,
                "circuit": house.circuit,
                "path": f"SUB{house.key % 2}/{house.circuit}",
                "city": house.city,
                "postal_code": house.postal_code,
                "street": normalise(house.street),
                "house_number": house.number,
            }
            for house in there.houses
        ],
        t.premises_versions: [
            {"version": 1, "at": NOON, "premises": len(there.houses), "unplaced": 0, "digest": "1"}
        ],
        t.aliases: [
            {"entity": "premise", "kind": "meter", "value": f"M{house.key}", "key": house.key}
            for house in there.houses
        ],
        t.accounts: [
            {
                "key": one.key,
                "id": f"A{one.key}",
                "medical": one.medical,
                "critical": one.critical,
                "outage_alerts": one.alerts,
            }
            for one in there.people
        ],
        t.occupancies: [
            {"account_key": who, "premise_key": house, "since": NOON, "until": None}
            for who, house in held
        ]
        + [
            {"account_key": who, "premise_key": house, "since": NOON, "until": NOON}
            for who, house in there.moved_out
        ],
        t.endpoints: [
            {
                "key": one.key,
                "kind": one.kind,
                "address": f"+1512555{100 + one.key:04}"
                if one.kind == "phone"
                else f"{one.key}@example.org",
                "language": one.language,
                "opted_out_at": NOON if one.opted_out else None,
                "invalid_at": NOON if one.invalid else None,
            }
            for one in there.endpoints
        ],
        t.contacts: [
            {
                "account_key": one.key,
                "endpoint_key": endpoint,
                "channel": "sms" if there.endpoints[endpoint - 1].kind == "phone" else "email",
                "topics": topics,
                "consent_at": NOON,
                "ended_at": NOON if ended else None,
            }
            for one in there.people
            for endpoint, ended, topics in one.contacts
        ],
    }
