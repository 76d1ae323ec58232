"""What stands around a comment: what it replies to, what was said before and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.author import Author
from moderation.domain.comment import JUDGED, Comment, Status, holds, in_status
from moderation.domain.staff import Principal
from moderation.errors import UnknownComment

MAX_PARENTS = 10
MAX_READ = 200
"""Comments of the article that are looked through for siblings, each way."""

MAX_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Neighbour:
    comment: Comment
    """Of any status: what is pending or withdrawn stands only among the parents."""
    author: Author


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stands around one comment, which itself is not among it."""

    parents: list[Neighbour]
    """What it replies to, and what that replies to; the outermost first."""
    before: list[Neighbour]
    """Siblings (that reply to the same, or all to nothing) posted before it, the earliest first."""
    after: list[Neighbour]
    reply_count: int
    """Approved replies to it, counted up to ``MAX_COUNTED``."""


def around(
    session: Session, principal: Principal, comment_id: str, *, siblings: int = 3
) -> Surroundings:
    """What stands around a comment, ``siblings`` each way.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
    """
    comment = session.get(Comment, comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    parents: list[Comment] = []
    parent_id = comment.parent_id
    while parent_id is not None and len(parents) < MAX_PARENTS:
        parents.append(session.get_one(Comment, parent_id))
        parent_id = parents[-1].parent_id
    before = _siblings(session, comment, siblings, earlier=True)
    after = _siblings(session, comment, siblings, earlier=False)
    everybody = {c.author_id for c in (*parents, *before, *after)}
    authors = {a.id: a for a in session.scalars(select(Author).where(Author.id.in_(everybody)))}

    def told(comments: list[Comment]) -> list[Neighbour]:
        return [Neighbour(one, authors[one.author_id]) for one in comments]

    replies = (
        select(Comment.id)
        .where(Comment.parent_id == comment.id, in_status(Status.APPROVED))
        .limit(MAX_COUNTED)
    )
    return Surroundings(
        parents=told(parents[::-1]),
        before=told(before[::-1]),
        after=told(after),
        reply_count=session.scalar(select(func.count()).select_from(replies.subquery())) or 0,
    )


def parents_of(session: Session, comments: Sequence[Comment]) -> dict[str, Neighbour]:
    """Comment id -> what it replies to, in one query; what replies to nothing is left out."""
    parent_ids = {comment.parent_id for comment in comments if comment.parent_id is not None}
    if not parent_ids:
        return {}
    rows = session.execute(
        select(Comment, Author)
        .join(Author, Author.id == Comment.author_id)
        .where(Comment.id.in_(parent_ids))
    )
    found = {parent.id: Neighbour(parent, author) for parent, author in rows}
    return {c.id: found[c.parent_id] for c in comments if c.parent_id in found}


def _siblings(session: Session, comment: Comment, wanted: int, *, earlier: bool) -> list[Comment]:
    """The nearest first."""
    place, here = tuple_(Comment.created_at, Comment.id), (comment.created_at, comment.id)
    statement = select(Comment.id, Comment.parent_id).where(
        Comment.article_id == comment.article_id, holds(JUDGED)
    )
    if earlier:
        statement = statement.where(place < here)
        statement = statement.order_by(Comment.created_at.desc(), Comment.id.desc())
    else:
        statement = statement.where(place > here)
        statement = statement.order_by(Comment.created_at, Comment.id)
    near = session.execute(statement.limit(MAX_READ)).all()
    ids = [row.id for row in near if row.parent_id == comment.parent_id][:wanted]
    return [session.get_one(Comment, comment_id) for comment_id in ids]
