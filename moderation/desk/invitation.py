"""Accepting an invitation: whoever comes by its link chooses a name and a password."""

from __future__ import annotations

from flask import Response, redirect, request
from flask import session as cookie

from moderation.desk.door import HOME, blueprint, flash_note, page
from moderation.desk.forms import given, new_password
from moderation.desk.sign_in import let_in, start_session
from moderation.errors import Invalid, UnknownInvitation
from moderation.gate import public
from moderation.services import accounts, invitations
from moderation.wiring import wired

TOKEN = "invitation"


@blueprint.get("/invitation")
@public
def invitation() -> Response:
    """What one is invited to. The link's secret leaves the address at once: it is shown to others
    too easily there."""
    if "token" in request.args:
        cookie[TOKEN] = request.args["token"][:200]
        return redirect("/desk/invitation", 303)
    wiring = wired()
    try:
        with wiring.database.read() as session:
            found = invitations.find(session, cookie.get(TOKEN, ""), now=wiring.clock())
    except UnknownInvitation as error:
        return page("desk/invitation_over.html", error.status)
    return page("desk/invitation.html", invitation=found)


@blueprint.post("/invitation")
@public
def accept_invitation() -> Response:
    """Make the account, and sign in."""
    wiring = wired()
    now = wiring.clock()
    wiring.rate_limiter.hit("sign_in", request.remote_addr or "")
    try:
        with wiring.database.read() as session:
            found = invitations.find(session, cookie.get(TOKEN, ""), now=now)
        accounts.clean_name(given("name"))
        password_hash = new_password()
        with wiring.database.write() as session:
            person = invitations.accept(
                session, found.id, name=given("name"), password_hash=password_hash, now=now
            )
            token = start_session(session, person)
    except UnknownInvitation as error:
        return page("desk/invitation_over.html", error.status)
    except Invalid as error:
        return page("desk/invitation.html", 422, invitation=found, problem=error)
    response = let_in(token, person.email, HOME)
    flash_note("invitation.welcome", name=person.name)
    return response
