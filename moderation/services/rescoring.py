"""Scoring stored comments anew: those that wait, or a period beside its old scores.

A change of the model re-scores nothing by itself. This does, on request, page by page: a page is
read in one transaction, scored outside of any, and written in another that looks again at every
comment. Whatever was decided, edited or withdrawn meanwhile is left alone. Both ways can be
stopped anywhere and begun again: what has its new judgement is not due any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from moderation.domain.comment import Comment, Status, in_status
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.policy import Outcome, Policy, Verdict, statement
from moderation.domain.score import Judgement
from moderation.domain.text import count_links
from moderation.scoring.judge import Assessment
from moderation.scoring.normalise import normalised_text
from moderation.services import judging
from moderation.services.rows import lock_comments
from moderation.services.transitions import By, Transitions, transitions

COMPARED = (Status.QUEUED, Status.APPROVED, Status.REJECTED)
"""Comments in these states have a judgement that a new one can stand beside."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which comments are meant: all that apply. ``since`` and ``until`` are times of posting."""

    since: datetime | None = None
    until: datetime | None = None
    site_id: str | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """What a judge calls itself: the version that its assessments name.

    ``by_language``: language -> the version that texts in it get instead.
    """

    version: str
    by_language: Mapping[str, str] = field(default_factory=dict)
    lacks_second: bool = False
    """Whether there is a second model, for other languages, that cannot be loaded just now."""

    def say_of(self, judgement: type[Judgement]) -> ColumnElement[str]:
        """The version that a judgement of this text has when it is theirs."""
        versions: dict[str, list[str]] = {}
        for language, version in sorted(self.by_language.items()):
            versions.setdefault(version, []).append(language)
        cases = [(judgement.language.in_(codes), version) for version, codes in versions.items()]
        return case(*cases, else_=self.version) if cases else literal(self.version)


@dataclass(frozen=True, slots=True)
class Stored:
    """A comment as it was read; ``version`` and ``judgement_id`` tell whether it is still so."""

    comment_id: str
    version: int
    judgement_id: str
    body: str
    earlier: Assessment | None
    """What the judgement in force says; None where the comment could not be scored."""
    held: bool = False
    """Whether a moderator has claimed it: those scores are before somebody's eyes just now."""
    compared: Assessment | None = None
    """What the model in question said of this text before, in a comparison."""


@dataclass(frozen=True, slots=True)
class Change:
    """What the policy in force says of a comment with its earlier scores and with the new ones."""

    comment_id: str
    before: Verdict
    after: Verdict


@dataclass(frozen=True, slots=True)
class Rescored:
    """What became of a page."""

    changes: list[Change] = field(default_factory=list)
    moved: Mapping[Outcome, int] = field(default_factory=dict)
    """How many comments the policy has approved or rejected, where it was asked to."""
    stale: int = 0
    """Comments that somebody had decided, edited or withdrawn meanwhile: left alone."""
    held: int = 0
    """Comments that a moderator had claimed meanwhile: left as they are until another run."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a body tells a policy. Its likeness to others is known by now."""

    links: int
    folded: str

    @classmethod
    def of(cls, body: str) -> Facts:
        return cls(count_links(body), normalised_text(body))


def prepare(page: Iterable[Stored]) -> dict[str, Facts]:
    """Comment id -> facts, for :func:`replace` and :func:`compare`.

    Worth making before a transaction begins: on SQLite a session that writes holds up all other
    writers from its first moment on.
    """
    return {stored.comment_id: Facts.of(stored.body) for stored in page}


# --- What waits -------------------------------------------------------------------------------


def waiting(
    session: Session,
    wanted: Wanted,
    *,
    models: Models | None,
    undecided_only: bool = True,
    now: datetime,
    after: str = "",
    limit: int,
) -> list[Stored]:
    """Comments in the queue whose scores are not those of ``models``, by their ids.

    Args:
        models: None for all that waits, whatever models scored it.
        undecided_only: False takes also those that have the right scores, and wait although the
            policy would decide them.
        now: claims that end after this moment hold their comments.
        after: the last id of the page before.
    """
    statement = _stored(_waiting(wanted, models, undecided_only))
    return _page(session, statement, after, limit, now=now)


