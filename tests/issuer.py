"""A small OpenID Connect provider: a real HTTP server that signs what a test tells it to say."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "the desk", "a secret of both: and more"


@cache
def _key(kid: str, of: str = "the provider") -> RSAKey:
    """Making one takes long, and none of them must be secret."""
    return RSAKey.generate_key(2048, {"kid": kid})


@dataclass
class Issuer:
    """What it does can be changed between a sign-in and its return.

    ``claims``: laid over the right claims of an ID token; None leaves one out. ``userinfo``: what
    it says when asked for it with the access token. ``discovery``: laid over the right document.
    """

    url: str
    key: RSAKey = field(default_factory=lambda: _key("first"))
    signing_key: Any = None
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    discovery: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False
    code_is_good: bool = True
    asked: dict[str, str] = field(default_factory=dict)
    """The parameters with which a browser came last."""

    # --- What a test does -------------------------------------------------------------------

    def browser_comes(self, address: str) -> str:
        """Somebody is sent here and signs in; returns the query they go back with."""
        assert address.startswith(f"{self.url}/authorize?")
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        return f"code=a-code&state={self.asked['state']}"

    def sign_by_another_key(self) -> None:
        """With a key that is not the provider's, under the name of the one that is."""
        self.signing_key = _key("first", of="somebody else")

    def sign_with_the_secret(self) -> None:
        """With the client's secret, which is not only the provider's to know."""
        self.algorithm, self.signing_key = "HS256", OctKey.import_key(CLIENT_SECRET * 2)

    def change_key(self) -> None:
        self.key = _key("second")

    # --- What it answers ----------------------------------------------------------------------

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, Any]:
        if self.is_down:
            return 503, {"error": "down"}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                **self.discovery,
            }
        if path == "/keys":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/token" and method == "POST":
            return self._token(headers, parse_qs(body))
        if path == "/userinfo" and headers["Authorization"] == "Bearer an-access-token":
            return 200, self.userinfo or {}
        return 404, {}

    def _token(self, headers: Any, given: dict[str, list[str]]) -> tuple[int, Any]:
        basic = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        verifier = hashlib.sha256(given["code_verifier"][0].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        is_right = (
            basic == f"{CLIENT_ID}:{CLIENT_SECRET}"
            and given["code"] == ["a-code"]
            and given["redirect_uri"] == [self.asked["redirect_uri"]]
            and (challenge, "S256")
            == (self.asked["code_challenge"], self.asked["code_challenge_method"])
        )
        if not is_right or not self.code_is_good:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "subject-1",
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.asked["nonce"],
            "email": "mona@news.example",
            "email_verified": True,
            "name": "Mona",
            **self.claims,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "none":
            parts = (json.dumps(part).encode() for part in (header, said))
            token = ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."
        else:
            token = jwt.encode(header, said, self.signing_key or self.key, [self.algorithm])
        answer = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": token}
        return 200, answer


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """A provider that listens on a free port of the loopback address."""
    issuer = Issuer("")

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            path = urlsplit(self.path).path
            status, told = issuer.answer(self.command, path, self.headers, body)
            text = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
