"""What moderators say about spam: kept per comment, heard for its near copies on the same site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session

from moderation.domain.comment import Comment
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.spam import Feedback, SpamFeedback, is_spam_reason
from moderation.scoring.similarity import Sketch
from moderation.services.rows import MAX_IDS_A_QUERY, upsert

MAX_HEARD = 20
"""The latest decisions on near copies that are heard; so a flood costs no more than a handful."""


def learn(session: Session, decided: Sequence[tuple[Comment, Decision]]) -> None:
    """Keep what moderators' decisions, written by this transaction, say of their comments.

    A rejection with the reason ``spam`` says spam, an approval says ham, any other rejection takes
    back what was said before. An undo takes a decision's word back, and what had been said before
    that decision stands again.
    """
    said = {
        comment.id: (comment, word, decision.created_at)
        for comment, decision in decided
        for word in [_word(session, decision)]
    }
    silent = [comment_id for comment_id, (_, word, _) in said.items() if word is None]
    for start in range(0, len(silent), MAX_IDS_A_QUERY):
        some = silent[start : start + MAX_IDS_A_QUERY]
        session.execute(delete(SpamFeedback).where(SpamFeedback.comment_id.in_(some)))
    rows = [
        {
            "comment_id": comment.id,
            "site_id": comment.site_id,
            "likeness": comment.cluster_id,
            "fingerprint": comment.fingerprint or Sketch.of(comment.body).fingerprint,
            "says": word,
            "decided_at": decided_at,
        }
        for comment, word, decided_at in said.values()
        if word is not None
    ]
    upsert(session, SpamFeedback, rows, key="comment_id")


_table = SpamFeedback.__table__.c
_HEARD = (
    select(_table.says)
    .where(
        _table.site_id == bindparam("site_id"),
        or_(
            _table.likeness == bindparam("likeness"),
            _table.fingerprint == bindparam("fingerprint"),
        ),
        _table.decided_at >= bindparam("since"),
        _table.comment_id != bindparam("comment_id"),
    )
    .order_by(_table.decided_at.desc())
    .limit(MAX_HEARD)
)


def heard(
    session: Session,
    site_id: str,
    likeness: str,
    fingerprint: str,
    *,
    since: datetime,
    comment_id: str,
) -> tuple[int, int]:
    """(spam, ham): moderators' words since ``since`` on near copies of a comment.

    Those are of the same cluster, or have the same fingerprint: a cluster whose comments have all
    been withdrawn is gone. What was said of the comment itself, before it was edited, is left out.
    """
    told: dict[str, Any] = {
        "site_id": site_id,
        "likeness": likeness,
        "fingerprint": fingerprint,
        "since": since,
        "comment_id": comment_id,
    }
    words = session.connection().execute(_HEARD, told).scalars().all()
    spam = sum(word == Feedback.SPAM for word in words)
    return spam, len(words) - spam


def _word(session: Session, decision: Decision) -> Feedback | None:
    if decision.undoes is None:
        return _said_by(decision)
    # The word that stood before the decision undone; that one may have been an undo itself.
    decisions = session.scalars(
        select(Decision)
        .where(Decision.comment_id == decision.comment_id)
        .order_by(Decision.version)
    )
    before: dict[str, Feedback | None] = {}
    standing: Feedback | None = None
    for one in decisions:
        before[one.id] = standing
        if one.undoes is not None:
            standing = before.get(one.undoes)
        elif one.decided_by == DecidedBy.MODERATOR:
            standing = _said_by(one)
    return standing


def _said_by(decision: Decision) -> Feedback | None:
    if decision.action == Action.APPROVE:
        return Feedback.HAM
    if decision.action == Action.REJECT and is_spam_reason(decision.reason):
        return Feedback.SPAM
    return None
