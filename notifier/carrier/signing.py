"""Signatures the providers put on their callbacks, and the key SendGrid's are made with."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

KEY_FILE = "event-webhook-key.pem"


def twilio_signature(auth_token: str, url: str, form: Mapping[str, str]) -> str:
    """Sign a form callback as Twilio does: HMAC-SHA1 over the URL and the sorted fields.

    url: exactly as requested, with its query and without its fragment.
    Source: twilio.com/docs/usage/security.
    """
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def event_signature(key: ec.EllipticCurvePrivateKey, timestamp: str, body: bytes) -> str:
    """Sign an Event Webhook body as SendGrid does: ECDSA P-256 over timestamp and raw bytes."""
    return base64.b64encode(key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()


def private_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """Read the event webhook's signing key, making it the first time anybody asks."""
    path = folder / KEY_FILE
    if not path.exists():
        _make_key(path)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{KEY_FILE} is not an elliptic curve key; remove it, a new one is made.")
    return key


def public_key(folder: Path) -> str:
    """Give the verification key as SendGrid shows it: base64 on one line, without PEM's frame."""
    der = (
        private_key(folder)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return base64.b64encode(der).decode()


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    fresh = path.with_name(f"{KEY_FILE}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    # A link fails where a rename would overwrite: of two processes starting at once, one key wins.
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
