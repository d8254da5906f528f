"""The made-up utility as the two files a real one would export: premises and accounts."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

import phonenumbers

from workers.demo.ground import TOWNS, House, houses

SEED = 20_261_122
ACCOUNTS_WITH_PHONE = 40_000
PREMISE_COLUMNS = (
    "premise_id",
    "address",
    "city",
    "region",
    "longitude",
    "latitude",
    "services",
    "circuit",
    "transformer",
    "neighbourhood",
)
ACCOUNT_COLUMNS = (
    "account_id",
    "name",
    "premise_ids",
    "mobile",
    "email",
    "language",
    "medical",
    "outage_alerts",
    "quiet_hours",
)
SITE = """\
# The demo's made-up utility.
name = "Harbour Island Light & Water"
short_name = "Harbour Island L&W"
url = "https://www.example.org"
time_zone = "America/Los_Angeles"
languages = ["en", "es"]
page_languages = ["en", "es", "fr", "zh", "pa", "ar"]
services = ["electric", "water"]

[phones]
outage = "202-555-0100"
emergency = "911"

[emergency_advice]
en = "Stay away from downed wires and call 911."
es = "No se acerque a cables caídos y llame al 911."

[colours]
accent = "#0b5394"
accent_dark = "#9fc5f8"
"""
FIRST = (
    "Ada", "Ben", "Carmen", "Dev", "Elena", "Farid", "Grace", "Hugo", "Ines", "Jamal",
    "Keiko", "Luis", "Mina", "Noor", "Omar", "Priya", "Quinn", "Rosa", "Sam", "Tess",
)  # fmt: skip
LAST = (
    "Abbott", "Baker", "Castillo", "Duarte", "Evans", "Flores", "Grant", "Haddad", "Ito",
    "Jensen", "Kaur", "Lopez", "Moreno", "Nguyen", "Okafor", "Park", "Reyes", "Singh",
)  # fmt: skip


def write_files(folder: Path) -> tuple[Path, Path]:
    """Write ``premises.csv`` and ``accounts.csv``, always the same, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    premises, accounts = folder / "premises.csv", folder / "accounts.csv"
    with premises.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "premise_id",
                "address",
                "city",
                "region",
                "longitude",
                "latitude",
                "services",
                "circuit",
                "transformer",
                "neighbourhood",
            ]
        )
        writer.writerows(_premise(house) for house in houses())
    with accounts.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            [
                "account_id",
                "name",
                "premise_ids",
                "mobile",
                "email",
                "language",
                "medical",
                "outage_alerts",
                "quiet_hours",
            ]
        )
        writer.writerows(_accounts())
    return premises, accounts


def premise_id(house: House) -> str:
    """Return the id of a house's premise."""
    return f"H{house.number:06d}"


def _premise(house: House) -> tuple[object, ...]:
    longitude, latitude = house.place
    services = "electric" if house.number % 3 else "electric water"
    return (
        premise_id(house),
        house.address,
        TOWNS[house.town],
        "Harbour Island",
        f"{longitude:.7f}",
        f"{latitude:.7f}",
        services,
        house.circuit,
        house.transformer,
        TOWNS[house.town],
    )


def _accounts() -> Iterator[tuple[object, ...]]:
    dice = random.Random(SEED)
    phones = list(fictional_phones())
    dice.shuffle(phones)
    with_phone = 0
    ids = [premise_id(house) for house in houses()]
    dice.shuffle(ids)
    number = 0
    while ids:
        number += 1
        held = [ids.pop() for _ in range(min(len(ids), 1 if dice.random() < 0.92 else 2))]
        phone = ""
        if with_phone < ACCOUNTS_WITH_PHONE and dice.random() < 0.9:
            phone = phones[with_phone]
            with_phone += 1
        email = f"account{number:05d}@example.org" if not phone or dice.random() < 0.6 else ""
        yield (
            f"C{number:06d}",
            f"{dice.choice(FIRST)} {dice.choice(LAST)}",
            " ".join(held),
            phone,
            email,
            "es" if dice.random() < 0.14 else "en",
            "yes" if dice.random() < 0.01 else "no",
            "no" if dice.random() < 0.02 else "yes",
            "22:00-07:00" if dice.random() < 0.1 else "",
        )


def fictional_phones() -> Iterator[str]:
    """Yield every number of the range set aside for fiction: 555-0100 to 555-0199, all NPAs."""
    for area in range(200, 1000):
        sample = phonenumbers.parse(f"+1{area}5550100")
        if phonenumbers.is_valid_number(sample):
            yield from (f"+1{area}55501{line:02d}" for line in range(100))
