"""Authors as moderators look at them: record, comments, notes; and rejecting all that waits."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.author import Author, name_key
from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.decision import Action, Decision
from moderation.domain.sanction import (
    MAX_NOTE_CHARS,
    AuthorNote,
    Sanction,
    SanctionKind,
    Standing,
    are_in_force,
    stricter_than,
)
from moderation.domain.site import Article, Site
from moderation.domain.staff import Principal, Scope
from moderation.domain.text import InvalidText, clean_note
from moderation.errors import Invalid, NotYourNote, UnknownNote
from moderation.keyring import Keyring
from moderation.services import audit, review, sanctions
from moderation.services.review import Order, Result
from moderation.services.sanctions import find_author

PERIODS: Mapping[str, timedelta | None] = {
    "days_7": timedelta(days=7),
    "days_30": timedelta(days=30),
    "ever": None,
}
"""The spans of time that an author's record is told for."""

MAX_REJECTED = 500
"""Comments rejected in one call; on SQLite all other writers wait for it."""

NOTE_DELETED = "author.note_deleted"


@dataclass(frozen=True, slots=True)
class Record:
    """How many comments of a period are in which state; ``posted`` is their sum."""

    posted: int = 0
    pending: int = 0
    queued: int = 0
    approved: int = 0
    rejected: int = 0
    withdrawn: int = 0

    @property
    def rejected_share(self) -> float | None:
        """Of those decided, 0..1; None while none is."""
        decided = self.approved + self.rejected
        return self.rejected / decided if decided else None


@dataclass(frozen=True, slots=True)
class AuthorView:
    """All that a moderator sees of an author, but for their comments."""

    author: Author
    site: Site
    standing: Standing | None
    records: Mapping[str, Record]
    """A name of ``PERIODS`` -> what became of the comments posted in it."""
    sanctions: list[Sanction]
    notes: list[AuthorNote]


@dataclass(frozen=True, slots=True)
class AuthorsComment:
    comment: Comment
    article: Article
    latest: Decision | None
    """What brought it into its state; None while it is being scored for the first time."""


@dataclass(frozen=True, slots=True)
class CommentPage:
    items: list[AuthorsComment]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AuthorPage:
    items: list[Author]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """What rejecting all that waits did. ``batch_id`` None: there was nothing to reject."""

    batch_id: str | None
    results: list[Result]
    left: int
    """How many still wait and can be rejected by calling again."""
    spared: int
    """How many wait that are left to others: claimed by a colleague, or escalated to the admins."""

    @property
    def done(self) -> int:
        return sum(result.problem is None for result in self.results)


# --- Looking ----------------------------------------------------------------------------------


def look(session: Session, principal: Principal, author_id: str, *, now: datetime) -> AuthorView:
    """Raises UnknownAuthor: there is none, or not on a site this principal sees."""
    author = find_author(session, principal, author_id)
    return AuthorView(
        author=author,
        site=session.get_one(Site, author.site_id),
        standing=author.standing(now),
        records=records(session, author.id, now=now),
        sanctions=sanctions.history(session, author.id),
        notes=list(
            session.scalars(
                select(AuthorNote)
                .where(AuthorNote.author_id == author.id)
                .order_by(AuthorNote.id.desc())
            )
        ),
    )


def records(session: Session, author_id: str, *, now: datetime) -> dict[str, Record]:
    """A name of ``PERIODS`` -> the record of comments posted in it. Reads an index alone."""
    spans = {
        name: func.sum(case((Comment.created_at > now - span, 1), else_=0))
        if span
        else func.count()
        for name, span in PERIODS.items()
    }
    rows = session.execute(
        select(Comment.status, *(column.label(name) for name, column in spans.items()))
        .where(Comment.author_id == author_id)
        .group_by(Comment.status)
    ).all()
    found = {}
    for name in PERIODS:
        numbers = {row.status: int(row._mapping[name]) for row in rows}
        found[name] = Record(posted=sum(numbers.values()), **numbers)
    return found


