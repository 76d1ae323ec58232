"""Signing in at the desk: password, second factor, a password of one's own; and signing out.

What was shown already travels from step to step in the browser, sealed, for ten minutes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from flask import Response, redirect, request
from flask import session as cookie
from sqlalchemy.orm import Session

from moderation.desk import devices
from moderation.desk.door import blueprint, flash_note, local_path, page, staff_page
from moderation.desk.forms import given, new_password
from moderation.domain.staff import Staff
from moderation.errors import (
    Invalid,
    ModerationError,
    SecondFactorFailed,
    SignInFailed,
)
from moderation.gate import COOKIE_SESSION, public, signed_in
from moderation.keyring import KeyringError
from moderation.services import admission, second_factor, sessions
from moderation.services.admission import CheckedPassword
from moderation.wiring import wired

HALF = "half_signed_in"
HALF_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Half:
    """Somebody who showed the right password, and maybe a right code, but not yet all."""

    email: str
    checked: CheckedPassword
    code_was_right: bool
    next: str


# --- Steps ------------------------------------------------------------------------------------


@blueprint.get("/sign-in")
@public
def sign_in() -> Response:
    """E-mail and password."""
    return sign_in_page(local_path(request.args.get("next")))


@blueprint.post("/sign-in")
@public
def do_sign_in() -> Response:
    """Check e-mail and password."""
    wiring = wired()
    wanted = local_path(request.form.get("next"))
    email = request.form.get("email", "")
    wiring.rate_limiter.hit("sign_in", request.remote_addr or "")
    devices.count_attempt("account", email)
    try:
        with wiring.database.read() as session:
            checked = admission.check_password(
                session, email=given("email"), password=given("password")
            )
        half = Half(email, checked, code_was_right=False, next=wanted)
        if checked.needs_code or checked.needs_new_password:
            return _go_on(half)
        with wiring.database.write() as session:
            person = admission.admit(session, checked, code_was_right=False, now=wiring.clock())
            token = start_session(session, person)
    except (SignInFailed, Invalid):
        return sign_in_page(wanted, SignInFailed(), email=email.replace("\x00", ""))
    return let_in(token, email, wanted)


@blueprint.get("/sign-in/code")
@public
def sign_in_code() -> Response:
    """The second factor."""
    half = _half()
    if half is None or not half.checked.needs_code or half.code_was_right:
        return _from_the_start()
    return page("desk/sign_in_code.html")


@blueprint.post("/sign-in/code")
@public
def do_sign_in_code() -> Response:
    """Check the code of the authenticator, or a recovery code."""
    half = _half()
    if half is None or not half.checked.needs_code or half.code_was_right:
        return _from_the_start()
    devices.count_attempt("second_factor", half.email)
    wiring = wired()
    now = wiring.clock()
    passed = replace(half, code_was_right=True)
    try:
        with wiring.database.write() as session:
            second_factor.check(
                session, wiring.keyring, half.checked.staff_id, given("code"), now=now
            )
            left = second_factor.recovery_codes_left(session, half.checked.staff_id)
            if not half.checked.needs_new_password:
                person = admission.admit(session, half.checked, code_was_right=True, now=now)
                token = start_session(session, person)
    except (SecondFactorFailed, Invalid):
        return page("desk/sign_in_code.html", 401, failed=True)
    except SignInFailed:
        return _from_the_start()
    if half.checked.needs_new_password:
        return _go_on(passed)
    response = let_in(token, half.email, half.next)
    if not second_factor.is_of_authenticator(given("code")):
        flash_note("sign_in.recovery_codes_left", kind="warn", count=left)
    return response


@blueprint.get("/sign-in/password")
@public
def sign_in_password() -> Response:
    """A password of one's own, in place of a one-time one."""
    half = _half()
    if half is None or not half.checked.needs_new_password:
        return _from_the_start()
    return page("desk/sign_in_password.html", email=half.email)


@blueprint.post("/sign-in/password")
@public
def do_sign_in_password() -> Response:
    """Keep it."""
    half = _half()
    if half is None or not half.checked.needs_new_password:
        return _from_the_start()
    wiring = wired()
    try:
        replacement = new_password(unlike=half.checked.password_hash)
        chosen = replace(half.checked, replacement=replacement, is_new=True)
        with wiring.database.write() as session:
            person = admission.admit(
                session, chosen, code_was_right=half.code_was_right, now=wiring.clock()
            )
            token = start_session(session, person)
    except Invalid as error:
        return page("desk/sign_in_password.html", 422, email=half.email, problem=error)
    except SignInFailed:
        return _from_the_start()
    return let_in(token, half.email, half.next)


@blueprint.post("/sign-out")
@staff_page(None)
def sign_out() -> Response:
    """End this session."""
    wiring = wired()
    with wiring.database.write() as session:
        sessions.end(session, signed_in().session_id, now=wiring.clock())
    cookie.clear()
    flash_note("sign_in.signed_out")
    return redirect("/desk/sign-in", 303)


# --- From step to step --------------------------------------------------------------------------


def sign_in_page(wanted: str, problem: ModerationError | None = None, email: str = "") -> Response:
    """The first step, with what was wrong at the last attempt."""
    provider = wired().settings.oidc_name if wired().identity_provider else None
    status = problem.status if problem else 200
    return page(
        "desk/sign_in.html", status, next=wanted, email=email, problem=problem, provider=provider
    )


def let_in(token: str, email: str, wanted: str) -> Response:
    """Hand out the session to whoever showed all that is asked for, and lead them on."""
    # A new cookie: what somebody may have planted before is gone, with its CSRF token.
    cookie.clear()
    cookie[COOKIE_SESSION] = token
    cookie.permanent = True
    response = redirect(wanted, 303)
    devices.remember(response, email)
    return response


def start_session(session: Session, person: Staff) -> str:
    """Begin a session in this browser, and end the one it had."""
    now = wired().clock()
    if former := cookie.get(COOKIE_SESSION):
        sessions.end_by_token(session, former, now=now)
    return sessions.start(session, person, now=now, user_agent=request.headers.get("User-Agent"))


def _go_on(half: Half) -> Response:
    """To the next step, with what was shown so far."""
    told = {**asdict(half), "at": wired().clock().isoformat()}
    cookie[HALF] = wired().keyring.seal(json.dumps(told))
    needs_code = half.checked.needs_code and not half.code_was_right
    return redirect("/desk/sign-in/code" if needs_code else "/desk/sign-in/password", 303)


def _half() -> Half | None:
    """What was shown so far; None where that was nothing, or too long ago."""
    try:
        told = json.loads(wired().keyring.unseal(cookie.get(HALF, "")))
    except KeyringError:
        return None
    if wired().clock() - datetime.fromisoformat(told.pop("at")) > HALF_LIFETIME:
        return None
    return Half(**{**told, "checked": CheckedPassword(**told["checked"])})


def _from_the_start() -> Response:
    """Back to the first step: what was shown so far no longer counts."""
    cookie.pop(HALF, None)
    flash_note("sign_in.again", kind="warn")
    return redirect("/desk/sign-in", 303)
