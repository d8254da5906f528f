"""Who is behind a premise: endpoints by the accounts that hold it, as far as the record goes."""

from __future__ import annotations

from collections import defaultdict

from tests.acceptance.told_true.record import Record, Row

WANTS_OUTAGES = 1
"""Bit of a contact's topics."""


class People:
    """Endpoints and premises, both ways, at a moment of business time."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._contacts: dict[int, list[Row]] = defaultdict(list)
        self._reached: dict[int, list[Row]] = defaultdict(list)
        for row in record.contacts:
            self._contacts[row["endpoint_key"]].append(row)
            self._reached[row["account_key"]].append(row)
        self._holds: dict[int, list[Row]] = defaultdict(list)
        self._held: dict[int, list[Row]] = defaultdict(list)
        for row in record.occupancies:
            self._holds[row["account_key"]].append(row)
            self._held[row["premise_key"]].append(row)

    def premises(self, endpoint: int, at: int, *, wanted: bool | None = None) -> set[int]:
        """Premises that an endpoint hears of; with ``wanted`` only where alerts are, or are not."""
        return {
            held["premise_key"]
            for contact in self._contacts[endpoint]
            if self._open(contact["ended_at"], at) and self._account(contact["account_key"], at)
            if wanted is None or wanted == self._wants(contact)
            for held in self._holds[contact["account_key"]]
            if self._open(held["until"], at)
        }

    def endpoints(self, premises: set[int], at: int) -> set[int]:
        """Endpoints that hear of any of these premises."""
        return {
            contact["endpoint_key"]
            for premise in premises
            for held in self._held[premise]
            if self._open(held["until"], at) and self._account(held["account_key"], at)
            for contact in self._reached[held["account_key"]]
            if self._open(contact["ended_at"], at)
        }

    def concerned(self, endpoint: int, premises: set[int], at: int) -> set[int]:
        """Of these premises those that a message to an endpoint can be about.

        Where nobody wants alerts for some of them, they concern nobody, unless none is wanted.
        """
        held = self.premises(endpoint, at) & premises
        return (self.premises(endpoint, at, wanted=True) & held) or held

    def wants_any(self, endpoint: int, premises: set[int], at: int) -> bool:
        return bool(self.premises(endpoint, at, wanted=True) & premises)

    def _wants(self, contact: Row) -> bool:
        alerts = self._record.accounts[contact["account_key"]]["outage_alerts"]
        return bool(alerts) and bool(contact["topics"] & WANTS_OUTAGES)

    def _account(self, key: int, at: int) -> bool:
        return self._open(self._record.accounts[key]["closed_at"], at)

    @staticmethod
    def _open(until: int | None, at: int) -> bool:
        return until is None or until > at
