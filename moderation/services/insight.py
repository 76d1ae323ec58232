"""Insight: how the work goes, in numbers, on the sites that somebody sees. Changes nothing.

What waits is counted from the queue's own indexes; what happened comes from the tallies, so a
month of a million decisions is a few hundred rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from moderation.domain.comment import ESCALATED, WAITS, Comment, holds
from moderation.domain.decision import Action, DecidedBy
from moderation.domain.site import Article, Site
from moderation.domain.staff import ApiToken, Principal, Scope, Staff
from moderation.domain.tally import BANDS, WAIT_EDGES_S, Measure, add
from moderation.errors import UnknownSite
from moderation.services import tallies

MAX_RECENT = 5000
"""Decisions not in the tallies yet that a page counts itself: of some ten minutes."""

AGES = (timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=3))
"""Where the age of what waits is parted."""

MAX_ARTICLES = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hours and which site are meant. ``since`` and ``until`` are full hours, in UTC."""

    since: datetime
    until: datetime
    site_id: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a moderator on one site, or on all (``site`` None)."""

    site: Site | None
    number: int
    oldest: datetime | None = None
    median: datetime | None = None
    """Half of them were posted before it."""


@dataclass(frozen=True, slots=True)
class Now:
    """``ages``: how many wait for less than each of AGES and not less than the one before.

    What waits for an admin is in ``escalated`` only.
    """

    all: Waiting
    sites: Sequence[Waiting]
    ages: Sequence[int]
    escalated: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What came and what was decided, in an hour or a longer time."""

    arrived: int = 0
    approved: int = 0
    rejected: int = 0
    """By moderators, as ``approved``."""
    by_policy: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(
            self.arrived + other.arrived,
            self.approved + other.approved,
            self.rejected + other.rejected,
            self.by_policy + other.by_policy,
        )


@dataclass(frozen=True, slots=True)
class Waits:
    """How long it took from posting to a moderator's first verdict, as a histogram.

    ``bins``: number of the bin (see ``domain.tally.wait_bin``) -> how many.
    """

    bins: Mapping[int, int]

    @property
    def number(self) -> int:
        return sum(self.bins.values())

    def within_s(self, share: float) -> float | None:
        """In how many seconds ``share`` of 0..1 was decided, near enough; None without any."""
        left = share * self.number
        for place in sorted(self.bins):
            if left <= self.bins[place]:
                low, high = WAIT_EDGES_S[place], _wait_end_s(place)
                return low + (high - low) * left / self.bins[place]
            left -= self.bins[place]
        return None

    def between(self, low_s: float, high_s: float) -> int:
        """How many took from ``low_s`` to less than ``high_s``; both are edges, or infinity."""
        return sum(n for place, n in self.bins.items() if low_s <= WAIT_EDGES_S[place] < high_s)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Moderators' verdicts beside what the scores suggested.

    A score at or above its ``hold_at`` suggests rejecting; none, approving.
    """

    approved_clear: int
    rejected_high: int
    approved_high: int
    rejected_clear: int
    not_scored: int

    @property
    def scored(self) -> int:
        return self.approved_clear + self.rejected_high + self.approved_high + self.rejected_clear

    @property
    def share(self) -> float | None:
        agreed = self.approved_clear + self.rejected_high
        return agreed / self.scored if self.scored else None


@dataclass(frozen=True, slots=True)
class Band:
    """Moderators' verdicts on comments with a score from ``low`` to below ``high``."""

    low: float
    high: float
    approved: int
    rejected: int

    @property
    def share(self) -> float | None:
        """The rejected of all."""
        number = self.approved + self.rejected
        return self.rejected / number if number else None


@dataclass(frozen=True, slots=True)
class Overturned:
    """Verdicts of one kind, and how many of them stand no longer: by another, by their maker."""

    decided_by: DecidedBy
    action: Action
    number: int
    by_another: int
    by_themselves: int

    @property
    def share(self) -> float | None:
        return self.by_another / self.number if self.number else None


@dataclass(frozen=True, slots=True)
class Person:
    """What one moderator decided; ``name`` None where the account or token is gone."""

    key: str
    name: str | None
    approved: int
    rejected: int
    undone: int
    """Decisions they undid."""
    overturned: int
    """Their verdicts that others overturned."""

    @property
    def number(self) -> int:
        return self.approved + self.rejected


