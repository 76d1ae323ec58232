"""What is known of a comment besides its text, for its spam score.

Read before the transaction that writes the verdicts (on SQLite all writers wait for that one), from
a table that holds the last day only and by its indexes: a comment costs the same however many are
stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from moderation.domain.comment import Comment, Status, in_status
from moderation.domain.spam import RecentPost, SpamFeedback
from moderation.labels import SPAM
from moderation.scoring.judge import Assessment
from moderation.scoring.spam_signals import (
    SpamContext,
    SpamSignals,
    combine,
    exchange_text,
)
from moderation.services import spam_feedback
from moderation.services.likeness import Placements
from moderation.services.rows import MAX_IDS_A_QUERY, lock_comments, upsert

MAX_POSTS = 50
"""The latest comments of an author, an address or a text that are looked at.

Latest when the batch was posted: a comment that is judged late, or again after an edit, is not told
of fewer copies because many came after it."""

MAX_APPROVED = 100
"""Approved comments of an author beyond this say no more."""

FORGOTTEN_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class _Post:
    """A comment as one of a series of posts. ``likeness`` is shared by near copies."""

    comment_id: str
    site_id: str
    article_id: str
    author_id: str
    address_key: str | None
    likeness: str
    posted_at: datetime

    def is_before(self, other: _Post) -> bool:
        return (self.posted_at, self.comment_id) < (other.posted_at, other.comment_id)


def weigh(
    session: Session,
    signals: SpamSignals,
    assessments: Mapping[str, Assessment],
    placements: Placements,
    *,
    now: datetime,
) -> dict[str, Assessment]:
    """Comment id -> its assessment with the spam score that all parts make, and the parts.

    Comments judged in the same batch count for one another, each for those posted after it. An id
    that is not stored keeps its assessment. Reads only.

    Args:
        placements: of all these comments.
    """
    rows = _comments(session, list(assessments))
    batch = [_post(comment, placements.alike(comment.id)) for comment in rows]
    look = _Look(session, signals, batch, now)
    weighed = dict(assessments)
    for comment, post in zip(rows, batch, strict=True):
        said = assessments[comment.id]
        sketch = placements.places[comment.id].newcomer.sketch
        context = look.context(post, sketch.fingerprint, comment.typing_ms)
        score = combine(comment.body, said.scores[SPAM], context, signals)
        weighed[comment.id] = replace(
            said, scores={**said.scores, SPAM: score.probability}, spam_parts=score.parts
        )
    return weighed


def reweigh(said: Assessment, earlier: Assessment | None) -> Assessment:
    """What a model says of a text now, with all that was known besides it when it was judged.

    For re-scoring: by then most of that is forgotten.
    """
    if earlier is None or not earlier.spam_parts:
        return said
    score = exchange_text(said.scores[SPAM], earlier.spam_parts)
    return replace(said, scores={**said.scores, SPAM: score.probability}, spam_parts=score.parts)


def remember(session: Session, comments: Sequence[Comment]) -> None:
    """Keep that these comments, locked by this transaction and in their clusters, were posted.

    The hash of the address moves from the comment to the row that is kept for a day only.
    """
    upsert(
        session,
        RecentPost,
        [
            {name: getattr(post, name) for name in _Post.__slots__}
            for post in (_post(comment, comment.cluster_id or "") for comment in comments)
        ],
        key="comment_id",
        # After an edit the address is known no more; what is kept stays.
        update=("likeness",),
    )
    for comment in comments:
        comment.address_key = None


def forget_post(session: Session, comment: Comment) -> None:
    """Forget that a comment, locked by this transaction, was posted, and from where."""
    session.execute(delete(RecentPost).where(RecentPost.comment_id == comment.id))


def forget(session: Session, signals: SpamSignals, *, now: datetime) -> int:
    """Delete some of what is too old to be looked at; the number of rows, 0 when none is left.

    A comment that has waited for its judgement for so long is still judged, without its address.
    """
    posted_before = now - timedelta(hours=signals.copies_window_h)
    decided_before = now - timedelta(days=signals.feedback_days)
    gone = 0
    for table, is_old in (
        (RecentPost, RecentPost.posted_at < posted_before),
        (SpamFeedback, SpamFeedback.decided_at < decided_before),
    ):
        old = select(table.comment_id).where(is_old).limit(FORGOTTEN_AT_ONCE)
        gone += session.execute(delete(table).where(table.comment_id.in_(old))).rowcount
    waiting = (
        select(Comment.id)
        .where(
            in_status(Status.PENDING),
            Comment.address_key.is_not(None),
            Comment.created_at < posted_before,
        )
        .limit(FORGOTTEN_AT_ONCE)
    )
    for comment in lock_comments(session, session.scalars(waiting).all()).values():
        gone += comment.address_key is not None
        comment.address_key = None
    return gone


def _comments(session: Session, ids: Sequence[str]) -> list[Any]:
    found: list[Any] = []
    for start in range(0, len(ids), MAX_IDS_A_QUERY):
        found += session.execute(
            select(
                Comment.id,
                Comment.site_id,
                Comment.article_id,
                Comment.author_id,
                Comment.address_key,
                Comment.created_at,
                Comment.body,
                Comment.typing_ms,
            ).where(Comment.id.in_(ids[start : start + MAX_IDS_A_QUERY]))
        ).all()
    return found


def _post(comment: Any, likeness: str) -> _Post:
    return _Post(
        comment.id,
        comment.site_id,
        comment.article_id,
        comment.author_id,
        comment.address_key,
        likeness,
        comment.created_at,
    )


# Built once: a batch asks for each author, each address and each text by itself.
_posts = RecentPost.__table__.c
_RECENT = (
    select(*(_posts[name] for name in _Post.__slots__))
    .where(_posts.posted_at.between(bindparam("since"), bindparam("until")))
    .order_by(_posts.posted_at.desc())
    .limit(MAX_POSTS)
)
_BY_AUTHOR = _RECENT.where(_posts.author_id == bindparam("author_id"))
_BY_ADDRESS = _RECENT.where(_posts.address_key == bindparam("address_key"))
_BY_LIKENESS = _RECENT.where(
    _posts.site_id == bindparam("site_id"), _posts.likeness == bindparam("likeness")
)
_APPROVED = select(func.count()).select_from(
    select(Comment.id)
    .where(Comment.author_id == bindparam("author_id"), in_status(Status.APPROVED))
    .limit(MAX_APPROVED)
    .subquery()
)


class _Look:
    """One look at the database for a batch; what several comments share is read once."""

    def __init__(
        self, session: Session, signals: SpamSignals, batch: Sequence[_Post], now: datetime
    ) -> None:
        self._session = session
        self._batch = batch
        self._posting = timedelta(minutes=signals.posting_window_min)
        self._copies = timedelta(hours=signals.copies_window_h)
        self._heard_since = now - timedelta(days=signals.feedback_days)
        self._earliest = min((post.posted_at for post in batch), default=now)
        self._latest = max((post.posted_at for post in batch), default=now)
        self._known: dict[Any, Any] = {}

    def context(self, post: _Post, fingerprint: str, typing_ms: int | None) -> SpamContext:
        copies = self._before(post, self._copies, _BY_LIKENESS, "site_id", "likeness")
        own = [copy for copy in copies if copy.author_id == post.author_id]
        of_address = (
            self._before(post, self._posting, _BY_ADDRESS, "address_key")
            if post.address_key is not None
            else []
        )
        spam, ham = spam_feedback.heard(
            self._session,
            post.site_id,
            post.likeness,
            fingerprint,
            since=self._heard_since,
            comment_id=post.comment_id,
        )
        return SpamContext(
            copies_by_others=len(copies) - len(own),
            copies_across_articles=sum(copy.article_id != post.article_id for copy in own),
            copies_on_the_article=sum(copy.article_id == post.article_id for copy in own),
            author_recent=len(self._before(post, self._posting, _BY_AUTHOR, "author_id")),
            address_recent=sum(other.author_id != post.author_id for other in of_address),
            author_approved=self._approved(post.author_id),
            typing_ms=typing_ms,
            feedback_spam=spam,
            feedback_ham=ham,
        )

    def _before(self, post: _Post, window: timedelta, statement: Any, *names: str) -> list[_Post]:
        """Posts with the same ``names`` within ``window`` before a post, stored or in the batch."""
        wanted = {name: getattr(post, name) for name in names}
        key = (names, *wanted.values())
        if key not in self._known:
            told = {**wanted, "since": self._earliest - window, "until": self._latest}
            stored = self._session.connection().execute(statement, told)
            found = {row.comment_id: _Post(*row) for row in stored}
            alike = (
                other
                for other in self._batch
                if all(getattr(other, name) == value for name, value in wanted.items())
            )
            found |= {other.comment_id: other for other in alike}
            self._known[key] = list(found.values())
        return _within(self._known[key], post, window)

    def _approved(self, author_id: str) -> int:
        key = ("approved", author_id)
        if key not in self._known:
            found = self._session.connection().execute(_APPROVED, {"author_id": author_id})
            self._known[key] = found.scalar_one()
        return self._known[key]


def _within(posts: Iterable[_Post], post: _Post, window: timedelta) -> list[_Post]:
    return [
        other
        for other in posts
        if other.is_before(post)
        and other.comment_id != post.comment_id
        and other.posted_at >= post.posted_at - window
    ]
