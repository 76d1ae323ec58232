"""Authors: finding them; a page about one, also for a drawer; sanctions, notes, rejecting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from flask import Response, jsonify, redirect, request
from sqlalchemy.orm import Session

from moderation.desk import presenting
from moderation.desk.door import back, blueprint, flash_note, page, staff_page, wants_json
from moderation.desk.forms import asked, given
from moderation.desk.text import say
from moderation.domain import reason as reasons
from moderation.domain.comment import Status
from moderation.domain.sanction import SanctionKind
from moderation.domain.site import Site
from moderation.domain.staff import Scope
from moderation.errors import Invalid
from moderation.gate import principal
from moderation.services import authors, queue, review, sanctions, sites
from moderation.wiring import wired

TERMS: dict[str, timedelta | None] = {
    "none": None,
    "h1": timedelta(hours=1),
    "d1": timedelta(days=1),
    "d3": timedelta(days=3),
    "d7": timedelta(days=7),
    "d30": timedelta(days=30),
    "d90": timedelta(days=90),
    "d365": timedelta(days=365),
}
"""How long a sanction may be given at the desk; besides, until a day."""
UNTIL = "until"


# --- Finding ----------------------------------------------------------------------------------


@blueprint.get("/authors")
@staff_page(Scope.QUEUE)
def list_authors() -> Response:
    """Authors by how their name begins, and those under a sanction."""
    wiring = wired()
    now = wiring.clock()
    kind = asked("standing")
    with wiring.database.read() as session:
        found = authors.find(
            session,
            wiring.keyring,
            principal(),
            now=now,
            name=asked("name"),
            site_id=asked("site_id") or None,
            kind=SanctionKind(kind) if kind in list(SanctionKind) else None,
            cursor=asked("cursor") or None,
        )
        seen = [site for site in sites.list_sites(session) if principal().sees(site.id)]
        record_of = queue.records(session, [author.id for author in found.items])
    return page(
        "desk/authors/list.html",
        found=found,
        sites={site.id: site.name for site in seen},
        record_of=record_of,
        kinds=list(SanctionKind),
        now=now,
        asked=request.args,
    )


# --- One author -------------------------------------------------------------------------------


@blueprint.get("/authors/<id:author_id>")
@staff_page(Scope.QUEUE)
def show_author(author_id: str) -> Response:
    """Everything about an author. ``?fragment=1``: without the page around it, for a drawer."""
    return _show(author_id)


def _show(author_id: str, status_code: int = 200, **more: Any) -> Response:
    wiring = wired()
    now = wiring.clock()
    status = asked("status")
    status = Status(status) if status in list(Status) else None
    with wiring.database.read() as session:
        view = authors.look(session, principal(), author_id, now=now)
        comments = authors.comments(
            session,
            wiring.keyring,
            principal(),
            author_id,
            status=status,
            cursor=asked("cursor") or None,
        )
        undoable = authors.undoable(session, author_id, asked("undo")) if asked("undo") else 0
    fragment = bool(asked("fragment"))
    return page(
        "desk/authors/panel.html" if fragment else "desk/authors/author.html",
        status_code,
        view=view,
        author=view.author,
        comments=comments,
        chosen=status,
        statuses=list(Status),
        kinds=list(SanctionKind),
        terms=list(TERMS),
        reasons=reasons.listed(view.site.reasons),
        me=principal().key,
        reason_name=partial(_reason_name, view.site),
        undoable=undoable,
        fragment=fragment,
        now=now,
        **more,
    )


# --- Acts -------------------------------------------------------------------------------------


@blueprint.post("/authors/<id:author_id>/sanctions")
@staff_page(Scope.DECISIONS)
def impose_sanction(author_id: str) -> Response:
    """Trust, always review, suspend or ban, as the form says."""
    now = wired().clock()

    def act(session: Session) -> dict[str, Any]:
        kind = _chosen_kind(given("kind"))
        imposed = sanctions.impose(
            session,
            principal(),
            author_id,
            kind,
            reason=given("reason"),
            ends_at=_end(given("term"), given("until"), now),
            note=given("note"),
            now=now,
        )
        author = sanctions.find_author(session, principal(), author_id)
        counts = author.standing(now)
        stricter = counts is not None and counts.sanction_id != imposed.id
        key = "authors.done.beneath" if stricter else f"authors.done.{kind}"
        return {"key": key, "name": author.name}

    return _do(author_id, act)


@blueprint.post("/authors/<id:author_id>/sanctions/<id:sanction_id>/lift")
@staff_page(Scope.DECISIONS)
def lift_sanction(author_id: str, sanction_id: str) -> Response:
    """End a sanction; it stays in the history."""

    def act(session: Session) -> dict[str, Any]:
        sanctions.lift(session, principal(), author_id, sanction_id, now=wired().clock())
        return {"key": "authors.done.lifted"}

    return _do(author_id, act)


@blueprint.post("/authors/<id:author_id>/notes")
@staff_page(Scope.QUEUE)
def add_note(author_id: str) -> Response:
    """Write down something for colleagues."""

    def act(session: Session) -> dict[str, Any]:
        body = given("body")
        authors.add_note(session, principal(), author_id, body, now=wired().clock())
        return {"key": "authors.done.noted"}

    return _do(author_id, act)


@blueprint.post("/authors/<id:author_id>/notes/<id:note_id>/delete")
@staff_page(Scope.QUEUE)
def delete_note(author_id: str, note_id: str) -> Response:
    """Take one's own note away."""

    def act(session: Session) -> dict[str, Any]:
        authors.delete_note(session, principal(), author_id, note_id, now=wired().clock())
        return {"key": "authors.done.note_deleted"}

    return _do(author_id, act)


