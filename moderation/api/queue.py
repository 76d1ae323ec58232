"""The moderators' door: the queue, claims, decisions, undo and history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Response

from moderation.api.parsing import Blueprint, json_response
from moderation.domain.decision import Action
from moderation.domain.desk import CommentNote
from moderation.domain.report import Report
from moderation.domain.score import Judgement
from moderation.domain.staff import Scope
from moderation.errors import (
    ClaimedByAnother,
    InvalidCursor,
    NotUndoable,
    StaleVersion,
    UnknownComment,
    UnknownDecision,
    WaitsForAdmin,
)
from moderation.gate import needs, principal
from moderation.schemas.decision import (
    CommentNoteSchema,
    DecisionResultsSchema,
    DecisionsRequest,
    HistorySchema,
    NewCommentNoteSchema,
    UndoneSchema,
)
from moderation.schemas.fields import rfc3339
from moderation.schemas.problem import problem_of
from moderation.schemas.queue import (
    ClaimRequest,
    QueueCountsQuery,
    QueueCountsSchema,
    QueuePageSchema,
    QueueQuery,
)
from moderation.schemas.queue_filter import filter_of
from moderation.services import notes, queue, review
from moderation.services.history import timeline
from moderation.services.queue import QueueItem
from moderation.services.review import HistoryEntry, Order, Result
from moderation.wiring import wired

blueprint = Blueprint(
    "Moderation",
    __name__,
    url_prefix="/api/v1",
    description="For moderators and their tools, with a token (`Authorization: Bearer mod_…`).",
)


@blueprint.route("/queue", methods=["GET"])
@needs(Scope.QUEUE)
@blueprint.problems(InvalidCursor, UnknownComment)
@blueprint.arguments(QueueQuery, location="query")
@blueprint.response(200, QueuePageSchema)
def list_queue(query: dict[str, Any]) -> Response:
    """List what waits for a moderator; by default what needs a person most comes first."""
    wiring = wired()
    with wiring.database.read() as session:
        page = queue.page(
            session,
            wiring.keyring,
            principal(),
            filter_of(query),
            now=wiring.clock(),
            report_threshold=wiring.settings.report_threshold,
            cursor=query["cursor"],
            limit=query["limit"],
            gather=query["gather"],
        )
        items = [_item(item) for item in page.items]
    return json_response(
        {"items": items, "next_cursor": page.next_cursor}, Cache_Control="no-store"
    )


@blueprint.route("/queue/claims", methods=["POST"])
@needs(Scope.QUEUE)
@blueprint.problems(UnknownComment)
@blueprint.arguments(ClaimRequest)
@blueprint.response(200, QueuePageSchema)
def claim(wanted: dict[str, Any]) -> Response:
    """Claim the next comments that nobody holds, so that colleagues leave them alone a while."""
    wiring = wired()
    with wiring.database.write() as session:
        claimed = queue.claim(
            session,
            principal(),
            filter_of(wanted),
            now=wiring.clock(),
            claim_s=wiring.settings.claim_s,
            limit=len(wanted["comment_ids"]) if "comment_ids" in wanted else wanted["limit"],
        )
        items = [_item(item) for item in claimed]
    return json_response({"items": items, "next_cursor": None})


@blueprint.route("/queue/claims/<id:comment_id>", methods=["DELETE"])
@needs(Scope.QUEUE)
@blueprint.problems(UnknownComment, ClaimedByAnother)
@blueprint.response(204)
def release(comment_id: str) -> None:
    """Give a claim back."""
    wiring = wired()
    with wiring.database.write() as session:
        queue.release(session, principal(), comment_id, now=wiring.clock())


@blueprint.route("/decisions", methods=["POST"])
@needs(Scope.DECISIONS)
@blueprint.arguments(DecisionsRequest)
@blueprint.response(200, DecisionResultsSchema)
def decide(wanted: dict[str, Any]) -> Response:
    """Approve or reject up to a hundred comments; each item has its own result."""
    wiring = wired()
    orders = [
        Order(**{**order, "action": Action(order["action"])}) for order in wanted["decisions"]
    ]
    with wiring.database.write() as session:
        results = review.decide(session, principal(), orders, now=wiring.clock())
        shown = _results(results)
    return json_response(shown)


@blueprint.route("/decisions/<id:decision_id>/undo", methods=["POST"])
@needs(Scope.DECISIONS)
@blueprint.problems(UnknownDecision, NotUndoable, StaleVersion, WaitsForAdmin)
@blueprint.response(200, UndoneSchema)
def undo(decision_id: str) -> Response:
    """Put a comment back as it was before a moderator's decision."""
    wiring = wired()
    with wiring.database.write() as session:
        decision = review.undo(session, principal(), decision_id, now=wiring.clock())
    return json_response(
        {
            "comment_id": decision.comment_id,
            "decision_id": decision.id,
            "undoes": decision.undoes,
            "status": decision.status,
            "version": decision.version,
        }
    )


