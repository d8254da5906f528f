"""From a setting's text to its value; each refusal completes a sentence after its name."""

import base64
import ipaddress
import math
import re
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

Choice = TypeVar("Choice", bound=StrEnum)

YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0", "")


def setting(read: Callable[[str], Any], default: str, about: str, *, secret: bool = False) -> Any:  # noqa: ANN401 - stands for a field of whatever type `read` gives
    """A field of `Settings`: how its text is read, its default as text, and its meaning."""
    return field(
        default_factory=partial(read, default),
        metadata={"read": read, "default": default, "about": about, "secret": secret},
        repr=not secret,
    )


def text(given: str) -> str:
    """Text on one line."""
    if not given.isprintable():
        raise ValueError("must be printable text on one line.")
    return given.strip()


def secret(least: int) -> Callable[[str], str]:
    """A secret of at least `least` characters, or none."""

    def read(given: str) -> str:
        if given and len(given) < least:
            raise ValueError(f"must be at least {least} characters long.")
        return given

    return read


def webhook_secret(given: str) -> str:
    """A secret as Standard Webhooks has it, or none."""
    kept = given.strip()
    try:
        key = base64.b64decode(kept.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if kept and not (kept.startswith("whsec_") and 24 <= len(key) <= 64):  # noqa: PLR2004  # the standard's
        raise ValueError("must be whsec_ and the base64 of 24 to 64 random bytes.")
    return kept


def folder(given: str) -> Path:
    """An absolute path; `~` is the user's own folder."""
    if not given.strip():
        raise ValueError("must name a folder.")
    try:
        return Path(given).expanduser().absolute()
    except RuntimeError as problem:
        raise ValueError("begins with ~, but this user has no home; give a full path.") from problem


def folder_or_none(given: str) -> Path | None:
    """An absolute path, or none."""
    return folder(given) if given.strip() else None


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number between both, inclusive."""

    def read(given: str) -> int:
        try:
            value = int(given)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}.")
        return value

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """A number between both, inclusive."""

    def read(given: str) -> float:
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}.")
        return value

    return read


port = whole(1, 65535)


def pairs(given: str) -> tuple[tuple[str, str], ...]:
    """Pairs of words like `one=other`, with commas between."""
    found = [part.strip().partition("=") for part in given.split(",") if part.strip()]
    if not all(name and value for name, _, value in found):
        raise ValueError("must be pairs like one=other, with commas between.")
    return tuple((name.strip(), value.strip()) for name, _, value in found)


_HOURS = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)-([01]?\d|2[0-3]):([0-5]\d)")


def hours(given: str) -> tuple[int, int] | None:
    """From when until when of each day, in minutes after midnight; `none` for never."""
    if given.strip().lower() == "none":
        return None
    found = _HOURS.fullmatch(given.strip())
    if found is None:
        raise ValueError("must be two times of day like 22:00-07:00, or none.")
    first, first_min, last, last_min = map(int, found.groups())
    return first * 60 + first_min, last * 60 + last_min


def flag(given: str) -> bool:
    """Yes or no."""
    word = given.strip().lower()
    if word not in YES + NO:
        raise ValueError("must be yes or no.")
    return word in YES


def choice(kind: type[Choice]) -> Callable[[str], Choice]:
    """One word of an enum."""

    def read(given: str) -> Choice:
        try:
            return kind(given.strip().lower())
        except ValueError as problem:
            raise ValueError(f"must be one of {', '.join(kind)}.") from problem

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """A URL of one of `schemes`, without its last slash, or nothing."""

    def read(given: str) -> str:
        address = given.strip()
        try:
            parts = urlsplit(address)
            _ = parts.port
        except ValueError as problem:
            raise ValueError("is not a URL; a part of it cannot be read.") from problem
        whole_enough = bool(parts.netloc or parts.path)
        if address and not (parts.scheme.partition("+")[0] in schemes and whole_enough):
            begins = " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(f"must be a URL that begins with {begins}.")
        return address.rstrip("/")

    return read


def publication(given: str) -> str:
    """A folder's or a bucket's URL, or nothing."""
    address = url("file", "s3")(given)
    parts = urlsplit(address)
    if parts.username or parts.password:
        raise ValueError("must hold no key: it has settings of its own.")
    if parts.scheme == "s3":
        asked = dict(parse_qsl(parts.query, keep_blank_values=True))
        if not parts.netloc:
            raise ValueError("must name the bucket: s3://BUCKET.")
        for name in asked.keys() - {"endpoint", "region"}:
            raise ValueError(f"asks for {name}; a bucket's URL takes endpoint and region.")
        url("http", "https")(asked.get("endpoint", ""))
    return address


def loopback(given: str) -> str:
    """An HTTP URL on this machine, or nothing."""
    address = url("http", "https")(given)
    host = urlsplit(address).hostname or ""
    if address and not is_loopback(host):
        raise ValueError("must be on this machine (127.0.0.1, ::1 or localhost).")
    return address


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names(given: str) -> frozenset[str]:
    """A list with commas between."""
    return frozenset(part.strip() for part in given.split(",") if part.strip())


def networks(given: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses or networks with commas between."""
    found = []
    for part in filter(None, map(str.strip, given.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError as problem:
            raise ValueError(f"holds {part}, which is not an address or a network.") from problem
    return tuple(found)
