"""The policies: from which score on what happens, tried on the last thousand before it is saved.

What somebody types is first shown with what it would have done (:func:`preview`), and that page
carries the whole policy to :func:`save`: what is saved is what was previewed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, redirect, request
from sqlalchemy.orm import Session

from moderation.desk.door import blueprint, flash_note, local_path, page, staff_page
from moderation.desk.settings import policy_form
from moderation.domain.policy import Outcome, Policy, PolicyError, read_policy
from moderation.domain.policy.compare import field_changes
from moderation.domain.policy.written import as_toml
from moderation.domain.site import Site
from moderation.domain.staff import Scope
from moderation.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    MissingScope,
    ModerationError,
    StaleRevision,
    UnknownPolicy,
    UnknownSite,
)
from moderation.gate import principal
from moderation.labels import LABELS
from moderation.services import policies, policy_trials, sites
from moderation.services.policies import Book
from moderation.services.policy_trials import Trial
from moderation.wiring import wired

PATH = "/desk/settings/policies"
SHOWN = 100
"""So many of the comments that change are listed."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A policy somebody thinks of saving, and what it would have done."""

    policy: Policy
    trial: Trial
    content: str
    restores: int | None = None
    to_file: bool = False


# --- Looking ----------------------------------------------------------------------------------


@blueprint.get("/settings/policies")
@staff_page(Scope.ADMIN)
def list_policies() -> Response:
    """All policies, where each comes from, and who is under it."""
    book = wired().policies_in_force.current()
    with wired().database.read() as session:
        names = sorted({*book.policies, *book.broken})
        used = {name: _used_by(session, name) for name in names}
    return page("desk/settings/policies.html", book=book, names=names, used=used)


@blueprint.get("/settings/policies/<name>")
@staff_page(Scope.ADMIN)
def show_policy(name: str) -> Response:
    """One policy: its form, where it comes from, its revisions."""
    book = newest_book()
    policy = policy_to_edit(book, name)
    return _policy_page(book, name, policy, policy_form.values_of(policy))


@blueprint.get("/settings/policies/<name>/revisions/<int:serial>")
@staff_page(Scope.ADMIN)
def show_revision(name: str, serial: int) -> Response:
    """What a revision changed, and how it differs from what is in force."""
    book = newest_book()
    if name not in book.revisions:
        raise UnknownPolicy(f"The policy {name!r} was never changed at the desk")
    with wired().database.read() as session:
        revision = policies.revision(session, name, serial)
        earlier = policies.revision(session, name, serial - 1) if serial > 1 else None
    then = _read(revision, book)
    before = _read(earlier, book) if earlier else book.files.get(name)
    now = book.policies.get(name)
    return page(
        "desk/settings/revision.html",
        name=name,
        revision=revision,
        is_newest=serial == book.serial(name),
        base=book.serial(name),
        changes=field_changes(before, then) if before and then else [],
        to_now=field_changes(now, then) if now and then else [],
        readable=then is not None,
    )


# --- Trying and saving ------------------------------------------------------------------------


@blueprint.post("/settings/policies/<name>")
@staff_page(Scope.ADMIN)
def preview(name: str) -> Response:
    """The same page, with what the policy would have done. Nothing is saved.

    The form's fields, or ``revision``: one to restore, 0 for the file.
    """
    needs_all_sites()
    book = newest_book()
    policy = policy_to_edit(book, name)
    form = request.form
    if "revision" in form:
        found, restores = _revision_given(book, name)
        values = policy_form.values_of(found)
    else:
        restores = None
        values = policy_form.given_in(form, policy)
        try:
            found = policy_form.policy_of(values, policy)
        except PolicyError as error:
            errors = policy_form.errors_of(error)
            return _policy_page(book, name, policy, values, errors=errors, status=422)
    shown = try_out(book, found, restores=restores)
    return _policy_page(book, name, policy, values, preview=shown, base=_base())


