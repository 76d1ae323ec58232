"""One's own account: name, how the desk is to be, and where one is signed in."""

from __future__ import annotations

import zoneinfo
from functools import cache

from babel import Locale
from flask import Response, redirect, request
from flask import session as cookie

from moderation.desk import browsers
from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.desk.forms import given, new_password, own_password
from moderation.desk.text import languages
from moderation.domain.staff import Staff
from moderation.errors import Invalid, ModerationError
from moderation.gate import session_lifetime, signed_in
from moderation.services import access, accounts, passwords, second_factor, sessions
from moderation.wiring import wired

ACCOUNT = "/desk/account"


@blueprint.get("/account")
@staff_page(None)
def account() -> Response:
    """All of it at a glance."""
    return _account_page()


@blueprint.post("/account")
@staff_page(None)
def change_account() -> Response:
    """Keep name and preferences."""
    wiring, me = wired(), signed_in()
    zone, language = given("time_zone"), given("language")
    try:
        with wiring.database.write() as session:
            accounts.rename(session, me.staff_id, given("name"))
            accounts.prefer(
                session,
                me.staff_id,
                {
                    "language": language if language in languages() else None,
                    "time_zone": zone if zone in time_zones() else None,
                    "shortcuts": "shortcuts" in request.form,
                    "veil": "veil" in request.form,
                },
            )
    except Invalid as error:
        return _account_page(error)
    flash_note("account.saved")
    return redirect(ACCOUNT, 303)


@blueprint.post("/account/sessions/<id:session_id>/end")
@staff_page(None)
def end_own_session(session_id: str) -> Response:
    """End one of one's sessions; this one too, which is signing out."""
    wiring, me = wired(), signed_in()
    with wiring.database.write() as session:
        sessions.end(session, session_id, now=wiring.clock(), staff_id=me.staff_id)
    if session_id == me.session_id:
        cookie.clear()
    flash_note("account.session_ended")
    return redirect(ACCOUNT, 303)


@blueprint.post("/account/sessions/end-others")
@staff_page(None)
def end_other_sessions() -> Response:
    """End all of one's sessions but this one, and what programs got for the password."""
    wiring, me = wired(), signed_in()
    with wiring.database.write() as session:
        sessions.end_all(session, me.staff_id, now=wiring.clock(), but=me.session_id)
        access.revoke_sign_ins(session, me.staff_id, now=wiring.clock())
    flash_note("account.others_ended")
    return redirect(ACCOUNT, 303)


@blueprint.get("/account/password")
@staff_page(None)
def password() -> Response:
    """The form for another one."""
    return _password_page()


@blueprint.post("/account/password")
@staff_page(None)
def change_password() -> Response:
    """Change it; whoever else is signed in with the old one is signed out."""
    wiring, me = wired(), signed_in()
    try:
        old_hash = own_password(me)
        new_hash = new_password(unlike=old_hash)
    except Invalid as error:
        return _password_page(error)
    with wiring.database.write() as session:
        accounts.change_own_password(
            session,
            me.staff_id,
            old_hash=old_hash,
            new_hash=new_hash,
            now=wiring.clock(),
            but_session=me.session_id,
        )
    flash_note("account.password_changed")
    return redirect(ACCOUNT, 303)


def _account_page(problem: ModerationError | None = None) -> Response:
    wiring, me = wired(), signed_in()
    now = wiring.clock()
    with wiring.database.read() as session:
        person = session.get_one(Staff, me.staff_id)
        return page(
            "desk/account.html",
            problem.status if problem else 200,
            problem=problem,
            person=person,
            has_password=person.password_hash != passwords.NO_PASSWORD,
            second_factor_on=second_factor.is_on(session, me.staff_id),
            sessions=sessions.alive(session, me.staff_id, now=now, lifetime=session_lifetime()),
            browser=browsers.name_of,
            programs=access.live_sign_ins(session, me.staff_id, now=now),
            languages={code: Locale(code).get_display_name(code) for code in languages()},
            time_zones=time_zones(),
        )


def _password_page(problem: Invalid | None = None) -> Response:
    with wired().database.read() as session:
        person = session.get_one(Staff, signed_in().staff_id)
    return page(
        "desk/password.html",
        problem.status if problem else 200,
        problem=problem,
        has_password=person.password_hash != passwords.NO_PASSWORD,
    )


@cache
def time_zones() -> tuple[str, ...]:
    """Those named after a place, by region, as people look for them."""
    regions = "Africa America Antarctica Asia Atlantic Australia Europe Indian Pacific".split()
    named = zoneinfo.available_timezones()
    return ("UTC", *sorted(zone for zone in named if zone.partition("/")[0] in regions))
