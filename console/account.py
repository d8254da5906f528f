"""One account on one screen: places, contacts, outages, messages and why, and notes of the staff.

Its id stands in the address, as in the API. No name, phone or e-mail does.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import BaseRoute

from console import dealings, dossier, exchanges
from console.errors import BadForm
from console.people import called
from console.reading import number
from console.routing import ForPeople
from console.visits import Visit, go, page
from outage import account_notes
from outage.rights import Right

AT = "/accounts/{id:path}"
"""Ids are the CIS's own, a slash may be in one; what follows in an address is looked for first."""
NONCE = 32
SAID = {
    "report_new": "The report is on record. Nothing was known there: the desk sees it.",
    "report_known": "The report is on record, with the outage that is known there.",
    "report_reopened": "The report is on record. It was restored just now, and goes on there.",
    "report_again": "That report is on record already.",
    "told": "How it stands goes to them by text; at the end of this page it says what went.",
    "not_told": "Nothing goes to them: it was asked for just now, no text reaches that number, "
    "or sending is stopped.",
    "asked_phone": "They were asked by text for a YES. With it the number is theirs.",
    "asked_email": "They were asked by e-mail for a yes. With it the mailbox is theirs.",
    "not_asked": "Nobody was asked: they are told already, have stopped, were asked lately, "
    "hold no place, or sending is stopped.",
    "ended": "Nothing of this account goes there any more.",
    "begun": "It is theirs again.",
    "tried": "It is written to again.",
    "unchanged": "That was so already; nothing was changed.",
}
"""What was done, for people; the address has the word for it."""
CONSENT = {
    "import": "by the CIS",
    "subscription": "by a form, and confirmed",
    "reply": "by a text",
}
"""How somebody agreed to be reached, for people."""


def routes() -> list[BaseRoute]:
    """Every address of this."""
    return [
        ForPeople(f"{AT}/notes", page(note), right=Right.SERVE, methods=["POST"]),
        ForPeople(f"{AT}/medical", page(medical), right=Right.MEDICAL, methods=["POST"]),
        ForPeople(AT, page(shown), right=Right.ACCOUNT, methods=["GET"]),
    ]


def shown(visit: Visit) -> Response:
    """Show everything but whether somebody there depends on medical equipment."""
    return screen(visit)


def note(visit: Visit) -> Response:
    """Write a note; the same form twice writes one."""
    text, once = _lines(visit.form.get("text", "")), visit.field("once", NONCE)
    if not text:
        return screen(visit, wrong="Write what the note is to say.")
    with visit.deed("note") as deed:
        account = dossier.holder(deed.conn, visit.request.path_params["id"])
        actor = visit.caller.actor
        deed.kept = account_notes.add(deed.conn, account.key, text, actor=actor, once=once)
        deed.about = f"account:{account.id}"
    return go(f"/accounts/{quote(account.id, safe='')}#notes")


def medical(visit: Visit) -> Response:
    """Show whether somebody there depends on medical equipment; that it was looked at is kept."""
    with visit.deed("look at medical") as deed:
        account = dossier.holder(deed.conn, visit.request.path_params["id"])
        deed.about = f"account:{account.id}"
        found = dossier.is_medical(deed.conn, account.key)
    return screen(visit, depends=found)


def _lines(given: str) -> str:
    """A note as it is kept: its lines without what stands around them. Raises `BadForm`."""
    lines = [" ".join(line.split()) for line in given.splitlines()]
    text = "\n".join(filter(None, lines))
    if len(text) > account_notes.LONGEST or not all(map(str.isprintable, lines)):
        raise BadForm(
            problem=f"a note is longer than {account_notes.LONGEST} signs, or cannot be shown"
        )
    return text


def screen(visit: Visit, *, wrong: str = "", depends: bool | None = None) -> Response:
    """Show an account; ``wrong`` says why nothing was done, ``depends`` that they are medical."""
    request, site = visit.request, visit.request.app.state.site
    at = {
        name: number(request, name)
        for name in ("places", "contacts", "outages", "messages", "exchanges", "notes")
    }
    whole = visit.caller.may(Right.SEARCH)
    with visit.db.read() as conn:
        one = dossier.holder(conn, request.path_params["id"])
        places = dossier.places(conn, one.key, at["places"])
        contacts = dossier.contacts(conn, one.key, at["contacts"], whole=whole)
        outages = dealings.outages(conn, one.key, at["outages"], site=site, settings=visit.settings)
        messages = dealings.messages(conn, one.key, at["messages"], zone=site.zone)
        said = exchanges.exchanges(conn, one.key, at["exchanges"])
        notes = dossier.notes(conn, one.key, at["notes"])
        names = called(conn)
    return visit.page(
        "account.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
        one=one,
        address=f"/accounts/{quote(one.id, safe='')}",
        after=at,
        depends=depends,
        may_look=visit.caller.may(Right.MEDICAL),
        may_write=visit.caller.may(Right.SERVE),
        names=names,
        consent=CONSENT,
        once=secrets.token_urlsafe(16),
        longest=account_notes.LONGEST,
        wrong=wrong,
        said=SAID.get(request.query_params.get("said", ""), ""),
        languages=site.languages,
        services=[str(service) for service in site.services],
        lines=dealings.LINES,
        held=places,
        contacts=contacts,
        outages=outages,
        messages=messages,
        exchanges=said,
        notes=notes,
    )
