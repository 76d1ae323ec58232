"""Articles as moderators look at them: finding them, what goes on under one, closing one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import JUDGED, WAITS, Comment, Status, holds, in_status
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.decision import Action, Decision
from moderation.domain.site import Article, ArticleState, Site
from moderation.domain.staff import Principal, Scope
from moderation.errors import MissingScope, UnknownArticle
from moderation.keyring import Keyring
from moderation.services import audit, sites

MAX_COUNTED = 1000
"""In a list, waiting comments of an article are counted up to here."""
LATEST = 2000
"""So many of the latest decisions say which articles are active."""
RECENT_COMMENTS, RECENT_DECISIONS = 100, 20


class ArticleSort(StrEnum):
    ACTIVE = "active"
    """Those with the latest decisions first, a machine's included; one page."""
    NEWEST = "newest"


@dataclass(frozen=True, slots=True)
class ArticlePage:
    items: list[Article]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RecentDecision:
    decision: Decision
    comment: Comment
    author: Author


@dataclass(frozen=True, slots=True)
class ArticleView:
    """All that a moderator sees of an article."""

    article: Article
    site: Site
    policy: str
    """The name of the one in force: its own, else its site's."""
    counts: Mapping[Status, int]
    """How many comments there are in each state but ``withdrawn``."""
    escalated: int
    """Of those queued, how many wait for an admin."""
    reported: int
    """Of those approved, how many have open reports."""
    recent: list[RecentDecision]
    """The latest about its newest comments; that a machine sent one to the queue is left out."""


