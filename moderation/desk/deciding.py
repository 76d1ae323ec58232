"""Deciding at the desk: one comment or many, taking it back, leaving it for later or for an admin.

One form serves a whole page of cards. Its button says what is meant::

    decide = "approve"                   of all comments that are ticked
    decide = "approve ID VERSION"        of this one alone
    comment = "ID VERSION"               a tick, many times over
    similar = "ID"                       take the near-copies of this one along
    reason, note                         for ``reject`` and ``escalate``, which ask for them

``VERSION`` is the one that stood on the page. ``reject`` without a reason, and ``escalate`` without
even an empty note, are answered with a page that asks for it; a script asks before it sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, jsonify, render_template, request
from flask import session as cookie
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from moderation.desk import card
from moderation.desk.door import (
    back,
    blueprint,
    flash_note,
    local_path,
    page,
    staff_page,
    wants_json,
)
from moderation.desk.queue import LAST_BATCH, is_id, moved_on
from moderation.desk.text import say
from moderation.domain.comment import Comment
from moderation.domain.decision import Action
from moderation.domain.reason import Reason
from moderation.domain.staff import Scope
from moderation.errors import Invalid, ModerationError, StaleVersion, UnknownDecision
from moderation.gate import principal
from moderation.schemas.decision import MAX_NOTE_CHARS
from moderation.schemas.problem import problem_of
from moderation.services import queue, review, sites
from moderation.services.review import Order, Result
from moderation.wiring import wired

MAX_ORDERS = 100
MAX_VERSION = 2**31 - 1
MAX_TOLD = 5
"""Problems of single comments told one by one on the next page; the rest are counted."""

ACTIONS = {str(action): action for action in review.OUTCOME}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form wants. ``comments``: (id, version) pairs."""

    action: Action
    comments: tuple[tuple[str, int], ...]
    similar: frozenset[str]
    reason: str | None
    note: str | None

    @property
    def ids(self) -> list[str]:
        return [comment_id for comment_id, _ in self.comments]


@blueprint.post("/decisions")
@staff_page(Scope.DECISIONS)
def decide() -> Response:
    """Carry out what a form wants, each comment by itself; or ask for what is missing."""
    wiring = wired()
    asked = _asked(request.form)
    with wiring.database.read() as session:
        reasons = reasons_for(session, asked.ids)
        if _lacks_words(asked):
            shown = card.cards(
                session, principal(), _visible(session, asked.ids), now=wiring.clock()
            )
            return page(
                "desk/queue/ask.html",
                asked=asked,
                cards=shown,
                reasons=reasons,
                next=local_path(request.form.get("next")),
            )
    if asked.reason is not None and asked.reason not in {reason.code for reason in reasons}:
        raise Invalid(errors={"reason": [say("queue.no_such_reason")]})
    with wiring.database.write() as session:
        orders = [
            Order(
                comment_id,
                asked.action,
                version,
                reason=asked.reason if asked.action is Action.REJECT else None,
                note=asked.note or None,
                include_similar=comment_id in asked.similar,
            )
            for comment_id, version in asked.comments
        ]
        results = review.decide(session, principal(), orders, now=wiring.clock())
        session.flush()
        batch = next((r.decision.batch_id for r in results if r.decision), None)
    failed = [result for result in results if result.problem is not None]
    return _answer(f"queue.done.{asked.action}", results, batch, shown=failed)


@blueprint.post("/decisions/undo")
@staff_page(Scope.DECISIONS)
def undo() -> Response:
    """Take back one ``decision``, or all of a ``batch``. A script names each ``card`` it shows."""
    wiring = wired()
    form, me, now = request.form, principal(), wiring.clock()
    named = form.get("decision") or form.get("batch", "")
    if not is_id(named):
        raise UnknownDecision
    with wiring.database.write() as session:
        if "decision" in form:
            undone = review.undo(session, me, named, now=now)
            results = [Result(undone.comment_id, decision=undone)]
        else:
            results = review.undo_batch(session, me, named, now=now)
        session.flush()
    wanted = set(form.getlist("card")[:MAX_ORDERS])
    shown = [result for result in results if result.comment_id in wanted]
    return _answer("queue.done.undo", results, None, shown=shown)


@blueprint.post("/comments/<id:comment_id>/claim")
@staff_page(Scope.QUEUE)
def claim(comment_id: str) -> Response:
    """Turn to a comment, and away from the one named ``leave``."""
    wiring = wired()
    now = wiring.clock()
    left = request.form.get("leave", "")
    with wiring.database.write() as session:
        focus = queue.focus(
            session,
            principal(),
            comment_id,
            now=now,
            claim_s=wiring.settings.claim_s,
            leave=left if is_id(left) else None,
        )
    if not wants_json():
        return back(f"/desk/comments/{comment_id}")
    return jsonify(
        version=focus.version,
        status=focus.status,
        is_mine=focus.is_mine,
        holder=None if focus.is_mine else focus.holder,
    )


@blueprint.post("/comments/<id:comment_id>/release")
@staff_page(Scope.QUEUE)
def release(comment_id: str) -> Response:
    """Turn away from a comment without having decided."""
    with wired().database.write() as session:
        _leave(session, comment_id)
    return jsonify() if wants_json() else back(f"/desk/comments/{comment_id}")


@blueprint.post("/comments/<id:comment_id>/skip")
@staff_page(Scope.QUEUE)
def skip(comment_id: str) -> Response:
    """Put a comment behind the others, for oneself and for a while."""
    wiring = wired()
    with wiring.database.write() as session:
        queue.skip(session, principal(), comment_id, now=wiring.clock())
    if wants_json():
        return jsonify(told=say("queue.done.skip"))
    flash_note("queue.done.skip")
    return back()


