"""Tallies: what happened in each hour on each site, counted once so that nobody counts it again.

What is counted is decisions, in the order in which they were made. Most of what one says belongs
to its own hour; an arrival belongs to the hour of posting, and an overturning to the hour of the
decision that was overturned, so that a share of those is a share of the same decisions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from moderation.domain.base import Base, Id, UtcDateTime
from moderation.domain.comment import Status
from moderation.domain.decision import Action, DecidedBy
from moderation.labels import LABELS

HOUR = timedelta(hours=1)
BANDS = 10
HIGHEST = "highest"
"""Stands beside the labels for the highest score of all of them."""

VERDICTS = frozenset({Action.APPROVE, Action.REJECT})
FIRST_DECISION = 2
"""The version that a comment's first decision leaves; every comment has exactly one of it."""

_MIN, _H, _DAY = 60, 3600, 86_400
WAIT_EDGES_S: tuple[float, ...] = (
    *(0, 5, 10, 15, 20, 30, 45),
    *(_MIN * n for n in (1, 1.5, 2, 3, 4, 5, 7, 10, 15, 20, 30, 45)),
    *(_H * n for n in (1, 1.5, 2, 3, 4, 6, 8, 12, 18)),
    *(_DAY * n for n in (1, 1.5, 2, 3, 4, 5, 7, 10, 14, 30)),
)
"""Where the bins begin that waits are counted in, in seconds. Stored tallies name their places:
nothing may be put in between.
"""


class Measure(StrEnum):
    """What is counted. The keys of each, where they are several words, are parted by a space."""

    ARRIVED = "arrived"
    """``all``: comments, by the hour of posting, once they have been judged or withdrawn."""
    DECIDED = "decided"
    """``DECIDED_BY ACTION``."""
    WAITED = "waited"
    """Number of a bin, see :func:`wait_bin`: from posting to a moderator's first verdict."""
    SUGGESTED = "suggested"
    """``ACTION high|clear|not_scored``: moderators' verdicts by what the scores had said."""
    BANDS = "bands"
    """``LABEL BAND ACTION``: moderators' verdicts by tenths of a score, label by label."""
    REASONS = "reasons"
    """Why moderators rejected, in their words; empty where they gave no reason."""
    OVERTURNED = "overturned"
    """``DECIDED_BY ACTION own|other``: verdicts of this hour that no longer stand."""
    PEOPLE = "people"
    """``ACTOR ACTION``, and ``ACTOR overturned`` for what others overturned."""
    ARTICLES = "articles"
    """``ARTICLE_ID``: comments that arrived there."""
    REJECTED_AT = "rejected_at"
    """``ARTICLE_ID``: rejections there, by whomever."""


Counts = Mapping[str, Mapping[str, int]]
"""Measure -> key -> number."""


class Tally(Base):
    """What was counted of one hour, which begins at ``hour``, on one site."""

    __tablename__ = "tallies"

    hour: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    site_id: Mapped[str] = mapped_column(Id, ForeignKey("sites.id"), primary_key=True)
    counts: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON)


class TallyMark(Base):
    """How far counting has come: each decision before ``until`` is in the tallies, once."""

    __tablename__ = "tally_marks"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class Step:
    """A decision as one of the chain of decisions about its comment."""

    id: str
    version: int
    action: str
    decided_by: str
    actor: str | None
    previous_status: str
    status: str
    undoes: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """A decision with what there is to count about it.

    ``scores`` are those of the judgement in force, None where the comment was not scored;
    ``is_high`` says whether one of them reached its ``hold_at``. ``follows_undo``: what it was
    decided after had been undone. ``chain`` is empty unless the decision can overturn another.
    """

    step: Step
    site_id: str
    article_id: str
    reason: str | None
    posted_at: datetime
    edited_at: datetime | None
    follows_undo: bool
    scores: Mapping[str, float] | None
    is_high: bool
    chain: Sequence[Step] = ()


def hour_of(moment: datetime) -> datetime:
    """The beginning of the hour, in UTC."""
    return moment.replace(minute=0, second=0, microsecond=0)


def wait_bin(seconds: float) -> int:
    """The place in WAIT_EDGES_S of the bin that a wait belongs to."""
    return max(bisect_right(WAIT_EDGES_S, seconds) - 1, 0)


