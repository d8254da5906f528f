"""The personal link, ``/s/{token}``: made for one contact, and for as long as it lives there.

Its token (`notifier.tokens`) names the contact. Signed with it, and not in it, is an occupancy of
the contact's account: once that has ended, the link has.

Texts on record hold `BLANK` in the token's place, so that nobody who may read a message, or a
backup, can open the link in it; each outgoing message gets its own as it is sent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier import tokens
from notifier.tokens import Token
from outage import tables as t
from outage.columns import to_ms
from outage.disowned import WRONG_PERSON
from outage.settings import Settings

LENGTH = tokens.LENGTH
BLANK = "/s/" + "_" * LENGTH
"""What a text has where each person's own token goes: as long as one."""
_PURPOSE, _OF_AREAS = "link", "areas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whom a link was sent to. ``lives``: they still live there, and are still who we write to."""

    contact_key: int
    account_key: int
    endpoint_key: int
    lives: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Links to pages below ``base``, made with the first key, and known by any of them."""

    base: str
    keys: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The links of these settings; none where there is no key to make them with."""
        if not settings.secret_key:
            return None
        keys = (settings.secret_key, settings.secret_key_before)
        return cls(base=settings.public_url, keys=tuple(filter(None, keys)))

    @property
    def blank(self) -> str:
        """The link as a text on record has it."""
        return self.base + BLANK

    def to(self, contact_key: int, occupancy_key: int) -> str:
        """The link of a contact; empty for a key that a token has no room for."""
        if contact_key >= tokens.MOST_ROWS:
            return ""
        return self.to_all([(contact_key, occupancy_key)])[0]

    def to_all(self, whose: Iterable[tuple[int, int]]) -> list[str]:
        """The links of contacts that tokens have room for, each with an occupancy."""
        return list(map(self.with_token, tokens.made_all(self.keys[0], _PURPOSE, whose)))

    def to_areas(self, watch_key: int, endpoint_key: int, asked_at: datetime) -> str:
        """The link of who watches an area; empty for a key that a token has no room for."""
        if watch_key >= tokens.MOST_ROWS:
            return ""
        asked = _asked(endpoint_key, asked_at)
        return self.with_token(tokens.made(self.keys[0], _OF_AREAS, watch_key, asked))

    def watch(self, conn: Connection, token: str) -> int | None:
        """Which wish to be told of an area a token is of; None for one that we did not make."""
        found, w = Token.read(token), t.watches.c
        if found is None:
            return None
        for key in self.keys:
            number = found.row(key, _OF_AREAS)
            row = conn.execute(sa.select(w.endpoint_key, w.asked_at).where(w.key == number)).first()
            if row is not None and found.fits(key, _OF_AREAS, number, _asked(*row)):
                return number
        return None

    def with_token(self, token: str) -> str:
        """The whole address that a token opens."""
        return f"{self.base}/s/{token}"

    def holder(self, conn: Connection, token: str) -> Holder | None:
        """Whom we made a token for; None for one that we did not make."""
        found = Token.read(token)
        if found is None:
            return None
        for key in self.keys:
            contact_key = found.row(key, _PURPOSE)
            for row in _occupancies(conn, contact_key):
                if found.fits(key, _PURPOSE, contact_key, str(row.occupancy_key)):
                    return Holder(
                        contact_key=contact_key,
                        account_key=row.account_key,
                        endpoint_key=row.endpoint_key,
                        lives=bool(row.lives),
                    )
        return None


def _asked(endpoint_key: int, asked_at: datetime) -> str:
    """Whose wish it is, and when it was made: a database may give a key of what is gone again."""
    return f"{endpoint_key} {to_ms(asked_at)}"


def filled(text: str, link: str) -> str:
    """A text with somebody's own link in it."""
    return text.replace(BLANK, link[-len(BLANK) :]) if link else text


def _occupancies(
    conn: Connection, contact_key: int
) -> Iterator[sa.Row[tuple[int, int, int, bool]]]:
    """What a contact's account holds or has held, with whether the contact still does."""
    c, o, a, e = t.contacts.c, t.occupancies.c, t.accounts.c, t.endpoints.c
    lives = sa.and_(
        o.until.is_(None),
        c.ended_at.is_(None),
        a.closed_at.is_(None),
        e.invalid_code.is_distinct_from(WRONG_PERSON),
    )
    yield from conn.execute(
        sa.select(o.key.label("occupancy_key"), c.account_key, c.endpoint_key, lives.label("lives"))
        .select_from(t.contacts)
        .join(t.accounts, a.key == c.account_key)
        .join(t.endpoints, e.key == c.endpoint_key)
        .join(t.occupancies, o.account_key == c.account_key)
        .where(c.key == contact_key)
    )
