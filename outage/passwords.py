"""Passwords, codes and secrets: how each is made, kept and looked at."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from threading import BoundedSemaphore

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200
STEP_S = 30
AROUND = 1
"""Steps that a telephone's clock may be off, either way."""
CODES = 10
_GROUPS, _GROUP = 4, 4
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_HASHER = PasswordHasher()
"""argon2id, with the parameters of RFC 9106 for little memory (argon2-cffi's own)."""


_FEW_AT_ONCE = BoundedSemaphore(4)
"""Each takes 64 MB while it lasts: a flood of tries waits, and takes no more."""


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    with _FEW_AT_ONCE:
        return _HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether it is the password. It takes as long for who has none, or is nobody."""
    try:
        against = kept or _nobody()
        with _FEW_AT_ONCE:
            _HASHER.verify(against, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_weak(password: str, name: str) -> str:
    """Why a password will not do, as a sentence; empty for one that does (NIST SP 800-63B)."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"Take {SHORTEST} to {LONGEST} characters."
    plain = password.casefold()
    if name and name.casefold() in plain:
        return "Leave your name out of it."
    if len(set(plain)) < 5:  # noqa: PLR2004  # aaaa…, 1212…
        return "Take more than a few different characters."
    return ""


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def digest(words: str) -> str:
    """What is kept of 80 random bits and more: a slow hash would guard nothing more."""
    return hashlib.sha256(words.encode()).hexdigest()


def new_totp() -> str:
    """Return a new secret for an authenticator, in base32."""
    return pyotp.random_base32()


def totp_step(secret: str, code: str, now_s: int, *, after: int | None) -> int | None:
    """Return the step of 30 s whose code this is, None if it is none (RFC 6238).

    No step counts that is not ``after`` the last one used: a code that was seen over a shoulder
    is of no use.
    """
    given = "".join(code.split())
    if len(given) != 6 or not given.isascii() or not given.isdigit():  # noqa: PLR2004  # digits
        return None
    totp, step = pyotp.TOTP(secret), now_s // STEP_S
    for one in range(step - AROUND, step + AROUND + 1):
        if secrets.compare_digest(totp.at(one * STEP_S), given) and (after is None or one > after):
            return one
    return None


def totp_uri(secret: str, name: str, issuer: str) -> str:
    """The address that an authenticator reads from the square."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=issuer)


def recovery_codes() -> list[str]:
    """Return new codes, each to be used once in place of the authenticator's: 80 bits each."""

    def group() -> str:
        return "".join(secrets.choice(_LETTERS) for _ in range(_GROUP))

    return ["-".join(group() for _ in range(_GROUPS)) for _ in range(CODES)]


def recovery_digest(code: str) -> str:
    """What is kept of a recovery code, however it was typed."""
    return digest("".join(sign for sign in code.upper() if sign.isalnum()))
