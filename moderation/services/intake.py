"""Taking comments in: everything that must be true before a comment is stored, and storing it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from moderation.domain.author import Author, AuthorKind, Signature, name_key
from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status
from moderation.domain.site import Article, ArticleState, Site
from moderation.errors import (
    CommentsClosed,
    IdempotencyMismatch,
    InvalidParent,
    UnknownArticle,
)
from moderation.jobs import JUDGE_COMMENTS, announce_after_commit
from moderation.services.rows import insert_if_absent
from moderation.services.sanctions import refuse_barred


@dataclass(frozen=True, slots=True)
class Submission:
    """A comment as it came in, its fields already checked; ``body`` is cleaned."""

    article_id: str
    body: str
    signature: Signature
    parent_id: str | None = None
    article_url: str | None = None
    article_title: str | None = None
    idempotency_key: str | None = None
    request_id: str | None = None
    address_key: str | None = None
    """A keyed hash of the network address."""
    typing_ms: int | None = None
    """What the article page measured. Like the address no part of what makes a request the same."""

    def digest(self) -> str:
        """SHA-256 over what makes two requests the same request."""
        told = [
            self.article_id,
            self.body,
            self.parent_id,
            self.signature.kind,
            # Not a guest's: it changes with the network, and that is when requests are repeated.
            self.signature.identity if self.signature.kind == AuthorKind.READER else None,
            self.signature.name,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the author is told; ``replayed`` when an earlier request had already made it."""

    comment_id: str
    created_at: datetime
    replayed: bool = False


def find_replay(session: Session, site: Site, submission: Submission) -> Accepted | None:
    """The answer given before to the same Idempotency-Key, or None if it is new.

    Raises:
        IdempotencyMismatch: the key was used for a different comment.
    """
    if submission.idempotency_key is None:
        return None
    found = (
        session.connection()
        .execute(_BY_KEY, {"site": site.id, "key": submission.idempotency_key})
        .one_or_none()
    )
    if found is None:
        return None
    if found.request_digest != submission.digest():
        raise IdempotencyMismatch(
            "This Idempotency-Key came before with another comment; use a new key for each comment",
            errors={"Idempotency-Key": ["Used before for another comment."]},
        )
    return Accepted(found.id, found.created_at, replayed=True)


def submit(session: Session, site: Site, submission: Submission, *, now: datetime) -> Accepted:
    """Store a comment as ``pending``: once the transaction commits it is durable and due.

    Raises:
        UnknownArticle: the article is unknown and the site makes none by itself.
        CommentsClosed: the article takes no comments.
        InvalidParent: the comment replied to is not public under this article.
        AuthorSuspended, AuthorBanned: no comments are taken from this author.
        IdempotencyMismatch: the Idempotency-Key was used for a different comment.
    """
    if replay := find_replay(session, site, submission):
        return replay
    article_id = _open_article(session, site, submission, now)
    if submission.parent_id is not None:
        _check_parent(session, article_id, submission.parent_id)
    author_id = _author(session, site, submission.signature, now)

    comment_id = new_id()
    stored = insert_if_absent(
        session,
        Comment,
        {
            "id": comment_id,
            "site_id": site.id,
            "article_id": article_id,
            "author_id": author_id,
            "parent_id": submission.parent_id,
            "body": submission.body,
            "status": Status.PENDING,
            "version": 1,
            "created_at": now,
            "request_id": submission.request_id,
            "idempotency_key": submission.idempotency_key,
            "request_digest": submission.digest() if submission.idempotency_key else None,
            "address_key": submission.address_key,
            "typing_ms": submission.typing_ms,
            "score_due_at": now,
            "score_attempts": 0,
            "not_scored": False,
        },
        unique=("site_id", "idempotency_key"),
    )
    if not stored:
        # The same request on another connection was quicker; its comment is ours.
        replay = find_replay(session, site, submission)
        assert replay is not None
        return replay
    announce_after_commit(session, JUDGE_COMMENTS)
    return Accepted(comment_id, now)


# On the way of every comment, so built once, and without the ORM's share of the work.
_comments, _articles, _authors = Comment.__table__.c, Article.__table__.c, Author.__table__.c
_BY_KEY = select(_comments.id, _comments.created_at, _comments.request_digest).where(
    _comments.site_id == bindparam("site"), _comments.idempotency_key == bindparam("key")
)
_ARTICLE = select(_articles.id, _articles.state).where(
    _articles.site_id == bindparam("site"), _articles.external_id == bindparam("external_id")
)
_AUTHOR = select(
    _authors.id, _authors.name, _authors.email, _authors.picture, _authors.sanctions
).where(
    _authors.site_id == bindparam("site"),
    _authors.kind == bindparam("kind"),
    _authors.identity == bindparam("identity"),
)


def _open_article(session: Session, site: Site, submission: Submission, now: datetime) -> str:
    connection = session.connection()
    named = {"site": site.id, "external_id": submission.article_id}
    found = connection.execute(_ARTICLE, named).one_or_none()
    if found is None:
        if not site.creates_articles:
            raise UnknownArticle(
                f"This site has no article {submission.article_id!r} and does not make articles "
                "on their first comment"
            )
        insert_if_absent(
            session,
            Article,
            {
                "id": new_id(),
                "site_id": site.id,
                "external_id": submission.article_id,
                "url": submission.article_url,
                "title": submission.article_title,
                "state": ArticleState.OPEN,
                "approved_count": 0,
                "public_version": 0,
                "created_at": now,
            },
            unique=("site_id", "external_id"),
        )
        found = connection.execute(_ARTICLE, named).one()
    if found.state != ArticleState.OPEN:
        raise CommentsClosed
    return found.id


def _check_parent(session: Session, article_id: str, parent_id: str) -> None:
    parent = session.execute(
        select(Comment.article_id, Comment.status).where(Comment.id == parent_id)
    ).one_or_none()
    # One answer for all three, or it would tell strangers which comments exist.
    if parent is None or parent.article_id != article_id or parent.status != Status.APPROVED:
        raise InvalidParent(
            "The comment replied to is not public under this article",
            errors={"parent_id": ["Reply to an approved comment of the same article."]},
        )


def _author(session: Session, site: Site, signature: Signature, now: datetime) -> str:
    connection = session.connection()
    identified = {"site": site.id, "kind": signature.kind, "identity": signature.identity}
    found = connection.execute(_AUTHOR, identified).one_or_none()
    if found is None:
        insert_if_absent(
            session,
            Author,
            {
                "id": new_id(),
                "site_id": site.id,
                "kind": signature.kind,
                "identity": signature.identity,
                "name": signature.name,
                "email": signature.email,
                "picture": signature.picture,
                "created_at": now,
            },
            unique=("site_id", "kind", "identity"),
        )
        found = connection.execute(_AUTHOR, identified).one()
    refuse_barred(found.sanctions, now)
    latest = (signature.name, signature.email, signature.picture)
    if (found.name, found.email, found.picture) != latest:
        # The publisher's token is the truth about its reader; a name changed there changes here.
        author = session.get_one(Author, found.id)
        author.name, author.email, author.picture = latest
        author.name_key = name_key(author.name)
        session.flush()
    return found.id
