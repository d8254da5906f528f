"""`/subscribe`: to be told of a place or an area, once whose number it is has said yes.

Of one place only who has its account number and postal code is told, as with lookups (DECISIONS
32). What is answered says nothing of the number: not whether it is known, told already, or stopped.
"""

from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from counter import areas
from counter.asking import Asked
from counter.choices import Choices, stop
from counter.door import MOST_BYTES, Door, Visit
from counter.finding import Finding
from counter.limits import Limit
from counter.lookup import LONGEST_CODE, LONGEST_PLACE, WRONG_FOR_S, Lookup
from counter.nonces import Nonces
from counter.showing import Showing, again, unsubscribed
from counter.wording import written
from notifier import area_wishes, opting, stopping
from notifier.area_wishes import AreaWish
from notifier.links import Links
from notifier.opting import Wish
from outage import tables as t
from outage.database import Database
from outage.endpoints import normalise_email, normalise_phone
from outage.site import REGION, Site

PER_ADDRESS, PER_ADDRESS_S = 60, 3600
"""Wishes an hour from one address: a carrier may put a whole town behind one."""
_SAID = {"sms": "asked_sms", "email": "asked_email"}
_NONE_SENT = "asked_none"


_Some = TypeVar("_Some", bound=opting.Asking)


class Subscribing:
    """Takes wishes into one database."""

    def __init__(  # noqa: PLR0917  # what all forms are made of
        self,
        db: Database,
        site: Site,
        door: Door,
        lookup: Lookup,
        nonces: Nonces,
        links: Links | None,
        *,
        test: bool,
        by: Collection[str] = (),
    ) -> None:
        """``by``: the channels that something is sent by, going by the settings."""
        self._db, self._site, self._door = db, site, door
        self._lookup, self._nonces, self._links, self._test = lookup, nonces, links, test
        self._by = by
        self._per_address = Limit(PER_ADDRESS, seconds=PER_ADDRESS_S)

    def routes(self) -> list[Route]:
        """The one route."""
        methods = ["GET", "HEAD", "POST"]
        return [Route("/subscribe", self.page, methods=methods, max_body_size=MOST_BYTES)]

    async def page(self, request: Request) -> Response:
        """Show the form; take it, and say what comes next."""
        return await self._door.enter(request, self._answer, sends=True)

    def _answer(self, visit: Visit) -> Response:
        if visit.form is None:
            said = visit.said if visit.said in {*_SAID.values(), _NONE_SENT} else ""
            return self._shown(visit, said=said)
        kind, address = self._address(visit)
        if not address:
            return self._shown(visit, f"subscribe_no_{kind}" if kind else "subscribe_how")
        if not self._nonces.knows(visit.form.get("once", "")):
            return self._shown(visit, "form_old")
        if visit.who and not self._per_address.allows(visit.who):
            return self._door.busy(visit, PER_ADDRESS_S)
        if "area" in visit.form:
            return self._of_area(visit, visit.form["area"], kind, address)
        place = visit.field("place", LONGEST_PLACE)
        with self._db.read() as conn:
            found = self._lookup.found(conn, visit, place, visit.field("postal_code", LONGEST_CODE))
            occupancies = held(conn, found)
            full = opting.is_full(conn)
        if full or found.next_step == "find_wait":
            return self._door.busy(visit, WRONG_FOR_S)
        wrong = refused(found, occupancies)
        if wrong or found.account is None:
            return self._shown(visit, wrong)
        wish = Wish(
            once=visit.form["once"],
            kind=kind,
            address=address,
            account_key=found.account,
            occupancy_key=occupancies[0],
            language=written(visit.language, self._site),
        )
        return self._asked(visit, wish, opting.ask)

    def _of_area(self, visit: Visit, named: str, kind: str, address: str) -> Response:
        area = areas.chosen(self._site, named)
        if area is None:
            return self._shown(visit, "subscribe_no_area")
        with self._db.read() as conn:
            full = opting.is_full(conn)
        if full:
            return self._door.busy(visit, WRONG_FOR_S)
        wish = AreaWish(
            once=(visit.form or {})["once"],
            kind=kind,
            address=address,
            area=area,
            language=written(visit.language, self._site),
        )
        return self._asked(visit, wish, area_wishes.ask)

    def _asked(
        self, visit: Visit, wish: _Some, ask: Callable[[Connection, _Some, Site, str], None]
    ) -> Response:
        """Ask for a yes, unless nothing goes out; what is answered is the same for every number."""
        with self._db.write() as conn:
            stopped = stopping.standing(conn) is not None
            if not stopped:
                ask(conn, wish, self._site, self._links.blank if self._links else "")
        said = _NONE_SENT if stopped or wish.channel not in self._by else _SAID[wish.channel]
        query = {"said": said} | ({"lang": visit.wish} if visit.wish else {})
        headers = {"cache-control": "no-store"}
        to = f"/subscribe?{urlencode(query)}"
        return RedirectResponse(to, HTTPStatus.SEE_OTHER, headers=headers)

    def _address(self, visit: Visit) -> tuple[str, str]:
        """Whether it is a phone or an e-mail, and the one form of it; empty for none."""
        kind = {"sms": "phone", "email": "email"}.get((visit.form or {}).get("by", ""), "")
        written = visit.field("address", 254)
        if kind == "phone":
            found = normalise_phone(written, region=REGION, test_numbers=self._test)
        else:
            # Without a link there is nothing to confirm an e-mail by.
            found = normalise_email(written) if kind and self._links else None
        return kind, found or ""

    def _shown(self, visit: Visit, wrong: str = "", said: str = "") -> Response:
        return self._door.showing.made(
            "subscribe.html",
            visit.language,
            HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
            once=self._nonces.new(),
            wrong=wrong,
            said=said,
            by=(visit.form or {}).get("by", "sms"),
            mails=self._links is not None,
            address=visit.field("address", 254),
            place=visit.field("place", LONGEST_PLACE),
            postal_code=visit.field("postal_code", LONGEST_CODE),
            area=(visit.form or {}).get("area", visit.area),
        )