def can_overturn(step: Step) -> bool:
    return step.decided_by == DecidedBy.MODERATOR and (
        step.action == Action.UNDO
        or (step.action in VERDICTS and step.previous_status in (Status.APPROVED, Status.REJECTED))
    )


def add(total: defaultdict[str, Counter[str]], counts: Counts) -> None:
    for measure, numbers in counts.items():
        total[measure].update(numbers)


def tally(facts: Iterable[Fact]) -> dict[tuple[datetime, str], defaultdict[str, Counter[str]]]:
    """(hour, site id) -> what the decisions add to it; a number can be less than nothing."""
    totals: defaultdict[tuple[datetime, str], defaultdict[str, Counter[str]]] = defaultdict(
        lambda: defaultdict(Counter)
    )
    for fact in facts:
        for at, measure, key, number in _counted(fact):
            totals[hour_of(at), fact.site_id][measure][key] += number
    return dict(totals)


def _counted(fact: Fact) -> Iterator[tuple[datetime, Measure, str, int]]:
    step = fact.step
    if step.version == FIRST_DECISION:
        yield fact.posted_at, Measure.ARRIVED, "all", 1
        yield fact.posted_at, Measure.ARTICLES, fact.article_id, 1
    yield step.at, Measure.DECIDED, f"{step.decided_by} {step.action}", 1
    if step.action == Action.REJECT:
        yield step.at, Measure.REJECTED_AT, fact.article_id, 1
    if step.decided_by != DecidedBy.MODERATOR:
        return
    yield step.at, Measure.PEOPLE, f"{step.actor} {step.action}", 1
    if step.action in VERDICTS:
        yield from ((step.at, measure, key, 1) for measure, key in _about_verdict(fact))
    yield from _overturned(step, fact.chain)


def _about_verdict(fact: Fact) -> Iterator[tuple[Measure, str]]:
    step = fact.step
    if step.previous_status == Status.QUEUED and not fact.follows_undo:
        # Edited after the decision is no matter of the decision.
        since = max(t for t in (fact.posted_at, fact.edited_at) if t is not None and t <= step.at)
        yield Measure.WAITED, str(wait_bin((step.at - since).total_seconds()))
    if step.action == Action.REJECT:
        yield Measure.REASONS, fact.reason or ""
    if fact.scores is None:
        yield Measure.SUGGESTED, f"{step.action} not_scored"
        return
    yield Measure.SUGGESTED, f"{step.action} {'high' if fact.is_high else 'clear'}"
    for label in LABELS:
        yield Measure.BANDS, f"{label} {_band(fact.scores[label])} {step.action}"
    yield Measure.BANDS, f"{HIGHEST} {_band(max(fact.scores.values()))} {step.action}"


def _band(score: float) -> int:
    return min(int(score * BANDS), BANDS - 1)


def _overturned(step: Step, chain: Sequence[Step]) -> Iterator[tuple[datetime, Measure, str, int]]:
    """What a decision overturned; and what it reinstates, if it undoes one that overturned that."""
    if not can_overturn(step):
        return
    target = _target(step, chain)
    if target is None:
        return
    yield from _overturning(target, step, 1)
    if step.action == Action.UNDO and (earlier := _target(target, chain)) is not None:
        yield from _overturning(earlier, target, -1)


def _target(step: Step, chain: Sequence[Step]) -> Step | None:
    """The decision that ``step`` took the effect of."""
    if step.action == Action.UNDO:
        return next((other for other in chain if other.id == step.undoes), None)
    if not can_overturn(step):
        return None
    return next(
        (
            other
            for other in reversed(chain)
            if other.version < step.version
            and other.action in VERDICTS
            and other.status == step.previous_status
        ),
        None,
    )


def _overturning(
    target: Step, by: Step, number: int
) -> Iterator[tuple[datetime, Measure, str, int]]:
    if target.action not in VERDICTS:
        return
    is_own = target.decided_by == DecidedBy.MODERATOR and target.actor == by.actor
    key = f"{target.decided_by} {target.action} {'own' if is_own else 'other'}"
    yield target.at, Measure.OVERTURNED, key, number
    if target.decided_by == DecidedBy.MODERATOR and not is_own:
        yield target.at, Measure.PEOPLE, f"{target.actor} overturned", number
