"""Areas that people watch: on `/subscribe`, on the personal page, and on the page of who has none.

What is told of an area is what everybody may see of it, so that nobody has to prove anything but
that the number or mailbox is theirs.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.responses import Response

from counter.asking import Asked, Refused
from counter.choices import Choices, stop
from counter.showing import Showing, Watched, again, unsubscribed
from notifier import area_wishes
from notifier.area_wishes import AreaWish
from notifier.links import Holder, Links
from outage import tables as t
from outage.areas import EVERYWHERE, AreaName, told_of
from outage.database import Database
from outage.site import Site


def written(area: AreaName) -> str:
    """An area as a form or a link names it."""
    return ":".join(area)


def chosen(site: Site, named: str) -> AreaName | None:
    """The area that a form names; None for one that there is not, or nobody is told of."""
    known = [EVERYWHERE, *((each.kind, each.name) for each in told_of(site.areas))]
    return next((one for one in known if written(one) == named), None)


def watched(conn: Connection, endpoint_key: int) -> list[Watched]:
    """What somebody watches, as their page shows it."""
    return [
        Watched(key=row.key, name=row.name, area=written((row.kind, row.name)))
        for row in area_wishes.watched(conn, endpoint_key)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """What the forms of a personal page do about areas. Each returns the word of what was done."""

    site: Site

    def does(self) -> Mapping[str, Callable[[Connection, Holder, Asked], str]]:
        """The forms, by what they do."""
        return {"watch": self.watch, "unwatch": unwatch}

    def watch(self, conn: Connection, holder: Holder, asked: Asked) -> str:
        """Tell them of an area: the link was sent to the number or mailbox itself."""
        area = chosen(self.site, (asked.form or {}).get("area", ""))
        if area is None:
            raise Refused("subscribe_no_area")
        e = t.endpoints
        mine = conn.execute(e.select().where(e.c.key == holder.endpoint_key)).one()
        wish = AreaWish(
            once=secrets.token_urlsafe(12),
            kind=mine.kind,
            address=mine.address,
            area=area,
            language=mine.language,
        )
        if not area_wishes.add(conn, wish, holder.endpoint_key):
            raise Refused("areas_full")
        return "watched"


def unwatch(conn: Connection, holder: Holder, asked: Asked) -> str:
    """Tell them no more of an area."""
    if not area_wishes.end(conn, holder.endpoint_key, (asked.form or {}).get("area", "")):
        raise Refused("choice_wrong")
    return "unwatched"


class AreaPage:
    """The page behind the link of who watches an area: it confirms, lists, takes away and ends."""

    def __init__(self, db: Database, links: Links, site: Site, showing: Showing) -> None:
        self._db, self._links, self._site, self._showing = db, links, site, showing

    def shown(self, asked: Asked) -> Response | None:
        """The page; None for a token that we did not make."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
            if row is None:
                return None
            waits = row.confirmed_at is None and row.ended_at is None
            areas = watched(conn, row.endpoint_key)
            endpoint = _endpoint(conn, row)
        return self._showing.made(
            "areas.html",
            asked.wish or row.language,
            HTTPStatus.OK,
            token=asked.token,
            waits=row.name if waits else None,
            areas=areas,
            said=asked.said,
            choices=_choices(endpoint),
        )

    def acted(self, asked: Asked) -> Response | None:
        """Take the yes; take an area away; or end what comes."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
        if row is None:
            return None
        form = asked.form or {}
        do, said = form.get("do"), "saved"
        with self._db.write() as conn:
            if do == "stop":
                stop(conn, row.endpoint_key)
                said = "stopped"
            elif do == "unwatch" and area_wishes.end(conn, row.endpoint_key, form.get("area", "")):
                said = "unwatched"
            elif do == "yes" and area_wishes.confirm(conn, row):
                said = "watched"
            else:
                said = ""
        if not said:
            return self._showing.sentence(asked.language, "over_confirm", HTTPStatus.GONE)
        return again(asked.token, said, asked.wish)

    def asked_to_stop(self, asked: Asked) -> Response | None:
        """The page that asks whether nothing more is to come to where the link was sent."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
            if row is None:
                return None
            chosen = _choices(_endpoint(conn, row))
        return self._showing.stopping(asked.token, asked.wish or row.language, chosen)

    def one_click(self, asked: Asked) -> Response | None:
        """End it at once for a mail program."""
        with self._db.read() as conn:
            row = self._opened(conn, asked)
        if row is None:
            return None
        with self._db.write() as conn:
            stop(conn, row.endpoint_key)
        return unsubscribed()

    def _opened(self, conn: Connection, asked: Asked) -> sa.Row[Any] | None:
        return area_wishes.opened(conn, self._links, asked.token)


def _endpoint(conn: Connection, row: sa.Row[Any]) -> sa.Row[Any]:
    return conn.execute(t.endpoints.select().where(t.endpoints.c.key == row.endpoint_key)).one()


def _choices(endpoint: sa.Row[Any]) -> Choices:
    return Choices(
        channel="email" if endpoint.kind == "email" else "sms",
        language=endpoint.language,
        alerts=False,
        hourly=False,
        quiet=None,
        stopped=endpoint.opted_out_at is not None,
        may_resume=False,
    )
