"""Calls signed as Standard Webhooks has it: who receives one can tell that it is ours.

Source: standardwebhooks.com, version 1.0. The id stays the same when a call is made again, so that
who receives it twice can tell.
"""

import base64
import hmac
from hashlib import sha256

SECRET_PREFIX = "whsec_"  # noqa: S105  # how every such secret begins


def headers(secret: str, name: str, at_s: float, body: bytes) -> dict[str, str]:
    """What goes with a JSON body; ``name`` is the call's id, ``at_s`` seconds since 1970."""
    at = str(int(at_s))
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": signature(secret, name, at, body),
    }


def signature(secret: str, name: str, at: str, body: bytes) -> str:
    """The signature of one call, over its id, its timestamp and its bytes."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    made = hmac.new(key, f"{name}.{at}.".encode() + body, sha256)
    return f"v1,{base64.b64encode(made.digest()).decode()}"
