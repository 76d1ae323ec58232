"""The staff's way in: e-mail and password for a token, and giving it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import g

from moderation.api.parsing import Blueprint
from moderation.api.site import address
from moderation.errors import (
    Invalid,
    PasswordChangeRequired,
    RateLimited,
    SecondFactorFailed,
    SecondFactorRequired,
    SignInFailed,
    Unauthenticated,
)
from moderation.gate import needs, public
from moderation.schemas.token import SignedInSchema, SignInRequest
from moderation.services import access, admission, second_factor
from moderation.wiring import wired

blueprint = Blueprint(
    "Tokens",
    __name__,
    url_prefix="/api/v1/tokens",
    description="Signing in. Programs get lasting tokens from `moderation token create`.",
)


@blueprint.route("", methods=["POST"])
@public
@blueprint.doc(security=[])
@blueprint.problems(
    SignInFailed,
    SecondFactorFailed,
    PasswordChangeRequired,
    SecondFactorRequired,
    Invalid,
    RateLimited,
)
@blueprint.arguments(SignInRequest)
@blueprint.response(201, SignedInSchema)
def sign_in(given: dict[str, Any]) -> dict[str, Any]:
    """Exchange e-mail and password for a token that acts for this member of staff."""
    wiring = wired()
    now = wiring.clock()
    code = given.pop("code")
    account = wiring.keyring.pseudonym("account", access.clean_email(given["email"]))
    wiring.rate_limiter.hit("sign_in", address())
    wiring.rate_limiter.hit("account", account)
    with wiring.database.read() as session:
        checked = admission.check_password(session, **given)
    admission.demand(checked, code=code)
    if checked.needs_code:
        wiring.rate_limiter.hit("second_factor", account)
    with wiring.database.write() as session:
        if checked.needs_code:
            second_factor.check(session, wiring.keyring, checked.staff_id, code, now=now)
        person = admission.admit(session, checked, code_was_right=checked.needs_code, now=now)
        new = admission.give_token(
            session,
            person,
            now=now,
            lifetime=timedelta(hours=wiring.settings.token_lifetime_h),
        )
    return {
        "id": new.row.id,
        "token": new.token,
        "scopes": new.row.scopes,
        "expires_at": new.row.expires_at,
    }


@blueprint.route("/current", methods=["DELETE"])
@needs(None)
@blueprint.response(204)
def sign_out() -> None:
    """Revoke the token this request was made with."""
    if g.token_id is None:
        raise Unauthenticated("There is no token to revoke: this came with the desk's cookie")
    wiring = wired()
    with wiring.database.write() as session:
        access.revoke_token(session, g.token_id, now=wiring.clock())
