"""Counting decisions into tallies, and reading what is not in them yet.

A decision is counted once it is a few minutes old, so that no transaction still to commit can bring
another one before it. That is done in two steps, as judging is: ``look`` reads and counts,
``settle`` writes, and does nothing where somebody else has counted the same meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, insert, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from moderation.domain.comment import Comment
from moderation.domain.decision import Action, Decision
from moderation.domain.score import Judgement
from moderation.domain.tally import (
    Counts,
    Fact,
    Step,
    Tally,
    TallyMark,
    add,
    can_overturn,
    tally,
)
from moderation.labels import LABELS
from moderation.services.rows import MAX_IDS_A_QUERY, insert_if_absent

SETTLED_AFTER = timedelta(minutes=5)
"""No transaction takes as long: the database ends statements after 30 s and idlers after 60 s."""

MARK = "decisions"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 1000

Totals = Mapping[tuple[datetime, str], Counts]
"""(hour, site id) -> what is to be added there."""

_STEP = (
    Decision.id,
    Decision.version,
    Decision.action,
    Decision.decided_by,
    Decision.actor,
    Decision.previous_status,
    Decision.status,
    Decision.undoes,
    Decision.created_at,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the decisions from ``after``, the mark, on and before ``until`` add."""

    after: datetime
    until: datetime
    totals: Totals


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a period: hour, site id and counts, several of the same place perhaps.

    ``until``: decisions from then on are still to be counted; None where all are in it.
    """

    parts: Sequence[tuple[datetime, str, Counts]]
    until: datetime | None


def look(session: Session, *, now: datetime, limit: int) -> Counted | None:
    """Count the next decisions, about ``limit`` of them; None when there is none old enough."""
    after, before = _mark(session), now - SETTLED_AFTER
    totals, reached = _count(session, after, before, limit)
    return Counted(after, reached or before, totals) if totals else None


def settle(session: Session, counted: Counted) -> bool:
    """Write what was counted; False where somebody else has done so."""
    insert_if_absent(session, TallyMark, {"name": MARK, "until": BEGINNING}, unique=("name",))
    moved = session.execute(
        update(TallyMark)
        .where(TallyMark.name == MARK, TallyMark.until == counted.after)
        .values(until=counted.until)
    )
    if moved.rowcount != 1:
        return False
    places = sorted(counted.totals)
    for start in range(0, len(places), MAX_IDS_A_QUERY):
        chunk = places[start : start + MAX_IDS_A_QUERY]
        there = {
            (row.hour, row.site_id): row
            for row in session.scalars(
                select(Tally).where(tuple_(Tally.hour, Tally.site_id).in_(chunk))
            )
        }
        new = []
        for place in chunk:
            if (row := there.get(place)) is not None:
                row.counts = _sum([row.counts, counted.totals[place]])
            else:
                hour, site_id = place
                counts = _sum([counted.totals[place]])
                new.append({"hour": hour, "site_id": site_id, "counts": counts})
        if new:
            session.execute(insert(Tally), new)
    return True


def read(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    site_ids: Collection[str] | None,
    recent_limit: int,
) -> Reading:
    """What happened from ``since`` on and before ``until``, both full hours.

    Args:
        site_ids: None for all sites.
        recent_limit: about how many decisions that are not in the tallies are counted for it.
    """
    while True:
        mark = _mark(session)
        recent, reached = _count(session, mark, None, recent_limit)
        parts = list(_stored(session, since, until, site_ids))
        # On PostgreSQL each statement sees what is committed by then. What was settled in between
        # would be in both.
        if _mark(session) == mark:
            break
    for (hour, site_id), counts in recent.items():
        if since <= hour < until and (site_ids is None or site_id in site_ids):
            parts.append((hour, site_id, counts))
    return Reading(parts, reached)


def _count(
    session: Session, since: datetime, before: datetime | None, limit: int
) -> tuple[Totals, datetime | None]:
    """What about ``limit`` decisions add, and when the next one was made, if there is one."""
    facts: list[Fact] = []
    for fact in _facts(session, since, before):
        if len(facts) >= limit and fact.step.at > facts[-1].step.at:
            return tally(facts), fact.step.at
        facts.append(fact)
    return tally(facts), None


def _stored(
    session: Session, since: datetime, until: datetime, site_ids: Collection[str] | None
) -> Iterator[tuple[datetime, str, Counts]]:
    statement = select(Tally.hour, Tally.site_id, Tally.counts).where(
        Tally.hour >= since, Tally.hour < until
    )
    if site_ids is not None:
        statement = statement.where(Tally.site_id.in_(sorted(site_ids)))
    for row in session.execute(statement):
        yield row.hour, row.site_id, row.counts


def _mark(session: Session) -> datetime:
    return session.scalar(select(TallyMark.until).where(TallyMark.name == MARK)) or BEGINNING


def _sum(parts: Iterable[Counts]) -> dict[str, dict[str, int]]:
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in parts:
        add(total, part)
    return {
        measure: {key: number for key, number in numbers.items() if number}
        for measure, numbers in total.items()
    }


# --- Reading decisions ------------------------------------------------------------------------


def _facts(session: Session, since: datetime, until: datetime | None) -> Iterator[Fact]:
    """The decisions from ``since`` on and before ``until``, in their order, page by page."""
    place = tuple_(Decision.created_at, Decision.id)
    before = aliased(Decision)
    statement = (
        select(
            *_STEP,
            Decision.comment_id,
            Decision.reason,
            Comment.site_id,
            Comment.article_id,
            Comment.created_at.label("posted_at"),
            Comment.edited_at,
            Judgement.model_version,
            *(getattr(Judgement, label) for label in LABELS),
            Judgement.reasons,
            before.action.label("action_before"),
        )
        .join(Comment, Comment.id == Decision.comment_id)
        .outerjoin(Judgement, Judgement.id == Decision.judgement_id)
        .outerjoin(
            before,
            and_(before.comment_id == Decision.comment_id, before.version == Decision.version - 1),
        )
        .order_by(Decision.created_at, Decision.id)
        .limit(PAGE)
    )
    if until is not None:
        statement = statement.where(Decision.created_at < until)
    page = statement.where(Decision.created_at >= since)
    while rows := session.execute(page).all():
        steps = [_step(row) for row in rows]
        chains = _chains(
            session,
            {row.comment_id for row, s in zip(rows, steps, strict=True) if can_overturn(s)},
        )
        for row, step in zip(rows, steps, strict=True):
            yield _fact(row, step, chains.get(row.comment_id, ()))
        if len(rows) < PAGE:
            return
        page = statement.where(place > (rows[-1].created_at, rows[-1].id))


def _step(row: Any) -> Step:
    return Step(*row[: len(_STEP)])


def _fact(row: Any, step: Step, chain: Sequence[Step]) -> Fact:
    scored = row.model_version is not None
    return Fact(
        step,
        site_id=row.site_id,
        article_id=row.article_id,
        reason=row.reason,
        posted_at=row.posted_at,
        edited_at=row.edited_at,
        follows_undo=row.action_before == Action.UNDO,
        scores={label: getattr(row, label) for label in LABELS} if scored else None,
        is_high=scored and any(f"{label}_high" in row.reasons for label in LABELS),
        chain=chain,
    )


def _chains(session: Session, comment_ids: set[str]) -> dict[str, list[Step]]:
    """Comment id -> all decisions about it, first to last."""
    found: dict[str, list[Step]] = {}
    wanted = sorted(comment_ids)
    for start in range(0, len(wanted), MAX_IDS_A_QUERY):
        rows = session.execute(
            select(*_STEP, Decision.comment_id)
            .where(Decision.comment_id.in_(wanted[start : start + MAX_IDS_A_QUERY]))
            .order_by(Decision.comment_id, Decision.version)
        )
        for row in rows:
            found.setdefault(row.comment_id, []).append(_step(row))
    return found
