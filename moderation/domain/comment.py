"""Comments: their states, the moves between them, and the row that is also the scoring job."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime, new_id, one_of, only_where


class Status(StrEnum):
    PENDING = "pending"
    QUEUED = "queued"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class PublicSort(StrEnum):
    """Orders of an article's public list."""

    NEWEST = "newest"
    OLDEST = "oldest"


class QueueSort(StrEnum):
    """Orders of the moderators' queue."""

    PRIORITY = "priority"
    OLDEST = "oldest"
    NEWEST = "newest"


LEGAL_MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset(
        {Status.PENDING, Status.QUEUED, Status.APPROVED, Status.REJECTED, Status.WITHDRAWN}
    ),
    Status.QUEUED: frozenset(
        {Status.QUEUED, Status.APPROVED, Status.REJECTED, Status.PENDING, Status.WITHDRAWN}
    ),
    Status.APPROVED: frozenset(
        {Status.APPROVED, Status.REJECTED, Status.QUEUED, Status.PENDING, Status.WITHDRAWN}
    ),
    Status.REJECTED: frozenset({Status.APPROVED, Status.QUEUED, Status.WITHDRAWN}),
    Status.WITHDRAWN: frozenset(),
}
"""From each state, where it may go: decisions and undo, editing (to pending), withdrawing.

To itself: queued, when it is escalated or sent back; approved, when it is kept in spite of reports.
"""

UNCLUSTERED = "cluster_id IS NULL AND status IN ('queued', 'approved', 'rejected')"
"""SQL of the condition that a comment was judged and yet belongs to no group of near copies."""

WAITS = "status = 'queued' AND escalated_at IS NULL"
ESCALATED = "status = 'queued' AND escalated_at IS NOT NULL"
REPORTED = "status = 'approved' AND report_count > 0"
JUDGED = "status IN ('queued', 'approved', 'rejected')"
"""SQL of conditions, word for word as they stand in partial indexes: only so are those used."""

DECIDABLE = frozenset({Status.QUEUED, Status.APPROVED, Status.REJECTED})
"""States in which a moderator may approve or reject."""


def is_legal(before: str, after: str) -> bool:
    return Status(after) in LEGAL_MOVES[Status(before)]


def _indexes(of: str, where: str, **columns: tuple[str, ...]) -> list[Index]:
    """Indexes of the comments to which ``where`` applies: name -> columns."""
    return [
        Index(f"ix_comments_{of}_{name}", *covered, **only_where(where))
        for name, covered in columns.items()
    ]


class Comment(Base):
    """A comment, and while ``pending`` the job of scoring it.

    ``version`` grows with every change of status or body; decisions name the one they saw.
    ``score_due_at`` is when a worker may take the job: the moment of posting, or the end of the
    lease of whoever took it last. ``(version, score_attempts)`` tells that worker, when it comes
    back, whether the job is still its own.
    """

    __tablename__ = "comments"
    __table_args__ = (
        CheckConstraint(one_of("status", Status), name="status"),
        Index("uq_comments_idempotency", "site_id", "idempotency_key", unique=True),
        # The scoring jobs.
        Index(
            "ix_comments_jobs",
            "score_due_at",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        # The public list of an article and its replies, both ways round.
        Index(
            "ix_comments_public",
            "article_id",
            "created_at",
            "id",
            sqlite_where=text("status = 'approved'"),
            postgresql_where=text("status = 'approved'"),
        ),
        Index(
            "ix_comments_replies",
            "parent_id",
            "created_at",
            "id",
            sqlite_where=text("status = 'approved'"),
            postgresql_where=text("status = 'approved'"),
        ),
        # The queue by priority and by age, of all sites and of one; and a flood's copies, those
        # with the same letters and the whole cluster. Where a flood is gathered, all of it is
        # passed over by its cluster, without a look at the rows.
        *_indexes(
            "queue",
            WAITS,
            rank=("rank_ms", "id", "cluster_id"),
            age=("created_at", "id", "cluster_id"),
            site_rank=("site_id", "rank_ms", "id", "cluster_id"),
            site_age=("site_id", "created_at", "id", "cluster_id"),
            article=("article_id", "rank_ms", "id"),
            similar=("site_id", "fingerprint"),
            cluster=("cluster_id", "rank_ms", "id"),
            not_scored=("not_scored", "rank_ms", "id"),
        ),
        # The desk's other views.
        *_indexes("escalated", ESCALATED, rank=("rank_ms", "id")),
        *_indexes("reported", REPORTED, count=("report_count", "id")),
        *(
            index
            for status in ("approved", "rejected")
            for index in _indexes(
                status,
                f"status = '{status}'",
                age=("created_at", "id"),
                site_age=("site_id", "created_at", "id"),
            )
        ),
        *_indexes("claimed", "claimed_by IS NOT NULL", by=("claimed_by", "claim_expires_at")),
        # What was posted before and after a comment under the same article.
        *_indexes("judged", JUDGED, article=("article_id", "created_at", "id")),
        # An author's record, over time, and their comments of each status, newest first.
        Index("ix_comments_author", "author_id", "status", "created_at", "id"),
        # Whether anybody is left in a cluster.
        Index(
            "ix_comments_cluster_id",
            "cluster_id",
            sqlite_where=text("cluster_id IS NOT NULL"),
            postgresql_where=text("cluster_id IS NOT NULL"),
        ),
        # What was judged before there were clusters. Empty otherwise, and then costs nothing.
        Index(
            "ix_comments_unclustered",
            "id",
            sqlite_where=text(UNCLUSTERED),
            postgresql_where=text(UNCLUSTERED),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"))
    article_id: Mapped[str] = mapped_column(Id, ForeignKey("articles.id"))
    author_id: Mapped[str] = mapped_column(Id, ForeignKey("authors.id"))
    parent_id: Mapped[str | None] = mapped_column(Id, ForeignKey("comments.id"))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(10), default=Status.PENDING)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    edited_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    request_id: Mapped[str | None] = mapped_column(String(64))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_digest: Mapped[str | None] = mapped_column(String(64))

    # What the article page measured, and until the scoring a keyed hash of the network address.
    typing_ms: Mapped[int | None]
    address_key: Mapped[str | None] = mapped_column(String(32))

    score_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    score_attempts: Mapped[int] = mapped_column(default=0)

    # Of the latest judgement. No foreign key: judgements point here, and a circle of keys would
    # only make inserting harder.
    judgement_id: Mapped[str | None] = mapped_column(Id)
    not_scored: Mapped[bool] = mapped_column(default=False)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    cluster_id: Mapped[str | None] = mapped_column(Id)
    rank_ms: Mapped[int | None] = mapped_column(BigInteger)

    claimed_by: Mapped[str | None] = mapped_column(String(64))
    claimed_name: Mapped[str | None] = mapped_column(String(200))
    claim_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    escalated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Set while a queued comment waits for an admin and not for any moderator."""
    report_count: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """Reports by readers that no moderator has dealt with yet."""


def holds(condition: str, of: str = "comments") -> ColumnElement[bool]:
    """One of the conditions above, such as ``WAITS``, on the table or alias named ``of``."""
    named = re.sub(r"\b(status|escalated_at|report_count)\b", rf"{of}.\1", condition)
    # Without a type: of a Boolean, SQLAlchemy makes `… = 1` on SQLite, which no index answers to.
    return literal_column(f"({named})")


def in_status(status: Status) -> ColumnElement[bool]:
    """The condition that a comment is in ``status``, with the value written into the SQL.

    A bound parameter would keep both databases from the indexes that cover one status only.
    """
    return Comment.__table__.c.status == literal_column(f"'{status}'")
