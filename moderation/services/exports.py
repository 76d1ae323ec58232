"""Decisions for a spreadsheet, page by page: any number of them takes the same memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.comment import Comment
from moderation.domain.decision import Decision
from moderation.domain.score import Judgement
from moderation.domain.site import Article, Site
from moderation.domain.staff import Principal
from moderation.services.insight import Wanted, site_ids_of

Position = tuple[datetime, str]
"""Where a page ended: time and id of its last decision."""


@dataclass(frozen=True, slots=True)
class Line:
    """A decision with its place, and with the judgement in force then, if there was one."""

    decision: Decision
    site: Site
    article: Article
    judgement: Judgement | None


def decisions(
    session: Session,
    principal: Principal,
    wanted: Wanted,
    *,
    after: Position | None = None,
    limit: int,
) -> list[Line]:
    """A page of the decisions of a period, first to last; fewer than ``limit`` end it.

    Raises:
        UnknownSite: there is no such site, or not for this principal.
    """
    place = tuple_(Decision.created_at, Decision.id)
    statement = (
        select(Decision, Site, Article, Judgement)
        .join(Comment, Comment.id == Decision.comment_id)
        .join(Site, Site.id == Comment.site_id)
        .join(Article, Article.id == Comment.article_id)
        .outerjoin(Judgement, Judgement.id == Decision.judgement_id)
        .where(Decision.created_at >= wanted.since, Decision.created_at < wanted.until)
        .order_by(Decision.created_at, Decision.id)
        .limit(limit)
    )
    ids = site_ids_of(session, principal, wanted.site_id)
    if ids is not None:
        statement = statement.where(Comment.site_id.in_(sorted(ids)))
    if after is not None:
        statement = statement.where(place > after)
    return [Line(*row) for row in session.execute(statement)]