def find(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    *,
    sort: ArticleSort = ArticleSort.ACTIVE,
    text: str = "",
    site_id: str | None = None,
    state: ArticleState | None = None,
    cursor: str | None = None,
    limit: int = 30,
) -> ArticlePage:
    """Articles on the sites this principal sees.

    Args:
        text: stands in the title, the publisher's id or the address; upper and lower case are the
            same (on SQLite of ASCII letters only). What is searched for is sorted by ``NEWEST``.

    Raises:
        InvalidCursor: the cursor is not one of this list with these filters.
    """
    text = text.strip()
    statement = _meant(principal, text, site_id, state)
    if sort is ArticleSort.ACTIVE and not text:
        return ArticlePage(_active(session, statement, limit), None)
    listing = f"articles:{text}:{site_id or ''}:{state or ''}"
    place = tuple_(Article.created_at, Article.id)
    if cursor is not None:
        created_at, article_id = decode_cursor(keyring, listing, cursor)
        statement = statement.where(
            place < (datetime.fromisoformat(str(created_at)), str(article_id))
        )
    statement = statement.order_by(Article.created_at.desc(), Article.id.desc())
    rows = list(session.scalars(statement.limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    next_cursor = None
    if more:
        last = rows[-1]
        next_cursor = encode_cursor(keyring, listing, [last.created_at.isoformat(), last.id])
    return ArticlePage(rows, next_cursor)


def waiting_counts(session: Session, articles: Sequence[Article]) -> dict[str, int]:
    """Article id -> how many of its comments wait for a moderator, up to ``MAX_COUNTED``."""

    def count(article: Article) -> int:
        some = select(Comment.id).where(Comment.article_id == article.id, holds(WAITS))
        counted = some.limit(MAX_COUNTED).subquery()
        return session.scalar(select(func.count()).select_from(counted)) or 0

    return {article.id: count(article) for article in articles}


def look(session: Session, principal: Principal, article_id: str) -> ArticleView:
    """Raises UnknownArticle: there is none, or not on a site this principal sees."""
    article = _article(session, principal, article_id)
    site = session.get_one(Site, article.site_id)
    rows = session.execute(
        select(
            Comment.status,
            func.count(),
            func.count(Comment.escalated_at),
            func.sum(case((Comment.report_count > 0, 1), else_=0)),
        )
        .where(Comment.article_id == article.id, holds(JUDGED))
        .group_by(Comment.status)
    ).all()
    counts = {Status(status): number for status, number, _, _ in rows}
    pending = select(func.count()).where(
        in_status(Status.PENDING), Comment.article_id == article.id
    )
    counts[Status.PENDING] = session.scalar(pending) or 0
    queued = [row for row in rows if row[0] == Status.QUEUED]
    approved = [row for row in rows if row[0] == Status.APPROVED]
    return ArticleView(
        article=article,
        site=site,
        policy=article.policy or site.policy,
        counts={status: counts.get(status, 0) for status in Status if status != Status.WITHDRAWN},
        escalated=queued[0][2] if queued else 0,
        reported=int(approved[0][3]) if approved else 0,
        recent=_recent(session, article),
    )


def change(
    session: Session,
    principal: Principal,
    article_id: str,
    policies: Collection[str],
    *,
    now: datetime,
    **changes: Any,
) -> Article:
    """Open or close an article (``state``), or give it another ``policy``; None: its site's.

    Opening and closing is moderating and takes the scope ``decisions``; the policy decides about
    comments yet to come and takes ``sites``.

    Raises:
        UnknownArticle: there is none, or not on a site this principal sees.
        MissingScope: as said above.
        Invalid: an unknown state or policy.
    """
    article = _article(session, principal, article_id)
    for name, scope in (("state", Scope.DECISIONS), ("policy", Scope.SITES)):
        if name in changes and not principal.may(scope):
            raise MissingScope(f"Changing the {name} of an article needs the scope {scope}")
    changed = {name: value for name, value in changes.items() if getattr(article, name) != value}
    if not changed:
        return article
    site = session.get_one(Site, article.site_id)
    sites.put_article(session, site, article.external_id, policies, now=now, **changed)
    for name, value in changed.items():
        opened = value == ArticleState.OPEN
        state = "article.opened" if opened else "article.closed"
        audit.record(
            session,
            principal,
            state if name == "state" else "article.policy_changed",
            "article",
            article.id,
            now=now,
            site_id=article.site_id,
            name=article.title or article.external_id,
            **{name: value},
        )
    return article


# --- Parts ------------------------------------------------------------------------------------


def _article(session: Session, principal: Principal, article_id: str) -> Article:
    article = session.get(Article, article_id)
    if article is None or not principal.sees(article.site_id):
        raise UnknownArticle
    return article


def _meant(
    principal: Principal, text: str, site_id: str | None, state: ArticleState | None
) -> Select[tuple[Article]]:
    statement = select(Article)
    if principal.site_ids is not None:
        statement = statement.where(Article.site_id.in_(sorted(principal.site_ids)))
    if site_id is not None:
        statement = statement.where(Article.site_id == site_id)
    if state is not None:
        statement = statement.where(Article.state == state)
    if text:
        columns = (Article.title, Article.external_id, Article.url)
        found = [column.icontains(text, autoescape=True) for column in columns]
        statement = statement.where(or_(*found))
    return statement


def _active(session: Session, statement: Select[tuple[Article]], limit: int) -> list[Article]:
    latest = (
        select(Decision.comment_id, Decision.created_at)
        .order_by(Decision.created_at.desc(), Decision.id.desc())
        .limit(LATEST)
        .subquery()
    )
    active = (
        select(Comment.article_id, func.max(latest.c.created_at).label("at"))
        .join(latest, latest.c.comment_id == Comment.id)
        .group_by(Comment.article_id)
        .subquery()
    )
    return list(
        session.scalars(
            statement.join(active, active.c.article_id == Article.id)
            .order_by(active.c.at.desc(), Article.id.desc())
            .limit(limit)
        )
    )


def _recent(session: Session, article: Article) -> list[RecentDecision]:
    newest = (
        select(Comment.id)
        .where(Comment.article_id == article.id, holds(JUDGED))
        .order_by(Comment.created_at.desc(), Comment.id.desc())
        .limit(RECENT_COMMENTS)
        .subquery()
    )
    rows = session.execute(
        select(Decision, Comment, Author)
        .join(newest, newest.c.id == Decision.comment_id)
        .join(Comment, Comment.id == Decision.comment_id)
        .join(Author, Author.id == Comment.author_id)
        .where(Decision.action != Action.QUEUE)
        .order_by(Decision.created_at.desc(), Decision.id.desc())
        .limit(RECENT_DECISIONS)
    )
    return [RecentDecision(*row) for row in rows]
