"""A small identity provider on loopback: OpenID Connect by code, PKCE checked, tokens signed."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "console", "made-up-secret"


class Provider:
    """Who is signed in there, in which groups; what it was asked for waits under a code."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.person: dict[str, Any] = {
            "sub": "u-1",
            "preferred_username": "Ann.Ray@example.org",
            "groups": ["desk"],
            "auth_time": int(time.time()),
        }
        self.changes: dict[str, Any] = {}
        """What the next id token says otherwise than it should."""
        self.asked = 0
        """How often it was asked what it is."""
        self.about_waits: threading.Event | None = None
        self.broken = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def signed(self, key: RSAKey | None = None, **claims: object) -> str:
        now = int(time.time())
        facts = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300} | claims
        return jwt.encode(
            {"alg": "RS256", "kid": str((key or self.key).kid)}, facts, key or self.key
        )

    def authorize(self, query: dict[str, str]) -> str:
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or authorization != f"Basic {basic}":
            return None
        if asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return None
        claims = self.person | {"nonce": asked["nonce"]} | self.changes
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.signed(**claims)}

    def about(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path == "/authorize":
                    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                    self.send_response(302)
                    self.send_header("location", provider.authorize(query))
                    self.end_headers()
                elif parts.path == "/keys":
                    self.answer({"keys": [provider.key.as_dict(private=False)]})
                else:
                    provider.asked += 1
                    if provider.about_waits is not None:
                        provider.about_waits.wait(10)
                    self.answer(provider.about(), 500 if provider.broken else 200)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(raw).items()}
                found = provider.token(form, self.headers.get("authorization", ""))
                self.answer(found or {"error": "invalid_grant"}, 200 if found else 400)

            def answer(self, facts: dict[str, Any], status: int = 200) -> None:
                body = json.dumps(facts).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its base's name
                """Say nothing."""

        return Handler
