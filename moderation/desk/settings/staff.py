"""Staff and their roles, for administrators."""

from __future__ import annotations

from typing import Any

from flask import Response, redirect
from sqlalchemy.orm import Session

from moderation.desk import browsers
from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.desk.forms import chosen_role, chosen_sites
from moderation.domain.staff import Scope
from moderation.gate import principal, session_lifetime, signed_in
from moderation.services import (
    access,
    accounts,
    passwords,
    second_factor,
    sessions,
    sites,
)
from moderation.wiring import wired

PLACE = "/desk/settings/staff"


@blueprint.get("/settings/staff")
@staff_page(Scope.ADMIN)
def list_staff() -> Response:
    """Everybody with an account; those who are closed come last."""
    with wired().database.read() as session:
        people = access.list_staff(session)
        return page(
            "desk/settings/staff.html",
            people=sorted(people, key=lambda person: (not person.is_active, person.name.lower())),
            reachable={p.id for p in people if accounts.reaches(principal(), p.site_ids)},
            with_second_factor=second_factor.everybody_with_one(session),
            last_seen=sessions.last_seen(session),
            sites={site.id: site.name for site in sites.list_sites(session)},
        )


@blueprint.get("/settings/staff/<id:staff_id>")
@staff_page(Scope.ADMIN)
def show_colleague(staff_id: str) -> Response:
    """One of them, and all that can be changed."""
    return _colleague_page(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>")
@staff_page(Scope.ADMIN)
def change_colleague(staff_id: str) -> Response:
    """Give them another role or other sites."""
    with wired().database.write() as session:
        person = accounts.change(
            session,
            principal(),
            staff_id,
            role=chosen_role(),
            site_ids=chosen_sites(),
            now=wired().clock(),
        )
    flash_note("staff.changed", name=person.name)
    return _to(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>/password")
@staff_page(Scope.ADMIN)
def reset_colleagues_password(staff_id: str) -> Response:
    """Give them a one-time password, shown this once."""
    wiring = wired()
    password = passwords.new_one_time_password()
    new_hash = passwords.hashed(password)
    with wiring.database.write() as session:
        accounts.reset_password(
            session, principal(), staff_id, new_hash=new_hash, one_time=True, now=wiring.clock()
        )
    return _colleague_page(staff_id, one_time_password=password)


@blueprint.post("/settings/staff/<id:staff_id>/second-factor")
@staff_page(Scope.ADMIN)
def reset_colleagues_second_factor(staff_id: str) -> Response:
    """Switch off the second factor of somebody who lost it."""
    wiring = wired()
    with wiring.database.write() as session:
        accounts.reset_second_factor(session, principal(), staff_id, now=wiring.clock())
    flash_note("staff.second_factor_reset")
    return _to(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>/close")
@staff_page(Scope.ADMIN)
def close_colleague(staff_id: str) -> Response:
    """Close the account."""
    wiring = wired()
    with wiring.database.write() as session:
        person = accounts.close(session, principal(), staff_id, now=wiring.clock())
    flash_note("staff.closed", name=person.name)
    return _to(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>/reopen")
@staff_page(Scope.ADMIN)
def reopen_colleague(staff_id: str) -> Response:
    """Open it again."""
    wiring = wired()
    with wiring.database.write() as session:
        person = accounts.reopen(session, principal(), staff_id, now=wiring.clock())
    flash_note("staff.reopened", name=person.name)
    return _to(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>/sessions/end")
@staff_page(Scope.ADMIN)
def end_colleagues_sessions(staff_id: str) -> Response:
    """Sign them out everywhere."""
    wiring = wired()
    with wiring.database.write() as session:
        accounts.end_sessions(session, principal(), staff_id, now=wiring.clock())
    flash_note("staff.signed_out")
    return _to(staff_id)


@blueprint.post("/settings/staff/<id:staff_id>/sessions/<id:session_id>/end")
@staff_page(Scope.ADMIN)
def end_colleagues_session(staff_id: str, session_id: str) -> Response:
    """End one of their sessions."""
    wiring = wired()
    with wiring.database.write() as session:
        accounts.end_session(session, principal(), staff_id, session_id, now=wiring.clock())
    flash_note("account.session_ended")
    return _to(staff_id)


def _to(staff_id: str) -> Response:
    return redirect(f"{PLACE}/{staff_id}", 303)


def _colleague_page(staff_id: str, one_time_password: str | None = None) -> Response:
    wiring = wired()
    now = wiring.clock()
    with wiring.database.read() as session:
        person = accounts.colleague(session, principal(), staff_id)
        return page(
            "desk/settings/colleague.html",
            person=person,
            is_me=person.id == signed_in().staff_id,
            one_time_password=one_time_password,
            has_password=person.password_hash != passwords.NO_PASSWORD,
            second_factor_on=second_factor.is_on(session, person.id),
            sessions=sessions.alive(session, person.id, now=now, lifetime=session_lifetime()),
            browser=browsers.name_of,
            **site_choice(session),
        )


def site_choice(session: Session) -> dict[str, Any]:
    """What the choice of sites needs: those whoever is signed in works for."""
    mine = principal().site_ids
    known = sites.list_sites(session)
    return {
        "sites": [site for site in known if mine is None or site.id in mine],
        "may_all_sites": mine is None,
    }