@dataclass(frozen=True, slots=True)
class BusyArticle:
    article: Article
    arrived: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Insight:
    """All of it. ``until``: decisions from then on are still to be counted, see ``tallies``."""

    flow: Flow
    hours: Mapping[datetime, Flow]
    """Hours in which nothing happened are left out."""
    waits: Waits
    agreement: Agreement
    bands: Mapping[str, Sequence[Band]]
    """Label, or HIGHEST -> its bands."""
    overturned: Sequence[Overturned]
    reasons: Sequence[tuple[str, int]]
    """The most frequent first; an empty reason is none."""
    people: Sequence[Person]
    """By name; whoever may not see all finds only themselves."""
    team: Person
    articles: Sequence[BusyArticle]
    until: datetime | None


Counted = Mapping[str, Counter[str]]


def sites_seen(session: Session, principal: Principal) -> list[Site]:
    """The sites that this principal sees, by name."""
    statement = select(Site).order_by(Site.name, Site.id)
    if principal.site_ids is not None:
        statement = statement.where(Site.id.in_(sorted(principal.site_ids)))
    return list(session.scalars(statement))


def site_ids_of(
    session: Session, principal: Principal, site_id: str | None
) -> Collection[str] | None:
    """The sites that are meant: the named one, or all this principal sees; None for every one.

    Raises:
        UnknownSite: there is no such site, or not for this principal.
    """
    if site_id is None:
        return principal.site_ids
    if not principal.sees(site_id) or session.get(Site, site_id) is None:
        raise UnknownSite
    return [site_id]


def insight(session: Session, principal: Principal, wanted: Wanted) -> Insight:
    """What happened in a period.

    Raises:
        UnknownSite: there is no such site, or not for this principal.
    """
    reading = tallies.read(
        session,
        since=wanted.since,
        until=wanted.until,
        site_ids=site_ids_of(session, principal, wanted.site_id),
        recent_limit=MAX_RECENT,
    )
    total: defaultdict[str, Counter[str]] = defaultdict(Counter)
    hours: defaultdict[datetime, Flow] = defaultdict(Flow)
    for hour, _, counts in reading.parts:
        add(total, counts)
        hours[hour] += _flow(counts)
    team = _person("", None, _by_person(total[Measure.PEOPLE]).values())
    return Insight(
        flow=sum(hours.values(), Flow()),
        hours=dict(hours),
        waits=Waits({int(key): n for key, n in total[Measure.WAITED].items()}),
        agreement=_agreement(total[Measure.SUGGESTED]),
        bands=_bands(total[Measure.BANDS]),
        overturned=_overturned(total),
        reasons=total[Measure.REASONS].most_common(),
        people=_people(session, principal, total[Measure.PEOPLE]),
        team=team,
        articles=_articles(session, total),
        until=reading.until,
    )


# --- What waits -------------------------------------------------------------------------------


def waiting(session: Session, principal: Principal, site_id: str | None, *, now: datetime) -> Now:
    """What waits for a moderator now, without what was escalated to an admin.

    Raises:
        UnknownSite: there is no such site, or not for this principal.
    """
    ids = site_ids_of(session, principal, site_id)
    shown = [s for s in sites_seen(session, principal) if ids is None or s.id in ids]
    younger = [func.sum(case((Comment.created_at > now - age, 1), else_=0)) for age in AGES]
    statement = select(Comment.site_id, func.count(), func.min(Comment.created_at), *younger).where(
        holds(WAITS),
        # Site and time together, though they leave nothing out: without, SQLite takes a narrower
        # index than that of both, and then reads every row.
        Comment.site_id.in_([site.id for site in shown]),
        Comment.created_at <= now,
    )
    found = {row[0]: row for row in session.execute(statement.group_by(Comment.site_id))}
    sites = [
        Waiting(
            site,
            number=found[site.id][1],
            oldest=found[site.id][2],
            median=_median(session, [site.id], found[site.id][1]),
        )
        if site.id in found
        else Waiting(site, 0)
        for site in shown
    ]
    number = sum(each.number for each in sites)
    if len(found) == 1:
        (one,) = (each for each in sites if each.number)
        median = one.median
    else:
        median = _median(session, ids, number)
    oldest = min((each.oldest for each in sites if each.oldest), default=None)
    younger_than = [sum(row[3 + n] for row in found.values()) for n in range(len(AGES))] + [number]
    ages = [upper - lower for lower, upper in zip([0, *younger_than], younger_than, strict=False)]
    return Now(Waiting(None, number, oldest, median), sites, ages, _escalated(session, ids))


def _escalated(session: Session, ids: Collection[str] | None) -> int:
    statement = select(func.count()).select_from(Comment).where(holds(ESCALATED))
    if ids is not None:
        statement = statement.where(Comment.site_id.in_(sorted(ids)))
    return session.scalar(statement) or 0