@blueprint.route("/decisions/batches/<id:batch_id>/undo", methods=["POST"])
@needs(Scope.DECISIONS)
@blueprint.problems(UnknownDecision)
@blueprint.response(200, DecisionResultsSchema)
def undo_batch(batch_id: str) -> Response:
    """Undo all that one call has decided; each item has its own result."""
    wiring = wired()
    with wiring.database.write() as session:
        results = review.undo_batch(session, principal(), batch_id, now=wiring.clock())
        shown = _results(results)
    return json_response(shown)


@blueprint.route("/comments/<id:comment_id>/history", methods=["GET"])
@needs(Scope.QUEUE)
@blueprint.problems(UnknownComment)
@blueprint.response(200, HistorySchema)
def history(comment_id: str) -> Response:
    """Every decision about a comment: who, when, why, under which policy and model.

    Moderators' notes and readers' reports stand beside them.
    """
    with wired().database.read() as session:
        events = timeline(session, principal(), comment_id)
    return json_response(
        {
            "items": [_entry(event.decision) for event in events if event.decision],
            "notes": [_note(event.note) for event in events if event.note],
            "reports": [_report(event.report) for event in events if event.report],
            "next_cursor": None,
        },
        Cache_Control="no-store",
    )


@blueprint.route("/comments/<id:comment_id>/notes", methods=["POST"])
@needs(Scope.DECISIONS)
@blueprint.problems(UnknownComment)
@blueprint.arguments(NewCommentNoteSchema)
@blueprint.response(201, CommentNoteSchema)
def add_note(new: dict[str, Any], comment_id: str) -> Response:
    """Write down something about a comment, for colleagues: it stands in its history."""
    wiring = wired()
    with wiring.database.write() as session:
        note = notes.add(session, principal(), comment_id, new["text"], now=wiring.clock())
        shown = _note(note)
    return json_response(shown, 201)


@blueprint.route("/queue/counts", methods=["GET"])
@needs(Scope.QUEUE)
@blueprint.arguments(QueueCountsQuery, location="query")
@blueprint.response(200, QueueCountsSchema)
def count_queue(query: dict[str, Any]) -> Response:
    """How many comments each view has, counted up to a thousand."""
    wiring = wired()
    with wiring.database.read() as session:
        counts = queue.tab_counts(
            session,
            principal(),
            now=wiring.clock(),
            site_id=query["site_id"],
            report_threshold=wiring.settings.report_threshold,
        )
    shown = {
        str(view): {"number": count.number, "or_more": count.or_more}
        for view, count in counts.items()
    }
    return json_response({"counts": shown}, Cache_Control="no-store")


