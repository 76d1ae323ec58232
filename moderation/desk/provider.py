"""Signing in at the desk through an identity provider (OpenID Connect)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from flask import Response, redirect, request, url_for
from flask import session as cookie

from moderation.adapters.identity_provider import Attempt, IdentityProvider
from moderation.desk.door import blueprint, local_path
from moderation.desk.sign_in import let_in, sign_in_page, start_session
from moderation.errors import IdentityProviderUnavailable, IdentityRefused, NotFound
from moderation.gate import public
from moderation.services import identities
from moderation.wiring import wired

ATTEMPT = "provider_attempt"
ATTEMPT_LIFETIME = timedelta(minutes=15)


# A link and no form: the pages' policy lets no form lead to another host, not even by a redirect.
@blueprint.get("/sign-in/provider")
@public
def go_to_provider() -> Response:
    """Send the browser to the provider."""
    wanted = local_path(request.args.get("next"))
    try:
        attempt = _provider().begin(_return_address())
    except IdentityProviderUnavailable as error:
        return sign_in_page(wanted, error)
    cookie[ATTEMPT] = {
        "attempt": asdict(attempt) | {"url": ""},
        "at": wired().clock().isoformat(),
        "next": wanted,
    }
    return redirect(attempt.url, 303)


@blueprint.get("/sign-in/provider/return")
@public
def return_from_provider() -> Response:
    """Look at what the browser brings back, and let in whom the provider vouches for."""
    provider, wiring = _provider(), wired()
    begun = cookie.pop(ATTEMPT, None)
    wanted = begun["next"] if begun else local_path(None)
    wiring.rate_limiter.hit("sign_in", request.remote_addr or "")
    now = wiring.clock()
    try:
        if begun is None or now - datetime.fromisoformat(begun["at"]) > ATTEMPT_LIFETIME:
            raise IdentityRefused("This sign-in was not begun here, or too long ago; begin again")
        if "error" in request.args or "code" not in request.args:
            raise IdentityRefused("The identity provider did not sign you in")
        identity = provider.finish(
            Attempt(**begun["attempt"]),
            redirect_uri=_return_address(),
            state=request.args.get("state", ""),
            code=request.args["code"],
        )
        domains = wiring.settings.oidc_new_staff_domains.lower().split()
        with wiring.database.write() as session:
            person = identities.admit(session, identity, new_staff_domains=domains, now=now)
            token = start_session(session, person)
    except (IdentityRefused, IdentityProviderUnavailable) as error:
        return sign_in_page(wanted, error)
    return let_in(token, person.email, wanted)


def _provider() -> IdentityProvider:
    """Raises NotFound where there is none."""
    provider = wired().identity_provider
    if provider is None:
        raise NotFound
    return provider


def _return_address() -> str:
    return url_for("desk.return_from_provider", _external=True)
