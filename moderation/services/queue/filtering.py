"""Views and filters as SQL: where the rows come from, and what is asked of each of them.

A view with a scope (one article, the sites somebody sees, …) has an index in its order, and so is
read from where a page begins. What no index knows (scores, words in the text) is asked of each row
that comes by: see ``paging``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from moderation.domain.comment import (
    ESCALATED,
    REPORTED,
    WAITS,
    Comment,
    QueueSort,
    Status,
    holds,
    in_status,
)
from moderation.domain.decision import Decision
from moderation.domain.policy import MAX_HEAD_START_MIN
from moderation.domain.queue import QueueFilter, View
from moderation.domain.score import Judgement
from moderation.domain.site import Article, Site
from moderation.domain.staff import Principal
from moderation.domain.text import comparable
from moderation.errors import UnknownComment
from moderation.labels import LABELS
from moderation.services.queue.skips import Skipped, skipped_by

MAX_SCOPES = 50
"""So many sites are read one by one, each in its order; beyond that all of them together."""

NOT_SAFE = frozenset(
    {"not_scored", "unsupported", "reported", "blocked_word", "suspect_word", "link"}
)
"""Reasons that keep a comment out of a safe run."""

HEAD_START = timedelta(minutes=MAX_HEAD_START_MIN)

_VIEW: dict[View, Callable[[], ColumnElement[bool]]] = {
    View.WAITING: lambda: holds(WAITS),
    View.NOT_SCORED: lambda: and_(holds(WAITS), Comment.not_scored.is_(True)),
    View.ESCALATED: lambda: holds(ESCALATED),
    View.REPORTED: lambda: holds(REPORTED),
    View.APPROVED: lambda: in_status(Status.APPROVED),
    View.REJECTED: lambda: in_status(Status.REJECTED),
    View.MINE: true,
}

QUEUED_VIEWS = frozenset({View.WAITING, View.NOT_SCORED, View.ESCALATED})


@dataclass(frozen=True, slots=True)
class Order:
    """By which column a view is sorted, which one tells equals apart, and which way."""

    key: InstrumentedAttribute[Any]
    tie: InstrumentedAttribute[str] = Comment.id
    descending: bool = False

    @property
    def is_time(self) -> bool:
        """Whether it is the time of posting."""
        return self.key is Comment.created_at


def order_of(wanted: QueueFilter) -> Order:
    if wanted.view is View.MINE:
        return Order(Decision.created_at, Decision.id, descending=True)
    if wanted.sort is QueueSort.PRIORITY:
        if wanted.view in QUEUED_VIEWS:
            return Order(Comment.rank_ms)
        if wanted.view is View.REPORTED:
            return Order(Comment.report_count, descending=True)
    return Order(Comment.created_at, descending=wanted.sort is not QueueSort.OLDEST)


@dataclass(frozen=True, slots=True)
class Question:
    """A filter, ready to be asked.

    Rows of the ``view`` come by an index, in the ``order``, from each of the ``scopes``; where
    there is none of those, nothing can be found. ``conditions`` are asked of every row, by the
    database, which needs the judgement for those ``of_judgement``. ``matches`` is asked of what
    these let by.
    """

    order: Order
    view: tuple[ColumnElement[bool], ...]
    scopes: tuple[ColumnElement[bool], ...]
    conditions: tuple[ColumnElement[bool], ...] = ()
    of_judgement: tuple[ColumnElement[bool], ...] = ()
    text: str | None = None
    is_safe_run: bool = False
    left_out: Skipped = field(default_factory=Skipped)

    @property
    def asks_more(self) -> bool:
        """Whether there is more to ask of a row than the database can answer."""
        return self.text is not None or self.is_safe_run

    @property
    def is_indexed(self) -> bool:
        """Whether every row that comes by is one of those meant."""
        return not (self.conditions or self.of_judgement or self.asks_more)

    def matches(self, comment_id: str, body: str, reasons: Sequence[str] | None) -> bool:
        """What is asked of a row in Python: the same on every database, and of any script."""
        if comment_id in self.left_out.comment_ids:
            return False
        if self.text is not None and self.text not in comparable(body):
            return False
        return not self.is_safe_run or (reasons is not None and NOT_SAFE.isdisjoint(reasons))


def question(
    session: Session,
    principal: Principal,
    wanted: QueueFilter,
    *,
    now: datetime,
    report_threshold: int,
) -> Question:
    """What ``wanted`` means for this principal now.

    Args:
        report_threshold: open reports from which on a public comment is in the view ``reported``.

    Raises:
        UnknownComment: there is no ``similar_to``, or not on a site this principal sees.
    """
    wanted = wanted.at(now)
    order = order_of(wanted)
    skipped = Skipped()
    # Whoever names comments means them, skipped before or not.
    is_named = wanted.comment_ids is not None or wanted.similar_to is not None
    if wanted.skipped or (wanted.view in QUEUED_VIEWS and not is_named):
        skipped = skipped_by(session, principal, now=now)
    view = [_VIEW[wanted.view](), *_bounds(wanted, order)]
    if wanted.view is View.REPORTED:
        view.append(Comment.report_count >= report_threshold)
    sites = scopes_of_sites(visible_sites(principal, wanted.site_id))
    narrow = _narrow(session, principal, wanted, skipped)
    scopes: list[ColumnElement[bool]] = sites
    if sites and wanted.view is View.MINE:
        scopes = [or_(*sites)]  # one person's decisions are one list
    elif sites and narrow:
        # What belongs to one site anyway needs no look at the others.
        scopes = [and_(scope, or_(*sites)) for scope in narrow.pop(0)]
    return Question(
        order=order,
        view=tuple(view),
        scopes=tuple(scopes),
        conditions=tuple(_conditions(wanted, order) + [or_(false(), *some) for some in narrow]),
        of_judgement=tuple(_of_judgement(wanted)),
        text=comparable(wanted.text) if wanted.text else None,
        is_safe_run=wanted.safe_below is not None,
        left_out=Skipped() if wanted.skipped else skipped,
    )


def visible_sites(principal: Principal, site_id: str | None = None) -> list[str] | None:
    """Ids of the sites that are meant and seen; None: every site."""
    if site_id is not None:
        return [site_id] if principal.sees(site_id) else []
    return None if principal.site_ids is None else sorted(principal.site_ids)


def scopes_of_sites(sites: Sequence[str] | None) -> list[ColumnElement[bool]]:
    """One condition for each site; none at all where no site is seen."""
    if sites is None:
        return [true()]
    if len(sites) > MAX_SCOPES:
        return [Comment.site_id.in_(sites)]
    return [Comment.site_id == site_id for site_id in sites]


def _narrow(
    session: Session, principal: Principal, wanted: QueueFilter, skipped: Skipped
) -> list[list[ColumnElement[bool]]]:
    """What the filter names and an index knows, the narrowest first: alternatives of each."""
    found: list[list[ColumnElement[bool]]] = []
    if wanted.comment_ids is not None:
        found.append([Comment.id.in_(wanted.comment_ids)])
    if wanted.skipped:
        found.append([Comment.id.in_(skipped.comment_ids)])
    if wanted.similar_to is not None:
        that = session.get(Comment, wanted.similar_to)
        if that is None or not principal.sees(that.site_id):
            raise UnknownComment
        # What is not judged yet, or was withdrawn, has no cluster and is like itself alone.
        alike = Comment.id == that.id
        if that.cluster_id is not None:
            alike = Comment.cluster_id == that.cluster_id
        found.append([alike])
    if wanted.article_id is not None:
        articles = _articles(session, principal, wanted)
        found.append([Comment.article_id == article_id for article_id in articles])
    if wanted.author_id is not None:
        found.append([Comment.author_id == wanted.author_id])
    return found


def _articles(session: Session, principal: Principal, wanted: QueueFilter) -> list[str]:
    sites = visible_sites(principal, wanted.site_id)
    if sites is None:
        # By the index on both columns, whose first is the site.
        sites = list(session.scalars(select(Site.id)))
    named = Article.external_id == wanted.article_id
    return list(session.scalars(select(Article.id).where(Article.site_id.in_(sites), named)))


def _bounds(wanted: QueueFilter, order: Order) -> list[ColumnElement[bool]]:
    """Ages as bounds of the key of the order, so that no row outside of them comes by."""
    after, before = wanted.posted_after, wanted.posted_before
    found: list[ColumnElement[bool]] = []
    if order.is_time:
        if after is not None:
            found.append(Comment.created_at >= after)
        if before is not None:
            found.append(Comment.created_at < before)
    elif order.key is Comment.rank_ms:
        # The rank is the time of posting less a head start.
        if after is not None:
            found.append(Comment.rank_ms >= _ms(after - HEAD_START))
        if before is not None:
            found.append(Comment.rank_ms < _ms(before) + 1)
    return found


def _conditions(wanted: QueueFilter, order: Order) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if not order.is_time:
        if wanted.posted_after is not None:
            found.append(Comment.created_at >= wanted.posted_after)
        if wanted.posted_before is not None:
            found.append(Comment.created_at < wanted.posted_before)
    if wanted.not_scored is not None:
        found.append(Comment.not_scored == wanted.not_scored)
    if wanted.safe_below is not None:
        found.append(Comment.report_count == 0)
    return found


def _of_judgement(wanted: QueueFilter) -> list[ColumnElement[bool]]:
    scores = {label: getattr(Judgement, label) for label in LABELS}
    found = [scores[label] >= least for label, least in wanted.min_scores.items()]
    found += [scores[label] <= most for label, most in wanted.max_scores.items()]
    if wanted.safe_below is not None:
        found += [score < wanted.safe_below for score in scores.values()]
        found.append(Judgement.unsupported.is_(None))
    return found


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
