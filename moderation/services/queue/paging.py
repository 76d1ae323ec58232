"""One page of a view: read from its place on, in steps, and no further than is useful.

Rows come by in the order of the view, from an index, a step at a time; each is asked what the
filter asks (see ``filtering``). After ``BUDGET_ROWS`` the page ends where it is, perhaps without a
single item, and its cursor goes on from there: on a million rows a search for a rare word takes
many pages of the same small cost, and never one long statement. Where nothing is asked, a page
reads what it shows.

Gathered, a cluster of near copies is shown once: where the first of its members that the filter
means stands in the order. Members on the page are known; whether one stood on an earlier page is
asked of the cluster's index. A cluster that keeps coming by is left out by the database from then
on, so a flood of a hundred thousand copies costs a walk along the index, without a look at its
rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    exists,
    false,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from moderation.domain.comment import Comment
from moderation.domain.cursor import decode_cursor, encode_cursor
from moderation.domain.decision import Decision
from moderation.domain.queue import QueueFilter, View
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal
from moderation.keyring import Keyring
from moderation.services.queue.filtering import Order, Question, question
from moderation.services.queue.items import QueueItem, items

BUDGET_ROWS = 10_000
STEP_ROWS = 1_000

FLOOD = 5
"""A cluster that has come by so often on one page is not read any further."""

MAX_CLAIMS = 100
"""Claims at the head of ``mine``."""

GATHERED = frozenset({View.WAITING, View.NOT_SCORED})
"""Views of what near copies can be decided along with."""


class Place(NamedTuple):
    """Where a row stands in an order: its key, and what tells equal keys apart."""

    key: Any
    tie: str


class Found(NamedTuple):
    """A comment that is meant, and where it stands."""

    comment_id: str
    place: Place


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some items, and how to go on: a page without items, but with a cursor, found none so far."""

    items: list[QueueItem]
    next_cursor: str | None
    searched: int = 0
    """How many rows were looked at for it."""


