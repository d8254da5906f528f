"""The personal link, ``/s/{token}``: made for one contact, and for as long as it lives there.

A token is 17 letters and digits, short enough for a text: which contact (hidden, so that it says
nothing) and 64 bits by which we know that we made it (HMAC-SHA-256, cut). Signed with it, and not
in it, is an occupancy of the contact's account: once that has ended, the link has.

Texts on record hold `BLANK` in the token's place, so that nobody who may read a message, or a
backup, can open the link in it; each outgoing message gets its own as it is sent.
"""

import hmac
import string
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from notifier.replies.standing import WRONG_PERSON
from outage import tables as t
from outage.among import among
from outage.settings import Settings

LENGTH = 17
BLANK = "/s/" + "_" * LENGTH
"""What a text has where each person's own token goes: as long as one."""
_LETTERS = string.digits + string.ascii_letters
_CONTACT_BYTES, _TAG_BYTES = 4, 8
_MOST_CONTACTS = 1 << 8 * _CONTACT_BYTES

Of = tuple[int, int, str]
"""Whom a message goes to: account, endpoint and channel."""


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
        if contact_key >= _MOST_CONTACTS:
            return ""
        tag = _tag(self.keys[0], contact_key, occupancy_key)
        number = int.from_bytes(tag + _hidden(self.keys[0], tag, contact_key), "big")
        return f"{self.base}/s/{_in_letters(number)}"

    def holder(self, conn: Connection, token: str) -> Holder | None:
        """Whom we made a token for; None for one that we did not make."""
        number = _number(token)
        if number is None:
            return None
        tag = number[:_TAG_BYTES]
        for key in self.keys:
            contact_key = int.from_bytes(number[_TAG_BYTES:], "big")
            contact_key = int.from_bytes(_hidden(key, tag, contact_key), "big")
            for row in _occupancies(conn, contact_key):
                if hmac.compare_digest(tag, _tag(key, contact_key, row.occupancy_key)):
                    return Holder(
                        contact_key=contact_key,
                        account_key=row.account_key,
                        endpoint_key=row.endpoint_key,
                        lives=bool(row.lives),
                    )
        return None

    def for_messages(self, conn: Connection, to: Collection[Of]) -> dict[Of, str]:
        """The links of these; none for who has no place of their own."""
        c, o = t.contacts.c, t.occupancies.c
        accounts = sorted({account for account, _, _ in to})
        rows = conn.execute(
            sa.select(
                c.account_key, c.endpoint_key, c.channel, c.key, sa.func.min(o.key).label("here")
            )
            .join(t.occupancies, sa.and_(o.account_key == c.account_key, o.until.is_(None)))
            # Not by endpoint as well: SQLite would try each of one with each of the other.
            .where(among(conn, c.account_key, accounts), c.ended_at.is_(None))
            .group_by(c.account_key, c.endpoint_key, c.channel, c.key)
        )
        found = {(row[0], row[1], row[2]): (row.key, row.here) for row in rows}
        made = {each: self.to(*found[each]) for each in found.keys() & to}
        return {each: link for each, link in made.items() if link}


def filled(text: str, link: str) -> str:
    """A text with somebody's own link in it."""
    return text.replace(BLANK, f"/s/{link.rpartition('/')[2]}") if link else text


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


def _tag(key: str, contact_key: int, occupancy_key: int) -> bytes:
    made = hmac.digest(key.encode(), f"link {contact_key} {occupancy_key}".encode(), "sha256")
    return made[:_TAG_BYTES]


def _hidden(key: str, tag: bytes, contact_key: int) -> bytes:
    """A contact's key under a mask, or out from under it."""
    mask = hmac.digest(key.encode(), b"link mask " + tag, "sha256")[:_CONTACT_BYTES]
    return (contact_key ^ int.from_bytes(mask, "big")).to_bytes(_CONTACT_BYTES, "big")


def _in_letters(number: int) -> str:
    letters = ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(_LETTERS))
        letters = _LETTERS[digit] + letters
    return letters


def _number(token: str) -> bytes | None:
    if len(token) != LENGTH or not set(token) <= set(_LETTERS):
        return None
    number = 0
    for letter in token:
        number = number * len(_LETTERS) + _LETTERS.index(letter)
    size = _TAG_BYTES + _CONTACT_BYTES
    return number.to_bytes(size, "big") if number < 1 << 8 * size else None
