"""`/report`: safety words first, then the form by which anybody reports what is wrong."""

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from counter.door import MOST_BYTES, Door, Visit
from counter.finding import Finding
from counter.limits import Limit
from counter.lookup import LONGEST_CODE, LONGEST_PLACE, Lookup
from counter.nonces import Nonces
from counter.pages import Pages
from counter.taking import Spot, take
from counter.told import LONGEST_NOTE, Refused, Told, Wrong, hear, is_point, point, read
from counter.wording import wording, written
from notifier.replies.intents import Danger
from notifier.replies.saying import say
from outage.database import Database
from outage.model import Service
from outage.site import Site

PER_PLACE, PER_VISITOR, IN_ALL = 20, 60, 3000
"""Reports an hour of one visitor of one place, a minute of one visitor, and a minute in all."""
_THANKS = "thanks"
_HOUSE = re.compile(r"^\d+\s+")
_NAME = re.compile("^[^:\uff1a]*[:\uff1a] ?")


class Reporting:
    """Takes reports into one database."""

    def __init__(
        self, db: Database, site: Site, door: Door, lookup: Lookup, nonces: Nonces, *, test: bool
    ) -> None:
        self._db, self._site, self._door = db, site, door
        self._lookup, self._nonces, self._test = lookup, nonces, test
        self._per_place = Limit(PER_PLACE, seconds=3600)
        self._per_visitor, self._in_all = Limit(PER_VISITOR), Limit(IN_ALL)
        self._pages = Pages()
        self._said = {_THANKS, *(f"danger_{one}" for one in Danger)}

    def routes(self) -> list[Route]:
        """The one route."""
        methods = ["GET", "HEAD", "POST"]
        return [Route("/report", self.page, methods=methods, max_body_size=MOST_BYTES)]

    async def page(self, request: Request) -> Response:
        """Show the form; take it, and say thanks."""
        return await self._door.enter(request, self._answer, sends=True)

    def _answer(self, visit: Visit) -> Response:
        if visit.form is None:
            return self._thanks(visit) if visit.said in self._said else self._shown(visit)
        found = self._found(visit)
        try:
            about = self._about(visit, found)
            told = read(visit, self._site, self._nonces, about, test_numbers=self._test)
        except Refused as refused:
            return self._shown(visit, str(refused))
        return self._taken(visit, told, found)

    def _taken(self, visit: Visit, told: Told, found: Finding) -> Response:
        spot = Spot.of(found, self._written(visit))
        nowhere = not found.places and told.point is None
        # What is dangerous is not sent back because a street is misspelt.
        sure = told.danger is not None or "anyway" in (visit.form or {})
        if nowhere and (not sure or not (spot.written or told.danger)):
            return self._shown(visit, "", found if found.next_step else Finding())
        if told.danger is None and not self._may(visit.who, spot.name(told.point)):
            return self._door.busy(visit)
        turn = self._pages.of(visit.who)
        try:
            with self._db.write() as conn:
                take(conn, told, spot, written(visit.language, self._site), self._site, turn)
        except Exception:
            turn.undo()
            raise
        said = f"danger_{told.danger}" if told.danger else _THANKS
        query = {"said": said} | ({"lang": visit.wish} if visit.wish else {})
        headers = {"cache-control": "no-store"}
        return RedirectResponse(
            f"/report?{urlencode(query)}", HTTPStatus.SEE_OTHER, headers=headers
        )

    def _may(self, who: str, place: str) -> bool:
        of_visitor = not who or self._per_visitor.allows(who)
        return of_visitor and self._per_place.allows(f"{who} {place}") and self._in_all.allows("")

    def _found(self, visit: Visit) -> Finding:
        place = visit.field("place", LONGEST_PLACE)
        if is_point(place) or (not place and point(visit) is not None):
            return Finding()
        with self._db.read() as conn:
            code = visit.field("postal_code", LONGEST_CODE)
            found = self._lookup.found(conn, visit, place, code)
        # A number that was tried too often is not found either: it can still be sent as written.
        return replace(found, next_step="find_none") if found.next_step == "find_wait" else found

    def _about(self, visit: Visit, found: Finding) -> str:
        """What of the place may speak of danger: not the name of a street, which is on record."""
        written = _HOUSE.sub("", visit.field("place", LONGEST_PLACE))
        street = found.places[0].street if found.places else ""
        return "" if street and hear(street, visit.language, self._site) else written

    @staticmethod
    def _written(visit: Visit) -> str:
        named = (visit.field("place", LONGEST_PLACE), visit.field("postal_code", LONGEST_CODE))
        return " ".join(filter(None, named))

    def _shown(self, visit: Visit, wrong: str = "", found: Finding | None = None) -> Response:
        form: Mapping[str, str] = visit.form or {}
        refused = bool(wrong or found)
        phone = self._site.phones.emergency
        return self._door.showing.made(
            "report.html",
            visit.language,
            HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK,
            once=self._nonces.new(),
            wrong=wrong,
            found=found or Finding(),
            kinds=self._kinds(),
            services=self._site.services,
            form=form,
            place=visit.field("place", LONGEST_PLACE),
            postal_code=visit.field("postal_code", LONGEST_CODE),
            note=visit.text("note", LONGEST_NOTE),
            callback=visit.field("callback", 40),
            emergency=phone or wording(visit.language).emergency_or,
            advice=self._site.emergency_advice.get(visit.language, ""),
        )

    def _kinds(self) -> list[Wrong]:
        """What can be wrong with the services there are."""
        needs = {Wrong.FLICKERING: Service.ELECTRIC, Wrong.PRESSURE: Service.WATER}
        return [one for one in Wrong if needs.get(one) in {None, *self._site.services}]

    def _thanks(self, visit: Visit) -> Response:
        danger, language = "", visit.language
        if visit.said != _THANKS:
            said = say(visit.said, visit.language, self._site, {"alerted": False})
            danger, language = _NAME.sub("", said.body, count=1), said.language
        return self._door.showing.made(
            "reported.html",
            visit.language,
            HTTPStatus.OK,
            danger=danger,
            danger_language=language,
        )