@blueprint.post("/comments/<id:comment_id>/unskip")
@staff_page(Scope.QUEUE)
def unskip(comment_id: str) -> Response:
    """Take that back."""
    with wired().database.write() as session:
        queue.unskip(session, principal(), comment_id)
    if wants_json():
        return jsonify(told=say("queue.done.unskip"))
    flash_note("queue.done.unskip")
    return back()


def reasons_for(session: Session, comment_ids: Sequence[str]) -> list[Reason]:
    """The reasons that may be given for these comments: those of their sites, each once."""
    found: dict[str, Reason] = {}
    for site_id in {item.comment.site_id: None for item in _visible(session, comment_ids)}:
        for reason in sites.reasons(sites.by_id(session, site_id)):
            found.setdefault(reason.code, reason)
    return list(found.values())


# --- Reading the form -------------------------------------------------------------------------


def _asked(form: MultiDict[str, str]) -> Asked:
    words = form.get("decide", "").split()
    if not words or words[0] not in ACTIONS:
        raise Invalid(errors={"decide": [say("queue.no_such_action")]})
    named = [words[1:]] if len(words) > 1 else [text.split() for text in form.getlist("comment")]
    comments = dict(_reference(parts) for parts in named)
    if not 1 <= len(comments) <= MAX_ORDERS:
        raise Invalid(errors={"comment": [say("queue.how_many", most=MAX_ORDERS)]})
    return Asked(
        action=ACTIONS[words[0]],
        comments=tuple(comments.items()),
        similar=frozenset(form.getlist("similar")),
        reason=form.get("reason") or None,
        note=note_of(form),
    )


def _reference(parts: Sequence[str]) -> tuple[str, int]:
    """Raises Invalid unless it is an id and a version."""
    try:
        comment_id, version = parts
        if not (is_id(comment_id) and 0 < int(version) <= MAX_VERSION):
            raise ValueError(comment_id)
        return comment_id, int(version)
    except ValueError:
        raise Invalid(errors={"comment": [say("queue.no_reference")]}) from None


def note_of(form: MultiDict[str, str]) -> str | None:
    """The note; empty where it was asked for and not given, None where there was no such field."""
    note = form.get("note")
    if note is None:
        return None
    note = note.replace("\r\n", "\n").strip()
    if len(note) > MAX_NOTE_CHARS or "\x00" in note:
        raise Invalid(errors={"note": [say("queue.note_too_long", most=MAX_NOTE_CHARS)]})
    return note


def _lacks_words(asked: Asked) -> bool:
    if asked.action is Action.REJECT:
        return asked.reason is None
    return asked.action is Action.ESCALATE and asked.note is None


# --- Answering --------------------------------------------------------------------------------


def _answer(
    key: str, results: Sequence[Result], batch: str | None, *, shown: Sequence[Result]
) -> Response:
    """What was done, in numbers; and for each that was not, why, and the comment as it is now.

    Args:
        shown: of which the card goes back to a script.
    """
    done = [result for result in results if result.problem is None]
    failed = [result for result in results if result.problem is not None]
    left = max((result.similar_left or 0 for result in results), default=0)
    with wired().database.read() as session:
        items = {
            item.comment.id: item
            for item in _visible(session, [result.comment_id for result in (*shown, *failed)])
        }
        if wants_json():
            html = _cards_html(
                session, [items[r.comment_id] for r in shown if r.comment_id in items]
            )
    told = say(key, count=len(done)) if done else ""
    if left:
        told = f"{told} {say('queue.copies_left', count=left)}"
    if wants_json():
        return jsonify(
            batch=batch,
            told=told,
            results=[_result(result, items.get(result.comment_id)) for result in results],
            cards=html,
        )
    if done:
        flash_note(key, count=len(done))
    if left:
        flash_note("queue.copies_left", kind="warn", count=left)
    for result in failed[:MAX_TOLD]:
        flash_note(
            "queue.not_done",
            kind="warn",
            told=_why(result.problem, items.get(result.comment_id)),
        )
    if len(failed) > MAX_TOLD:
        flash_note("queue.more_not_done", kind="warn", count=len(failed) - MAX_TOLD)
    if batch is not None:
        cookie[LAST_BATCH] = batch
    return back()


def _result(result: Result, item: queue.QueueItem | None) -> dict[str, Any]:
    told: dict[str, Any] = {"comment_id": result.comment_id, "ok": result.problem is None}
    if result.decision is not None:
        told |= {"status": result.decision.status, "version": result.decision.version}
    if result.problem is not None:
        told |= {"problem": problem_of(result.problem), "told": _why(result.problem, item)}
    return told


def _why(problem: ModerationError | None, item: queue.QueueItem | None) -> str:
    """Why a comment was not decided, as a colleague would say it."""
    assert problem is not None
    if isinstance(problem, StaleVersion) and item is not None and (told := moved_on(item)):
        return told
    return say(f"queue.problem.{problem.code}")


def _cards_html(session: Session, items: Sequence[queue.QueueItem]) -> dict[str, str]:
    shown = card.cards(session, principal(), items, now=wired().clock())
    return {one.id: render_template("desk/queue/one.html", card=one) for one in shown}


def _visible(session: Session, ids: Sequence[str]) -> list[queue.QueueItem]:
    me = principal()
    return [
        item
        for item in queue.items(session, list(dict.fromkeys(ids)))
        if me.sees(item.comment.site_id)
    ]


def _leave(session: Session, comment_id: str) -> None:
    """Release a claim if it is one's own: an admin, who could, takes nobody's by turning away."""
    comment = session.get(Comment, comment_id)
    if comment is not None and comment.claimed_by == principal().key:
        queue.release(session, principal(), comment_id, now=wired().clock())
