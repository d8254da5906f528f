"""Pages: who is on call hears at once of danger that somebody wrote of (DECISIONS 27)."""

import enum
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.replies.intents import Danger
from notifier.replies.owing import PAGE, URGENT, Owed
from notifier.replies.plain import plain
from outage import tables as t
from outage.site import Site

TEMPLATE, TEMPLATE_MORE = "page/1", "page_more/1"
MOST_QUOTED = 300
"""Characters of the text that a page holds."""
MOST_PLACES = 3
BY_TEXT, BY_PAGE = "by text", "on the public page"
PAGED_FOR = timedelta(minutes=15)
MOST_PAGES = 5
"""Texts of one number that page in that time. A machine says the same again, and pages once."""


def pages(  # noqa: PLR0917  # a page has this many facts
    conn: Connection,
    row: sa.Row[Any],
    danger: Danger,
    site: Site,
    endpoint_key: int | None,
    where: str | None = None,
) -> list[Owed]:
    """One page for each phone and each mailbox of the on-call contacts.

    ``where`` is the place that a report on the public page names; None for a text.
    """
    way = BY_TEXT if where is None else BY_PAGE
    if where is None:
        body = _body(conn, row, danger, site, endpoint_key)
    else:
        body = _body_of_page(row, danger, site, where)
    return [
        Owed(
            reply_key=row.key,
            role=PAGE,
            channel=channel,
            address=address,
            language="en",
            template=TEMPLATE,
            subject=f"{site.short_name}: {danger.upper()} reported {way} (reply {row.key})",
            body=body,
            urgency=URGENT,
        )
        for channel, address in _on_call(site)
    ]


class News(enum.StrEnum):
    """Whether danger is news: ``again`` is what was paged just now, ``many`` is too often."""

    NEW = "new"
    AGAIN = "again"
    MANY = "many"


def is_news(conn: Connection, row: sa.Row[Any], at: datetime) -> bool:
    """Whether a text is to page: not if its number has paged with the same words just now."""
    return news(conn, row, at) is News.NEW


def news(conn: Connection, row: sa.Row[Any], at: datetime) -> News:
    """How a reply stands to what its address has paged just now.

    What came by another way counts for nothing: a form can be filled in with anybody's number. Nor
    does a page that nobody can have got.
    """
    r, a = t.replies.c, t.answers.c
    paged = conn.execute(
        sa.select(r.key, r.body)
        .distinct()
        .join(t.answers, a.reply_key == r.key)
        .where(
            r.address == row.address,
            r.provider == row.provider,
            r.key != row.key,
            a.role == PAGE,
            a.template == TEMPLATE,
            a.state.not_in(["failed", "suppressed"]),
            a.created_at > at - PAGED_FOR,
        )
    ).all()
    if plain(row.body) in {plain(one.body) for one in paged}:
        return News.AGAIN
    return News.NEW if len(paged) < MOST_PAGES else News.MANY


def more(row: sa.Row[Any], number: int, site: Site) -> list[Owed]:
    """One page for all dangers of the form that are too many to be paged one by one."""
    subject = f"{site.short_name}: {number} MORE DANGERS reported {BY_PAGE}"
    return [
        Owed(
            reply_key=row.key,
            role=PAGE,
            channel=channel,
            address=address,
            language="en",
            template=TEMPLATE_MORE,
            subject=subject,
            body=f"{subject}, and there may be others soon. See the list: outage replies list.",
            urgency=URGENT,
        )
        for channel, address in _on_call(site)
    ]


def _on_call(site: Site) -> list[tuple[str, str]]:
    to = [
        (channel, address)
        for contact in site.on_call
        for channel, address in (("sms", contact.phone), ("email", contact.email))
        if address is not None
    ]
    return list(dict.fromkeys(to))


def _body(
    conn: Connection, row: sa.Row[Any], danger: Danger, site: Site, endpoint_key: int | None
) -> str:
    quoted = " ".join(row.body.split())[:MOST_QUOTED]
    stopped = " They have stopped our texts: call them." if _has_stopped(conn, endpoint_key) else ""
    return (
        f"{site.short_name} {danger.upper()} reported {BY_TEXT} (reply {row.key}). "
        f'From {row.address}: "{quoted}" {_whose(conn, endpoint_key)}{stopped}'
    )


def _body_of_page(row: sa.Row[Any], danger: Danger, site: Site, where: str) -> str:
    quoted = " ".join(row.body.split())[:MOST_QUOTED]
    return (
        f"{site.short_name} {danger.upper()} reported {BY_PAGE} (reply {row.key}). {where} "
        f'"{quoted}"'
    )


def _has_stopped(conn: Connection, endpoint_key: int | None) -> bool:
    e = t.endpoints.c
    found = conn.execute(sa.select(e.opted_out_at).where(e.key == endpoint_key)).scalar()
    return found is not None


def _whose(conn: Connection, endpoint_key: int | None) -> str:
    """The accounts behind the number and their addresses: who is paged has to find the place."""
    c, o, p, a = t.contacts.c, t.occupancies.c, t.premises.c, t.accounts.c
    rows = conn.execute(
        sa.select(a.id, p.address, p.city)
        .select_from(t.contacts)
        .join(t.accounts, a.key == c.account_key)
        .join(t.occupancies, o.account_key == a.key)
        .join(t.premises, p.key == o.premise_key)
        .where(c.endpoint_key == endpoint_key, c.ended_at.is_(None), o.until.is_(None))
        .order_by(a.key, p.key)
        .limit(MOST_PLACES + 1)
    ).all()
    if not rows:
        return "This number belongs to no account."
    said = [
        f"Account {row.id}: {row.address or 'no address'}{', ' if row.city else ''}{row.city}."
        for row in rows[:MOST_PLACES]
    ]
    return " ".join([*said, *(["And more."] if len(rows) > MOST_PLACES else [])])
