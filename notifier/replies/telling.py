"""What is known of a place, put into the sentences of an answer."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from notifier import facts
from notifier.facts import OutageFacts
from notifier.replies.acting import Writer
from notifier.replies.saying import texts
from notifier.replies.standing import Place, Stay, clock_at
from notifier.words import words

MOST_TOLD = 3
"""Places told of in one answer."""


def at(places: Sequence[Place], language: str) -> str:
    """Where, by street only; "at your addresses" for several."""
    said = texts(language).words
    if len(places) == 1 and places[0].street:
        return said["at_street"].format(street=places[0].street)
    return said["at_one"] if len(places) == 1 else said["at_many"]


def somewhere(language: str) -> str:
    """Where, by no more than they know themselves."""
    return str(texts(language).words["at_one"])


def as_of(writer: Writer, places: Sequence[Place]) -> str:
    """The time that all of it is true at, on the clock of these places."""
    return words(writer.language).time(writer.now, clock_at(places, writer.site), "sms")


def service_name(writer: Writer, service: str) -> str:
    """What a service is called."""
    return words(writer.language).name("service", service)


def choices(places: Sequence[Place], language: str) -> str:
    """The places to choose from: a house number only where two are on one street."""
    streets = [place.street for place in places]
    shown = []
    for number, place in enumerate(places[:9], 1):
        alone = streets.count(place.street) == 1 and place.street
        house = "" if alone or place.number is None else f"{place.number} "
        shown.append(f"{number} {house}{place.street}".strip())
    if len(places) > len(shown):
        shown.append(texts(language).words["more"])
    return ", ".join(shown)


def news(conn: Connection, writer: Writer, places: Sequence[Place], out: Sequence[Stay]) -> str:
    """What is known of these places: since when, why, who is on it, until when, as of when."""
    known = facts.load(conn, {stay.outage_key for stay in out})
    said = texts(writer.language).words
    lines: list[str] = []
    for key in dict.fromkeys(stay.outage_key for stay in out):
        here = {stay.premise_key for stay in out if stay.outage_key == key}
        spots = [place for place in places if place.key in here]
        lines.append(_one(writer, known[key], spots))
    shown = lines[:MOST_TOLD]
    return " ".join([*shown, said["as_of"].format(as_of=as_of(writer, places))])


def _one(writer: Writer, about: OutageFacts, spots: Sequence[Place]) -> str:
    said, named = texts(writer.language).words, words(writer.language)
    zone = clock_at(spots, writer.site)

    def when(moment: datetime) -> str:
        return named.time(moment, zone, "sms", seen_from=writer.now)

    etr = about.policy.etr_ahead(writer.now)
    cause, crew = named.name("cause", about.cause), named.name("crew", about.crew_status)
    parts = [
        said["out_since"].format(
            service=_as_word(said["out_since"], named.name("service", about.service)),
            at=at(spots, writer.language),
            since=when(about.since),
        ),
        said["cause"].format(cause=cause) if cause else "",
        said["crew"].format(crew=crew) if crew else "",
        said["etr"].format(etr=when(etr)) if etr else said["no_etr"],
    ]
    return " ".join(filter(None, parts))


def _as_word(sentence: str, service: str) -> str:
    """A service's name: a capital only where it begins the sentence."""
    return service if sentence.startswith("{service}") else service.lower()


def advisory(places: Sequence[Place], language: str) -> str:
    """That an advisory is in force, and where to read it: its wording is not ours to shorten."""
    return texts(language).words["advisory"].format(at=at(places, language))
