"""What authors may do with their own comment: look, edit within the window, withdraw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.author import Author, Signature
from moderation.domain.comment import LEGAL_MOVES, Comment, Status
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.reason import statement_for
from moderation.domain.site import Article, Site
from moderation.errors import EditWindowOver, NotEditable, NotYourComment, UnknownComment
from moderation.jobs import JUDGE_COMMENTS, announce_after_commit
from moderation.keyring import Keyring
from moderation.services import likeness, spam_context
from moderation.services.rows import lock_comments
from moderation.services.sanctions import refuse_barred
from moderation.services.transitions import By, transitions


@dataclass(frozen=True, slots=True)
class Proof:
    """How somebody shows that a comment is theirs: its receipt, or being its signed-in author."""

    receipt: str | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class OwnComment:
    comment: Comment
    article_external_id: str
    editable_until: datetime | None
    rejection: Decision | None
    """The decision that rejected it, while it is rejected."""
    statement: str | None
    """What the author is told of its reason: a code of the site's list in its words."""


def look(
    session: Session,
    keyring: Keyring,
    site: Site,
    comment_id: str,
    proof: Proof,
    *,
    lock: bool = False,
) -> OwnComment:
    """An author's view of their comment.

    Raises:
        UnknownComment: this site has no such comment.
        NotYourComment: neither receipt nor sign-in shows that it is theirs.
    """
    comment = (
        lock_comments(session, [comment_id]).get(comment_id)
        if lock
        else session.get(Comment, comment_id)
    )
    if comment is None or comment.site_id != site.id:
        raise UnknownComment
    if not _is_theirs(session, keyring, comment, proof):
        raise NotYourComment("Send the X-Receipt you got for it, or sign in as its author")
    rejection = None
    if comment.status == Status.REJECTED:
        rejection = session.scalars(
            select(Decision).where(
                Decision.comment_id == comment.id, Decision.version == comment.version
            )
        ).one_or_none()
    editable = Status.PENDING in LEGAL_MOVES[Status(comment.status)]
    return OwnComment(
        comment=comment,
        article_external_id=session.get_one(Article, comment.article_id).external_id,
        editable_until=(
            comment.created_at + timedelta(seconds=site.edit_window_s) if editable else None
        ),
        rejection=rejection,
        statement=statement_for(site.reasons, rejection.reason) if rejection else None,
    )


def edit(
    session: Session,
    keyring: Keyring,
    site: Site,
    comment_id: str,
    proof: Proof,
    body: str,
    *,
    now: datetime,
) -> OwnComment:
    """Replace the body within the edit window; the comment goes back to ``pending``.

    Raises:
        UnknownComment, NotYourComment: as for ``look``.
        NotEditable: it was rejected or withdrawn.
        EditWindowOver: the window has passed.
        AuthorSuspended, AuthorBanned: nothing is taken from its author, who may still withdraw it.
    """
    own = look(session, keyring, site, comment_id, proof, lock=True)
    comment = own.comment
    refuse_barred(session.get_one(Author, comment.author_id).sanctions, now)
    if own.editable_until is None:
        raise NotEditable(f"A comment that was {comment.status} cannot be edited")
    if now > own.editable_until:
        raise EditWindowOver(f"It could be edited for {site.edit_window_s} seconds after posting")
    if body != comment.body:
        with transitions(session, now) as moves:
            by = By(DecidedBy.AUTHOR)
            moves.move(comment, Status.PENDING, Action.EDIT, by)
            comment.body = body
            comment.edited_at = now
            comment.score_due_at = now
            comment.score_attempts = 0
            comment.not_scored = False
            comment.judgement_id = comment.fingerprint = comment.rank_ms = None
            likeness.leave(session, comment)
        announce_after_commit(session, JUDGE_COMMENTS)
    return own


def withdraw(
    session: Session, keyring: Keyring, site: Site, comment_id: str, proof: Proof, *, now: datetime
) -> None:
    """Take a comment back for good. Doing so twice is fine.

    Raises:
        UnknownComment, NotYourComment: as for ``look``.
    """
    comment = look(session, keyring, site, comment_id, proof, lock=True).comment
    if comment.status == Status.WITHDRAWN:
        return
    with transitions(session, now) as moves:
        moves.move(comment, Status.WITHDRAWN, Action.WITHDRAW, By(DecidedBy.AUTHOR))
        comment.score_due_at = comment.address_key = None
        likeness.leave(session, comment)
        spam_context.forget_post(session, comment)


def _is_theirs(session: Session, keyring: Keyring, comment: Comment, proof: Proof) -> bool:
    if proof.receipt is not None and keyring.is_receipt(comment.id, proof.receipt):
        return True
    if proof.signature is None:
        return False
    author = session.get_one(Author, comment.author_id)
    return (author.kind, author.identity) == (proof.signature.kind, proof.signature.identity)
