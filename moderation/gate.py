"""The gate of every door: who may call a view. Each view says so; a test looks for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import g, request

from moderation.domain.staff import Principal, Scope
from moderation.errors import ExpiredToken, InvalidToken, MissingScope, Unauthenticated
from moderation.schemas.problem import problem_responses
from moderation.services import access
from moderation.wiring import wired

View = Callable[..., Any]

ACCESS_ATTRIBUTE = "access"
PUBLIC = "public"


def public(view: View) -> View:
    """Anybody: the view itself checks the site key, or gives away nothing."""
    setattr(view, ACCESS_ATTRIBUTE, PUBLIC)
    return view


def needs(scope: Scope | None) -> Callable[[View], View]:
    """A bearer token with ``scope`` (or ``admin``); None: any token that is valid."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            principal = _authenticated()
            if scope is not None and not principal.may(scope):
                held = ", ".join(sorted(principal.scopes)) or "none"
                raise MissingScope(f"This needs the scope {scope}; the token has: {held}")
            return view(*args, **kwargs)

        setattr(guarded, ACCESS_ATTRIBUTE, scope or "token")
        # Picked up by flask-smorest for the OpenAPI document.
        docs = guarded._apidoc = dict(getattr(guarded, "_apidoc", {}))
        manual = docs.get("manual_doc", {})
        responses = problem_responses([Unauthenticated, InvalidToken, ExpiredToken, MissingScope])
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


def _authenticated() -> Principal:
    token = bearer()
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
    return g.principal
