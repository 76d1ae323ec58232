"""Moderators' decisions: deciding, undoing, and the history of a comment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import DECIDABLE, Comment, Status
from moderation.domain.decision import Action, DecidedBy, Decision, escalated_before
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal, Scope
from moderation.errors import (
    ModerationError,
    NotDecidable,
    NotUndoable,
    StaleVersion,
    UnknownComment,
    UnknownDecision,
    WaitsForAdmin,
)
from moderation.services.queue.claims import is_held
from moderation.services.queue.copies import equal_ids, similar_counts, similar_ids
from moderation.services.rows import lock_comments
from moderation.services.transitions import By, Transitions, transitions

MAX_SIMILAR = 500
"""Near-copies decided along in one call; a larger flood takes another.

On SQLite all other writers wait for the call: 500 take about a tenth of a second.
"""

OUTCOME = {
    Action.APPROVE: Status.APPROVED,
    Action.REJECT: Status.REJECTED,
    Action.ESCALATE: Status.QUEUED,
    Action.SEND_BACK: Status.QUEUED,
}
"""What a moderator may ask for."""


@dataclass(frozen=True, slots=True)
class Order:
    """One decision asked for; ``version`` is the one the moderator saw.

    ``approve`` of a public comment that readers have reported keeps it, and its reports are dealt
    with. ``escalate`` leaves a waiting comment to the admins; they decide it or ``send_back``.
    """

    comment_id: str
    action: Action
    version: int
    reason: str | None = None
    note: str | None = None
    include_similar: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one order, or of a near-copy decided along with one (``similar_to``).

    ``decision.batch_id`` is the same for all of one call: what :func:`undo_batch` takes.
    """

    comment_id: str
    decision: Decision | None = None
    problem: ModerationError | None = None
    similar_to: str | None = None
    similar_left: int | None = None
    """With ``include_similar``: how many near-copies still wait."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    decision: Decision
    judgement: Judgement | None


def decide(
    session: Session, principal: Principal, orders: Sequence[Order], *, now: datetime
) -> list[Result]:
    """Carry out decisions, each by itself: one that fails leaves the others standing.

    The results are in the order of ``orders``; near-copies decided along with one follow it.
    Problems per item: UnknownComment, StaleVersion, NotDecidable, WaitsForAdmin.
    """
    copies = _near_copies(session, principal, orders)
    locked = lock_comments(
        session, [o.comment_id for o in orders] + [i for ids in copies.values() for i in ids]
    )
    batch_id = new_id()
    results: list[Result] = []
    with transitions(session, now) as moves:
        for number, order in enumerate(orders):
            by = By(
                DecidedBy.MODERATOR,
                actor=principal.key,
                actor_name=principal.name,
                reason=order.reason,
                note=order.note,
                batch_id=batch_id,
            )
            result = _decide_one(moves, principal, order, locked.get(order.comment_id), by)
            results.append(result)
            if result.problem is None:
                results.extend(_decide_copies(moves, order, copies.get(number, []), locked, by))
    return _with_what_is_left(session, orders, results, locked)


def undo(session: Session, principal: Principal, decision_id: str, *, now: datetime) -> Decision:
    """Put a comment back to where it was before a moderator's decision, as a new decision.

    What waited for an admin then does so again, and reports dealt with by it are open again.

    Raises:
        UnknownDecision: there is none, or not on a site this principal sees.
        NotUndoable: it was not a moderator's.
        StaleVersion: something has happened to the comment since.
        WaitsForAdmin: it left the comment to the admins, and this is neither one of them nor
            whoever decided so.
    """
    decision = session.get(Decision, decision_id)
    comment = None
    if decision is not None:
        comment = lock_comments(session, [decision.comment_id]).get(decision.comment_id)
    if decision is None or comment is None or not principal.sees(comment.site_id):
        raise UnknownDecision
    by = By(DecidedBy.MODERATOR, actor=principal.key, actor_name=principal.name)
    with transitions(session, now) as moves:
        return _undo_one(moves, principal, comment, decision, by)


def undo_batch(
    session: Session, principal: Principal, batch_id: str, *, now: datetime
) -> list[Result]:
    """Undo all that one call of :func:`decide` decided, each by itself, as a batch of its own.

    What has changed since keeps its problem, StaleVersion, and the others are undone. Comments of
    sites this principal does not see are left alone and not told of.

    Raises:
        UnknownDecision: there is no such batch, or nothing of it on a site this principal sees.
    """
    decisions = session.scalars(
        select(Decision).where(Decision.batch_id == batch_id).order_by(Decision.id)
    ).all()
    locked = lock_comments(session, [decision.comment_id for decision in decisions])
    seen = [d for d in decisions if principal.sees(locked[d.comment_id].site_id)]
    if not seen:
        raise UnknownDecision
    by = By(DecidedBy.MODERATOR, actor=principal.key, actor_name=principal.name, batch_id=new_id())
    results = []
    with transitions(session, now) as moves:
        for decision in seen:
            try:
                undone = _undo_one(moves, principal, locked[decision.comment_id], decision, by)
                results.append(Result(decision.comment_id, decision=undone))
            except ModerationError as problem:
                results.append(Result(decision.comment_id, problem=problem))
    return results


def history(session: Session, principal: Principal, comment_id: str) -> list[HistoryEntry]:
    """Every decision about a comment, first to last.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    comment = session.get(Comment, comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    rows = session.execute(
        select(Decision, Judgement)
        .outerjoin(Judgement, Judgement.id == Decision.judgement_id)
        .where(Decision.comment_id == comment_id)
        .order_by(Decision.version)
    )
    return [HistoryEntry(decision, judgement) for decision, judgement in rows]


def _near_copies(
    session: Session, principal: Principal, orders: Sequence[Order]
) -> dict[int, list[str]]:
    """Number of the order -> ids of the near-copies that go with it, none of them twice.

    Rejecting and escalating take along what is much the same; approving only what is the same to
    the letter.
    """
    taken = {order.comment_id for order in orders}
    found: dict[int, list[str]] = {}
    room = MAX_SIMILAR
    for number, order in enumerate(orders):
        if not order.include_similar:
            continue
        comment = session.get(Comment, order.comment_id)
        if comment is None or not principal.sees(comment.site_id):
            continue
        alike = equal_ids if order.action is Action.APPROVE else similar_ids
        # What is decided in the same call anyway must not use up the room.
        first = alike(session, comment, limit=room + len(taken)) if room else []
        ids = [i for i in first if i not in taken][:room]
        room -= len(ids)
        taken.update(ids)
        found[number] = ids
    return found


def _undo_one(
    moves: Transitions, principal: Principal, comment: Comment, decision: Decision, by: By
) -> Decision:
    if decision.decided_by != DecidedBy.MODERATOR:
        raise NotUndoable(
            f"This was decided by the {decision.decided_by}; approve or reject the comment instead"
        )
    if comment.version != decision.version:
        raise StaleVersion(
            f"The comment has changed since that decision; it is {comment.status} now, "
            f"at version {comment.version}"
        )
    is_own = decision.actor == by.actor
    if comment.escalated_at is not None and not (is_own or principal.may(Scope.ADMIN)):
        raise WaitsForAdmin("A colleague escalated this: they or an admin take that back")
    to = Status(decision.previous_status)
    escalated_at = None
    if to is Status.QUEUED:
        past = moves.session.scalars(
            select(Decision).where(Decision.comment_id == comment.id).order_by(Decision.version)
        )
        escalated_at = escalated_before(past, decision)
    return moves.move(comment, to, Action.UNDO, by, undoes=decision.id, escalated_at=escalated_at)


def _decide_one(
    moves: Transitions, principal: Principal, order: Order, comment: Comment | None, by: By
) -> Result:
    if comment is None or not principal.sees(comment.site_id):
        return Result(order.comment_id, problem=UnknownComment())
    if comment.version != order.version:
        stale = StaleVersion(
            f"You saw version {order.version}; the comment is {comment.status} now, "
            f"at version {comment.version}"
        )
        return Result(comment.id, problem=stale)
    problem = _why_not(principal, order.action, comment)
    if problem is not None:
        return Result(comment.id, problem=problem)
    return Result(comment.id, decision=_move(moves, order.action, comment, by))


def _move(moves: Transitions, action: Action, comment: Comment, by: By) -> Decision:
    to = OUTCOME[action]
    keeps = to is Status.APPROVED and comment.status == Status.APPROVED
    escalated_at = moves.now if action is Action.ESCALATE else None
    return moves.move(comment, to, Action.KEEP if keeps else action, by, escalated_at=escalated_at)


def _why_not(principal: Principal, action: Action, comment: Comment) -> ModerationError | None:
    """What is in the way of an action on a comment that somebody sees as it is."""
    status = Status(comment.status)
    is_escalated = comment.escalated_at is not None
    why: str | None = None
    if status not in DECIDABLE:
        told = {
            Status.PENDING: "it is still being scored and reaches the queue by itself",
            Status.WITHDRAWN: "its author took it back",
        }[status]
        why = f"This comment cannot be decided: {told}"
    elif is_escalated and not principal.may(Scope.ADMIN):
        return WaitsForAdmin("This comment was escalated: an admin decides it or sends it back")
    elif action is Action.ESCALATE:
        if status is not Status.QUEUED:
            why = f"Only what waits can be escalated; this comment is {status}"
        elif is_escalated:
            why = "This comment is escalated already"
    elif action is Action.SEND_BACK:
        if not is_escalated:
            why = "This comment is not escalated"
    elif status == OUTCOME[action] and not (action is Action.APPROVE and comment.report_count):
        why = f"This comment is {status} already"
    return NotDecidable(why) if why is not None else None


def _decide_copies(
    moves: Transitions, order: Order, ids: Sequence[str], locked: dict[str, Comment], by: By
) -> list[Result]:
    """Decide near-copies of what the moderator saw, once more compared now that they are locked."""
    results = []
    seen = locked[order.comment_id]
    for comment_id in ids:
        copy = locked.get(comment_id)
        if copy is None or copy.status != Status.QUEUED or copy.escalated_at is not None:
            continue
        if order.action is Action.APPROVE:
            if copy.body != seen.body:
                continue  # nobody saw the other link or the other digits of the copy
        elif seen.cluster_id is None or copy.cluster_id != seen.cluster_id:
            continue  # edited before it was locked
        if is_held(copy, moves.now) and copy.claimed_by != by.actor:
            continue
        decision = _move(moves, order.action, copy, by)
        results.append(Result(copy.id, decision=decision, similar_to=order.comment_id))
    return results


def _with_what_is_left(
    session: Session,
    orders: Sequence[Order],
    results: Sequence[Result],
    locked: dict[str, Comment],
) -> list[Result]:
    """Tell of each decision that was to take near-copies along how many of them still wait."""
    wished = {order.comment_id for order in orders if order.include_similar}
    told = [r for r in results if r.decision and not r.similar_to and r.comment_id in wished]
    if not told:
        return list(results)
    left = similar_counts(session, [locked[result.comment_id] for result in told])
    return [
        replace(result, similar_left=left[result.comment_id])
        if result.comment_id in left and result.decision and not result.similar_to
        else result
        for result in results
    ]