def page(
    session: Session,
    keyring: Keyring,
    principal: Principal,
    wanted: QueueFilter,
    *,
    now: datetime,
    report_threshold: int = 1,
    cursor: str | None = None,
    limit: int = 20,
    gather: bool = False,
) -> QueuePage:
    """One page of a view, of the sites this principal sees.

    It ends after ``limit`` items, or after ``BUDGET_ROWS`` rows with what was found among them. The
    first page of ``mine`` has up to ``MAX_CLAIMS`` items more: what this person has claimed.

    Args:
        report_threshold: open reports from which on a public comment is in the view ``reported``.
        gather: each cluster of near copies once (its item's ``similar_count`` tells the others);
            in ``waiting`` and ``not_scored``, elsewhere it changes nothing.

    Raises:
        InvalidCursor: the cursor is not one of this view in this order.
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    asked = question(session, principal, wanted, now=now, report_threshold=report_threshold)
    listing = f"queue:{wanted.view}:{wanted.sort}"
    start = None
    if cursor is not None:
        key, tie = decode_cursor(keyring, listing, cursor)
        start = Place(datetime.fromisoformat(key) if isinstance(key, str) else key, str(tie))
    walk = Walk(
        session,
        principal,
        asked,
        start=start,
        gather=gather and wanted.view in GATHERED,
        limit=limit,
    )
    claimed = []
    if wanted.view is View.MINE:
        held = _claimed(session, principal, asked, now=now)
        walk.passed_over.update(held)
        claimed = held if cursor is None else []
    found = []
    for one in walk:
        found.append(one)
        if len(found) > limit:
            break
    end = None
    if len(found) > limit:
        end = found[limit - 1].place
    elif not walk.is_at_end:
        end = walk.place
    next_cursor = None
    if end is not None:
        key = end.key.isoformat() if isinstance(end.key, datetime) else end.key
        next_cursor = encode_cursor(keyring, listing, [key, end.tie])
    shown = items(session, claimed + [one.comment_id for one in found[:limit]])
    return QueuePage(shown, next_cursor, walk.searched)


@dataclass(slots=True)
class Walk:
    """Goes through the comments that are meant, in order, to their end or that of the budget.

    ``limit`` is how many are likely to be wanted. ``extra`` is one more condition, on ``Comment``.
    ``place`` is that of the last row looked at, whether or not it was meant.
    """

    session: Session
    principal: Principal
    asked: Question
    start: Place | None = None
    gather: bool = False
    limit: int = 20
    extra: ColumnElement[bool] | None = None
    passed_over: set[str] = field(default_factory=set)
    """Ids of comments that are not meant."""
    place: Place | None = None
    searched: int = 0
    is_at_end: bool = False

    def __iter__(self) -> Iterator[Found]:
        self.place = self.start
        seen = set(self.asked.left_out.cluster_ids)
        met: Counter[str] = Counter()
        size = STEP_ROWS // 5
        if self.asked.is_indexed and not self.gather:
            size = self.limit + 1 + len(self.asked.left_out.comment_ids) + len(self.passed_over)
        while not self.is_at_end and self.searched < BUDGET_ROWS:
            # One that is not on a page yet may have its first member still to come.
            floods = [each for each in seen if met[each] >= FLOOD]
            rows = self.session.execute(self._step(size, floods)).all()
            if self.gather:
                met.update(row.cluster_id for row in rows if row.cluster_id is not None)
                seen |= self._seen_before(rows, seen)
            for row in rows:
                self.place = Place(row.key, row.tie)
                self.searched += 1
                if not self._is_meant(row):
                    continue
                if self.gather and row.cluster_id is not None:
                    if row.cluster_id in seen:
                        continue
                    seen.add(row.cluster_id)
                yield Found(row.id, self.place)
            self.is_at_end = len(rows) < size
            size = STEP_ROWS

    def _is_meant(self, row: Row[Any]) -> bool:
        if not row.matches or row.id in self.passed_over:
            return False
        return self.asked.matches(row.id, row.body, row.reasons)

    def _step(self, size: int, floods: Sequence[str]) -> Select[Any]:
        """The next rows after ``place``: those of every scope, merged."""
        scopes = self.asked.scopes or (false(),)
        parts = [self._of_scope(scope, size, floods) for scope in scopes]
        if len(parts) == 1:
            return parts[0]
        merged = union_all(*(select(part.subquery()) for part in parts)).subquery()
        return self._sorted(select(merged), merged.c.key, merged.c.tie).limit(size)

    def _of_scope(
        self, scope: ColumnElement[bool], size: int, floods: Sequence[str]
    ) -> Select[Any]:
        key, tie = self.asked.order.key, self.asked.order.tie
        statement = rows_of(self.asked).where(scope)
        if tie is not Comment.id:
            statement = _decided_by(self.principal, statement)
        if self.extra is not None:
            statement = statement.where(self.extra)
        if self.place is not None:
            place = tuple_(key, tie)
            beyond = place < self.place if self.asked.order.descending else place > self.place
            statement = statement.where(beyond)
        if floods:
            # NULL is neither in a list nor out of it.
            others = Comment.cluster_id.not_in(floods)
            statement = statement.where(or_(Comment.cluster_id.is_(None), others))
        return self._sorted(statement, key, tie).limit(size)

    def _sorted(self, statement: Select[Any], key: Any, tie: Any) -> Select[Any]:
        if self.asked.order.descending:
            return statement.order_by(key.desc(), tie.desc())
        return statement.order_by(key, tie)

    def _seen_before(self, rows: Sequence[Row[Any]], seen: set[str]) -> set[str]:
        """Those of the rows' clusters that have a member on an earlier page."""
        one_each = {row.cluster_id: row.id for row in rows if row.cluster_id is not None}
        ids = [one_each[cluster_id] for cluster_id in one_each.keys() - seen]
        if self.start is None or not ids:
            return set()
        place = tuple_(self.asked.order.key, self.asked.order.tie)
        before = place >= self.start if self.asked.order.descending else place <= self.start
        earlier = rows_of(self.asked).where(
            or_(*self.asked.scopes), *self.asked.conditions, *self.asked.of_judgement, before
        )
        here = aliased(Comment, name="here")
        if not self.asked.asks_more:
            found = exists(earlier.where(Comment.cluster_id == here.cluster_id).correlate(here))
            statement = select(here.cluster_id).where(here.id.in_(ids), found)
            return set(self.session.scalars(statement))
        clusters = select(here.cluster_id).where(here.id.in_(ids))
        members = self.session.execute(
            earlier.where(Comment.cluster_id.in_(clusters)).limit(BUDGET_ROWS)
        )
        return {row.cluster_id for row in members if self._is_meant(row)}


def rows_of(asked: Question, order: Order | None = None) -> Select[Any]:
    """The rows of a view, of whatever scope, with what is asked of each: nothing is sorted yet."""
    order = order or asked.order
    statement = select(
        Comment.id.label("id"),
        order.key.label("key"),
        order.tie.label("tie"),
        Comment.cluster_id.label("cluster_id"),
        and_(true(), *asked.conditions, *asked.of_judgement).label("matches"),
        (Comment.body if asked.text else null()).label("body"),
        (Judgement.reasons if asked.is_safe_run else null()).label("reasons"),
    ).where(*asked.view)
    if asked.of_judgement:
        # By its primary key: it adds no rows and takes none away.
        statement = statement.outerjoin_from(
            Comment, Judgement, Judgement.id == Comment.judgement_id
        )
    return statement


def _decided_by(principal: Principal, statement: Select[Any]) -> Select[Any]:
    """Rows of what somebody has decided, each comment where their latest decision on it stands."""
    later = aliased(Decision)
    return statement.where(
        Decision.comment_id == Comment.id,
        Decision.actor == principal.key,
        ~exists().where(
            later.comment_id == Decision.comment_id,
            later.version > Decision.version,
            later.actor == Decision.actor,
        ),
    )


def _claimed(
    session: Session, principal: Principal, asked: Question, *, now: datetime
) -> list[str]:
    """What somebody holds just now and the filter means, the latest claims first."""
    rows = session.execute(
        rows_of(asked, Order(Comment.claim_expires_at))
        .where(
            or_(false(), *asked.scopes),
            Comment.claimed_by == principal.key,
            Comment.claim_expires_at > now,
        )
        .order_by(Comment.claim_expires_at.desc(), Comment.id)
        .limit(MAX_CLAIMS)
    ).all()
    return [row.id for row in rows if row.matches and asked.matches(row.id, row.body, row.reasons)]
