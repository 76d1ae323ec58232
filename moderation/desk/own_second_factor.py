"""One's own second factor: set up with an authenticator, renewed, switched off."""

from __future__ import annotations

import segno
from flask import Response, redirect
from markupsafe import Markup
from sqlalchemy.orm import Session

from moderation.desk import devices
from moderation.desk.account import ACCOUNT
from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.desk.forms import given, own_password
from moderation.desk.text import say
from moderation.domain.second_factor import SecondFactor
from moderation.domain.staff import Staff
from moderation.errors import AlreadyExists, Invalid, SecondFactorFailed
from moderation.gate import principal, signed_in
from moderation.services import audit, passwords, second_factor
from moderation.wiring import wired

PLACE = f"{ACCOUNT}/second-factor"


@blueprint.get("/account/second-factor")
@staff_page(None)
def own_second_factor() -> Response:
    """Where it stands: off, being set up, or on."""
    return _page()


@blueprint.post("/account/second-factor")
@staff_page(None)
def set_up_second_factor() -> Response:
    """Make a secret for an authenticator; it needs the password."""
    wiring, me = wired(), signed_in()
    try:
        own_password(me)
        with wiring.database.write() as session:
            second_factor.begin(
                session,
                wiring.keyring,
                session.get_one(Staff, me.staff_id),
                now=wiring.clock(),
            )
    except Invalid as error:
        return _page(error)
    except AlreadyExists:
        pass  # in another window; the page shows how it stands
    return redirect(PLACE, 303)


@blueprint.post("/account/second-factor/confirm")
@staff_page(None)
def confirm_second_factor() -> Response:
    """Switch it on with a right code; shows the recovery codes, this once."""
    wiring, me = wired(), signed_in()
    devices.count_attempt("second_factor", me.email)
    try:
        with wiring.database.write() as session:
            codes = second_factor.confirm(
                session, wiring.keyring, me.staff_id, given("code"), now=wiring.clock()
            )
            _record("staff.second_factor_on", session)
    except SecondFactorFailed:
        return _page(Invalid(errors={"code": [say("problem.of.second_factor_failed")]}))
    return page("desk/recovery_codes.html", codes=codes, is_new=True)


@blueprint.post("/account/second-factor/recovery-codes")
@staff_page(None)
def renew_recovery_codes() -> Response:
    """New recovery codes in place of the former; it needs the password."""
    wiring, me = wired(), signed_in()
    try:
        own_password(me)
    except Invalid as error:
        return _page(error)
    with wiring.database.write() as session:
        if not second_factor.is_on(session, me.staff_id):
            return redirect(PLACE, 303)
        codes = second_factor.renew_recovery_codes(session, me.staff_id, now=wiring.clock())
        _record("staff.recovery_codes_renewed", session)
    return page("desk/recovery_codes.html", codes=codes, is_new=False)


@blueprint.post("/account/second-factor/off")
@staff_page(None)
def switch_off_second_factor() -> Response:
    """Switch it off; it needs the password. Giving up setting it up needs none."""
    wiring, me = wired(), signed_in()
    with wiring.database.read() as session:
        is_on = second_factor.is_on(session, me.staff_id)
    try:
        if is_on:
            own_password(me)
    except Invalid as error:
        return _page(error)
    with wiring.database.write() as session:
        if second_factor.switch_off(session, me.staff_id, only_unconfirmed=not is_on):
            _record("staff.second_factor_off", session)
            flash_note("second_factor.is_off", kind="warn")
    return redirect(ACCOUNT, 303)


def _page(problem: Invalid | None = None) -> Response:
    wiring, me = wired(), signed_in()
    with wiring.database.read() as session:
        person = session.get_one(Staff, me.staff_id)
        being_set_up = second_factor.setting_up(session, wiring.keyring, me.staff_id, person.email)
        factor = session.get(SecondFactor, me.staff_id)
        left = second_factor.recovery_codes_left(session, me.staff_id)
    return page(
        "desk/second_factor.html",
        problem.status if problem else 200,
        problem=problem,
        has_password=person.password_hash != passwords.NO_PASSWORD,
        setting_up=being_set_up,
        qr=_qr(being_set_up.uri) if being_set_up else None,
        on_since=factor.confirmed_at if factor else None,
        codes_left=left,
    )


def _qr(uri: str) -> Markup:
    """The code as a picture in the page; black on white in the dark too, or cameras fail."""
    code = segno.make(uri, micro=False)
    return Markup(code.svg_inline(dark="#000", light="#fff", omitsize=True, svgclass="qr"))


def _record(act: str, session: Session) -> None:
    me = signed_in()
    audit.record(session, principal(), act, "staff", me.staff_id, now=wired().clock())
