"""How it stands at somebody's places, as the personal page shows it: streets, never a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from counter.naming import naming
from counter.wording import FALLBACK, wording
from notifier import facts
from notifier.facts import OutageFacts
from notifier.replies import tapping
from notifier.replies.area import outages_near
from notifier.replies.standing import Place, Stay, clock_at, counting, stays
from outage import model
from outage import tables as t
from outage.clock import business_now
from outage.model import Service, Status
from outage.site import Site

MOST_PLACES = 20
"""Places shown; whoever has more looks at the list of all outages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """One service at one place, or a notice about it.

    ``state`` is ``out``, ``back``, ``counting`` (an outage of which nobody knows yet whom it
    concerns), ``told`` (only this person has told us of one), ``fine``, ``planned`` or
    ``advisory``, of no more than the area ``area_out`` or ``area_none``, and of an outage that a
    link is not for ``other_outage``; ``facts`` are names of the page's words with what they say.
    ``button`` names the word of the tap that makes sense now, and ``noted`` says that this person
    has told us.
    """

    service: Service
    state: str
    facts: tuple[tuple[str, str], ...] = ()
    sentence: str = ""
    sentence_language: str = ""
    button: str = ""
    noted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One place. ``key`` is the premise's: it is what a form names."""

    key: int
    street: str
    stands: tuple[Stand, ...]


def look(  # noqa: PLR0917  # who looks, at what, and how
    conn: Connection,
    places: Sequence[Place],
    endpoint_key: int,
    language: str,
    site: Site,
    only: frozenset[int] = frozenset(),
) -> tuple[list[Spot], str]:
    """Return somebody's places, how it stands there, and as of when.

    Each place's times are on its own clock. Of outages that are none of ``only``, where it names
    any, no more is said than that there is one; advisories in force are said to everybody.
    """
    now, mine = business_now(conn), places[:MOST_PLACES]
    keys = [one.key for one in mine]
    known, more = stays(conn, keys, now), _notices(conn, keys)
    about = facts.load(conn, {stay.outage_key for stay in known} | {key for _, key in more})
    uncounted = frozenset(one for one in site.services if counting(conn, [one]))
    view = View(
        language=language,
        site=site,
        zone=clock_at(mine, site),
        now=now,
        about=about,
        uncounted=uncounted,
        only=only,
    )
    return [
        Spot(
            key=one.key,
            street=one.street,
            # What endangers people comes before what annoys them.
            stands=(
                *(
                    here.notice(key)
                    for premise, key in more
                    if premise == one.key and here.tells(key)
                ),
                *(
                    here.service(
                        service,
                        known,
                        one,
                        tapping.noted(conn, endpoint_key, one, service, known),
                    )
                    for service in site.services
                    if service in one.services
                ),
            ),
        )
        for one in mine
        for here in [replace(view, zone=clock_at([one], site))]
    ], view.when(now)


