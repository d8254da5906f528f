"""The page behind a temporary link: how it stands at a place that a number has named, and one tap.

It has nothing of an account's: no choices, and nothing to stop. Who has proved nothing is shown
what a text would tell them, which is of the area and without a street (DECISIONS 32).
"""

import secrets
from collections.abc import Sequence
from http import HTTPStatus

from sqlalchemy.engine import Connection
from starlette.responses import Response

from counter import standing
from counter.asking import Asked, Refused, Tap, tapped
from counter.naming import naming
from counter.showing import Showing, Shown, again
from counter.standing import Spot
from counter.wording import spoken, written
from notifier import temporary
from notifier.links import Links
from notifier.replies import tapping
from notifier.replies.standing import Place, clock_at, places
from notifier.temporary import Pass
from outage.database import Database
from outage.site import Site


class Temporary:
    """Temporary pages over one database. Both answers are None for a token that we did not make."""

    def __init__(self, db: Database, links: Links, site: Site, showing: Showing) -> None:
        self._db, self._links, self._site, self._showing = db, links, site, showing

    def shown(self, asked: Asked, wrong: str = "", status: int = HTTPStatus.OK) -> Response | None:
        """The page; one sentence once the link has ended."""
        with self._db.read() as conn:
            found = temporary.opened(conn, self._links, asked.token)
            if found is None:
                return None
            language, here = self._language(asked, found), _places(conn, found)
            if not here:
                return self._showing.sentence(language, "over", HTTPStatus.GONE)
            spots, as_of = _look(conn, found, here, language, self._site)
        until = naming(language).time(found.until, clock_at(here, self._site), "email")
        shown = Shown(
            token=asked.token,
            language=language,
            spots=spots,
            as_of=as_of,
            said=asked.said,
            wrong=wrong,
            once=secrets.token_urlsafe(9),
        )
        return self._showing.temporary(shown, until, status, proved=found.proved)

    def acted(self, asked: Asked) -> Response | None:
        """Take a tap, and show the page again."""
        form = asked.form or {}
        with self._db.read() as conn:
            # Nobody waits for the lock because somebody makes tokens up.
            if temporary.opened(conn, self._links, asked.token) is None:
                return None
        with self._db.write() as conn:
            found = temporary.opened(conn, self._links, asked.token)
            if found is None:
                return None
            language, here = self._language(asked, found), _places(conn, found)
            if not here:
                return self._showing.sentence(language, "over", HTTPStatus.GONE)
            try:
                if form.get("do") not in {"out", "on"}:
                    raise Refused("choice_wrong")  # noqa: TRY301  # one way to say no
                # To who has proved nothing it is one place, whoever else lives in the house.
                tap = tapped(form, here if found.proved else here[:1])
                _check(tap, _look(conn, found, here, language, self._site)[0])
            except Refused as refused:
                wrong = str(refused)
            else:
                wrong = ""
                tapping.tap(
                    conn,
                    found.endpoint_key,
                    tap.at,
                    tap.service,
                    back=tap.back,
                    once=tap.once,
                    language=written(language, self._site),
                    site=self._site,
                    proved=found.proved,
                )
        if wrong:
            return self.shown(asked, wrong, HTTPStatus.UNPROCESSABLE_ENTITY)
        return again(asked.token, form["do"], asked.wish)

    def _language(self, asked: Asked, found: Pass) -> str:
        languages = spoken(self._site)
        return asked.wish or (found.language if found.language in languages else languages[0])


def _look(
    conn: Connection, found: Pass, here: Sequence[Place], language: str, site: Site
) -> tuple[list[Spot], str]:
    look = standing.look if found.proved else standing.look_around
    return look(conn, here, found.endpoint_key, language, site, found.outages)


def _check(tap: Tap, spots: Sequence[Spot]) -> None:
    """Raise `Refused` for a tap about an outage that the link is not for."""
    stands = [stand for spot in spots if spot.key == tap.at.key for stand in spot.stands]
    if any(one.service is tap.service and one.state == "other_outage" for one in stands):
        raise Refused("choice_wrong")


def _places(conn: Connection, found: Pass) -> list[Place]:
    """What it opens; nothing any more once it has ended, or the place has gone."""
    return places(conn, found.premises) if found.holds else []
