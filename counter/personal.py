"""`/s/{token}`: somebody's own place, one tap, their choices, an end to it (RFC 8058).

Whoever has the link may do what is here; there is no session and no cookie, so no other site can
make a browser act for somebody. What shows changes nothing: programs that look at links in mails
follow each of them.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from urllib.parse import parse_qsl

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from counter import choices, having, keeping, standing
from counter.areas import AreaPage, Watching, watched
from counter.asking import Asked, Refused, tapped
from counter.choices import Wish, minutes
from counter.having import Having
from counter.limits import Limit
from counter.lookup import Lookup
from counter.showing import Showing, Shown, again, unsubscribed
from counter.subscribing import Confirming
from counter.temporary import Temporary
from counter.visiting import Visitors
from counter.wording import spoken, written
from notifier.links import Holder, Links
from notifier.replies import tapping
from notifier.replies.standing import places_of
from outage.database import Database
from outage.settings import Settings
from outage.site import Site
from status_page.wishes import preferred

log = logging.getLogger(__name__)

MOST_BYTES = 8 * 1024
PER_LINK, PER_ADDRESS, WRONG = 30, 6000, 20
"""A minute: of one link, of one address (a whole carrier may share one), and wrong links of one."""
_SAID = frozenset(
    {
        "out",
        "on",
        "saved",
        "stopped",
        "resumed",
        "added",
        "removed",
        "undone",
        "kept",
        "dropped",
        "watched",
        "unwatched",
    }
)
_NIGHTS = frozenset({"usual", "any", "own"})


Do = Callable[[Connection, Holder, Asked], str]
"""What a form asks for: does it, and returns the word of what to say."""


class Personal:
    """The personal pages over one database. A database that is away is said in a sentence."""

    def __init__(  # noqa: PLR0917  # what all pages are made of
        self,
        db: Database,
        settings: Settings,
        site: Site,
        showing: Showing,
        visitors: Visitors,
        lookup: Lookup,
    ) -> None:
        self._db, self._site = db, site
        self._links = Links.of(settings)
        self._showing = showing
        self._temporary = Temporary(db, self._links, site, self._showing) if self._links else None
        self._per_link, self._per_address = Limit(PER_LINK), Limit(PER_ADDRESS)
        # Links that are nobody's own place: in the order in which they are tried.
        self._others: tuple[Confirming | AreaPage, ...] = ()
        if self._links:
            self._others = (
                Confirming(db, self._links, site, showing),
                AreaPage(db, self._links, site, showing),
            )
        self._wrong, self._visitors = Limit(WRONG), visitors
        self._having = Having(lookup)
        self._does: dict[str, Do] = {
            "out": self._tap,
            "on": self._tap,
            "save": self._save,
            "stop": self._stop,
            "resume": self._resume,
            **self._having.does(),
            **Watching(site=site).does(),
        }

    def routes(self) -> list[Route]:
        """The routes, each with the largest body it reads."""
        return [
            Route("/s/page.css", self._showing.style),
            Route(
                "/s/{token}", self.page, methods=["GET", "HEAD", "POST"], max_body_size=MOST_BYTES
            ),
            Route(
                "/s/{token}/unsubscribe",
                self.unsubscribe,
                methods=["GET", "HEAD", "POST"],
                max_body_size=MOST_BYTES,
            ),
        ]

    async def page(self, request: Request) -> Response:
        """Show; or do what a form asks for, and then show."""
        asked = await self._asked(request)
        refusal = self._refusal(request, asked)
        if refusal is not None:
            return refusal
        return await self._answered(request, asked, self._of_either)

    async def unsubscribe(self, request: Request) -> Response:
        """Show how to end it; end it at once for a mail program's POST, which follows nothing."""
        asked = await self._asked(request)
        one_click = request.method == "POST"
        refusal = self._refusal(request, asked, shared=one_click)
        if refusal is not None:
            return refusal
        return await self._answered(
            request, asked, self._one_click if one_click else self._asked_to_stop
        )

    async def _asked(self, request: Request) -> Asked:
        languages, form = spoken(self._site), None
        if request.method == "POST":
            body = (await request.body()).decode("utf-8", "replace")
            form = dict(parse_qsl(body, keep_blank_values=True))
        wish = (form or request.query_params).get("lang", "")
        known = wish if wish in languages else ""
        said = request.query_params.get("said", "")
        return Asked(
            token=request.path_params["token"],
            language=known or preferred(request.headers.get("accept-language", ""), languages),
            wish=known,
            who=self._visitors.who(request),
            said=said if said in _SAID else "",
            form=form,
        )

    def _refusal(self, request: Request, asked: Asked, *, shared: bool = False) -> Response | None:
        """Refuse what comes from another site, and what comes too often.

        Mail programs unsubscribe for many from one address (``shared``).
        """
        site = request.headers.get("sec-fetch-site", "none")
        if request.method == "POST" and site not in {"same-origin", "none"}:
            return self._showing.sentence(asked.language, "elsewhere", HTTPStatus.FORBIDDEN)
        who = self._visitors.who(request)
        often = not self._per_link.allows(asked.token[:40])
        often = often or bool(who and not shared and not self._per_address.allows(who))
        return self._busy(asked) if often else None

    def _busy(self, asked: Asked) -> Response:
        return self._showing.sentence(
            asked.language, "busy", HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": "60"}
        )

    async def _answered(
        self,
        request: Request,
        asked: Asked,
        answer: Callable[[Asked], Response | None],
    ) -> Response:
        try:
            found = await asyncio.to_thread(answer, asked)
        except Exception as error:  # noqa: BLE001  # whatever it is, a person reads a sentence
            # No traceback, no path: both could hold the token.
            log.error("a personal page failed with %s", type(error).__name__)  # noqa: TRY400
            return self._showing.sentence(
                asked.language, "away", HTTPStatus.SERVICE_UNAVAILABLE, {"retry-after": "120"}
            )
        if found is None:
            # Only who tries links is told to wait: behind the same address others have real ones.
            who = self._visitors.who(request)
            if who and not self._wrong.allows(who):
                return self._busy(asked)
            return self._showing.sentence(asked.language, "unknown", HTTPStatus.NOT_FOUND)
        return found

    def _holder(self, conn: Connection, asked: Asked) -> Holder | None:
        return None if self._links is None else self._links.holder(conn, asked.token)

    def _of_either(self, asked: Asked) -> Response | None:
        """The answer of the personal link, else of one that is temporary, confirms, or of areas."""
        own = self._acted(asked) if asked.form else self._shown(asked)
        for others in (self._temporary, *self._others):
            if own is None and others is not None:
                own = others.acted(asked) if asked.form else others.shown(asked)
        return own

    def _shown(self, asked: Asked, refused: Refused | None = None) -> Response | None:
        wrong = str(refused) if refused else ""
        # What other forms name a place by is a key of ours, and nothing that somebody has written.
        form = asked.form or {}
        tried = form if wrong and form.get("do") == "add" else {}
        with self._db.read() as conn:
            holder = self._holder(conn, asked)
            if holder is None:
                return None
            chosen = choices.choices(conn, holder)
            language = asked.wish or self._spoken(chosen.language)
            if not holder.lives:
                return self._showing.ended(asked.token, language, chosen)
            mine = places_of(conn, holder.endpoint_key)
            spots, as_of = standing.look(conn, mine, holder.endpoint_key, language, self._site)
            removable = having.removable(conn, holder)
            kept = keeping.kept(conn, holder.endpoint_key, language, self._site)
            areas = watched(conn, holder.endpoint_key)
        shown = Shown(
            token=asked.token,
            language=language,
            spots=spots,
            as_of=as_of,
            said=asked.said,
            wrong=wrong,
            once=secrets.token_urlsafe(9),
            removable=removable,
            kept=kept,
            areas=areas,
            choices=refused.choices if refused else (),
            place=tried.get("place", ""),
            postal_code=tried.get("postal_code", ""),
        )
        status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
        return self._showing.page(shown, chosen, status)

    def _asked_to_stop(self, asked: Asked) -> Response | None:
        with self._db.read() as conn:
            holder = self._holder(conn, asked)
            chosen = None if holder is None else choices.choices(conn, holder)
        if chosen is None:
            pages = (other.asked_to_stop(asked) for other in self._others)
            return next((page for page in pages if page is not None), None)
        language = asked.wish or self._spoken(chosen.language)
        return self._showing.stopping(asked.token, language, chosen)

    def _is_ours(self, asked: Asked) -> bool:
        """Looked at before anything is written: nobody waits for tokens that somebody makes up."""
        with self._db.read() as conn:
            return self._holder(conn, asked) is not None

    def _one_click(self, asked: Asked) -> Response | None:
        if not self._is_ours(asked):
            ended = (other.one_click(asked) for other in self._others)
            return next((answer for answer in ended if answer is not None), None)
        with self._db.write() as conn:
            holder = self._holder(conn, asked)
            if holder is None:
                return None
            choices.stop(conn, holder.endpoint_key)
        return unsubscribed()

    def _acted(self, asked: Asked) -> Response | None:
        if not self._is_ours(asked):
            return None
        form = asked.form or {}
        do = self._does.get(form.get("do", ""))
        try:
            if do is None:
                raise Refused("choice_wrong")  # noqa: TRY301  # one way to say no
            if do == self._having.add:
                asked = self._sought(asked)
            with self._db.write() as conn:
                holder = self._holder(conn, asked)
                if holder is None:
                    return None
                # Where they lived they may end it still, and nothing else.
                if not holder.lives and do != self._stop:
                    return self._showing.ended(
                        asked.token, asked.language, choices.choices(conn, holder)
                    )
                said = do(conn, holder, asked)
        except Refused as refused:
            return self._shown(asked, refused)
        # Who reads the page in a language that no message is written in goes on reading it so.
        reads = asked.wish and asked.wish not in self._site.languages
        chosen = said == "saved" and not reads
        return again(asked.token, said, form["language"] if chosen else asked.wish)

    def _sought(self, asked: Asked) -> Asked:
        with self._db.read() as conn:
            holder = self._holder(conn, asked)
            if holder is None or not holder.lives:
                return asked
            return replace(asked, found=self._having.sought(conn, asked))

    def _tap(self, conn: Connection, holder: Holder, asked: Asked) -> str:
        tap = tapped(asked.form or {}, places_of(conn, holder.endpoint_key))
        tapping.tap(
            conn,
            holder.endpoint_key,
            tap.at,
            tap.service,
            back=tap.back,
            once=tap.once,
            language=written(asked.wish or choices.choices(conn, holder).language, self._site),
            site=self._site,
        )
        return "on" if tap.back else "out"

    def _save(self, conn: Connection, holder: Holder, asked: Asked) -> str:
        form = asked.form or {}
        language, night = form.get("language", ""), form.get("night", "")
        if language not in self._site.languages or night not in _NIGHTS or "had" not in form:
            raise Refused("choice_wrong")
        wish = Wish(
            language=language,
            alerts=_changed(form, "alerts"),
            hourly=_changed(form, "hourly"),
            quiet=_quiet(night, form.get("from", ""), form.get("until", "")),
            also="also" in form,
        )
        choices.change(conn, holder, wish)
        return "saved"

    def _stop(self, conn: Connection, holder: Holder, _asked: Asked) -> str:
        choices.stop(conn, holder.endpoint_key)
        return "stopped"

    def _resume(self, conn: Connection, holder: Holder, _asked: Asked) -> str:
        if not choices.resume(conn, holder):
            raise Refused("choice_wrong")
        return "resumed"

    def _spoken(self, language: str) -> str:
        languages = spoken(self._site)
        return language if language in languages else languages[0]


def _changed(form: Mapping[str, str], tick: str) -> bool | None:
    """Whether a box is ticked; None where it is as it was shown."""
    ticked = tick in form
    return None if ticked is (tick in form.get("had", "").split()) else ticked


def _quiet(night: str, first: str, last: str) -> tuple[int, int] | None:
    if night == "usual":
        return None
    if night == "any":
        return 0, 0
    begin, end = minutes(first), minutes(last)
    if begin is None or end is None or begin == end:
        raise Refused("hours_wrong")
    return begin, end
