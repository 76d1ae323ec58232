"""Signing in at the desk with e-mail and password, and signing out."""

from __future__ import annotations

from flask import Response, redirect, request
from flask import session as cookie

from moderation.desk.door import blueprint, flash_note, local_path, page, staff_page
from moderation.errors import Invalid, PasswordChangeRequired, SignInFailed
from moderation.gate import COOKIE_SESSION, public, staff
from moderation.services import access, sessions
from moderation.wiring import wired


@blueprint.get("/sign-in")
@public
def sign_in() -> Response:
    """The form."""
    return page("desk/sign_in.html", next=local_path(request.args.get("next")))


@blueprint.post("/sign-in")
@public
def do_sign_in() -> Response:
    """Check e-mail and password; a one-time password is replaced in the same step."""
    wiring = wired()
    given = request.form
    wiring.rate_limiter.hit("sign_in", request.remote_addr or "")
    shown = {"next": local_path(given.get("next")), "email": given.get("email", "")}
    try:
        with wiring.database.read() as session:
            checked = access.check_password(
                session,
                email=given.get("email", ""),
                password=given.get("password", ""),
                new_password=given.get("new_password") or None,
            )
        with wiring.database.write() as session:
            person = access.confirm(session, checked)
            token = sessions.start(
                session, person, now=wiring.clock(), user_agent=request.headers.get("User-Agent")
            )
    except PasswordChangeRequired:
        return page("desk/sign_in.html", one_time=True, **shown)
    except SignInFailed as error:
        return page("desk/sign_in.html", 401, problem=error, **shown)
    except Invalid as error:
        return page("desk/sign_in.html", 422, problem=error, one_time=True, **shown)
    # A new cookie: what somebody may have planted before is gone, with its CSRF token.
    cookie.clear()
    cookie[COOKIE_SESSION] = token
    cookie.permanent = True
    return redirect(shown["next"], 303)


@blueprint.post("/sign-out")
@staff_page(None)
def sign_out() -> Response:
    """End this session."""
    wiring = wired()
    signed_in = staff()
    assert signed_in is not None
    with wiring.database.write() as session:
        sessions.end(session, signed_in.session_id, now=wiring.clock())
    cookie.clear()
    flash_note("sign_in.signed_out")
    return redirect("/desk/sign-in", 303)
