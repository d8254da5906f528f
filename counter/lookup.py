"""`/lookup`: whether a place is in an outage, when it is back, what to do now.

The form on the public page has two fields, ``place`` and ``postal_code``, and comes here by POST:
neither stands in an address or a log.
"""

from collections.abc import Sequence
from http import HTTPStatus

import orjson
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from counter import around
from counter.around import Answered
from counter.door import MOST_BYTES, Door, Visit
from counter.finding import Finding, find
from counter.limits import Limit
from counter.showing import HEADERS
from counter.wording import wording
from outage.database import Database
from outage.model import Service
from outage.site import Site

LONGEST_PLACE, LONGEST_CODE = 160, 12
WRONG_OF_ADDRESS = 40
"""Numbers that one address may try in vain in a minute."""
WRONG_OF_NUMBER, WRONG_FOR_S = 5, 3600
"""Times that one number may be tried in vain, and in how long: a postal code is soon guessed."""
PER_PLACE = 60
"""Answers about one place a minute for one visitor."""
_OUT = frozenset({"out", "area_out"})


class Lookup:
    """Looks places up in one database."""

    def __init__(self, db: Database, site: Site, door: Door) -> None:
        self._db, self._site, self._door = db, site, door
        self._of_address, self._per_place = Limit(WRONG_OF_ADDRESS), Limit(PER_PLACE)
        self._of_number = Limit(WRONG_OF_NUMBER, seconds=WRONG_FOR_S)

    def routes(self) -> list[Route]:
        """The one route."""
        methods = ["GET", "HEAD", "POST"]
        return [Route("/lookup", self.page, methods=methods, max_body_size=MOST_BYTES)]

    async def page(self, request: Request) -> Response:
        """Show the form; answer it."""
        return await self._door.enter(request, self._answer)

    def _answer(self, visit: Visit) -> Response:
        if visit.form is None:
            return self._shown(visit, Finding(), [])
        place = visit.field("place", LONGEST_PLACE)
        code = visit.field("postal_code", LONGEST_CODE)
        with self._db.read() as conn:
            found = self.found(conn, visit, place, code)
            if found.next_step == "find_wait":
                return self._door.busy(visit, WRONG_FOR_S)
            if found.places and not self._may(visit.who, found):
                return self._door.busy(visit)
            told = around.tell(conn, found, visit.language, self._site) if found.places else []
        return self._shown(visit, found, told)

    def found(self, conn: Connection, visit: Visit, place: str, code: str) -> Finding:
        """What is meant by a place, within what this visitor may try."""
        taken: list[tuple[Limit, str]] = []

        def may_try(number: str) -> bool:
            # By what is looked up, without a code behind it: else each code had a bound of its own.
            bounds = [(self._of_number, "".join(number.split()).upper())]
            bounds += [(self._of_address, visit.who)] if visit.who else []
            # Taken before it is looked up: many at once could all find one left.
            for limit, name in bounds:
                if not limit.allows(name):
                    return False
                taken.append((limit, name))
            return True

        found = find(conn, place, code, may_try)
        if not found.guessed:
            for limit, name in taken:
                limit.give_back(name)
        return found

    def _may(self, who: str, found: Finding) -> bool:
        # For each visitor: nobody locks others out of the answer about a place.
        return self._per_place.allows(f"{who} {found.places[0].key}")

    def _shown(self, visit: Visit, found: Finding, told: Sequence[Answered]) -> Response:
        status = HTTPStatus.UNPROCESSABLE_ENTITY if found.next_step else HTTPStatus.OK
        advice = _advice(told)
        if visit.json:
            return self._program(visit, found, told, advice, status)
        return self._door.showing.made(
            "lookup.html",
            visit.language,
            status,
            answers=told,
            advice=advice,
            found=found,
            place=visit.field("place", LONGEST_PLACE),
            postal_code=visit.field("postal_code", LONGEST_CODE),
            danger=self._site.emergency_advice.get(visit.language, ""),
        )

    def _program(
        self,
        visit: Visit,
        found: Finding,
        told: Sequence[Answered],
        advice: Sequence[str],
        status: int,
    ) -> Response:
        say = wording(visit.language)
        answer = {
            "found": bool(told),
            "language": say.language,
            "next_step": found.next_step or None,
            "sentence": say(found.next_step) if found.next_step else "",
            "choices": found.choices,
            "places": [
                {
                    "street": one.street,
                    "only_area": not one.proved,
                    "as_of": one.as_of,
                    "services": [
                        {
                            "service": each.stand.service,
                            "state": each.stand.state,
                            "sentence": each.stand.sentence or say(each.stand.state),
                            "facts": dict(each.stand.facts),
                            "outages": [
                                {"id": near.id, "facts": dict(near.facts)} for near in each.near
                            ],
                        }
                        for each in one.told
                    ],
                }
                for one in told
            ],
            "what_to_do": [say(one) for one in advice],
            "phone": self._site.phones.outage,
            "emergency_phone": self._site.phones.emergency,
        }
        return Response(orjson.dumps(answer), status, HEADERS, "application/json")


def _advice(told: Sequence[Answered]) -> list[str]:
    """What to do now, as words of the page's texts."""
    states = [(each.stand.state, each.stand.service) for one in told for each in one.told]
    out = {service for state, service in states if state in _OUT}
    found = [f"do_{service}" for service in Service if service in out]
    if out:
        found.append("do_follow")
    if states and not {state for state, _ in states} <= {"out"}:
        found.append("do_report")
    return found