def count_waiting(
    session: Session, wanted: Wanted, *, models: Models | None, undecided_only: bool = True
) -> int:
    """How many comments :func:`waiting` gives, over all its pages."""
    return _count(session, _waiting(wanted, models, undecided_only))


def replace(
    session: Session,
    policies: Mapping[str, Policy],
    assessed: Sequence[tuple[Stored, Assessment]],
    *,
    now: datetime,
    facts: Mapping[str, Facts] | None = None,
    apply_policy: bool = False,
) -> Rescored:
    """Give waiting comments their new judgements, and their places in the queue.

    Their status stays. With ``apply_policy`` those move that the policy now approves or rejects,
    unless a person has put them back into the queue. What a moderator holds is left as it is: a
    decision names the judgement it was made on, which is to be the one that was seen.

    Args:
        facts: what :func:`prepare` gave; made here when left out.
    """
    facts = facts if facts is not None else prepare(stored for stored, _ in assessed)
    unchanged = _unchanged(session, [stored for stored, _ in assessed], (Status.QUEUED,))
    free = {comment_id: c for comment_id, c in unchanged.items() if not _is_held(c, now)}
    ours = [(s, free[s.comment_id], a) for s, a in assessed if s.comment_id in free]
    changes = _changes(session, policies, ours, facts, now)
    movable = _by_policy_alone(session, list(free.values())) if apply_policy else set()
    moved: dict[Outcome, int] = {}
    with transitions(session, now) as moves:
        for change, (_, comment, _) in zip(changes, ours, strict=True):
            judging.adopt(session, comment, change.after, now)
            if comment.id in movable and change.after.action is not Outcome.QUEUE:
                _move(moves, comment, change.after)
                moved[change.after.action] = moved.get(change.after.action, 0) + 1
    return Rescored(
        changes,
        moved,
        stale=len(assessed) - len(unchanged),
        held=len(unchanged) - len(free),
    )


# --- A period, for comparison -----------------------------------------------------------------


def of_period(
    session: Session, wanted: Wanted, *, models: Models, after: str = "", limit: int
) -> list[Stored]:
    """Comments of a period that others than ``models`` judged, by their ids."""
    beside = aliased(Judgement)
    statement = (
        _stored(_comparable(wanted, models))
        .outerjoin(
            beside,
            and_(
                beside.compares_with == Judgement.id,
                beside.model_version == models.say_of(beside),
            ),
        )
        .add_columns(beside)
    )
    return _page(session, statement, after, limit)


def count_of_period(session: Session, wanted: Wanted, *, models: Models) -> int:
    """How many comments :func:`of_period` gives, over all its pages."""
    return _count(session, _comparable(wanted, models))


def compare(
    session: Session,
    policies: Mapping[str, Policy],
    assessed: Sequence[tuple[Stored, Assessment]],
    *,
    now: datetime,
    facts: Mapping[str, Facts] | None = None,
) -> Rescored:
    """Write judgements beside those in force; the comments do not change in any way.

    A text that the same model was asked about before keeps the judgement it got then.

    Args:
        facts: what :func:`prepare` gave; made here when left out.
    """
    facts = facts if facts is not None else prepare(stored for stored, _ in assessed)
    locked = _unchanged(session, [stored for stored, _ in assessed], COMPARED)
    ours = [(s, locked[s.comment_id], a) for s, a in assessed if s.comment_id in locked]
    changes = _changes(session, policies, ours, facts, now)
    beside = session.execute(
        select(Judgement.compares_with, Judgement.model_version).where(
            Judgement.compares_with.in_([stored.judgement_id for stored, _, _ in ours])
        )
    )
    there = {tuple(row) for row in beside}
    for change, (stored, comment, assessment) in zip(changes, ours, strict=True):
        if (stored.judgement_id, assessment.model_version) not in there:
            judgement = judging.new_judgement(comment, change.after, now)
            judgement.compares_with = stored.judgement_id
            session.add(judgement)
    return Rescored(changes, stale=len(assessed) - len(ours))


