"""What was decided, read for studying policies: by people alone, or by whomever. Changes nothing.

Both are read page by page in the order of the decisions, so that any number takes the same memory
and no transaction lasts long. Each comment comes once, with its last decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from moderation.domain.author import Author, AuthorKind
from moderation.domain.comment import Comment, Status
from moderation.domain.decision import IS_VERDICT, Action, DecidedBy, Decision
from moderation.domain.policy import Context
from moderation.domain.score import Judgement
from moderation.domain.text import count_links
from moderation.scoring.judge import Assessment
from moderation.scoring.normalise import normalised_text
from moderation.services import judging
from moderation.services.rows import MAX_IDS_A_QUERY

Position = tuple[datetime, str]
"""Where a page ended: time and id of its last decision."""

_VERDICT_STANDS = f"decisions.{IS_VERDICT}"
_VERDICTS = (Action.APPROVE, Action.REJECT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions are meant. ``since`` and ``until`` are the times of deciding."""

    until: datetime
    since: datetime | None = None
    site_id: str | None = None


@dataclass(frozen=True, slots=True)
class PeopleDecision:
    """A comment that a moderator decided, and what models said of the text they saw."""

    comment_id: str
    decided_at: datetime
    rejected: bool
    likeness: str
    """The same for near copies."""
    readings: tuple[Assessment, ...]
    """One a model: of the judgement then in force, and of those made to compare with it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A comment with its last decision, and what a policy needs to decide it anew.

    Of the author's approved comments those count that were posted before this one. Reports are not
    kept, so there are none.
    """

    comment_id: str
    status: Status
    decided_by: DecidedBy
    body: str
    assessment: Assessment | None
    """What the judgement in force says; None where the comment could not be scored."""
    author_approved_count: int
    is_guest: bool

    def context(self, assessment: Assessment | None, *, fold: bool) -> Context:
        """What a policy decides by, with what models say of the text; arguments as there."""
        return context_of(
            self.body,
            assessment,
            fold=fold,
            author_approved_count=self.author_approved_count,
            is_guest=self.is_guest,
        )


# --- What people decided ----------------------------------------------------------------------


def people_decisions(
    session: Session, wanted: Wanted, *, after: Position | None = None, limit: int
) -> tuple[list[PeopleDecision], Position | None]:
    """A page of comments that moderators decided, and where it ended; None at the end of all.

    What was undone does not count; the decision before it does again.
    """
    last = session.execute(
        _in_order(_last_of_people(wanted), after)
        .with_only_columns(Decision.comment_id, Decision.created_at, Decision.id)
        .limit(limit)
    ).all()
    if not last:
        return [], None
    standing = _standing(session, [row.comment_id for row in last])
    readings = _readings(session, [d.judgement_id for d in standing.values() if d.judgement_id])
    likeness = dict(
        session.execute(
            select(
                Comment.id, func.coalesce(Comment.cluster_id, Comment.fingerprint, Comment.id)
            ).where(Comment.id.in_(list(standing)))
        ).all()
    )
    page = [
        PeopleDecision(
            comment_id,
            decision.created_at,
            decision.action == Action.REJECT,
            likeness[comment_id],
            tuple(readings.get(decision.judgement_id or "", ())),
        )
        for row in last
        if (decision := standing.get(comment_id := row.comment_id)) is not None
    ]
    return page, (last[-1].created_at, last[-1].id)


def count_people_decisions(session: Session, wanted: Wanted) -> int:
    """How many comments :func:`people_decisions` goes through, those undone included."""
    return _count(session, _last_of_people(wanted))


def count_decided_by_policy(session: Session, wanted: Wanted) -> int:
    """Comments that policy decided and no moderator ever did: nobody knows whether rightly."""
    by_people = aliased(Decision)
    return _count(
        session,
        _select(wanted).where(
            Decision.decided_by == DecidedBy.POLICY,
            Decision.action.in_(_VERDICTS),
            ~exists().where(
                by_people.comment_id == Decision.comment_id,
                by_people.decided_by == DecidedBy.MODERATOR,
            ),
        ),
    )


# --- What was decided by whomever -------------------------------------------------------------


def cases(
    session: Session,
    wanted: Wanted,
    *,
    after: Position | None = None,
    limit: int,
) -> tuple[list[Case], Position | None]:
    """A page of comments that are approved or rejected, and where it ended; None at the end."""
    rows = _with_all_about_it(session, _in_order(_last_of_all(wanted), after).limit(limit))
    if not rows:
        return [], None
    return _as_cases(session, rows), (rows[-1].Decision.created_at, rows[-1].Decision.id)


def last_cases(
    session: Session, wanted: Wanted, *, limit: int, status: Status | None = None
) -> list[Case]:
    """The comments that were approved or rejected last, the latest first.

    Args:
        status: only those that are so.
    """
    statement = _last_of_all(wanted)
    if status is not None:
        statement = statement.where(Decision.status == status)
    latest_first = statement.order_by(Decision.created_at.desc(), Decision.id.desc())
    return _as_cases(session, _with_all_about_it(session, latest_first.limit(limit)))


def _with_all_about_it(session: Session, statement: Select[Any]) -> Sequence[Row[Any]]:
    return session.execute(
        statement.join(Author, Author.id == Comment.author_id)
        .outerjoin(Judgement, Judgement.id == Comment.judgement_id)
        .with_only_columns(Decision, Comment, Author.kind, Judgement)
    ).all()