def _item(item: QueueItem) -> dict[str, Any]:
    comment, article, author, judgement = item.comment, item.article, item.author, item.judgement
    return {
        "id": comment.id,
        "site_id": comment.site_id,
        "parent_id": comment.parent_id,
        "body": comment.body,
        "created_at": rfc3339(comment.created_at),
        "edited_at": comment.edited_at and rfc3339(comment.edited_at),
        "status": comment.status,
        "version": comment.version,
        "scored": not comment.not_scored,
        "scores": judgement and judgement.scores,
        **_told(judgement),
        "reasons": judgement.reasons if judgement else [],
        "verdict": judgement
        and {
            "action": judgement.action,
            "rule": judgement.rule,
            "detail": judgement.detail,
            "thresholds": judgement.thresholds,
            "policy": judgement.policy,
            "policy_version": judgement.policy_version,
            "model_version": judgement.model_version,
        },
        "article": {
            "id": article.external_id,
            "title": article.title,
            "url": article.url,
            "count": article.approved_count,
        },
        "author": {
            "id": author.id,
            "name": author.name,
            "kind": author.kind,
            "record": {"approved": item.record.approved, "rejected": item.record.rejected},
        },
        "claim": _claim(item),
        "similar_count": item.similar_count,
        "cluster_id": comment.cluster_id,
        "decision": item.decision
        and {
            "decision_id": item.decision.id,
            "action": item.decision.action,
            "decided_by": item.decision.decided_by,
            "actor": item.decision.actor_name,
            "reason": item.decision.reason,
            "created_at": rfc3339(item.decision.created_at),
        },
        "escalation": item.escalation
        and {
            "by": item.escalation.by,
            "note": item.escalation.note,
            "at": rfc3339(item.escalation.at),
        },
        "report_count": comment.report_count,
        "reports": dict(item.reports),
    }


def _told(judgement: Judgement | None) -> dict[str, Any]:
    """What the models said besides scores."""
    return {
        "spans": judgement.spans if judgement else [],
        "language": judgement and judgement.language,
        "unsupported": judgement and judgement.unsupported,
        "spam_parts": judgement.spam_parts if judgement else [],
    }


def _claim(item: QueueItem) -> dict[str, Any] | None:
    comment = item.comment
    if comment.claim_expires_at is None or comment.claim_expires_at <= wired().clock():
        return None
    return {
        "by": comment.claimed_name,
        "mine": comment.claimed_by == principal().key,
        "expires_at": rfc3339(comment.claim_expires_at),
    }


def _results(results: Sequence[Result]) -> dict[str, Any]:
    batches = {result.decision.batch_id for result in results if result.decision is not None}
    return {
        "results": [_result(result) for result in results],
        "batch_id": batches.pop() if batches else None,
    }


def _result(result: Result) -> dict[str, Any]:
    shown: dict[str, Any] = {"comment_id": result.comment_id, "ok": result.problem is None}
    if result.problem is not None:
        shown["problem"] = problem_of(result.problem)
    if (decision := result.decision) is not None:
        shown |= {
            "decision_id": decision.id,
            "status": decision.status,
            "version": decision.version,
        }
    if result.similar_to is not None:
        shown["similar_to"] = result.similar_to
    if result.similar_left is not None:
        shown["similar_left"] = result.similar_left
    return shown


def _note(note: CommentNote) -> dict[str, Any]:
    return {
        "note_id": note.id,
        "actor": note.actor_name,
        "text": note.text,
        "created_at": rfc3339(note.created_at),
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "report_id": report.id,
        "reason": report.reason,
        "note": report.note,
        "by": report.reporter_kind,
        "decision_id": report.decision_id,
        "created_at": rfc3339(report.created_at),
    }


def _entry(entry: HistoryEntry) -> dict[str, Any]:
    decision, judgement = entry.decision, entry.judgement
    return {
        "decision_id": decision.id,
        "action": decision.action,
        "decided_by": decision.decided_by,
        "actor": decision.actor_name,
        "previous_status": decision.previous_status,
        "status": decision.status,
        "version": decision.version,
        "reason": decision.reason,
        "note": decision.note,
        "batch_id": decision.batch_id,
        "undoes": decision.undoes,
        "created_at": rfc3339(decision.created_at),
        "rule": judgement and judgement.rule,
        "detail": judgement and judgement.detail,
        "scores": judgement and judgement.scores,
        **_told(judgement),
        "policy": judgement and judgement.policy,
        "policy_version": judgement and judgement.policy_version,
        "model_version": judgement and judgement.model_version,
    }
