"""``python -m tests.acceptance.privacy_scan HOME``: is there anybody in what was published?

Reads every byte of a published folder, compressed files unpacked, and holds it against the record
it was made from: accounts, names, phones, e-mails, premises, their addresses and their points. Then
the public shapes: any two that one outage has ever had differ by no premise with its service, or by
at least *k* (DECISIONS 32), and in all areas that an outage was ever said to lie in at once there
are at least *k* premises with its service. Parts stay a day, so a folder holds every shape of a
storm played into it.

Prints figures as one line of JSON and each finding as a sentence that does not repeat what it
found; exits 1 when there is one. It shares no code with what it checks but the number *k*.
"""

import gzip
import itertools
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import click
import numpy as np
import shapely
import sqlalchemy as sa
import zstandard
from shapely.geometry import shape

import status_page
from outage.privacy import MIN_PREMISES

Rows = np.ndarray[Any, np.dtype[np.intp]]

_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".br": brotli.decompress,
    ".zst": lambda content: zstandard.ZstdDecompressor().decompressobj().decompress(content),
}
_SHIPPED = Path(status_page.__file__).parent / "static"
_WORD = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*", re.UNICODE)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_UID = re.compile(r"O-[0-9A-Z]+@[\w.-]+")
"""How a calendar names an outage, by its format's rule; it only looks like an address."""
_PHONE = re.compile(r"(?<![\w.#-])\+?1?[ .(-]{0,2}[2-9]\d{2}[ .)-]{0,2}\d{3}[ .-]?\d{4}(?![\w-])")
_PAIR = re.compile(r"(-?\d{1,3}\.\d{4,})\s*[, ]\s*(-?\d{1,3}\.\d{4,})")
_SERVICES = {"electric": 1, "water": 2, "gas": 4}
_AREAS = "county, city, postal_code, zone, neighbourhood"
_CLOSE = 5
"""Decimals to which a point is compared: about a metre."""
MOST_SAID = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """All that must not be found, and where everybody is: rows of services, x and y.

    ``areas``: the services of premises, the areas they lie in, and how many such there are.
    """

    ids: frozenset[str]
    names: frozenset[tuple[str, str]]
    addresses: frozenset[tuple[str, str]]
    mails: frozenset[str]
    phones: frozenset[str]
    points: frozenset[tuple[float, float]]
    premises: np.ndarray[Any, np.dtype[np.float64]]
    areas: tuple[tuple[int, frozenset[str], int], ...] = ()


@dataclass(slots=True, kw_only=True)
class Finding:
    """What was looked at, and what is wrong with it."""

    files: int = 0
    bytes: int = 0
    shapes: int = 0
    pairs: int = 0
    places: int = 0
    faults: list[str] = field(default_factory=list)


def read_people(database: str) -> People:
    """Read who must not be found from a record."""
    engine = sa.create_engine(database)
    with engine.connect() as conn:

        def rows(statement: str) -> list[Any]:
            return list(conn.execute(sa.text(statement)).all())

        ids = [
            id_ for table in ("accounts", "premises") for (id_,) in rows(f"SELECT id FROM {table}")
        ]
        ids += [value for (value,) in rows("SELECT value FROM aliases")]
        names = [name for (name,) in rows("SELECT name FROM accounts WHERE name <> ''")]
        endpoints = rows("SELECT kind, address FROM endpoints")
        places = rows(
            "SELECT house_number, street, services, longitude, latitude FROM premises"
            " WHERE longitude IS NOT NULL"
        )
        areas = rows(
            f"SELECT services, {_AREAS}, COUNT(*) FROM premises GROUP BY services, {_AREAS}"
        )
    engine.dispose()
    return People(
        ids=frozenset(map(_plain, filter(_is_telling, ids))),
        names=frozenset(pair for name in names for pair in itertools.pairwise(_words(name))),
        addresses=frozenset(
            (str(number), _words(street)[0]) for number, street, *_ in places if number and street
        ),
        mails=frozenset(_plain(address) for kind, address in endpoints if kind == "email"),
        phones=frozenset(_digits(address) for kind, address in endpoints if kind == "phone"),
        points=frozenset((round(x, _CLOSE), round(y, _CLOSE)) for *_, x, y in places),
        premises=np.array([row[2:] for row in places], dtype=float).reshape(-1, 3),
        areas=tuple(
            (services, frozenset(_plain(name) for name in names if name), count)
            for services, *names, count in areas
        ),
    )


def scan(folder: Path, people: People, public: Iterable[str] = ()) -> Finding:
    """Look through a published folder.

    Args:
        folder: As the publisher has written it.
        people: Who must not be in it.
        public: Phones and e-mails that the site file makes public.
    """
    finding = Finding()
    shipped = {path.read_bytes() for path in _SHIPPED.iterdir()}
    known = {_digits(each) for each in public} | {_plain(each) for each in public}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        finding.files += 1
        finding.bytes += len(content)
        if content in shipped:
            # The same for every utility: it knows none of its people.
            continue
        name = path.relative_to(folder).as_posix()
        if path.suffix in _UNPACK:
            content = _UNPACK[path.suffix](content)
            if content == _read(path.with_suffix("")):
                # Every byte of it is looked at under that name.
                continue
        told = dict.fromkeys(_in_text(content.decode(errors="replace"), people, known))
        finding.faults += [f"{name} holds {each}." for each in told]
    _compare(folder, people, finding)
    _compare_areas(folder, people, finding)
    return finding