@blueprint.post("/authors/<id:author_id>/reject-waiting")
@staff_page(Scope.DECISIONS)
def reject_waiting(author_id: str) -> Response:
    """Reject what waits of this author, so many at once."""
    wiring = wired()
    with wiring.database.write() as session:
        author = sanctions.find_author(session, principal(), author_id)
        done = authors.reject_waiting(
            session,
            principal(),
            author_id,
            reason=_chosen_reason(sites.by_id(session, author.site_id)),
            now=wiring.clock(),
        )
    told: dict[str, Any] = {"key": "authors.done.rejected", "count": done.done}
    if done.left:
        told |= {"key": "authors.done.rejected_some", "left": done.left}
    elif done.spared:
        told |= {"key": "authors.done.rejected_spared", "spared": done.spared}
    if wants_json():
        message = _said(told)
        ids = [result.comment_id for result in done.results if result.decision]
        return jsonify(
            {"message": message, "batch_id": done.batch_id, "left": done.left, "rejected": ids}
        )
    flash_note(**told)
    undo = f"?undo={done.batch_id}" if done.batch_id else ""
    return redirect(f"/desk/authors/{author_id}{undo}", 303)


@blueprint.post("/authors/<id:author_id>/undo-rejection")
@staff_page(Scope.DECISIONS)
def undo_rejection(author_id: str) -> Response:
    """Put back what was rejected at once."""

    def act(session: Session) -> dict[str, Any]:
        sanctions.find_author(session, principal(), author_id)
        batch_id = given("batch_id")
        results = review.undo_batch(session, principal(), batch_id, now=wired().clock())
        return {
            "key": "authors.done.put_back",
            "count": sum(result.problem is None for result in results),
        }

    return _do(author_id, act)


# --- Parts ------------------------------------------------------------------------------------


def _do(author_id: str, act: Callable[[Session], dict[str, Any]]) -> Response:
    """Carry out a form's act in one transaction; what is wrong with it is told beside the form."""
    try:
        with wired().database.write() as session:
            told = act(session)
    except Invalid as problem:
        if wants_json():
            raise
        return _show(author_id, problem.status, problem=problem, given=request.form)
    if wants_json():
        return jsonify({"message": _said(told)})
    flash_note(**told)
    return back(f"/desk/authors/{author_id}")


def _reason_name(site: Site, code: str) -> str:
    """What moderators call a reason; one that is no code is a text of its own."""
    found = reasons.find(site.reasons, code)
    return found.name if found else code


def _said(told: dict[str, Any]) -> str:
    return say(told["key"], **{name: v for name, v in told.items() if name not in ("key", "kind")})


def _chosen_kind(kind: str) -> SanctionKind:
    try:
        return SanctionKind(kind)
    except ValueError:
        raise Invalid(errors={"kind": [f"One of {', '.join(SanctionKind)}."]}) from None


def _chosen_reason(site: Site) -> str:
    """Raises Invalid where the form's reason is none of the site's."""
    codes = [one.code for one in reasons.listed(site.reasons)]
    if (chosen := given("reason")) not in codes:
        raise Invalid(errors={"reason": [f"One of {', '.join(codes)}."]})
    return chosen


def _end(term: str, until: str, now: datetime) -> datetime | None:
    """When a sanction ends: a term from now, or at the end of a day in the moderator's zone.

    Raises:
        Invalid: neither.
    """
    if term in TERMS:
        span = TERMS[term]
        return now + span if span else None
    try:
        chosen = date.fromisoformat(until)
        if term != UNTIL:
            raise ValueError
        return datetime.combine(chosen + timedelta(days=1), time(), presenting.zone())
    except (ValueError, OverflowError):
        raise Invalid(errors={"ends_at": ["Choose how long, or a day."]}) from None
