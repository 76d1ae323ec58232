"""Saved views: filters with a name, one's own or shared with all moderators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.desk import SavedView
from moderation.domain.queue import QueueFilter
from moderation.domain.staff import Principal, Scope
from moderation.errors import AlreadyExists, Conflict, Forbidden, UnknownSavedView
from moderation.schemas.queue_filter import written
from moderation.services.rows import insert_if_absent

MAX_VIEWS = 50
"""Of one person."""


def visible(session: Session, principal: Principal) -> Sequence[SavedView]:
    """This person's own views and what others share, by name.

    A shared view shows everybody what they themselves may see.
    """
    return session.scalars(
        select(SavedView)
        .where(or_(SavedView.owner == principal.key, SavedView.shared.is_(True)))
        .order_by(SavedView.name, SavedView.id)
    ).all()


def save(
    session: Session,
    principal: Principal,
    name: str,
    wanted: QueueFilter,
    *,
    shared: bool = False,
    now: datetime,
) -> SavedView:
    """Keep a filter under a name, which is one line that is not empty.

    Raises:
        AlreadyExists: this person has a view of that name.
        Conflict: this person has ``MAX_VIEWS`` already.
    """
    own = session.scalars(select(SavedView.name).where(SavedView.owner == principal.key)).all()
    if len(own) >= MAX_VIEWS:
        raise Conflict(f"You have {MAX_VIEWS} saved views; delete one first")
    _check_free(own, name)
    values = {
        "id": new_id(),
        "owner": principal.key,
        "owner_name": principal.name,
        "name": name,
        "query": written(wanted),
        "shared": shared,
        "created_at": now,
        "updated_at": now,
    }
    # The database has the last word: a form can be sent twice at once.
    if not insert_if_absent(session, SavedView, values, unique=("owner", "name")):
        _check_free([name], name)
    return session.get_one(SavedView, values["id"])


def change(
    session: Session,
    principal: Principal,
    view_id: str,
    *,
    now: datetime,
    name: str | None = None,
    wanted: QueueFilter | None = None,
    shared: bool | None = None,
) -> SavedView:
    """Rename a view, share it or not, or let it mean another filter; what is None stays.

    Raises:
        UnknownSavedView, Forbidden: as for ``delete``.
        AlreadyExists: its owner has another view of that name.
    """
    view = _changeable(session, principal, view_id)
    if name is not None and name != view.name:
        own = select(SavedView.name).where(SavedView.owner == view.owner)
        _check_free(session.scalars(own).all(), name)
        view.name = name
    if wanted is not None:
        view.query = written(wanted)
    if shared is not None:
        view.shared = shared
    view.updated_at = now
    session.flush()
    return view


def delete(session: Session, principal: Principal, view_id: str) -> None:
    """Delete a view.

    Raises:
        UnknownSavedView: there is none, or it is somebody else's and not shared.
        Forbidden: it is somebody else's, and this is no admin.
    """
    session.delete(_changeable(session, principal, view_id))


def _changeable(session: Session, principal: Principal, view_id: str) -> SavedView:
    view = session.get(SavedView, view_id)
    if view is None or not (view.shared or view.owner == principal.key):
        raise UnknownSavedView
    if view.owner != principal.key and not principal.may(Scope.ADMIN):
        raise Forbidden(f"{view.owner_name} shares this view; only they or an admin change it")
    return view


def _check_free(names: Sequence[str], name: str) -> None:
    if name in names:
        raise AlreadyExists(f"There is a saved view named {name!r} already")
