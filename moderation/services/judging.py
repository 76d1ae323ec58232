"""Judging: taking due comments as jobs, and turning scores into verdicts.

A worker calls ``take_jobs`` in one transaction, scores outside of any, and hands the outcome to
``record`` in another. Whatever happens in between, the row still says what is to be done: the
lease ends and the comment is due again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.domain.author import Author, AuthorKind
from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status, in_status
from moderation.domain.decision import Action, DecidedBy
from moderation.domain.policy import Context, Outcome, Policy, Verdict, decide, statement
from moderation.domain.sanction import standing
from moderation.domain.score import Judgement
from moderation.domain.site import Article, Site
from moderation.domain.text import count_links
from moderation.labels import LABELS
from moderation.scoring.judge import Assessment
from moderation.scoring.similarity import Sketch
from moderation.scoring.spam_signals import SpamPart
from moderation.services import likeness, spam_context
from moderation.services.likeness import Newcomer, Placements
from moderation.services.rows import lock_comments
from moderation.services.transitions import By, Transitions, transitions

FALLBACK_POLICY = "strict"
"""Used where a site names a policy that is gone: then a person decides."""

MOVE: dict[Outcome, tuple[Status, Action]] = {
    Outcome.QUEUE: (Status.QUEUED, Action.QUEUE),
    Outcome.APPROVE: (Status.APPROVED, Action.APPROVE),
    Outcome.REJECT: (Status.REJECTED, Action.REJECT),
}


@dataclass(frozen=True, slots=True)
class Job:
    """A comment taken for scoring. ``attempt`` counts from 1, this one included."""

    comment_id: str
    site_id: str
    version: int
    attempt: int
    body: str
    request_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What ``record`` and ``give_up_or_retry`` did, for logs and metrics."""

    judged: Mapping[str, Verdict]
    """Comment id -> verdict."""
    stale: int = 0
    """Jobs that meanwhile belonged to another worker or another version: nothing was written."""
    retried: int = 0


class Facts(Protocol):
    """What a policy asks of a body: its links, and itself with disguises undone."""

    @property
    def links(self) -> int: ...

    @property
    def folded(self) -> str: ...


@dataclass(frozen=True, slots=True)
class BodyFacts:
    """What a body alone tells. Worth making before a transaction begins."""

    links: int
    sketch: Sketch

    @classmethod
    def of(cls, body: str) -> BodyFacts:
        return cls(count_links(body), Sketch.of(body))

    @property
    def folded(self) -> str:
        return self.sketch.folded

    @property
    def fingerprint(self) -> str:
        return self.sketch.fingerprint