def look_around(  # noqa: PLR0917  # as above
    conn: Connection,
    places: Sequence[Place],
    endpoint_key: int,
    language: str,
    site: Site,
    only: frozenset[int] = frozenset(),
) -> tuple[list[Spot], str]:
    """Return how it stands in the area of one place, and nothing of the place itself."""
    at = places[0]
    near = outages_near(conn, at.key)

    def state(service: Service) -> str:
        here = {key for key, out in near if out is service}
        if here:
            return "area_out" if not only or here & only else "other_outage"
        return "counting" if counting(conn, [service]) else "area_none"

    def stand(service: Service) -> Stand:
        # Whether the place came back since they told us is not said here either.
        noted, seen = tapping.noted(conn, endpoint_key, at, service, ()), state(service)
        if seen == "other_outage":
            return Stand(service=service, state=seen)
        if seen == "area_none" and noted:
            seen = "told"
        button = "is_back" if noted else "is_out"
        return Stand(service=service, state=seen, button=button, noted=noted)

    stands = tuple(stand(one) for one in site.services if one in at.services)
    as_of = naming(language).time(business_now(conn), clock_at(places, site), "email")
    return [Spot(key=at.key, street="", stands=stands)], as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How things look to somebody: in their language, on their clock, now.

    ``uncounted`` are services with an outage of which nobody knows yet whom it concerns; ``only``
    are the outages that a link is for, none where it is for all.
    """

    language: str
    site: Site
    zone: ZoneInfo
    now: datetime
    about: Mapping[int, OutageFacts]
    uncounted: frozenset[Service]
    only: frozenset[int]

    def service(self, service: Service, known: Sequence[Stay], at: Place, noted: bool) -> Stand:  # noqa: FBT001  # a fact among facts
        """One service at one place."""
        here = next((s for s in known if s.premise_key == at.key and s.service is service), None)
        button = "is_back" if noted else "is_out"
        if here is None:
            state = "counting" if service in self.uncounted else "told" if noted else "fine"
            return Stand(service=service, state=state, button=button, noted=noted)
        if self.only and here.outage_key not in self.only:
            return Stand(service=service, state="other_outage")
        if here.back:
            told = (("back_at", self.when(here.back_at)),)
            button = "is_back" if noted else "still_out"
            return Stand(service=service, state="back", facts=told, button=button, noted=noted)
        return Stand(
            service=service,
            state="out",
            facts=self.out(self.about[here.outage_key]),
            button="is_back" if noted else "",
            noted=noted,
        )

    def out(self, about: OutageFacts) -> tuple[tuple[str, str], ...]:
        """What is told of an outage, each with the name of its word."""
        say, named = wording(self.language), naming(self.language)
        etr, update = about.policy.etr_ahead(self.now), about.policy.update_ahead(self.now)
        found = {
            "since": self.when(about.since),
            "why": named.name("cause", about.cause),
            "crew": named.name("crew", about.crew_status),
            "etr": self.when(etr) if etr else say("no_etr"),
            "next_update": "" if etr else self.when(update),
            "message": about.public_message,
        }
        return tuple((name, said) for name, said in found.items() if said)

    def tells(self, key: int) -> bool:
        """Whether a notice is for whoever looks: an advisory always."""
        return not self.only or key in self.only or self.about[key].policy.advisory

    def notice(self, key: int) -> Stand:
        """An advisory, or work that is planned."""
        about = self.about[key]
        service = Service(about.service)
        if about.policy.advisory:
            said, language = self.advisory(service)
            return Stand(
                service=service, state="advisory", sentence=said, sentence_language=language
            )
        times = {"starts": about.policy.starts, "ends": about.policy.ends}
        shown = tuple((name, self.when(at)) for name, at in times.items() if at is not None)
        return Stand(service=service, state="planned", facts=shown)

    def advisory(self, service: Service) -> tuple[str, str]:
        """The utility's own words, else ours, and their language: reviewed or English (28)."""
        own = self.site.advisory.get(service, {})
        if self.language in own:
            return own[self.language], self.language
        asked = chosen = naming(self.language)
        if not asked.reviewed_by:
            chosen = naming(FALLBACK)
        said = own.get(chosen.language) or chosen.name("advice", service)
        phone = self.site.phones.outage
        if chosen is not asked and phone:
            said = f"{said} {asked.name('call', 'safety').format(phone=phone)}"
        return said, chosen.language

    def when(self, at: datetime | None) -> str:
        """A time as people there read it."""
        return naming(self.language).time(at, self.zone, "email")


def _notices(conn: Connection, premises: Sequence[int]) -> list[tuple[int, int]]:
    """Premise and outage of advisories in force there, and of work planned there."""
    m, o = t.memberships.c, t.outages.c
    in_force = sa.and_(
        o.kind == model.Kind.ADVISORY, o.status.in_([Status.CONFIRMED, Status.PARTIALLY_RESTORED])
    )
    ahead = sa.and_(o.kind == model.Kind.PLANNED, o.status == Status.PREDICTED)
    rows = conn.execute(
        sa.select(m.premise_key, m.outage_key)
        .join(t.outages, o.key == m.outage_key)
        .where(
            m.premise_key.in_(list(premises)),
            m.removed.is_(None),
            m.until.is_(None),
            sa.or_(in_force, ahead),
        )
        .order_by(o.kind, m.outage_key)
    )
    return [(row.premise_key, row.outage_key) for row in rows]
