"""The gate of every door: who may call a view. Each view says so; a test looks for it.

Staff come with a bearer token, or with the cookie of the desk. A cookie is sent along whoever made
the page, so whatever changes something by it must also carry that page's CSRF token.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import current_app, g, request
from flask import session as cookie
from flask_wtf.csrf import CSRFError

from moderation.domain.staff import Principal, Scope
from moderation.errors import (
    ExpiredToken,
    FormExpired,
    InvalidToken,
    MissingScope,
    Unauthenticated,
)
from moderation.schemas.problem import problem_responses
from moderation.services import access, sessions
from moderation.services.sessions import Lifetime, SignedIn
from moderation.wiring import wired

View = Callable[..., Any]

ACCESS_ATTRIBUTE = "access"
PUBLIC = "public"

COOKIE_SESSION = "staff_session"
"""What the signed cookie of somebody at the desk holds the token of their session under."""


def public(view: View) -> View:
    """Anybody: the view itself checks the site key, or gives away nothing."""
    setattr(view, ACCESS_ATTRIBUTE, PUBLIC)
    return view


def needs(scope: Scope | None) -> Callable[[View], View]:
    """A bearer token, or the desk's cookie, with ``scope`` (or ``admin``); None: any valid one."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            authenticate()
            require(scope)
            return view(*args, **kwargs)

        setattr(guarded, ACCESS_ATTRIBUTE, scope or "token")
        # Picked up by flask-smorest for the OpenAPI document.
        docs = guarded._apidoc = dict(getattr(guarded, "_apidoc", {}))
        manual = docs.get("manual_doc", {})
        responses = problem_responses(
            [Unauthenticated, InvalidToken, ExpiredToken, MissingScope, FormExpired]
        )
        docs["manual_doc"] = {
            **manual,
            "security": [{"token": []}],
            "responses": {**responses, **manual.get("responses", {})},
        }
        return guarded

    return decorate


def principal() -> Principal:
    """Who this request acts as; only in views guarded by ``needs``."""
    return g.principal


def bearer() -> str | None:
    """The credentials of ``Authorization: Bearer …``, or None."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" and credentials.strip() else None


def staff() -> SignedIn | None:
    """Who is signed in at the desk, in views that were authenticated; None with a token."""
    return g.get("staff")


def signed_in() -> SignedIn:
    """Who is signed in at the desk; only in views that let nobody else in."""
    found = staff()
    assert found is not None
    return found


def session_lifetime() -> Lifetime:
    """How long sessions at the desk live in this installation."""
    settings = wired().settings
    return Lifetime(
        idle=timedelta(hours=settings.desk_session_idle_h),
        longest=timedelta(hours=settings.desk_session_lifetime_h),
    )


def authenticate() -> None:
    """Find out who this request acts as, for ``principal``.

    Raises:
        Unauthenticated: neither a token nor a cookie, or one that is no longer good.
        FormExpired: a cookie, and a change without the CSRF token of one of our pages.
    """
    if bearer() is None and COOKIE_SESSION in cookie:
        check_csrf()
        _by_cookie(cookie[COOKIE_SESSION])
    else:
        _by_token(bearer())


def require(scope: Scope | None) -> None:
    """Raises MissingScope unless whoever was authenticated has ``scope``."""
    held = principal()
    if scope is not None and not held.may(scope):
        told = ", ".join(sorted(held.scopes)) or "none"
        raise MissingScope(f"This needs the scope {scope}; the token has: {told}")


def check_csrf() -> None:
    """Raises FormExpired where a request that changes something lacks its page's token."""
    if request.method not in current_app.config["WTF_CSRF_METHODS"]:
        return
    try:
        current_app.extensions["csrf"].protect()
    except CSRFError as error:
        raise FormExpired(f"{error.description} Load the page again and repeat.") from None


def _by_cookie(token: str) -> None:
    wiring = wired()
    now = wiring.clock()
    with wiring.database.read() as session:
        found = sessions.authenticate(session, token, now=now, lifetime=session_lifetime())
    if found.to_be_noted:
        with wiring.database.write() as session:
            sessions.note_seen(session, found.session_id, now=now)
    g.staff, g.principal, g.token_id = found, found.principal, None


def _by_token(token: str | None) -> None:
    if token is None:
        raise Unauthenticated("Send a token: Authorization: Bearer mod_…")
    wiring = wired()
    now = wiring.clock()
    with wiring.database.read() as session:
        g.principal, row = access.authenticate(session, token, now=now)
    g.token_id = row.id
    if access.note_use(row, now=now):
        with wiring.database.write() as session:
            access.mark_used(session, row.id, now=now)
