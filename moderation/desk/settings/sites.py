"""The sites: their keys and origins, under which policy, with which reasons for rejecting."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, redirect, request
from sqlalchemy.orm import Session

from moderation.desk.door import blueprint, flash_note, page, staff_page
from moderation.domain.reason import DEFAULT_REASONS, MAX_REASONS, Reason
from moderation.domain.site import Site
from moderation.domain.staff import Scope
from moderation.domain.text import InvalidText, clean_line
from moderation.errors import Invalid, MissingScope, UnknownSite
from moderation.gate import principal
from moderation.services import audit, sites
from moderation.wiring import wired

PATH = "/desk/settings/sites"
EMPTY_ROWS = 3
MAX_NAME_CHARS = 100
MAX_EDIT_WINDOW_MIN = 7 * 24 * 60


@blueprint.get("/settings/sites")
@staff_page(Scope.ADMIN)
def list_sites() -> Response:
    """All sites this admin sees."""
    with wired().database.read() as session:
        seen = [site for site in sites.list_sites(session) if principal().sees(site.id)]
    return page("desk/settings/sites.html", sites=seen)


@blueprint.get("/settings/sites/new")
@staff_page(Scope.ADMIN)
def new_site() -> Response:
    """The form for another site."""
    _needs_all_sites()
    default = {
        "name": "",
        "origins": "",
        "policy": "strict",
        "guests_allowed": True,
        "creates_articles": True,
        "edit_window_min": f"{wired().settings.edit_window_s / 60:g}",
    }
    return _form_page(None, default)


@blueprint.post("/settings/sites/new")
@staff_page(Scope.ADMIN)
def create_site() -> Response:
    """Make a site; its SSO secret is shown in the answer, and never again."""
    _needs_all_sites()
    wiring, policies = wired(), wired().policies
    given = _given()
    try:
        with wiring.database.write() as session:
            made = sites.create_site(
                session, wiring.keyring, policies, now=wiring.clock(), **_changes(given)
            )
            _record(session, "site.created", made.site)
    except Invalid as error:
        return _form_page(None, given, error)
    return _page_of(made.site, status=201, sso_secret=made.sso_secret, is_new=True)


@blueprint.get("/settings/sites/<id:site_id>")
@staff_page(Scope.ADMIN)
def show_site(site_id: str) -> Response:
    """One site: what is set, its key, how an article page uses it."""
    with wired().database.read() as session:
        site = _site(session, site_id)
    return _page_of(site)


@blueprint.post("/settings/sites/<id:site_id>")
@staff_page(Scope.ADMIN)
def change_site(site_id: str) -> Response:
    """Save what the form says."""
    wiring, policies = wired(), wired().policies
    given = _given()
    try:
        with wiring.database.write() as session:
            site = _site(session, site_id)
            before = _settings_of(site)
            sites.change_site(site, policies, **_changes(given))
            changed = {k: v for k, v in _settings_of(site).items() if v != before[k]}
            if changed:
                _record(session, "site.changed", site, changed=changed)
    except Invalid as error:
        with wiring.database.read() as session:
            return _form_page(_site(session, site_id), given, error)
    flash_note("site.saved" if changed else "site.nothing_changed")
    return redirect(f"{PATH}/{site_id}", 303)


@blueprint.post("/settings/sites/<id:site_id>/secret")
@staff_page(Scope.ADMIN)
def rotate_secret(site_id: str) -> Response:
    """A new SSO secret, shown in the answer and never again."""
    wiring = wired()
    if request.form.get("sure") != "yes":
        flash_note("site.not_sure", kind="warn")
        return redirect(f"{PATH}/{site_id}#secret", 303)
    with wiring.database.write() as session:
        site = _site(session, site_id)
        secret = sites.rotate_sso_secret(site, wiring.keyring)
        _record(session, "site.secret_rotated", site)
    return _page_of(site, sso_secret=secret)


# --- Reasons ----------------------------------------------------------------------------------


@blueprint.get("/settings/sites/<id:site_id>/reasons")
@staff_page(Scope.ADMIN)
def show_reasons(site_id: str) -> Response:
    """The list of reasons, to edit."""
    with wired().database.read() as session:
        site = _site(session, site_id)
    return _reasons_page(site, sites.reasons(site))


@blueprint.post("/settings/sites/<id:site_id>/reasons")
@staff_page(Scope.ADMIN)
def change_reasons(site_id: str) -> Response:
    """Save the list in the order of the rows' numbers, or go back to the defaults."""
    wiring, policies = wired(), wired().policies
    reasons = None if request.form.get("act") == "defaults" else _reasons_given()
    try:
        with wiring.database.write() as session:
            site = _site(session, site_id)
            sites.change_site(site, policies, reasons=reasons)
            codes = [reason.code for reason in sites.reasons(site)]
            _record(session, "site.reasons_changed", site, codes=codes)
    except Invalid as error:
        with wiring.database.read() as session:
            return _reasons_page(_site(session, site_id), reasons or (), error)
    flash_note("site.reasons_saved")
    return redirect(f"{PATH}/{site_id}/reasons", 303)


