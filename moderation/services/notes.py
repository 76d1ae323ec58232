"""Notes on comments: what moderators tell one another. Authors never see them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import Comment
from moderation.domain.desk import CommentNote
from moderation.domain.staff import Principal
from moderation.domain.text import InvalidText, clean_note
from moderation.errors import Invalid, NotYourNote, UnknownComment, UnknownNote

MAX_NOTE_CHARS = 2000


def add(
    session: Session, principal: Principal, comment_id: str, text: str, *, now: datetime
) -> CommentNote:
    """Write down something about a comment, for colleagues.

    Raises:
        UnknownComment: there is none, or not on a site this principal sees.
        Invalid: nothing in it, or more than ``MAX_NOTE_CHARS``.
    """
    comment = session.get(Comment, comment_id)
    if comment is None or not principal.sees(comment.site_id):
        raise UnknownComment
    try:
        text = clean_note(text, MAX_NOTE_CHARS)
    except InvalidText as error:
        raise Invalid(errors={"text": [error.message]}) from None
    note = CommentNote(
        id=new_id(),
        comment_id=comment.id,
        actor=principal.key,
        actor_name=principal.name,
        text=text,
        created_at=now,
    )
    session.add(note)
    session.flush()
    return note


def remove(session: Session, principal: Principal, note_id: str) -> None:
    """Take one's own note away, for good.

    Raises:
        UnknownNote: there is none, or not on a site this principal sees.
        NotYourNote: somebody else wrote it.
    """
    note = session.get(CommentNote, note_id)
    if note is None or not principal.sees(session.get_one(Comment, note.comment_id).site_id):
        raise UnknownNote
    if note.actor != principal.key:
        raise NotYourNote(f"{note.actor_name} wrote this note, and alone may delete it")
    session.delete(note)
