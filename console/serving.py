"""What an agent does for who calls: report, text how it stands, correct how they are reached."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from console import calls, dossier
from console.account import AT, NONCE, screen
from console.errors import BadForm
from console.reading import DIGITS
from console.routing import ForPeople
from console.visits import Answer, Visit, go, page
from notifier import opting, stopping
from notifier.links import Links
from notifier.opting import Wish
from outage import contacts
from outage import tables as t
from outage.endpoints import normalise_email, normalise_phone
from outage.model import AccountKey, Service
from outage.rights import Right
from outage.site import REGION

_LONGEST_ADDRESS = 254
Correct = Callable[[Connection, AccountKey, int], bool]


def routes() -> list[BaseRoute]:
    """Every address of this."""

    def post(path: str, answer: Answer) -> ForPeople:
        return ForPeople(f"{AT}/{path}", page(answer), right=Right.SERVE, methods=["POST"])

    one = "contacts/{key:int}"
    return [
        post("reports", report),
        post("contacts", add),
        post(f"{one}/status", tell),
        post(f"{one}/not-theirs", _corrected("contact not theirs", "ended", contacts.end)),
        post(f"{one}/theirs", _corrected("contact theirs", "begun", contacts.begin_again)),
        post(f"{one}/try-again", _corrected("contact tried again", "tried", contacts.try_again)),
    ]


def report(visit: Visit) -> Response:
    """Put on record that a customer says service is out at a place of theirs."""
    place, service = visit.field("place", DIGITS), visit.field("service", 20)
    if not (place.isascii() and place.isdecimal()) or service not in set(Service):
        raise BadForm(problem="it names no place, or no service")
    with visit.deed("report for customer") as deed:
        account = dossier.holder(deed.conn, visit.request.path_params["id"])
        deed.about = f"account:{account.id}"
        said = calls.report(
            deed.conn,
            account.key,
            int(place),
            Service(service),
            actor=visit.caller.actor,
            once=visit.field("once", NONCE),
        )
        deed.kept = said not in {calls.Reported.NOT_THERE, calls.Reported.AGAIN}
        deed.detail = deed.detail | {"premise": int(place), "service": service, "did": said}
    if said is calls.Reported.NOT_THERE:
        return screen(visit, wrong="They do not hold that place, or it has no such service.")
    return _back(account.id, f"report_{said}")


def tell(visit: Visit) -> Response:
    """Text them how it stands now, as if they had asked for it."""
    with visit.deed("text status") as deed:
        account = dossier.holder(deed.conn, visit.request.path_params["id"])
        deed.about = f"account:{account.id}"
        deed.kept = calls.ask_status(
            deed.conn, account.key, visit.number(), once=visit.field("once", NONCE)
        )
        deed.detail = deed.detail | {"contact": visit.number()}
    return _back(account.id, "told" if deed.kept else "not_told")


def add(visit: Visit) -> Response:
    """Ask a new number or mailbox for a yes; with it, and not before, it is a contact."""
    kind, address = _address(visit)
    if not address:
        return screen(visit, wrong="That is no phone number and no e-mail address.")
    settings, site = visit.settings, visit.request.app.state.site
    links = Links.of(settings)
    if kind == "email" and links is None:
        return screen(visit, wrong="E-mails cannot be confirmed: OUTAGE_SECRET_KEY is not set.")
    language = visit.field("language", 10)
    if language not in site.languages:
        raise BadForm(problem="the utility does not write in that language")
    with visit.deed("contact add") as deed:
        account = dossier.holder(deed.conn, visit.request.path_params["id"])
        deed.about, deed.detail = f"account:{account.id}", deed.detail | {"by": kind}
        occupancy = deed.conn.execute(
            sa.select(sa.func.min(t.occupancies.c.key)).where(
                t.occupancies.c.account_key == account.key, t.occupancies.c.until.is_(None)
            )
        ).scalar()
        deed.kept = occupancy is not None and not _is_closed(deed.conn)
        if deed.kept:
            wish = Wish(
                once=visit.field("once", NONCE),
                kind=kind,
                address=address,
                account_key=account.key,
                occupancy_key=int(occupancy or 0),
                language=language,
            )
            opting.ask(deed.conn, wish, site, links.blank if links else "")
            deed.kept = opting.was_asked(deed.conn, wish)
    return _back(account.id, f"asked_{kind}" if deed.kept else "not_asked")


def _is_closed(conn: Connection) -> bool:
    """Whether nobody can be asked now: sending is stopped, or many were asked just now."""
    return stopping.standing(conn) is not None or opting.is_full(conn)


def _address(visit: Visit) -> tuple[str, str]:
    """Whether it is a phone or an e-mail, and the one form of it; empty for none."""
    written = visit.field("address", _LONGEST_ADDRESS).strip()
    if "@" in written:
        return "email", normalise_email(written) or ""
    test = visit.settings.test_numbers
    return "phone", normalise_phone(written, region=REGION, test_numbers=test) or ""


def _corrected(action: str, said: str, correct: Correct) -> Answer:
    def answer(visit: Visit) -> Response:
        with visit.deed(action) as deed:
            account = dossier.holder(deed.conn, visit.request.path_params["id"])
            deed.about = f"account:{account.id}"
            deed.kept = correct(deed.conn, account.key, visit.number())
            deed.detail = deed.detail | {"contact": visit.number()}
        return _back(account.id, said if deed.kept else "unchanged")

    return answer


def _back(name: str, said: str) -> Response:
    return go(f"/accounts/{quote(name, safe='')}?said={said}")