@dataclass(frozen=True, slots=True)
class NoFacts:
    """What stands in for facts about a body that nothing can be told of: it raises errors."""

    folded: str
    links: int = 0
    fingerprint: None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What ``record`` needs beside the scores, made and read before it writes."""

    facts: Mapping[str, BodyFacts | NoFacts]
    """Comment id -> facts."""
    placements: Placements


def take_jobs(session: Session, *, now: datetime, limit: int, lease_s: int) -> list[Job]:
    """Take up to ``limit`` due comments, for ``lease_s`` seconds, the longest due first.

    A comment tried before is taken alone: should it be the one that kills workers, it then takes
    no other comment's attempts with it.
    """
    due = (
        select(Comment)
        .where(in_status(Status.PENDING), Comment.score_due_at <= now)
        .order_by(Comment.score_due_at)
        .with_for_update(skip_locked=True)
    )
    rows = session.scalars(due.limit(1)).all()
    if rows and rows[0].score_attempts == 0:
        rows = session.scalars(due.where(Comment.score_attempts == 0).limit(limit)).all()
    for row in rows:
        row.score_due_at = now + timedelta(seconds=lease_s)
        row.score_attempts += 1
    return [
        Job(
            comment_id=row.id,
            site_id=row.site_id,
            version=row.version,
            attempt=row.score_attempts,
            body=row.body,
            request_id=row.request_id,
            created_at=row.created_at,
        )
        for row in rows
    ]


def any_due(session: Session, *, now: datetime) -> bool:
    """Whether there is a job to take: a look that locks nothing."""
    found = select(Comment.id).where(in_status(Status.PENDING), Comment.score_due_at <= now)
    return session.execute(found.limit(1)).first() is not None


def prepare(session: Session, jobs: Sequence[Job]) -> Prepared:
    """Do and read all that ``record`` can know beforehand; nothing is written or locked.

    On SQLite a session that writes holds up all other writers from its first statement on.
    """
    facts = {job.comment_id: BodyFacts.of(job.body) for job in jobs}
    newcomers = [
        Newcomer(job.comment_id, job.site_id, facts[job.comment_id].sketch) for job in jobs
    ]
    return Prepared(facts, likeness.look_up(session, newcomers))


def unprepared(jobs: Sequence[Job]) -> Prepared:
    """For comments that ``prepare`` raises on and that a person is to decide all the same.

    They get no cluster; :func:`moderation.services.likeness.cluster_some` looks for one later.
    """
    return Prepared({job.comment_id: NoFacts(job.body) for job in jobs}, Placements({}, {}))


def record(
    session: Session,
    policies: Mapping[str, Policy],
    assessed: Sequence[tuple[Job, Assessment | None]],
    *,
    now: datetime,
    prepared: Prepared | None = None,
) -> Outcomes:
    """Write the verdicts on scored comments; with None for an assessment, "not scored".

    Jobs that are not ours any more (the lease ran out and somebody else took them, the author
    edited or withdrew) are left alone. What was not prepared for these jobs is prepared here.
    """
    prepared = prepared or prepare(session, [job for job, _ in assessed])
    facts = prepared.facts
    comments = _still_ours(session, [job for job, _ in assessed])
    ours = [
        (comments[job.comment_id], facts[job.comment_id], assessment)
        for job, assessment in assessed
        if job.comment_id in comments
    ]
    judged = verdicts(session, policies, ours, now=now)
    likeness.settle(session, prepared.placements, {comment.id: comment for comment, *_ in ours})
    spam_context.remember(session, [comment for comment, *_ in ours])
    with transitions(session, now) as moves:
        for comment, known, _ in ours:
            comment.fingerprint = known.fingerprint
            _apply(moves, comment, judged[comment.id])
    return Outcomes(judged, stale=len(assessed) - len(judged))


def verdicts(
    session: Session,
    policies: Mapping[str, Policy],
    assessed: Sequence[tuple[Comment, Facts, Assessment | None]],
    *,
    now: datetime,
) -> dict[str, Verdict]:
    """Comment id -> what the policy in force there says; nothing is written.

    None for an assessment means that scoring failed.
    """
    comments = [comment for comment, _, _ in assessed]
    policy_names = _policy_names(session, comments)
    authors = _authors(session, comments, now)
    said: dict[str, Verdict] = {}
    for comment, known, assessment in assessed:
        name = policy_names[comment.article_id]
        author = authors[comment.author_id]
        context = Context(
            body=comment.body,
            folded_body=known.folded,
            scores=assessment.scores if assessment else None,
            model_version=assessment.model_version if assessment else None,
            spans=assessment.spans if assessment else (),
            language=assessment.language if assessment else None,
            unsupported=assessment.unsupported if assessment else None,
            spam_parts=assessment.spam_parts if assessment else (),
            author_approved_count=author.approved,
            author_sanction=author.sanction,
            is_guest=author.is_guest,
            link_count=known.links,
            report_count=comment.report_count,
        )
        said[comment.id] = decide(policies.get(name) or policies[FALLBACK_POLICY], context)
    return said


def give_up_or_retry(
    session: Session,
    policies: Mapping[str, Policy],
    jobs: Sequence[Job],
    *,
    now: datetime,
    max_attempts: int,
    retry_s: int,
    prepared: Prepared | None = None,
) -> Outcomes:
    """After a failed scoring: due again later, or, after the last attempt, "not scored"."""
    exhausted = [(job, None) for job in jobs if job.attempt >= max_attempts]
    outcomes = record(session, policies, exhausted, now=now, prepared=prepared)
    again = [job for job in jobs if job.attempt < max_attempts]
    ours = _still_ours(session, again)
    for job in again:
        if comment := ours.get(job.comment_id):
            comment.score_due_at = now + timedelta(seconds=retry_s * 2 ** (job.attempt - 1))
    return Outcomes(
        outcomes.judged,
        stale=outcomes.stale + len(again) - len(ours),
        retried=len(ours),
    )


def _still_ours(session: Session, jobs: Sequence[Job]) -> dict[str, Comment]:
    locked = lock_comments(session, [job.comment_id for job in jobs])
    return {
        job.comment_id: comment
        for job in jobs
        if (comment := locked.get(job.comment_id)) is not None
        and comment.status == Status.PENDING
        and (comment.version, comment.score_attempts) == (job.version, job.attempt)
    }


def _policy_names(session: Session, comments: Sequence[Comment]) -> dict[str, str]:
    """Article id -> name of the policy in force there: the article's own, else its site's."""
    rows = session.execute(
        select(Article.id, func.coalesce(Article.policy, Site.policy))
        .join(Site, Site.id == Article.site_id)
        .where(Article.id.in_({comment.article_id for comment in comments}))
    )
    return dict(rows.all())


@dataclass(frozen=True, slots=True)
class _AuthorFacts:
    is_guest: bool
    approved: int
    sanction: str | None


def _authors(
    session: Session, comments: Sequence[Comment], now: datetime
) -> dict[str, _AuthorFacts]:
    """Author id -> what a policy asks of authors."""
    rows = session.execute(
        select(Author.id, Author.kind, Author.sanctions, func.count(Comment.id))
        .outerjoin(Comment, (Comment.author_id == Author.id) & in_status(Status.APPROVED))
        .where(Author.id.in_({comment.author_id for comment in comments}))
        # Its key: the author's other columns follow from it, and a JSON one cannot be grouped by.
        .group_by(Author.id)
    )
    return {
        author_id: _AuthorFacts(
            kind == AuthorKind.GUEST,
            approved,
            counts.kind if (counts := standing(kept, now)) else None,
        )
        for author_id, kind, kept, approved in rows
    }


def assessment_of(judgement: Judgement) -> Assessment | None:
    """What the models said, as the row of a judgement keeps it; None for "not scored"."""
    if judgement.scores is None or judgement.model_version is None:
        return None
    return Assessment(
        judgement.scores,
        judgement.model_version,
        spans=tuple((start, end) for start, end in judgement.spans),
        language=judgement.language,
        unsupported=judgement.unsupported,
        spam_parts=tuple(
            SpamPart(part["name"], part["value"], part["log_odds"]) for part in judgement.spam_parts
        ),
    )


def new_judgement(comment: Comment, verdict: Verdict, now: datetime) -> Judgement:
    """The row that says of ``comment`` as it is now what models and policy made of it."""
    return Judgement(
        id=new_id(),
        comment_id=comment.id,
        comment_version=comment.version,
        created_at=now,
        # Scores the policy could not use are not shown as if it had.
        model_version=verdict.model_version if verdict.scores else None,
        **{label: verdict.scores[label] if verdict.scores else None for label in LABELS},
        spans=[list(span) for span in verdict.spans],
        language=verdict.language,
        unsupported=verdict.unsupported,
        spam_parts=[
            {"name": name, "value": value, "log_odds": log_odds}
            for name, value, log_odds in verdict.spam_parts
        ],
        action=verdict.action,
        rule=verdict.rule,
        detail=verdict.detail,
        reasons=list(verdict.reasons),
        thresholds=verdict.thresholds,
        policy=verdict.policy,
        policy_version=verdict.policy_version,
    )


def adopt(session: Session, comment: Comment, verdict: Verdict, now: datetime) -> Judgement:
    """Write a judgement and let the comment and its place in the queue follow it.

    The status is not touched. ``comment`` must be locked by this transaction.
    """
    judgement = new_judgement(comment, verdict, now)
    session.add(judgement)
    comment.judgement_id = judgement.id
    comment.not_scored = verdict.scores is None
    comment.rank_ms = int(comment.created_at.timestamp() * 1000) - verdict.head_start_min * 60_000
    return judgement


def _apply(moves: Transitions, comment: Comment, verdict: Verdict) -> None:
    judgement = adopt(moves.session, comment, verdict, moves.now)
    comment.score_due_at = None
    to, action = MOVE[verdict.action]
    by = By(DecidedBy.POLICY, reason=statement(verdict))
    moves.move(comment, to, action, by, judgement_id=judgement.id)