@blueprint.post("/settings/policies/<name>/save")
@staff_page(Scope.ADMIN)
def save(name: str) -> Response:
    """Put what was previewed in force, unless somebody else was first."""
    needs_all_sites()
    wiring, form = wired(), request.form
    files = wiring.policy_files
    to_file = form.get("to_file") == "yes"
    policy = None if to_file else _content_given(name)
    written = {
        "base": _base(),
        "by": principal(),
        "now": wiring.clock(),
        "note": form.get("note"),
    }
    try:
        with wiring.database.write() as session:
            if policy is None:
                policies.back_to_file(session, files, name, **written)
            else:
                restores = form.get("restores", type=int)
                policies.save(session, files, policy, **written, restores=restores)
    except StaleRevision as error:
        theirs = policy or files.get(name)
        if theirs is None:
            raise
        return _stale_page(name, theirs, error)
    finally:
        wiring.policies_in_force.look_again()
    if policy is None and name not in files:
        flash_note("policy.removed", name=name)
        return redirect(PATH, 303)
    flash_note("policy.saved", name=name)
    return redirect(local_path(form.get("next"), f"{PATH}/{name}"), 303)


@blueprint.post("/settings/policies/<name>/copy")
@staff_page(Scope.ADMIN)
def copy(name: str) -> Response:
    """Another policy that begins as this one is; nobody is under it yet."""
    needs_all_sites()
    wiring = wired()
    book = newest_book()
    policy = policy_to_edit(book, name)
    new_name = request.form.get("new_name", "").strip().lower()
    try:
        if new_name in book.policies:
            raise AlreadyExists(f"There is a policy {new_name!r} already")
        with wiring.database.write() as session:
            policies.save(
                session,
                wiring.policy_files,
                dataclasses.replace(policy, name=new_name),
                base=book.serial(new_name),
                by=principal(),
                now=wiring.clock(),
            )
    except (Invalid, Conflict) as error:
        values = policy_form.values_of(policy)
        return _policy_page(book, name, policy, values, copy_problem=error, status=error.status)
    wiring.policies_in_force.look_again()
    flash_note("policy.copied", name=new_name)
    return redirect(f"{PATH}/{new_name}", 303)


# --- Shared with the page of words ------------------------------------------------------------


def newest_book() -> Book:
    """What is in force this moment: whoever edits wants no copy that is seconds old."""
    wired().policies_in_force.look_again()
    return wired().policies_in_force.current()


def policy_to_edit(book: Book, name: str) -> Policy:
    """The policy in force; where that cannot be read, the file's.

    Raises:
        UnknownPolicy
    """
    policy = book.policies.get(name) or book.files.get(name)
    if policy is None:
        raise UnknownPolicy(f"There is no policy {name!r}")
    return policy


def try_out(
    book: Book, policy: Policy, *, restores: int | None = None, to_file: bool = False
) -> Preview:
    """Replay a policy beside the one in force, on the site the form names or on all."""
    wiring = wired()
    site_id = request.form.get("site") or None
    with wiring.database.read() as session:
        if site_id not in (None, *(site.id for site in _sites(session))):
            raise UnknownSite
        cases = policy_trials.last_decided(session, now=wiring.clock(), site_id=site_id)
    present = policy_to_edit(book, policy.name)
    trial = policy_trials.compare(present, policy, cases)
    return Preview(policy, trial, as_toml(policy), restores or None, to_file or restores == 0)


def preview_values(book: Book, shown: Preview | None, base: int) -> dict[str, Any]:
    """What the template of a preview needs."""
    if shown is None:
        return {"preview": None, "base": base}
    trial = shown.trial
    return {
        "preview": shown,
        "base": base,
        "trial": trial,
        "outcomes": (Outcome.APPROVE, Outcome.QUEUE, Outcome.REJECT),
        "changes": field_changes(policy_to_edit(book, shown.policy.name), shown.policy),
        "errors_before": _both_errors(trial.before),
        "errors_after": _both_errors(trial.after),
        "listed": trial.changed[:SHOWN],
    }


