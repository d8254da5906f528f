"""Signing in: a name, a password, and a code of the authenticator or a recovery code, all at once.

Whoever is refused learns nothing but that: not which of the three was wrong, nor whether there is
such a name. Guesses are counted by name and by address. A browser in which somebody has signed in
before is counted by itself, so that whoever guesses at a name keeps its owner out of nothing.
"""

from __future__ import annotations

import enum
import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from outage import passwords, staff
from outage import tables as t
from outage.database import Database, wall_now
from outage.passwords import digest
from outage.staff import Member

log = logging.getLogger(__name__)

WITHIN = timedelta(minutes=15)
PER_NAME, PER_ADDRESS, PER_BROWSER = 20, 30, 10
"""Failed tries in that time: at a name from unknown browsers, from an address, from a browser in
which the name's owner has signed in before."""
BROWSERS_KEPT = timedelta(days=180)
_T, _S, _K = t.sign_in_tries, t.staff, t.known_browsers


class Refusal(enum.StrEnum):
    """Why nobody is signed in; all that is ever said of it."""

    WRONG = "wrong"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody gives to sign in. ``browser`` is the cookie of a known one, or empty."""

    name: str
    password: str
    code: str
    address: str
    browser: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What is on record before anything is compared."""

    key: int | None
    password_hash: str | None
    known: int | None
    waits: bool


def check(db: Database, given: Given) -> int | Refusal:
    """Return whose password and code these are (the key), or why nobody is let in.

    The password is compared outside of any transaction: it takes long on purpose. The code is
    then used up in a transaction of its own, in which a try that failed is noted as well.
    """
    with db.read() as conn:
        look = _look(conn, given)
    if look.waits:
        return Refusal.WAIT
    right = passwords.fits(given.password, look.password_hash)
    with db.write() as conn:
        if right and look.key is not None and _use_code(conn, look.key, given.code):
            return look.key
        _note(conn, given, look.known)
    return Refusal.WRONG


def proves(db: Database, given: Given) -> Refusal | None:
    """Say why this is not the password of somebody who is signed in already; None if it is.

    It is counted as `check` counts.
    """
    with db.read() as conn:
        look = _look(conn, given)
    if look.waits:
        return Refusal.WAIT
    if passwords.fits(given.password, look.password_hash) and look.key is not None:
        return None
    with db.write() as conn:
        _note(conn, given, look.known)
    return Refusal.WRONG


def remember(conn: Connection, member: Member, browser: str) -> str:
    """Know this browser as one of somebody's; return its cookie."""
    words = browser or secrets.token_urlsafe(24)
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    known = insert(_K).values(hash=digest(words), staff_key=member.key, made_at=wall_now(conn))
    conn.execute(known.on_conflict_do_nothing())
    return words


def forget_browsers(conn: Connection, key: int) -> None:
    """Know none of somebody's browsers any more."""
    conn.execute(_K.delete().where(_K.c.staff_key == key))


def sweep(conn: Connection, limit: int) -> int:
    """Take away tries and browsers that count no more; return how many."""
    now, gone = wall_now(conn), 0
    for table, old in (
        (_T, _T.c.at < now - WITHIN),
        (_K, _K.c.made_at < now - BROWSERS_KEPT),
    ):
        keys = sa.select(table.c.key).where(old).limit(limit)
        gone += conn.execute(table.delete().where(table.c.key.in_(keys))).rowcount
    return gone


def _look(conn: Connection, given: Given) -> _Look:
    now = wall_now(conn)
    row = conn.execute(
        sa.select(_S.c.key, _S.c.password_hash).where(
            _S.c.name == _name(given), _S.c.disabled_at.is_(None)
        )
    ).first()
    known: int | None = None
    if row is not None and given.browser:
        mine = sa.and_(_K.c.hash == digest(given.browser), _K.c.staff_key == row.key)
        known = conn.execute(sa.select(_K.c.key).where(mine)).scalar()
    return _Look(
        key=None if row is None else row.key,
        password_hash=None if row is None else row.password_hash,
        known=known,
        waits=_waits(conn, given, known, now - WITHIN),
    )


def _waits(conn: Connection, given: Given, known: int | None, since: datetime) -> bool:
    def tries(*where: sa.ColumnElement[bool]) -> int:
        counted = sa.select(sa.func.count()).select_from(_T).where(_T.c.at > since, *where)
        return int(conn.execute(counted).scalar_one())

    if known is not None:
        return tries(_T.c.known_key == known, _T.c.name_hash == digest(_name(given))) >= PER_BROWSER
    return (
        tries(_T.c.name_hash == digest(_name(given)), _T.c.known_key.is_(None)) >= PER_NAME
        or tries(_T.c.address_hash == digest(given.address), _T.c.known_key.is_(None))
        >= PER_ADDRESS
    )


def _use_code(conn: Connection, key: int, code: str) -> bool:
    row = conn.execute(
        sa.select(_S.c.totp_secret, _S.c.totp_step)
        .where(_S.c.key == key, _S.c.disabled_at.is_(None))
        .with_for_update()
    ).first()
    if row is None or row.totp_secret is None:
        return False
    now_s = int(wall_now(conn).timestamp())
    step = passwords.totp_step(row.totp_secret, code, now_s, after=row.totp_step)
    if step is not None:
        conn.execute(_S.update().where(_S.c.key == key).values(totp_step=step))
        return True
    r = t.recovery_codes
    mine = sa.and_(
        r.c.staff_key == key,
        r.c.hash == passwords.recovery_digest(code),
        r.c.used_at.is_(None),
    )
    return conn.execute(r.update().where(mine).values(used_at=wall_now(conn))).rowcount == 1


def _note(conn: Connection, given: Given, known: int | None) -> None:
    conn.execute(
        _T.insert().values(
            at=wall_now(conn),
            name_hash=digest(_name(given)),
            address_hash=digest(given.address),
            known_key=known,
        )
    )
    if known is None:
        _warn(conn, given)


def _warn(conn: Connection, given: Given) -> None:
    """Say it once when a name of ours comes to wait. The log names a key, no name."""
    mine = sa.and_(_T.c.name_hash == digest(_name(given)), _T.c.known_key.is_(None))
    recent = sa.and_(mine, _T.c.at > wall_now(conn) - WITHIN)
    row = conn.execute(sa.select(_S.c.key, _S.c.sealed).where(_S.c.name == _name(given))).first()
    counted = conn.execute(sa.select(sa.func.count()).select_from(_T).where(recent)).scalar_one()
    if row is not None and counted == PER_NAME:
        log.log(
            logging.ERROR if row.sealed else logging.WARNING,
            "somebody guesses at the password of staff:%d: %d tries failed, and it waits now",
            row.key,
            counted,
        )


def _name(given: Given) -> str:
    return given.name.strip().lower()


def set_password(conn: Connection, key: int, password_hash: str) -> None:
    """Keep another password. Raises `UnknownStaffError`."""
    staff.get(conn, key)
    conn.execute(_S.update().where(_S.c.key == key).values(password_hash=password_hash))
