"""The made-up utility is the same for everybody, and nobody's."""

import csv
import hashlib
from pathlib import Path

from workers.demo import ground, utility


def test_the_files_are_the_same_each_time(tmp_path: Path) -> None:
    digests = {
        tuple(
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in utility.write_files(tmp_path / name)
        )
        for name in ("one", "two")
    }
    assert len(digests) == 1


def test_there_are_fifty_thousand_houses_each_at_a_place_of_its_own() -> None:
    houses = list(ground.houses())
    assert len(houses) == 50_000
    assert len({house.place for house in houses}) == len(houses)
    assert len({(house.town, house.address) for house in houses}) == len(houses)


def test_every_premise_has_one_account_and_forty_thousand_have_a_fictional_phone(
    tmp_path: Path,
) -> None:
    premises, accounts = utility.write_files(tmp_path)
    with premises.open(encoding="utf-8") as file:
        known = {row["premise_id"] for row in csv.DictReader(file)}
    with accounts.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    held = [name for row in rows for name in row["premise_ids"].split()]
    assert set(held) == known
    assert len(held) == len(known)
    phones = [row["mobile"] for row in rows if row["mobile"]]
    assert len(phones) == 40_000
    assert all(phone[5:10] == "55501" and len(phone) == 12 for phone in phones)
    assert all(row["mobile"] or row["email"] for row in rows)
    assert all(row["email"].endswith("@example.org") for row in rows if row["email"])
