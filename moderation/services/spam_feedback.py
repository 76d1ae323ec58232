"""What moderators say about spam: kept per comment, heard for its near copies on the same site."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, tuple_, union
from sqlalchemy.orm import Session

from moderation.domain.base import UtcDateTime
from moderation.domain.comment import Comment
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.spam import Feedback, SpamFeedback, is_spam_reason
from moderation.scoring.similarity import Sketch
from moderation.services.rows import MAX_IDS_A_QUERY, upsert

MAX_HEARD = 20
"""The latest decisions on near copies that are heard; so a flood costs no more than a handful."""


_SILENT = (Action.ESCALATE, Action.SEND_BACK)
"""Who passes a comment on says nothing about it."""


def learn(session: Session, decided: Sequence[tuple[Comment, Decision]]) -> None:
    """Keep what moderators' decisions, written by this transaction, say of their comments.

    A rejection with the reason ``spam`` says spam, an approval says ham, any other rejection takes
    back what was said before. An undo takes a decision's word back, and what had been said before
    that decision stands again.
    """
    said = {
        comment.id: (comment, word, decision.created_at)
        for comment, decision in decided
        if decision.action not in _SILENT
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


_EVER = datetime(9999, 1, 1, tzinfo=UTC)

_table = SpamFeedback.__table__.c


def _latest(name: str) -> Any:
    """The latest words on comments that share one column with a comment, off that one's index."""
    place = tuple_(_table.site_id, _table[name], _table.decided_at)
    since, until = (
        tuple_(bindparam("site_id"), bindparam(name), bindparam(end, type_=UtcDateTime()))
        for end in ("since", "until")
    )
    found = (
        select(_table.comment_id, _table.says, _table.decided_at)
        # Not `=`: PostgreSQL would leave what is constant out of the order, and might walk through
        # what all sites decided since the flood, off the index by time alone.
        .where(place >= since, place < until, _table.comment_id != bindparam("comment_id"))
        .order_by(_table.site_id.desc(), _table[name].desc(), _table.decided_at.desc())
        .limit(MAX_HEARD)
    )
    return select(found.subquery())


# Two ends of two indexes: with OR, all that was said of a flood would be read and sorted.
_both = union(_latest("likeness"), _latest("fingerprint")).subquery()
_HEARD = select(_both.c.says).order_by(_both.c.decided_at.desc()).limit(MAX_HEARD)


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
        "until": _EVER,
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
        elif one.decided_by == DecidedBy.MODERATOR and one.action not in _SILENT:
            standing = _said_by(one)
    return standing


def _said_by(decision: Decision) -> Feedback | None:
    if decision.action in (Action.APPROVE, Action.KEEP):
        return Feedback.HAM
    if decision.action == Action.REJECT and is_spam_reason(decision.reason):
        return Feedback.SPAM
    return None
