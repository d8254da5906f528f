"""Places beside one's own on the personal page: added, seen, taken away, and back again.

By its account number and postal code, as on `/subscribe`, a place is told of: the link was sent to
the number or mailbox itself, so that no further yes is asked for. By its address it is only shown.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from counter import keeping
from counter.asking import Asked, Refused
from counter.choices import alone
from counter.door import Visit
from counter.finding import Finding
from counter.limits import Limit
from counter.lookup import LONGEST_CODE, LONGEST_PLACE, Lookup
from counter.subscribing import held, refused
from notifier import opting
from notifier.links import Holder
from notifier.opting import CONSENT, Wish
from outage import tables as t
from outage.cis import edition
from outage.clock import business_now
from outage.disowned import BY_PERSON

ADDED, ADDED_S = 10, 3600
"""Places that may be added by one link, and in how long."""
UNDONE_WITHIN = timedelta(days=1)
_C, _H = t.contacts, t.occupancies


class Having:
    """What the forms of a personal page do about places. Each returns the word of what was done."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._added = Limit(ADDED, seconds=ADDED_S)

    def does(self) -> Mapping[str, Callable[[Connection, Holder, Asked], str]]:
        """The forms, by what they do."""
        return {"add": self.add, "remove": remove, "undo": undo, "drop": drop, "keep": keep}

    def sought(self, conn: Connection, asked: Asked) -> Finding:
        """Look up the place to `add`, before anything is locked: a search may take its time."""
        visit = Visit(
            language=asked.language,
            wish=asked.wish,
            who=asked.who,
            said="",
            json=False,
            form=asked.form,
        )
        # Counted before it is looked up, whatever comes of it: the answer is the same for all.
        if not self._added.allows(asked.token):
            raise Refused("busy_hour")
        place = visit.field("place", LONGEST_PLACE)
        found = self._lookup.found(conn, visit, place, visit.field("postal_code", LONGEST_CODE))
        if found.next_step == "find_wait":
            raise Refused("busy_hour")
        if found.next_step:
            raise Refused(found.next_step, found.choices)
        return found

    def add(self, conn: Connection, holder: Holder, asked: Asked) -> str:
        """Tell them of another account's places too, if its postal code proves it; else show it."""
        found = asked.found
        if found is None:
            raise Refused("choice_wrong")
        if not found.proved or found.account is None:
            # A meter's number is no proof either, and the page would name the street behind it.
            if not found.by_address:
                raise Refused("subscribe_prove")
            # What may be said of it is of its area, and that is no news to send.
            if not keeping.keep(conn, holder.endpoint_key, found.places[0].key):
                raise Refused("keep_full")
            return "kept"
        occupancies = held(conn, found)
        wrong = refused(found, occupancies)
        if wrong:
            raise Refused(wrong)
        e = t.endpoints
        mine = conn.execute(e.select().where(e.c.key == holder.endpoint_key)).one()
        wish = Wish(
            once=secrets.token_urlsafe(12),
            kind=mine.kind,
            address=mine.address,
            account_key=found.account,
            occupancy_key=occupancies[0],
            language=mine.language,
        )
        if not opting.add(conn, wish, holder.endpoint_key):
            raise Refused("choice_wrong")
        return "added"


def removable(conn: Connection, holder: Holder) -> frozenset[int]:
    """Premises that somebody has added here or by the form, and may take away again.

    Not those of the link's own account, which would end the link, nor those that the utility has
    the number for: what comes about them is turned off by the choices.
    """
    rows = conn.execute(
        sa.select(_H.c.premise_key, _C.c.consent_source, _C.c.account_key)
        .join(_C, _C.c.account_key == _H.c.account_key)
        .where(
            _C.c.endpoint_key == holder.endpoint_key,
            _C.c.ended_at.is_(None),
            _H.c.until.is_(None),
        )
    ).all()
    kept = {
        row.premise_key
        for row in rows
        if row.consent_source != CONSENT or row.account_key == holder.account_key
    }
    return frozenset(row.premise_key for row in rows) - kept


def remove(conn: Connection, holder: Holder, asked: Asked) -> str:
    """Tell them no more of a place that was added, nor of others of its account."""
    named = (asked.form or {}).get("place", "")
    alone(conn, holder.endpoint_key)
    places = [one for one in removable(conn, holder) if str(one) == named]
    accounts = sa.select(_H.c.account_key).where(_H.c.premise_key.in_(places), _H.c.until.is_(None))
    theirs = sa.and_(_C.c.endpoint_key == holder.endpoint_key, _C.c.account_key.in_(accounts))
    ended = {"ended_at": business_now(conn), "ended_by": BY_PERSON}
    if not conn.execute(
        _C.update().where(theirs, _C.c.ended_at.is_(None)).values(**ended)
    ).rowcount:
        raise Refused("choice_wrong")
    edition.changed(conn)
    return "removed"


def undo(conn: Connection, holder: Holder, _asked: Asked) -> str:
    """Take the last removal back, unless the place has been added anew or given up since."""
    alone(conn, holder.endpoint_key)
    again = t.contacts.alias()
    back = (
        sa.select(_C.c.key)
        .join(_H, _H.c.account_key == _C.c.account_key)
        .where(
            _C.c.endpoint_key == holder.endpoint_key,
            _C.c.ended_by == BY_PERSON,
            _C.c.ended_at > business_now(conn) - UNDONE_WITHIN,
            _H.c.until.is_(None),
            ~sa.exists().where(
                again.c.account_key == _C.c.account_key,
                again.c.endpoint_key == _C.c.endpoint_key,
                again.c.channel == _C.c.channel,
                again.c.ended_at.is_(None),
            ),
        )
        .order_by(_C.c.ended_at.desc(), _C.c.key.desc())
        .limit(1)
    )
    last = conn.execute(back).scalar()
    if last is None:
        raise Refused("choice_wrong")
    conn.execute(_C.update().where(_C.c.key == last).values(ended_at=None, ended_by=None))
    edition.changed(conn)
    return "undone"


def drop(conn: Connection, holder: Holder, asked: Asked) -> str:
    """Show an address no more."""
    if not keeping.drop(conn, holder.endpoint_key, (asked.form or {}).get("place", "")):
        raise Refused("choice_wrong")
    return "dropped"


def keep(conn: Connection, holder: Holder, _asked: Asked) -> str:
    """Show the address again that was taken away last."""
    if not keeping.has_room(conn, holder.endpoint_key):
        raise Refused("keep_full")
    if not keeping.take_back(conn, holder.endpoint_key):
        raise Refused("choice_wrong")
    return "undone"
