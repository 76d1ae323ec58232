"""How many comments each view has, and how many are new: counted as far as it is useful."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import false, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from moderation.domain.comment import Comment
from moderation.domain.decision import Decision
from moderation.domain.queue import QueueFilter, View
from moderation.domain.report import Report
from moderation.domain.staff import Principal
from moderation.services.queue.filtering import question
from moderation.services.queue.paging import rows_of

MAX_COUNTED = 1000
MAX_NEW = 100

MAX_EVENTS = 2000
"""The latest things that happened, among which the new comments of a view are looked for."""


@dataclass(frozen=True, slots=True)
class Count:
    """``number`` of something, or ``or_more`` than that."""

    number: int
    or_more: bool = False


COUNTED = tuple(view for view in View if view is not View.MINE)


def tab_counts(
    session: Session,
    principal: Principal,
    *,
    now: datetime,
    site_id: str | None = None,
    report_threshold: int = 1,
) -> Mapping[View, Count]:
    """View -> how many comments it has on the sites this principal sees, up to ``MAX_COUNTED``.

    What the person has skipped is counted; ``mine`` is not. Each costs a walk along so many entries
    of an index, whatever there is beyond.
    """
    counts = {}
    for view in COUNTED:
        wanted = QueueFilter(view=view, site_id=site_id)
        asked = question(session, principal, wanted, now=now, report_threshold=report_threshold)
        parts = [
            select(
                select(literal(1))
                .select_from(Comment)
                .where(*asked.view, scope)
                .limit(MAX_COUNTED + 1)
                .subquery()
            )
            for scope in asked.scopes or (false(),)
        ]
        number = session.scalar(select(func.count()).select_from(union_all(*parts).subquery())) or 0
        counts[view] = _count(number, MAX_COUNTED)
    return counts


def new_since(
    session: Session,
    principal: Principal,
    wanted: QueueFilter,
    since: datetime,
    *,
    now: datetime,
    report_threshold: int = 1,
) -> Count:
    """How many comments of a view have come into it after ``since``, up to ``MAX_NEW``.

    Told by the history of comments (judged, sent back, undone, decided, …) by others than this
    person, and for ``reported`` by the reports, as far as the latest ``MAX_EVENTS`` go. There is
    nothing new in ``mine``.

    Raises:
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    if wanted.view is View.MINE:
        return Count(0)
    asked = question(session, principal, wanted, now=now, report_threshold=report_threshold)
    events = select(Decision.comment_id, Decision.created_at).where(
        Decision.created_at > since, or_(Decision.actor.is_(None), Decision.actor != principal.key)
    )
    if wanted.view is View.REPORTED:
        events = select(Report.comment_id, Report.created_at).where(Report.created_at > since)
    happened = (
        events.order_by(events.selected_columns.created_at.desc()).limit(MAX_EVENTS).subquery()
    )
    rows = session.execute(
        rows_of(asked).where(
            or_(false(), *asked.scopes), Comment.id.in_(select(happened.c.comment_id))
        )
    )
    number = sum(bool(row.matches) and asked.matches(row.id, row.body, row.reasons) for row in rows)
    return _count(number, MAX_NEW)


def _count(number: int, most: int) -> Count:
    return Count(min(number, most), or_more=number > most)
