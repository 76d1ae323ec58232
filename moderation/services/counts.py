"""Proof of the public counts: count again and compare."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from moderation.domain.comment import Comment, Status, in_status
from moderation.domain.site import Article


@dataclass(frozen=True, slots=True)
class Drift:
    """An article whose stored count is not the number of its approved comments."""

    site_id: str
    article_id: str
    stored: int
    counted: int


def find_drift(session: Session) -> list[Drift]:
    """Recount every article in one statement, so at one moment; empty when all is exact."""
    counted = func.count(Comment.id)
    rows = session.execute(
        select(Article.site_id, Article.external_id, Article.approved_count, counted)
        .outerjoin(
            Comment,
            and_(Comment.article_id == Article.id, in_status(Status.APPROVED)),
        )
        .group_by(Article.id, Article.site_id, Article.external_id, Article.approved_count)
        .having(Article.approved_count != counted)
        .order_by(Article.site_id, Article.external_id)
    )
    return [Drift(*row) for row in rows]


def count_articles(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Article)) or 0
