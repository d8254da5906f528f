"""The utility's identity provider: OpenID Connect, by code with PKCE, state and nonce.

Nothing of a sign-in that is under way is kept here: state, nonce and verifier are in a cookie of
this host, which no other site can set, for a few minutes.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from console.errors import NotFromProvider, ProviderAway
from outage.rights import Role
from outage.settings import Settings

PATIENCE_S = 5
KNOWN_FOR_S = 600
"""How long the provider's addresses and keys are taken as they were."""
AGAIN_S = 15
"""How soon it is asked again after a failure, or for a key that is not known: each page that waits
for it holds a thread for up to 10 s."""
CLOCKS_S = 60
SCOPE = "openid profile email"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
BACK, OUT = "/oidc/back", "/oidc/logout"
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as the provider knows them. ``role`` is None for who is in no group of ours."""

    subject: str
    name: str
    role: Role | None
    signed_in_at: datetime
    """When they last proved who they are; long ago where the provider does not say."""


class Provider:
    """One identity provider; what it says of itself is asked for anew now and then."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._back = f"{settings.console}{BACK}"
        self._known: tuple[float, dict[str, Any], KeySet] | None = None
        self._failed_at: float | None = None
        self._lock = threading.Lock()

    @property
    def is_used(self) -> bool:
        """Whether there is one."""
        return bool(self._settings.oidc_issuer)

    def begin(self, *, anew: bool) -> tuple[str, str]:
        """Return where to send a browser, and its cookie; ``anew``: a password, whoever it is.

        Raises `ProviderAway`.
        """
        said, _ = self._about()
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        more = {"prompt": "login", "max_age": "0"} if anew else {}
        with self._client() as client:
            url, state = client.create_authorization_url(
                said["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **more
            )
        return url, f"{state}.{nonce}.{verifier}"

    def finish(self, query: Mapping[str, str], cookie: str) -> Person:
        """Return who comes back. Raises `NotFromProvider` and `ProviderAway`."""
        state, _, rest = cookie.partition(".")
        nonce, _, verifier = rest.partition(".")
        given = query.get("state", "")
        if not verifier or not secrets.compare_digest(state.encode(), given.encode()):
            raise NotFromProvider(why="it was not begun in this browser, or too long ago")
        said, _ = self._about()
        if query.get("iss", said["issuer"]) != said["issuer"]:
            raise NotFromProvider(why="it comes from another provider")
        try:
            with self._client() as client:
                token = client.fetch_token(
                    said["token_endpoint"],
                    code=query.get("code", ""),
                    code_verifier=verifier,
                    timeout=PATIENCE_S,
                )
        except AuthlibBaseError as error:
            raise NotFromProvider(why="it does not know the code") from error
        except requests.RequestException as error:
            raise ProviderAway from error
        claims = self._claims(str(token.get("id_token", "")), nonce=nonce)
        return self._person(claims)

    def logout(self, words: str) -> str:
        """Return whose sessions end, by a logout token. Raises `NotFromProvider`.

        OpenID Connect Back-Channel Logout 1.0, section 2.6.
        """
        claims = self._claims(words)
        events = claims.get("events")
        if not isinstance(events, dict) or _LOGOUT not in events or "nonce" in claims:
            raise NotFromProvider(why="it is no logout token")
        return self._subject(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get(self._settings.oidc_groups_claim, [])
        theirs = groups if isinstance(groups, list) else [groups]
        if not all(isinstance(group, str) for group in theirs):
            raise NotFromProvider(why="its groups are no names")
        roles = [role for group, role in self._settings.oidc_roles if group in theirs]
        name = claims.get("preferred_username") or claims.get("email") or claims["sub"]
        return Person(
            subject=self._subject(claims),
            name=str(name),
            # The first line that fits counts.
            role=Role(roles[0]) if roles else None,
            signed_in_at=_instant(claims.get("auth_time", 0)),
        )

    def _subject(self, claims: Mapping[str, Any]) -> str:
        return f"{self._settings.oidc_issuer} {claims['sub']}"

    def _claims(self, words: str, *, nonce: str | None = None) -> Mapping[str, Any]:
        wanted: dict[str, Any] = {
            "iss": {"essential": True, "value": self._settings.oidc_issuer},
            "aud": {"essential": True, "value": self._settings.oidc_client_id},
            "sub": {"essential": True},
            "iat": {"essential": True},
            "exp": {"essential": nonce is not None},
        }
        if nonce is not None:
            wanted["nonce"] = {"essential": True, "value": nonce}
        try:
            try:
                token = jwt.decode(words, self._about()[1], algorithms=ALGORITHMS)
            except InvalidKeyIdError:  # it may sign with another key since
                token = jwt.decode(words, self._about(AGAIN_S)[1], algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(leeway=CLOCKS_S, **wanted).validate(token.claims)
        except (JoseError, ValueError) as error:
            raise NotFromProvider(why="what it says is not signed by it, or not for us") from error
        if not isinstance(token.claims["sub"], str):
            raise NotFromProvider(why="it does not say who it is")
        if time.time() - _instant(token.claims["iat"]).timestamp() > KNOWN_FOR_S:
            raise NotFromProvider(why="what it says is too old")
        return dict(token.claims)

    def _about(self, known_for_s: int = KNOWN_FOR_S) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself, and its keys. Raises `ProviderAway`.

        Whoever waited while somebody else asked in vain does not ask once more.
        """
        with self._lock:
            now = time.monotonic()
            if self._known is None or now - self._known[0] > known_for_s:
                if self._failed_at is not None and now - self._failed_at < AGAIN_S:
                    raise ProviderAway
                try:
                    self._known = (time.monotonic(), *self._ask())
                    self._failed_at = None
                except (requests.RequestException, JoseError, ValueError, KeyError) as error:
                    self._failed_at = time.monotonic()
                    raise ProviderAway from error
            return self._known[1], self._known[2]

    def _ask(self) -> tuple[dict[str, Any], KeySet]:
        issuer = self._settings.oidc_issuer
        said = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if said.get("issuer") != issuer:
            raise NotFromProvider(why="it calls itself otherwise")
        if not {"authorization_endpoint", "token_endpoint"} <= said.keys():
            raise ValueError("no addresses")
        keys = KeySet.import_key_set(self._get(said["jwks_uri"]))  # type: ignore[arg-type]  # checked by joserfc
        return said, keys

    def _get(self, url: str) -> dict[str, Any]:
        answer = requests.get(url, timeout=PATIENCE_S, allow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("no object")  # noqa: TRY004  # of what came from outside
        return found

    def _client(self) -> OAuth2Session:
        return OAuth2Session(
            self._settings.oidc_client_id,
            self._settings.oidc_client_secret,
            scope=SCOPE,
            redirect_uri=self._back,
            code_challenge_method="S256",
        )


def _instant(given: object) -> datetime:
    """Read seconds since 1970. Raises `NotFromProvider`."""
    number = given if isinstance(given, int | float) else math.nan
    try:
        return datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotFromProvider(why="a time in it is none") from error
