"""Inviting somebody to the staff by a link that works once."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, redirect, request

from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.desk.forms import chosen_role, chosen_sites, given
from moderation.desk.settings.staff import site_choice
from moderation.desk.text import say
from moderation.domain.staff import Scope
from moderation.errors import AlreadyExists, Invalid
from moderation.gate import principal
from moderation.services import access, invitations, sites
from moderation.services.invitations import NewInvitation
from moderation.wiring import wired

PLACE = "/desk/settings/invitations"


@blueprint.get("/settings/invitations")
@staff_page(Scope.ADMIN)
def list_invitations() -> Response:
    """Those still open, and the form for another."""
    return _page()


@blueprint.post("/settings/invitations")
@staff_page(Scope.ADMIN)
def invite() -> Response:
    """Make an invitation; shows its link, this once."""
    wiring = wired()
    email = given("email")
    try:
        if access.email_fault(email):
            raise Invalid(errors={"email": [say("invitations.no_address")]})
        with wiring.database.write() as session:
            new = invitations.invite(
                session,
                principal(),
                email=email,
                role=chosen_role(),
                site_ids=chosen_sites(),
                now=wiring.clock(),
                lifetime=timedelta(hours=wiring.settings.invitation_lifetime_h),
            )
    except AlreadyExists:
        return _page(problem=Invalid(errors={"email": [say("invitations.has_account")]}))
    except Invalid as error:
        return _page(problem=error)
    return _page(new=new)


@blueprint.post("/settings/invitations/<id:invitation_id>/revoke")
@staff_page(Scope.ADMIN)
def revoke_invitation(invitation_id: str) -> Response:
    """Take one back."""
    wiring = wired()
    with wiring.database.write() as session:
        row = invitations.revoke(session, principal(), invitation_id, now=wiring.clock())
    flash_note("invitations.revoked", email=row.email)
    return redirect(PLACE, 303)


def _page(new: NewInvitation | None = None, problem: Invalid | None = None) -> Response:
    wiring = wired()
    with wiring.database.read() as session:
        return page(
            "desk/settings/invitations.html",
            problem.status if problem else 200,
            problem=problem,
            new=new,
            link=request.host_url.rstrip("/") + invitations.link_path(new.token) if new else None,
            invitations=invitations.list_open(session, principal(), now=wiring.clock()),
            site_names={site.id: site.name for site in sites.list_sites(session)},
            **site_choice(session),
        )