def comments(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    author_id: str,
    *,
    status: Status | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> CommentPage:
    """An author's comments, the newest first.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
        InvalidCursor: the cursor is not one of this list with this filter.
    """
    author = find_author(session, principal, author_id)
    listing = f"author:{author.id}:{status or 'all'}"
    place = tuple_(Comment.created_at, Comment.id)
    wanted = select(Comment.created_at, Comment.id).where(Comment.author_id == author.id)
    if cursor is not None:
        created_at, comment_id = decode_cursor(keyring, listing, cursor)
        wanted = wanted.where(place < (datetime.fromisoformat(str(created_at)), comment_id))
    wanted = wanted.order_by(Comment.created_at.desc(), Comment.id.desc()).limit(limit + 1)
    # Of each state by itself: the index that knows their order begins with it.
    newest = [
        tuple(row)
        for one in ([status] if status else Status)
        for row in session.execute(wanted.where(Comment.status == one))
    ]
    places = heapq.nlargest(limit + 1, newest)
    more, places = len(places) > limit, places[:limit]
    next_cursor = None
    if more:
        created_at, comment_id = places[-1]
        next_cursor = encode_cursor(keyring, listing, [created_at.isoformat(), comment_id])
    return CommentPage(_load(session, [comment_id for _, comment_id in places]), next_cursor)


def find(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    *,
    now: datetime,
    name: str = "",
    site_id: str | None = None,
    kind: SanctionKind | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> AuthorPage:
    """Authors by name, on the sites this principal sees.

    Args:
        name: how the name begins, in upper or lower case.
        kind: only those for whom this sanction counts now.

    Raises:
        InvalidCursor: the cursor is not one of this list with these filters.
    """
    key = name_key(name.strip())
    listing = f"authors:{key}:{site_id or ''}:{kind or ''}"
    statement = select(Author)
    if key:
        statement = statement.where(Author.name_key >= key, Author.name_key < key + "\U0010ffff")
    if principal.site_ids is not None:
        statement = statement.where(Author.site_id.in_(sorted(principal.site_ids)))
    if site_id is not None:
        statement = statement.where(Author.site_id == site_id)
    if kind is not None:
        in_force = select(Sanction.author_id).where(are_in_force(now))
        statement = statement.where(Author.id.in_(in_force.where(Sanction.kind == kind)))
        if stricter := stricter_than(kind):
            statement = statement.where(
                Author.id.not_in(in_force.where(Sanction.kind.in_(stricter)))
            )
    if cursor is not None:
        statement = statement.where(
            tuple_(Author.name_key, Author.id) > tuple(decode_cursor(keyring, listing, cursor))
        )
    rows = list(
        session.scalars(statement.order_by(Author.name_key, Author.id).limit(limit + 1)).all()
    )
    more, rows = len(rows) > limit, rows[:limit]
    next_cursor = None
    if more:
        next_cursor = encode_cursor(keyring, listing, [rows[-1].name_key, rows[-1].id])
    return AuthorPage(rows, next_cursor)


# --- Rejecting all that waits -----------------------------------------------------------------


def reject_waiting(
    session: Session,
    principal: Principal,
    author_id: str,
    *,
    reason: str | None,
    now: datetime,
    note: str | None = None,
) -> Rejection:
    """Reject what waits of an author, the oldest first, at most ``MAX_REJECTED`` at once.

    What a colleague holds is left to them, and what waits for an admin to admins.
    :func:`moderation.services.review.undo_batch` takes it all back.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
    """
    author = find_author(session, principal, author_id)
    others = [and_(Comment.claim_expires_at > now, Comment.claimed_by != principal.key)]
    if not principal.may(Scope.ADMIN):
        others.append(Comment.escalated_at.is_not(None))
    is_others = case((or_(*others), 1), else_=0)
    waiting = and_(Comment.author_id == author.id, Comment.status == Status.QUEUED)
    rows = session.execute(
        select(Comment.id, Comment.version)
        .where(waiting, is_others == 0)
        .order_by(Comment.created_at, Comment.id)
        .limit(MAX_REJECTED)
    ).all()
    orders = [Order(row.id, Action.REJECT, row.version, reason=reason, note=note) for row in rows]
    results = review.decide(session, principal, orders, now=now) if orders else []
    left, spared = session.execute(
        select(func.count(), func.coalesce(func.sum(is_others), 0)).where(waiting)
    ).one()
    batches = [result.decision.batch_id for result in results if result.decision]
    return Rejection(
        batch_id=batches[0] if batches else None,
        results=results,
        left=left - spared,
        spared=spared,
    )


def undoable(session: Session, author_id: str, batch_id: str) -> int:
    """How many rejections of a batch still stand, of this author's comments."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Decision)
            .join(
                Comment,
                and_(Comment.id == Decision.comment_id, Comment.version == Decision.version),
            )
            .where(
                Decision.batch_id == batch_id,
                Decision.action == Action.REJECT,
                Comment.author_id == author_id,
            )
        )
        or 0
    )


# --- Notes ------------------------------------------------------------------------------------


def add_note(
    session: Session, principal: Principal, author_id: str, body: str, *, now: datetime
) -> AuthorNote:
    """Write down something about an author, for colleagues.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
        Invalid: nothing in it, or too much.
    """
    author = find_author(session, principal, author_id)
    try:
        body = clean_note(body, MAX_NOTE_CHARS)
    except InvalidText as error:
        raise Invalid(errors={"body": [error.message]}) from None
    note = AuthorNote(
        id=new_id(),
        author_id=author.id,
        body=body,
        created_at=now,
        created_by=principal.key,
        created_by_name=principal.name,
    )
    session.add(note)
    session.flush()
    return note


def delete_note(
    session: Session, principal: Principal, author_id: str, note_id: str, *, now: datetime
) -> None:
    """Take one's own note away, for good; that one was there stays in the audit log.

    Raises:
        UnknownAuthor: there is none, or not on a site this principal sees.
        UnknownNote: there is no such note about this author.
        NotYourNote: somebody else wrote it.
    """
    author = find_author(session, principal, author_id)
    note = session.get(AuthorNote, note_id)
    if note is None or note.author_id != author.id:
        raise UnknownNote
    if note.created_by != principal.key:
        raise NotYourNote(f"{note.created_by_name} wrote this note, and alone may delete it")
    session.delete(note)
    audit.record(
        session,
        principal,
        NOTE_DELETED,
        "author",
        author.id,
        now=now,
        site_id=author.site_id,
        author=author.name,
        note_id=note.id,
    )


# --- Parts ------------------------------------------------------------------------------------


def _load(session: Session, ids: Sequence[str]) -> list[AuthorsComment]:
    """The comments of ``ids`` in that order, with what became of them, in one query."""
    if not ids:
        return []
    latest = and_(Decision.comment_id == Comment.id, Decision.version == Comment.version)
    rows: Any = session.execute(
        select(Comment, Article, Decision)
        .join(Article, Article.id == Comment.article_id)
        .outerjoin(Decision, latest)
        .where(Comment.id.in_(ids))
    )
    found = {row.Comment.id: AuthorsComment(*row) for row in rows}
    return [found[comment_id] for comment_id in ids if comment_id in found]