# --- Parts ------------------------------------------------------------------------------------


def _waiting(
    wanted: Wanted, models: Models | None, undecided_only: bool
) -> list[ColumnElement[bool]]:
    conditions = [in_status(Status.QUEUED), *_meant(wanted)]
    if models is not None:
        other = Judgement.model_version.is_distinct_from(models.say_of(Judgement))
        decided = Judgement.action != Outcome.QUEUE
        conditions.append(other if undecided_only else or_(other, decided))
    return conditions


def _comparable(wanted: Wanted, models: Models) -> list[ColumnElement[bool]]:
    return [
        Comment.status.in_(COMPARED),
        Judgement.model_version.is_distinct_from(models.say_of(Judgement)),
        *_meant(wanted),
    ]


def _meant(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.site_id is not None:
        conditions.append(Comment.site_id == wanted.site_id)
    if wanted.since is not None:
        conditions.append(Comment.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(Comment.created_at < wanted.until)
    return conditions


def _stored(conditions: Sequence[ColumnElement[bool]]) -> Select:
    return (
        select(Comment.id, Comment.version, Comment.body, Comment.claim_expires_at, Judgement)
        .join(Judgement, Judgement.id == Comment.judgement_id)
        .where(*conditions)
    )


def _page(
    session: Session, statement: Select, after: str, limit: int, *, now: datetime | None = None
) -> list[Stored]:
    """Comments that are ``held`` are told only where it is said what time it is."""
    rows = session.execute(statement.where(Comment.id > after).order_by(Comment.id).limit(limit))
    return [
        Stored(
            comment_id,
            version,
            judgement.id,
            body,
            judging.assessment_of(judgement),
            now is not None and claimed_until is not None and claimed_until > now,
            *(judging.assessment_of(beside) for beside in rest if beside is not None),
        )
        for comment_id, version, body, claimed_until, judgement, *rest in rows
    ]


def _count(session: Session, conditions: Sequence[ColumnElement[bool]]) -> int:
    return session.scalar(
        select(func.count())
        .select_from(Comment)
        .join(Judgement, Judgement.id == Comment.judgement_id)
        .where(*conditions)
    )


def _unchanged(
    session: Session, page: Sequence[Stored], states: Sequence[Status]
) -> dict[str, Comment]:
    """The comments of a page that are still as they were read, locked."""
    locked = lock_comments(session, [stored.comment_id for stored in page])
    return {
        stored.comment_id: comment
        for stored in page
        if (comment := locked.get(stored.comment_id)) is not None
        and comment.status in states
        and (comment.version, comment.judgement_id) == (stored.version, stored.judgement_id)
    }


def _changes(
    session: Session,
    policies: Mapping[str, Policy],
    ours: Sequence[tuple[Stored, Comment, Assessment]],
    facts: Mapping[str, Facts],
    now: datetime,
) -> list[Change]:
    before, after = (
        judging.verdicts(
            session,
            policies,
            [
                (comment, facts[comment.id], new if is_new else stored.earlier)
                for stored, comment, new in ours
            ],
            now=now,
        )
        for is_new in (False, True)
    )
    return [Change(c.id, before[c.id], after[c.id]) for _, c, _ in ours]


def _is_held(comment: Comment, now: datetime) -> bool:
    return comment.claim_expires_at is not None and comment.claim_expires_at > now


def _by_policy_alone(session: Session, comments: Sequence[Comment]) -> set[str]:
    """Ids of those that policy put into the queue."""
    if not comments:
        return set()
    put_there = session.scalars(
        select(Decision.comment_id).where(
            or_(
                *(
                    and_(Decision.comment_id == comment.id, Decision.version == comment.version)
                    for comment in comments
                )
            ),
            Decision.decided_by == DecidedBy.POLICY,
            Decision.action == Action.QUEUE,
        )
    )
    return set(put_there)


def _move(moves: Transitions, comment: Comment, verdict: Verdict) -> None:
    to, action = judging.MOVE[verdict.action]
    moves.move(comment, to, action, By(DecidedBy.POLICY, reason=statement(verdict)))
