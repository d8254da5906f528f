"""Rows and snapshots as the shipped mapping reads them, made up for tests."""

from __future__ import annotations

import json
from typing import Any

FETCHED = 1_700_000_000
SQUARE = [-123.0, 49.0, -122.9, 49.0, -122.9, 49.1, -123.0, 49.1]


def row(number: int, **changes: object) -> dict[str, Any]:
    """A whole row; `changes` by the feed's own field names."""
    return {
        "id": number,
        "municipality": "Burnaby",
        "area": f"North of STREET {number}",
        "cause": "Wind storm",
        "numCustomersOut": 10,
        "crewStatusDescription": "Crew assigned",
        "crewEta": None,
        "dateOff": (FETCHED - 600) * 1000,
        "crewEtr": None,
        "showEta": False,
        "showEtr": False,
        "polygon": list(SQUARE),
    } | changes


def line(*rows: dict[str, Any], fetched: float = FETCHED) -> bytes:
    """One line of a recording."""
    return json.dumps({"fetched": fetched, "outages": rows}).encode()
