"""Staff with accounts here: who there is, their roles, and the one-time link that lets them in.

One of them is sealed: an administrator for the night in which the identity provider is away. Its
sign-ins are loud.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from outage import passwords
from outage import tables as t
from outage.database import wall_now
from outage.errors import (
    GuestError,
    LastAdminError,
    NameTakenError,
    NotANameError,
    UnknownStaffError,
)
from outage.model import Actor
from outage.rights import MAY, Right, Role

LINK_HOLDS = timedelta(hours=24)
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?")
"""Names to sign in with; also addresses for mail without what follows the @."""
FIRST = "admin"
_S, _L = t.staff, t.staff_links


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the staff."""

    key: int
    name: str
    role: Role
    sealed: bool
    made_at: datetime
    disabled_at: datetime | None
    ready: bool
    """Whether they can sign in: their link is used, or the identity provider knows them."""
    guest: bool
    """Whether the identity provider vouches for them; they have no password here."""

    @property
    def actor(self) -> Actor:
        """Who they are in the journal and on the audit log: a key, no name."""
        return Actor(kind="staff", name=str(self.key))

    def may(self, right: Right) -> bool:
        """Whether their role has a right."""
        return right in MAY[self.role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """A link that holds: whose it is, and the authenticator's secret it offers."""

    key: int
    member: Member
    totp_secret: str


def add(conn: Connection, *, name: str, role: Role, sealed: bool = False) -> tuple[Member, str]:
    """Put somebody on the staff; return them and their one-time link's token.

    Raises `NotANameError` and `NameTakenError`.
    """
    name = name.strip().lower()
    if NAME.fullmatch(name) is None:
        raise NotANameError
    if conn.execute(sa.select(_S.c.key).where(_S.c.name == name)).first() is not None:
        raise NameTakenError(name=name)
    row = conn.execute(
        _S.insert()
        .values(name=name, role=str(role), sealed=sealed, made_at=wall_now(conn))
        .returning(_S)
    ).one()
    member = _member(row)
    return member, link(conn, member.key)


def first(conn: Connection) -> tuple[Member, str] | None:
    """Return the first administrator and a link, as long as nobody can sign in who matters.

    That is anybody with a password here, or an administrator whom the identity provider sends.
    Asked again it is a new link, and the one before opens nothing any more.
    """
    admin = sa.and_(_S.c.role == str(Role.ADMIN), _S.c.disabled_at.is_(None))
    comes = sa.or_(_S.c.password_hash.is_not(None), sa.and_(_S.c.subject.is_not(None), admin))
    if conn.execute(sa.select(_S.c.key).where(comes).limit(1)).first():
        return None
    # Whom the provider sends may be called `admin` too; then ours has a number.
    named_so = sa.or_(_S.c.name == FIRST, _S.c.name.like(f"{FIRST}-%"))
    known = conn.execute(
        sa.select(_S.c.key)
        .where(admin, named_so, _S.c.sealed, _S.c.subject.is_(None))
        .order_by(_S.c.key)
        .limit(1)
    ).scalar()
    if known is not None:
        return get(conn, known), link(conn, known)
    return add(conn, name=_free_name(conn, FIRST), role=Role.ADMIN, sealed=True)


def link(conn: Connection, key: int) -> str:
    """Return a new one-time link's token: with it a password and an authenticator are set anew.

    Links of before open nothing any more. Raises `UnknownStaffError`, and `GuestError`
    for whom the identity provider vouches: who leaves a group there must not stay in here.
    """
    member = get(conn, key)
    if member.guest:
        raise GuestError(name=member.name)
    now, words = wall_now(conn), secrets.token_urlsafe(32)
    # Two links made at once: the second waits, and replaces the first.
    conn.execute(sa.select(_S.c.key).where(_S.c.key == key).with_for_update())
    conn.execute(
        _L.update()
        .where(_L.c.staff_key == key, _L.c.used_at.is_(None))
        .values(used_at=now, totp_secret="")
    )
    conn.execute(
        _L.insert().values(
            hash=passwords.digest(words),
            staff_key=key,
            totp_secret=passwords.new_totp(),
            made_at=now,
            until=now + LINK_HOLDS,
        )
    )
    return words


def welcome(conn: Connection, words: str) -> Welcome | None:
    """Return what a link opens, None if it opens nothing: made up, used, too old, disabled."""
    found = conn.execute(
        _L.select().where(
            _L.c.hash == passwords.digest(words),
            _L.c.used_at.is_(None),
            _L.c.until > wall_now(conn),
        )
    ).first()
    member = None if found is None else get(conn, found.staff_key)
    if found is None or member is None or member.disabled_at is not None:
        return None
    return Welcome(key=found.key, member=member, totp_secret=found.totp_secret)


def settle(conn: Connection, opened: Welcome, *, password_hash: str, step: int) -> list[str] | None:
    """Use a link up: set the password and the authenticator; return the recovery codes.

    None if somebody else has used it meanwhile: then nothing is set.
    """
    now, key = wall_now(conn), opened.member.key
    unused = sa.and_(_L.c.key == opened.key, _L.c.used_at.is_(None))
    used = _L.update().where(unused).values(used_at=now, totp_secret="")
    if conn.execute(used).rowcount != 1:
        return None
    conn.execute(
        _S.update()
        .where(_S.c.key == key)
        .values(password_hash=password_hash, totp_secret=opened.totp_secret, totp_step=step)
    )
    return new_codes(conn, key)


def new_codes(conn: Connection, key: int) -> list[str]:
    """Make new recovery codes in place of those there were."""
    codes = passwords.recovery_codes()
    conn.execute(t.recovery_codes.delete().where(t.recovery_codes.c.staff_key == key))
    conn.execute(
        t.recovery_codes.insert(),
        [{"staff_key": key, "hash": passwords.recovery_digest(code)} for code in codes],
    )
    return codes


def guest(conn: Connection, *, subject: str, name: str, role: Role | None) -> Member | None:
    """Return whom the identity provider has sent, as what their groups make them now.

    None for who may not come in: their sessions end, if they had any.
    """
    member = of_subject(conn, subject)
    if role is None or (member is not None and member.disabled_at is not None):
        if member is not None:
            s = t.sessions
            theirs = sa.and_(s.c.staff_key == member.key, s.c.ended_at.is_(None))
            conn.execute(s.update().where(theirs).values(ended_at=wall_now(conn)))
        return None
    if member is not None:
        conn.execute(_S.update().where(_S.c.key == member.key).values(role=str(role)))
        return get(conn, member.key)
    row = conn.execute(
        _S.insert()
        .values(
            name=_free_name(conn, name),
            role=str(role),
            sealed=False,
            subject=subject,
            made_at=wall_now(conn),
        )
        .returning(_S)
    ).one()
    return _member(row)


def of_subject(conn: Connection, subject: str) -> Member | None:
    """Return whom the identity provider means, None if they have never been here."""
    row = conn.execute(_S.select().where(_S.c.subject == subject)).first()
    return None if row is None else _member(row)


def _free_name(conn: Connection, wanted: str) -> str:
    """A name that nobody has, as near as can be to what the provider calls somebody."""
    kept = re.sub(r"[^a-z0-9._-]", "-", wanted.partition("@")[0].lower())[:50].strip("._-")
    name, number = kept or "guest", 1
    while conn.execute(sa.select(_S.c.key).where(_S.c.name == name)).first() is not None:
        number += 1
        name = f"{kept or 'guest'}-{number}"
    return name


def get(conn: Connection, key: int) -> Member:
    """Return one of the staff. Raises `UnknownStaffError`."""
    row = conn.execute(_S.select().where(_S.c.key == key)).first()
    if row is None:
        raise UnknownStaffError(name=key)
    return _member(row)


def named(conn: Connection, name: str) -> Member:
    """Return one of the staff by the name they sign in with. Raises `UnknownStaffError`."""
    row = conn.execute(_S.select().where(_S.c.name == name.strip().lower())).first()
    if row is None:
        raise UnknownStaffError(name=name)
    return _member(row)


def every(conn: Connection) -> list[Member]:
    """Return all of the staff by name."""
    return [_member(row) for row in conn.execute(_S.select().order_by(_S.c.name))]


def change_role(conn: Connection, key: int, role: Role) -> Member:
    """Give somebody another role, from now on. Raises `UnknownStaffError`, `LastAdminError`."""
    before = get(conn, key)
    if before.role is Role.ADMIN and role is not Role.ADMIN:
        _refuse_last(conn, before)
    conn.execute(_S.update().where(_S.c.key == key).values(role=str(role)))
    return get(conn, key)


def disable(conn: Connection, key: int) -> Member:
    """Let somebody sign in no more; their sessions end now.

    Raises `UnknownStaffError` and `LastAdminError`.
    """
    member = get(conn, key)
    if member.disabled_at is None:
        _refuse_last(conn, member)
        now = wall_now(conn)
        conn.execute(_S.update().where(_S.c.key == key).values(disabled_at=now))
        s = t.sessions
        conn.execute(
            s.update().where(s.c.staff_key == key, s.c.ended_at.is_(None)).values(ended_at=now)
        )
    return get(conn, key)


def enable(conn: Connection, key: int) -> Member:
    """Let somebody sign in again. Raises `UnknownStaffError`."""
    conn.execute(_S.update().where(_S.c.key == key).values(disabled_at=None))
    return get(conn, key)


def _refuse_last(conn: Connection, member: Member) -> None:
    """Somebody must be left who can let others in.

    Who has a password here must leave another with one: the identity provider may be away.
    """
    if member.role is not Role.ADMIN:
        return
    # Two who leave at once: the second waits and sees the first gone.
    admins = conn.execute(
        sa.select(_S.c.key, _S.c.subject)
        .where(_S.c.role == str(Role.ADMIN), _S.c.disabled_at.is_(None))
        .where(sa.or_(_S.c.password_hash.is_not(None), _S.c.subject.is_not(None)))
        .order_by(_S.c.key)
        .with_for_update()
    ).all()
    local = member.ready and not member.guest
    if {each.key for each in admins if each.subject is None or not local} <= {member.key}:
        raise LastAdminError(name=member.name)


def _member(row: sa.Row[Any]) -> Member:
    return Member(
        key=row.key,
        name=row.name,
        role=Role(row.role),
        sealed=row.sealed,
        made_at=row.made_at,
        disabled_at=row.disabled_at,
        ready=row.password_hash is not None or row.subject is not None,
        guest=row.subject is not None,
    )