def _reasons_given() -> list[Reason]:
    """The filled rows of the form, by their numbers; rows of the same number stay as they came."""
    form = request.form
    columns = [form.getlist(name) for name in ("order", "code", "name", "statement", "key")]
    rows = [row for row in zip(*columns, strict=False) if any(cell.strip() for cell in row[1:])]

    def place(row: tuple[str, ...]) -> float:
        try:
            return float(row[0])
        except ValueError:
            return float("inf")

    return [
        Reason(code.strip(), name, statement, key.strip().lower() or None)
        for _, code, name, statement, key in sorted(rows, key=place)
    ]


def _reasons_page(
    site: Site, reasons: tuple[Reason, ...] | list[Reason], problem: Invalid | None = None
) -> Response:
    room = max(0, min(EMPTY_ROWS, MAX_REASONS - len(reasons)))
    rows = [*reasons, *[Reason("", "", "")] * room]
    return page(
        "desk/settings/reasons.html",
        422 if problem else 200,
        site=site,
        rows=rows,
        problem=problem,
        is_default=tuple(reasons) == DEFAULT_REASONS,
    )


# --- Parts ------------------------------------------------------------------------------------


def _site(session: Session, site_id: str) -> Site:
    site = sites.by_id(session, site_id)
    if not principal().sees(site.id):
        raise UnknownSite
    return site


def _needs_all_sites() -> None:
    if principal().site_ids is not None:
        raise MissingScope("A new site needs somebody who sees all sites")


def _given() -> dict[str, Any]:
    form = request.form
    return {
        "name": form.get("name", "").strip(),
        "origins": form.get("origins", ""),
        "policy": form.get("policy", ""),
        "guests_allowed": "guests_allowed" in form,
        "creates_articles": "creates_articles" in form,
        "edit_window_min": form.get("edit_window_min", "").strip(),
    }


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """What the service takes.

    Raises:
        Invalid: the name is no line of text, the edit window no number of minutes.
    """
    wrong: dict[str, list[str]] = {}
    try:
        what = "The name"
        name = clean_line(given["name"], MAX_NAME_CHARS, what=what, max_code_points=200)
    except InvalidText as error:
        wrong["name"] = [error.message]
    try:
        minutes = float(given["edit_window_min"])
        in_range = 0 <= minutes <= MAX_EDIT_WINDOW_MIN
    except ValueError:
        in_range = False
    if not in_range:
        wrong["edit_window_min"] = [f"Minutes, from 0 to {MAX_EDIT_WINDOW_MIN}."]
    if "\x00" in given["origins"]:
        wrong["origins"] = ["These are no origins."]
    if wrong:
        raise Invalid(errors=wrong)
    kept = {key: value for key, value in given.items() if key != "edit_window_min"}
    return kept | {
        "name": name,
        "origins": given["origins"].split(),
        "edit_window_s": round(minutes * 60),
    }


def _settings_of(site: Site) -> dict[str, Any]:
    columns = "name origins policy guests_allowed creates_articles edit_window_s".split()
    return {column: getattr(site, column) for column in columns}


def _page_of(site: Site, *, status: int = 200, **more: Any) -> Response:
    given = _settings_of(site) | {
        "origins": "\n".join(site.origins),
        "edit_window_min": f"{site.edit_window_s / 60:g}",
    }
    return _form_page(site, given, status=status, **more)


def _form_page(
    site: Site | None,
    given: dict[str, Any],
    problem: Invalid | None = None,
    *,
    status: int = 200,
    **more: Any,
) -> Response:
    return page(
        "desk/settings/site.html",
        422 if problem else status,
        site=site,
        given=given,
        problem=problem,
        policies=sorted(wired().policies),
        snippets=_snippets(site) if site else None,
        **more,
    )


def _snippets(site: Site) -> dict[str, str]:
    """What to try the site's key with: a command, and a piece of an article page's script."""
    comment: dict[str, Any] = {"article_id": "first", "body": "Hello!"}
    if site.guests_allowed:
        comment["author"] = {"name": "Ada"}
    return {
        "posting": f"curl {request.host_url}api/v1/comments \\\n"
        f"  -H 'X-Site-Key: {site.site_key}' -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(comment)}'",
        "listing": "const answer = await fetch(\n"
        f'  "{request.host_url}api/v1/comments?article_id=first",\n'
        f'  {{ headers: {{ "X-Site-Key": "{site.site_key}" }} }},\n'
        ");\nconst { items, count } = await answer.json();",
    }


def _record(session: Session, act: str, site: Site, **detail: Any) -> None:
    audit.record(
        session,
        principal(),
        act,
        "site",
        site.id,
        now=wired().clock(),
        site_id=site.id,
        name=site.name,
        **detail,
    )
