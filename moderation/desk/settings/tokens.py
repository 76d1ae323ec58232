"""API tokens: keys for programs."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, redirect, request

from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.desk.forms import chosen_sites, given
from moderation.desk.settings.staff import site_choice
from moderation.desk.text import say
from moderation.domain.staff import Scope
from moderation.errors import Invalid
from moderation.gate import principal
from moderation.services import access, api_tokens, sites
from moderation.services.access import NewToken
from moderation.wiring import wired

PLACE = "/desk/settings/tokens"
DAYS = (30, 90, 365)
"""After how many days a token may end; None: never."""


@blueprint.get("/settings/tokens")
@staff_page(Scope.ADMIN)
def list_tokens() -> Response:
    """Those that work, and the form for another."""
    return _page()


@blueprint.post("/settings/tokens")
@staff_page(Scope.ADMIN)
def make_token() -> Response:
    """Make one; shows its text, this once."""
    wiring = wired()
    now = wiring.clock()
    days = given("days")
    try:
        wanted = [scope for scope in Scope if scope in request.form.getlist("scope")]
        name = " ".join(given("name").split())
        wrong = {}
        if not 0 < len(name) <= access.MAX_NAME_CODE_POINTS:
            wrong["name"] = [say("tokens.name_needed")]
        if not wanted:
            wrong["scope"] = [say("tokens.scope_needed")]
        if wrong:
            raise Invalid(errors=wrong)
        with wiring.database.write() as session:
            new = api_tokens.make(
                session,
                principal(),
                name=name,
                scopes=wanted,
                site_ids=chosen_sites(),
                expires_at=now + timedelta(days=int(days)) if days in map(str, DAYS) else None,
                now=now,
            )
    except Invalid as error:
        return _page(problem=error)
    return _page(new=new)


@blueprint.post("/settings/tokens/<id:token_id>/revoke")
@staff_page(Scope.ADMIN)
def revoke_token(token_id: str) -> Response:
    """Revoke one at once."""
    wiring = wired()
    with wiring.database.write() as session:
        row = api_tokens.revoke(session, principal(), token_id, now=wiring.clock())
    flash_note("tokens.revoked", name=row.name)
    return redirect(PLACE, 303)


def _page(new: NewToken | None = None, problem: Invalid | None = None) -> Response:
    wiring = wired()
    with wiring.database.read() as session:
        return page(
            "desk/settings/tokens.html",
            problem.status if problem else 200,
            problem=problem,
            new=new,
            tokens=api_tokens.list_live(session, principal(), now=wiring.clock()),
            people={person.id: person.name for person in access.list_staff(session)},
            site_names={site.id: site.name for site in sites.list_sites(session)},
            scopes=list(Scope),
            days=DAYS,
            **site_choice(session),
        )