def _median(session: Session, ids: Collection[str] | None, number: int) -> datetime | None:
    """When the comment in the middle was posted: a walk along half of an index."""
    if not number:
        return None
    statement: Select[tuple[datetime]] = select(Comment.created_at).where(holds(WAITS))
    if ids is not None:
        statement = statement.where(Comment.site_id.in_(sorted(ids)))
    return session.scalar(statement.order_by(Comment.created_at).offset((number - 1) // 2).limit(1))


# --- What happened ----------------------------------------------------------------------------


def _flow(counts: Mapping[str, Mapping[str, int]]) -> Flow:
    decided = counts.get(Measure.DECIDED, {})
    return Flow(
        arrived=counts.get(Measure.ARRIVED, {}).get("all", 0),
        approved=decided.get(f"{DecidedBy.MODERATOR} {Action.APPROVE}", 0),
        rejected=decided.get(f"{DecidedBy.MODERATOR} {Action.REJECT}", 0),
        by_policy=sum(
            decided.get(f"{DecidedBy.POLICY} {action}", 0)
            for action in (Action.APPROVE, Action.REJECT)
        ),
    )


def _wait_end_s(place: int) -> float:
    return WAIT_EDGES_S[min(place + 1, len(WAIT_EDGES_S) - 1)]


def _agreement(suggested: Counter[str]) -> Agreement:
    return Agreement(
        approved_clear=suggested[f"{Action.APPROVE} clear"],
        rejected_high=suggested[f"{Action.REJECT} high"],
        approved_high=suggested[f"{Action.APPROVE} high"],
        rejected_clear=suggested[f"{Action.REJECT} clear"],
        not_scored=sum(n for key, n in suggested.items() if key.endswith(" not_scored")),
    )


def _bands(counted: Counter[str]) -> dict[str, list[Band]]:
    labels = {key.split(" ")[0] for key in counted}
    return {
        label: [
            Band(
                band / BANDS,
                (band + 1) / BANDS,
                approved=counted[f"{label} {band} {Action.APPROVE}"],
                rejected=counted[f"{label} {band} {Action.REJECT}"],
            )
            for band in range(BANDS)
        ]
        for label in labels
    }


def _overturned(total: Counted) -> list[Overturned]:
    decided, gone = total[Measure.DECIDED], total[Measure.OVERTURNED]
    return [
        Overturned(
            by,
            action,
            number=decided[f"{by} {action}"],
            by_another=gone[f"{by} {action} other"],
            by_themselves=gone[f"{by} {action} own"],
        )
        for by in (DecidedBy.MODERATOR, DecidedBy.POLICY)
        for action in (Action.APPROVE, Action.REJECT)
    ]


def _by_person(counted: Counter[str]) -> dict[str, Counter[str]]:
    """Key of the person -> what they did -> how often."""
    people: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, number in counted.items():
        actor, _, what = key.rpartition(" ")
        people[actor][what] += number
    return people


def _person(key: str, name: str | None, parts: Collection[Counter[str]]) -> Person:
    did: Counter[str] = Counter()
    for part in parts:
        did.update(part)
    return Person(
        key,
        name,
        approved=did[Action.APPROVE],
        rejected=did[Action.REJECT],
        undone=did[Action.UNDO],
        overturned=did["overturned"],
    )


def _people(session: Session, principal: Principal, counted: Counter[str]) -> list[Person]:
    did = _by_person(counted)
    if not principal.may(Scope.ADMIN):
        return [_person(principal.key, principal.name, [did.get(principal.key, Counter())])]
    names = _names(session, did)
    people = [_person(key, names.get(key), [part]) for key, part in did.items()]
    return sorted(people, key=lambda person: (person.name is None, person.name or "", person.key))


def _names(session: Session, keys: Collection[str]) -> dict[str, str]:
    names = {}
    for kind, table in (("staff:", Staff), ("token:", ApiToken)):
        ids = [key.removeprefix(kind) for key in keys if key.startswith(kind)]
        rows = session.execute(select(table.id, table.name).where(table.id.in_(ids)))
        names |= {kind + row_id: name for row_id, name in rows}
    return names


def _articles(session: Session, total: Counted) -> list[BusyArticle]:
    """Those with the most comments that came in the period."""
    # Of equally busy ones always the same, in whatever order they were counted.
    arrivals = total[Measure.ARTICLES].items()
    busiest = sorted(arrivals, key=lambda counted: (-counted[1], counted[0]))[:MAX_ARTICLES]
    rows = {
        article.id: article
        for article in session.scalars(
            select(Article).where(Article.id.in_([article_id for article_id, _ in busiest]))
        )
    }
    return [
        BusyArticle(rows[article_id], arrived, rejected=total[Measure.REJECTED_AT][article_id])
        for article_id, arrived in busiest
        if article_id in rows
    ]