def needs_all_sites() -> None:
    """Policies are the same for all sites.

    Raises:
        MissingScope
    """
    if principal().site_ids is not None:
        raise MissingScope("Policies hold for all sites: this needs somebody who sees all of them")


# --- Parts ------------------------------------------------------------------------------------


def _both_errors(replay: Any) -> Mapping[Outcome, policy_trials.Errors]:
    return {o: policy_trials.errors(replay, o) for o in (Outcome.REJECT, Outcome.APPROVE)}


def _policy_page(
    book: Book,
    name: str,
    policy: Policy,
    values: Mapping[str, str],
    *,
    preview: Preview | None = None,
    base: int | None = None,
    errors: Mapping[str, list[str]] | None = None,
    conflict: ModerationError | None = None,
    copy_problem: ModerationError | None = None,
    status: int = 200,
) -> Response:
    serial = book.serial(name)
    with wired().database.read() as session:
        used = _used_by(session, name)
        history = policies.history(session, name)
        all_sites = _sites(session)
    return page(
        "desk/settings/policy.html",
        status,
        book=book,
        name=name,
        policy=policy,
        values=values,
        errors=errors or {},
        conflict=conflict,
        copy_problem=copy_problem,
        used=used,
        history=history,
        all_sites=all_sites,
        site_id=request.form.get("site", ""),
        labels=LABELS,
        limits=policy_form.LIMITS[policy.preset],
        **preview_values(book, preview, serial if base is None else base),
    )


def _stale_page(name: str, policy: Policy, error: StaleRevision) -> Response:
    """Theirs in the form, beside what is in force now; to preview and save once more."""
    book = newest_book()
    values = policy_form.values_of(policy)
    shown = try_out(book, policy)
    return _policy_page(
        book, name, policy_to_edit(book, name), values, preview=shown, conflict=error, status=409
    )


def _used_by(session: Session, name: str) -> tuple[list[Site], int]:
    """The sites under a policy that this admin sees, and how many articles have it for their own:
    none is counted for whom only some sites are."""
    known, articles = policies.used_by(session, name)
    me = principal()
    return [site for site in known if me.sees(site.id)], articles if me.site_ids is None else 0


def _sites(session: Session) -> list[Any]:
    return [site for site in sites.list_sites(session) if principal().sees(site.id)]


def _base() -> int:
    """The serial of the revision that the form was made from."""
    return request.form.get("base", 0, type=int)


def _content_given(name: str) -> Policy:
    """Raises Invalid: no policy of that name was sent along."""
    try:
        policy = read_policy(request.form.get("content", ""), name)
    except PolicyError as error:
        raise Invalid(errors={"content": list(error.messages)}) from None
    if policy.name != name:
        raise Invalid(errors={"content": [f"This is the policy {policy.name!r}."]})
    return policy


def _revision_given(book: Book, name: str) -> tuple[Policy, int]:
    """The policy of the revision that is to be restored; 0 is the file.

    Raises:
        UnknownPolicy
        Invalid: this version of the program cannot use it.
    """
    serial = request.form.get("revision", 0, type=int)
    if serial == 0:
        if name not in book.files:
            raise UnknownPolicy(f"The policy {name!r} has no file")
        return book.files[name], 0
    with wired().database.read() as session:
        revision = policies.revision(session, name, serial)
    found = _read(revision, book)
    if found is None:
        raise Invalid(errors={"revision": ["This version of the service cannot use it."]})
    return found, serial


def _read(revision: Any, book: Book) -> Policy | None:
    """The policy of a revision, which may be that of the file; None where it cannot be used."""
    if revision.content is None:
        return book.files.get(revision.name)
    try:
        return policies.read(revision)
    except PolicyError:
        return None
