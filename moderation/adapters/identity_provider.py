"""An OpenID Connect provider: sends people there to sign in, and reads what comes back.

The authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636), spoken by
Authlib. What is to be remembered meanwhile is the caller's to keep in that person's browser.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from threading import Lock
from typing import Any

import requests
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import BaseApp, OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError

from moderation.errors import IdentityProviderUnavailable, IdentityRefused
from moderation.services.identities import Identity
from moderation.settings import Settings, SettingsError

TIMEOUT_S = 5
"""For each request to the provider; somebody waits for it."""

DISCOVERY_PATH = "/.well-known/openid-configuration"

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures that only the provider can make; none with a shared secret, and not "none"."""

log = structlog.get_logger(__name__)

_FAILURES = (requests.RequestException, json.JSONDecodeError, KeyError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that began: where to send the browser, and what must come back with it."""

    url: str
    state: str
    nonce: str
    code_verifier: str


class _Client(OAuth2Mixin, OpenIDMixin, BaseApp):
    client_cls = OAuth2Session


class IdentityProvider:
    """The provider the settings name. Nothing is asked of it before somebody wants to sign in.

    Raises:
        SettingsError: it is not said what the provider calls this installation.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.oidc_client_id:
            raise SettingsError("oidc_client_id: missing, and oidc_issuer is set")
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._client_secret = settings.oidc_client_secret
        self._client: _Client | None = None
        self._lock = Lock()

    def begin(self, redirect_uri: str) -> Attempt:
        """Raises IdentityProviderUnavailable."""
        client = self._discovered()
        begun = client.create_authorization_url(redirect_uri)
        return Attempt(begun["url"], begun["state"], begun["nonce"], begun["code_verifier"])

    def finish(self, attempt: Attempt, *, redirect_uri: str, state: str, code: str) -> Identity:
        """Exchange the ``code`` that came back, and check all the provider says.

        Raises:
            IdentityRefused: the answer belongs to another attempt, or its token is not right.
            IdentityProviderUnavailable: the provider does not answer.
        """
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
            raise IdentityRefused("The answer belongs to another sign-in; begin again")
        client = self._discovered()
        try:
            token = client.fetch_access_token(
                redirect_uri, code=code, code_verifier=attempt.code_verifier
            )
            claims = client.parse_id_token(
                token,
                attempt.nonce,
                claims_options={
                    "iss": {"essential": True, "value": client.server_metadata["issuer"]},
                    "aud": {"essential": True, "value": self._client_id},
                    "exp": {"essential": True},
                    "nonce": {"essential": True, "value": attempt.nonce},
                },
            )
            if claims is None:
                raise IdentityRefused("The identity provider sent no identity")
            if "email" not in claims and client.server_metadata.get("userinfo_endpoint"):
                told = client.userinfo(token=token)
                # Core, 5.3.2: otherwise it may be about somebody else.
                if told.get("sub") == claims["sub"]:
                    claims = {**told, **claims}
        except (AuthlibBaseError, JoseError, ValueError) as error:
            log.warning("identity_refused", error=str(error))
            raise IdentityRefused(
                "What the identity provider sent is not right; begin again"
            ) from error
        except _FAILURES as error:
            raise self._unavailable(error) from error
        return Identity(
            issuer=client.server_metadata["issuer"],
            subject=str(claims["sub"]),
            email=_text(claims.get("email")),
            # Some send it as text.
            email_verified=claims.get("email_verified") in (True, "true"),
            name=_text(claims.get("name")),
        )

    def _discovered(self) -> _Client:
        """A client that knows the provider's endpoints; they are asked for once."""
        with self._lock:
            if self._client is None:
                self._client = self._discover()
            return self._client

    def _discover(self) -> _Client:
        url = self._issuer.rstrip("/") + DISCOVERY_PATH
        try:
            answer = requests.get(url, timeout=TIMEOUT_S, headers={"Accept": "application/json"})
            answer.raise_for_status()
            found = answer.json()
            issuer, endpoint = found["issuer"], found["authorization_endpoint"]
            if not all((endpoint, found["token_endpoint"], found["jwks_uri"])):
                raise KeyError("an endpoint is missing")
        except (*_FAILURES, TypeError) as error:
            raise self._unavailable(error) from error
        # OpenID Connect Discovery, 4.3: or another provider could speak for this one.
        if str(issuer).rstrip("/") != self._issuer.rstrip("/"):
            raise self._unavailable(f"{url} speaks of the issuer {issuer!r}")
        signed = set(found.get("id_token_signing_alg_values_supported") or ["RS256"])
        found["id_token_signing_alg_values_supported"] = sorted(signed & ALGORITHMS)
        ways = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if not self._client_secret:
            way = "none"
        else:
            way = next(
                (w for w in ("client_secret_basic", "client_secret_post") if w in ways), ways[0]
            )
        return _Client(
            framework=None,
            name="identity provider",
            client_id=self._client_id,
            client_secret=self._client_secret or None,
            authorize_url=endpoint,
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": way,
                "default_timeout": TIMEOUT_S,
            },
            **found,
        )

    def _unavailable(self, error: Exception | str) -> IdentityProviderUnavailable:
        log.error("identity_provider_unavailable", issuer=self._issuer, error=str(error))
        return IdentityProviderUnavailable(
            "The identity provider does not answer. Sign in with your password, or try again later."
        )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