_NO_ACCOUNT = frozenset({"find_write", "find_exact", "find_none", "find_which"})
"""Next steps of a look-up that would have them write an address, which proves nothing."""


def refused(found: Finding, occupancies: Sequence[int]) -> str:
    """Why nobody can be told of what was found; empty where they can."""
    if found.next_step:
        return "subscribe_none" if found.next_step in _NO_ACCOUNT else found.next_step
    if not found.proved or not occupancies:
        return "subscribe_prove"
    # Of places elsewhere nothing was proved.
    return "subscribe_several" if len(occupancies) > len(found.places) else ""


def held(conn: Connection, found: Finding) -> list[int]:
    """What the account holds now: those places first that were proved."""
    o = t.occupancies.c
    rows = conn.execute(
        sa.select(o.key, o.premise_key).where(o.account_key == found.account, o.until.is_(None))
    ).all()
    proved = {one.key for one in found.places}
    return [row.key for row in sorted(rows, key=lambda row: (row.premise_key not in proved, row))]


class Confirming:
    """The page behind the link in an e-mail that asks for a yes: it shows, and a button acts."""

    def __init__(self, db: Database, links: Links, site: Site, showing: Showing) -> None:
        self._db, self._links, self._site, self._showing = db, links, site, showing

    def shown(self, asked: Asked) -> Response | None:
        """The page; None for a token that we did not make."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
            holds = row is not None and opting.holds(conn, row)
        if row is None:
            return None
        language, done = asked.wish or row.language, row.confirmed_at is not None
        if done and not holds:
            return self._showing.sentence(language, "over_confirm", HTTPStatus.GONE)
        return self._showing.made(
            "confirm.html", language, HTTPStatus.OK, token=asked.token, done=done
        )

    def asked_to_stop(self, asked: Asked) -> Response | None:
        """The page that asks whether nothing more is to come to where the link was sent."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
            if row is None:
                return None
            stopped = _endpoint(conn, row).opted_out_at is not None
        chosen = Choices(
            channel=row.channel,
            language=row.language,
            alerts=False,
            hourly=False,
            quiet=None,
            stopped=stopped,
            may_resume=False,
        )
        return self._showing.stopping(asked.token, asked.wish or row.language, chosen)

    def one_click(self, asked: Asked) -> Response | None:
        """End it at once for a mail program: who never asked for it wants none at all."""
        return unsubscribed() if self._stop(asked) else None

    def _stop(self, asked: Asked) -> bool:
        with self._db.read() as conn:
            row = self._opened(conn, asked)
        if row is None:
            return False
        with self._db.write() as conn:
            stop(conn, row.endpoint_key)
        return True

    def _opened(self, conn: Connection, asked: Asked) -> sa.Row[Any] | None:
        return opting.opened(conn, self._links, asked.token)

    def acted(self, asked: Asked) -> Response | None:
        """Take the yes; or end what comes."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
        if row is None:
            return None
        do = (asked.form or {}).get("do")
        if do == "stop":
            self._stop(asked)
            return self.asked_to_stop(asked)
        with self._db.write() as conn:
            row = self._opened(conn, asked)
            done = row is not None and do == "yes" and opting.confirm(conn, row)
        if not done:
            return self._showing.sentence(asked.language, "over_confirm", HTTPStatus.GONE)
        return again(asked.token, "saved", asked.wish)


def _endpoint(conn: Connection, row: sa.Row[Any]) -> sa.Row[Any]:
    return conn.execute(t.endpoints.select().where(t.endpoints.c.key == row.endpoint_key)).one()