def _as_cases(session: Session, rows: Sequence[Row[Any]]) -> list[Case]:
    approved: dict[str, int] = {}
    ids = [comment.id for _, comment, _, _ in rows]
    for start in range(0, len(ids), MAX_IDS_A_QUERY):
        approved |= _approved_before(session, ids[start : start + MAX_IDS_A_QUERY])
    return [
        Case(
            comment.id,
            Status(decision.status),
            DecidedBy(decision.decided_by),
            comment.body,
            judging.assessment_of(judgement) if judgement else None,
            author_approved_count=approved.get(comment.id, 0),
            is_guest=kind == AuthorKind.GUEST,
        )
        for decision, comment, kind, judgement in rows
    ]


def count_cases(session: Session, wanted: Wanted) -> int:
    """How many comments :func:`cases` gives, over all its pages."""
    return _count(session, _last_of_all(wanted))


def context_of(body: str, assessment: Assessment | None, *, fold: bool, **author: Any) -> Context:
    """What a policy decides by, of a text and what the models said of it.

    Args:
        fold: whether the body with disguises undone is needed: policies with words do.
        author: as in :class:`Context`.
    """
    return Context(
        body=body,
        folded_body=normalised_text(body) if fold else "",
        scores=assessment.scores if assessment else None,
        model_version=assessment.model_version if assessment else None,
        spans=assessment.spans if assessment else (),
        language=assessment.language if assessment else None,
        unsupported=assessment.unsupported if assessment else None,
        spam_parts=assessment.spam_parts if assessment else (),
        link_count=count_links(body),
        **author,
    )


# --- Parts ------------------------------------------------------------------------------------


def _select(wanted: Wanted) -> Select[Any]:
    statement = (
        select(Decision)
        .join(Comment, Comment.id == Decision.comment_id)
        .where(Decision.created_at < wanted.until)
    )
    if wanted.since is not None:
        statement = statement.where(Decision.created_at >= wanted.since)
    if wanted.site_id is not None:
        statement = statement.where(Comment.site_id == wanted.site_id)
    return statement


def _last_of_people(wanted: Wanted) -> Select[Any]:
    """Of each comment the last thing a moderator did, an undoing included."""
    later = aliased(Decision)
    return _select(wanted).where(
        Decision.decided_by == DecidedBy.MODERATOR,
        ~_later(later, later.decided_by == DecidedBy.MODERATOR),
    )


def _last_of_all(wanted: Wanted) -> Select[Any]:
    """Of each comment that is public or rejected what made it so."""
    # As the partial index has it: with bound values SQLite would not see that they are the same.
    return _select(wanted).where(literal_column(_VERDICT_STANDS), ~_later(aliased(Decision)))


def _later(later: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        later.comment_id == Decision.comment_id, later.version > Decision.version, *conditions
    )


def _in_order(statement: Select[Any], after: Position | None) -> Select[Any]:
    place = tuple_(Decision.created_at, Decision.id)
    if after is not None:
        statement = statement.where(place > after)
    return statement.order_by(Decision.created_at, Decision.id)


def _count(session: Session, statement: Select[Any]) -> int:
    counted = statement.with_only_columns(func.count(), maintain_column_froms=True)
    return session.scalar(counted.order_by(None)) or 0


def _standing(session: Session, comment_ids: Sequence[str]) -> dict[str, Decision]:
    """Comment id -> the moderator's decision that stands, where one does.

    An undoing brings back what stood before the decision it undoes, which may itself be one.
    """
    rows = session.scalars(
        select(Decision)
        .where(Decision.comment_id.in_(comment_ids), Decision.decided_by == DecidedBy.MODERATOR)
        .order_by(Decision.comment_id, Decision.version)
    )
    standing: dict[str, Decision | None] = {}
    before: dict[str, Decision | None] = {}
    for decision in rows:
        before[decision.id] = standing.get(decision.comment_id)
        if decision.action == Action.UNDO:
            standing[decision.comment_id] = before.get(decision.undoes or "")
        elif decision.action in _VERDICTS:
            standing[decision.comment_id] = decision
    return {comment_id: found for comment_id, found in standing.items() if found is not None}


def _readings(session: Session, judgement_ids: Sequence[str]) -> dict[str, list[Assessment]]:
    """Judgement id -> what models said of that text: it itself, and what was set beside it."""
    found: dict[str, list[Assessment]] = {}
    rows = session.scalars(
        select(Judgement).where(
            or_(Judgement.id.in_(judgement_ids), Judgement.compares_with.in_(judgement_ids))
        )
    )
    for judgement in rows:
        assessment = judging.assessment_of(judgement)
        if assessment is not None:
            found.setdefault(judgement.compares_with or judgement.id, []).append(assessment)
    return found


def _approved_before(session: Session, comment_ids: Sequence[str]) -> dict[str, int]:
    """Comment id -> how many approved comments its author had posted before it; 0 is left out."""
    earlier = aliased(Comment)
    rows = session.execute(
        select(Comment.id, func.count())
        .join(
            earlier,
            and_(
                earlier.author_id == Comment.author_id,
                earlier.created_at < Comment.created_at,
                earlier.status == Status.APPROVED,
            ),
        )
        .where(Comment.id.in_(comment_ids))
        .group_by(Comment.id)
    )
    return dict(rows.all())
