"""Browsers that somebody signed in with before, and how attempts to sign in are counted.

Attempts are limited per account, so that no stranger with many addresses can try passwords for
long. That alone would let the stranger lock the owner out, just by trying. So a browser in which
the account was once opened carries a mark, signed by us, and its attempts are counted apart (OWASP,
"Slow Down Online Guessing Attacks with Device Cookies"). From other browsers the owner has to wait
as long as somebody else keeps trying, an hour at most after they stop; they can use a browser they
know, the identity provider, or ask an administrator.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from flask import Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from moderation.services import access
from moderation.wiring import wired

LIFETIME = timedelta(days=180)
MAX_ACCOUNTS = 8
"""How many people of one browser are remembered; the earliest are forgotten first."""


def count_attempt(purpose: str, email: str) -> None:
    """Count an attempt for the account, or for this browser where it is known there.

    Args:
        purpose: "account" for passwords, "second_factor" for codes.

    Raises:
        RateLimited: there were too many.
    """
    account = _account(email)
    mark = _marks().get(account)
    wired().rate_limiter.hit(purpose, account, *([mark] if mark else []))


def remember(response: Response, email: str) -> None:
    """Mark this browser as one in which the account was opened."""
    account = _account(email)
    marks = _marks()
    marks[account] = marks.pop(account, None) or secrets.token_urlsafe(12)
    kept = dict(list(marks.items())[-MAX_ACCOUNTS:])
    response.set_cookie(
        _cookie_name(),
        _serializer().dumps(kept),
        max_age=LIFETIME,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _marks() -> dict[str, str]:
    """Account -> mark of this browser; whatever we did not sign is no mark."""
    try:
        found = _serializer().loads(request.cookies.get(_cookie_name(), ""))
    except BadSignature:
        return {}
    return dict(found)


def _account(email: str) -> str:
    return wired().keyring.pseudonym("account", access.clean_email(email))


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key, salt="device")


def _cookie_name() -> str:
    # As the session's, whose reasons hold here too.
    return "__Host-moderation-device" if request.is_secure else "moderation-device"
