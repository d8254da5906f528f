"""The utility's identity provider: OpenID Connect, by code with PKCE, state and nonce.

Nothing of a sign-in that is under way is kept here: state, nonce and verifier are in a cookie of
this host, which no other site can set, for a few minutes.
"""

from __future__ import annotations

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
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.errors import NotFromProvider, ProviderAway
from outage.rights import Role
from outage.settings import Settings

PATIENCE_S = 5
KNOWN_FOR_S = 600
"""How long the provider's addresses and keys are taken as they were."""
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
        said, keys = self._about()
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
        claims = self._claims(str(token.get("id_token", "")), keys, nonce=nonce)
        return self._person(claims)

    def logout(self, words: str) -> str:
        """Return whose sessions end, by a logout token. Raises `NotFromProvider`.

        OpenID Connect Back-Channel Logout 1.0, section 2.6.
        """
        _, keys = self._about()
        claims = self._claims(words, keys)
        if _LOGOUT not in claims.get("events", {}) or "nonce" in claims:
            raise NotFromProvider(why="it is no logout token")
        return self._subject(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get(self._settings.oidc_groups_claim, [])
        theirs = set(groups) if isinstance(groups, list) else {groups}
        roles = [role for group, role in self._settings.oidc_roles if group in theirs]
        name = claims.get("preferred_username") or claims.get("email") or claims["sub"]
        return Person(
            subject=self._subject(claims),
            name=str(name),
            # The first line that fits counts.
            role=Role(roles[0]) if roles else None,
            signed_in_at=datetime.fromtimestamp(int(claims.get("auth_time", 0)), UTC),
        )

    def _subject(self, claims: Mapping[str, Any]) -> str:
        return f"{self._settings.oidc_issuer} {claims['sub']}"

    def _claims(self, words: str, keys: KeySet, *, nonce: str | None = None) -> Mapping[str, Any]:
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
            token = jwt.decode(words, keys, algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(leeway=CLOCKS_S, **wanted).validate(token.claims)
        except (JoseError, ValueError) as error:
            raise NotFromProvider(why="what it says is not signed by it, or not for us") from error
        if time.time() - int(token.claims["iat"]) > KNOWN_FOR_S:
            raise NotFromProvider(why="what it says is too old")
        return dict(token.claims)

    def _about(self) -> tuple[dict[str, Any], KeySet]:
        """What the provider says of itself, and its keys. Raises `ProviderAway`."""
        issuer = self._settings.oidc_issuer
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > KNOWN_FOR_S:
                try:
                    said = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                    if said.get("issuer") != issuer:
                        raise NotFromProvider(why="it calls itself otherwise")
                    keys = KeySet.import_key_set(self._get(said["jwks_uri"]))  # type: ignore[arg-type]  # checked by joserfc
                except (requests.RequestException, JoseError, ValueError, KeyError) as error:
                    raise ProviderAway from error
                self._known = (time.monotonic(), said, keys)
            return self._known[1], self._known[2]

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