def _in_text(text: str, people: People, known: set[str]) -> Iterator[str]:
    words = list(map(_plain, _WORD.findall(text)))
    if not people.ids.isdisjoint(words):
        yield "the id of an account or a premise"
    pairs = set(itertools.pairwise(words))
    if not people.names.isdisjoint(pairs):
        yield "the name of an account"
    if not people.addresses.isdisjoint(pairs):
        yield "a house number with its street"
    yield from _reachable(text, people, known)
    for first, second in _PAIR.findall(text):
        x, y = round(float(first), _CLOSE), round(float(second), _CLOSE)
        if (x, y) in people.points or (y, x) in people.points:
            yield "the point of a premise"


def _reachable(text: str, people: People, known: set[str]) -> Iterator[str]:
    for found in _MAIL.findall(text):
        mail = _plain(found)
        if mail not in known and not _UID.fullmatch(found):
            yield "an e-mail address" + (" on record" if mail in people.mails else "")
    for phone in _PHONE.findall(text):
        digits = _digits(phone)
        if digits not in known and (digits in people.phones or _looks_spoken(phone)):
            yield "a phone number" + (" on record" if digits in people.phones else "")


def _compare(folder: Path, people: People, finding: Finding) -> None:
    shapes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for facts in _facts(folder):
        if facts.get("outline"):
            shapes[facts["id"], facts["service"]].add(json.dumps(facts["outline"], sort_keys=True))
    for (outage, service), texts in sorted(shapes.items()):
        inside = [_inside(json.loads(text), _SERVICES[service], people) for text in sorted(texts)]
        finding.shapes += len(inside)
        for members in inside:
            if len(members) < MIN_PREMISES:
                finding.faults.append(f"A shape of {outage} holds {len(members)} premises.")
        for one, other in itertools.combinations(inside, 2):
            finding.pairs += 1
            differ = len(np.setxor1d(one, other, assume_unique=True))
            if 0 < differ < MIN_PREMISES:
                finding.faults.append(f"Two shapes of {outage} differ by {differ} premises.")


def _compare_areas(folder: Path, people: People, finding: Finding) -> None:
    places: set[tuple[str, str, frozenset[str]]] = set()
    for facts in _facts(folder):
        if facts.get("areas"):
            told = frozenset(map(_plain, facts["areas"]))
            places.add((facts["id"], facts["service"], told))
    for outage, service, told in sorted(places, key=lambda each: each[:2]):
        finding.places += 1
        wanted = _SERVICES[service]
        there = sum(n for services, names, n in people.areas if services & wanted and told <= names)
        if there < MIN_PREMISES:
            finding.faults.append(f"The areas of {outage} have {there} premises in common.")


def _facts(folder: Path) -> Iterator[dict[str, Any]]:
    for path in (folder / "generations/parts").glob("*.json"):
        yield json.loads(path.read_bytes()).get("facts", {})


def _inside(outline: dict[str, Any], service: int, people: People) -> Rows:
    ground = shape(outline)
    west, south, east, north = ground.bounds
    services, x, y = people.premises.T
    served = (services.astype(int) & service) > 0
    near = np.flatnonzero(served & (x >= west) & (x <= east) & (y >= south) & (y <= north))
    shapely.prepare(ground)
    found: Rows = near[shapely.intersects_xy(ground, x[near], y[near])]
    return found


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _plain(text: str) -> str:
    return text.casefold()


def _words(text: str) -> list[str]:
    return [_plain(word) for word in _WORD.findall(text)]


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)[-10:]


def _looks_spoken(phone: str) -> bool:
    """Ten bare digits may be any number; with marks between them they are a phone's."""
    return len(re.findall(r"\D+", phone.strip())) > 1


def _is_telling(id_: str) -> bool:
    """An id as short as a count or a year is found everywhere by chance."""
    return len(id_) > len("2026")


def _public(home: Path) -> list[str]:
    """Every phone and e-mail that the site file names is meant to be public."""
    site = home / "site.toml"
    text = site.read_text() if site.is_file() else ""
    return [*_MAIL.findall(text), *_PHONE.findall(text)]


@click.command()
@click.argument("home", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--database", metavar="URL", help="Where the record is not in the home itself.")
@click.option("--folder", type=click.Path(path_type=Path), help="Published elsewhere than there.")
def main(home: Path, database: str | None, folder: Path | None) -> None:
    """Look for people in what was published from HOME."""
    people = read_people(database or f"sqlite:///{home / 'outage.db'}")
    finding = scan(folder or home / "published", people, _public(home))
    for fault in finding.faults[:MOST_SAID]:
        click.echo(fault, err=True)
    figures = {
        "files": finding.files,
        "bytes": finding.bytes,
        "shapes": finding.shapes,
        "pairs": finding.pairs,
        "places": finding.places,
        "faults": len(finding.faults),
    }
    click.echo(json.dumps(figures))
    sys.exit(1 if finding.faults else 0)


if __name__ == "__main__":
    main()
