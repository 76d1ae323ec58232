"""Near copies: which cluster a comment belongs to.

Clusters are grown around their first comment, as in Hartigan's leader algorithm (1975), with a few
more representatives where members are unlike the first; ``likeness_index`` finds them. So a comment
costs the same however many are stored, and joining a cluster of twenty thousand what joining a
cluster of one costs.

Two steps, so that the work is done before a transaction writes: ``look_up`` reads; ``settle``,
inside the transaction that judges, compares only with what has come in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, delete, exists, func, or_, select, text
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import DECIDABLE, UNCLUSTERED, Comment
from moderation.domain.likeness import Representative
from moderation.domain.site import Site
from moderation.scoring.similarity import Sketch
from moderation.services import likeness_index as index
from moderation.services.likeness_index import Found, Newcomer, Pool
from moderation.services.rows import MAX_IDS_A_QUERY, lock_comments

MAX_REPRESENTATIVES = 4
UNLIKE = 0.75
"""A member less similar than this to what it was found by stands for its cluster as well."""

MAX_NEWER = 1000
"""How many representatives that came in since the look-up are compared with; newest first."""


@dataclass(slots=True)
class _Group:
    """Newcomers that are like one another and like nothing that is stored."""

    cluster_id: str | None = None
    representatives: int = 1


@dataclass(slots=True)
class _Place:
    newcomer: Newcomer
    found: Found | None = None
    group: _Group = field(default_factory=_Group)
    keys: tuple[int, ...] = ()
    stands_for_it: bool = False
    """Whether it becomes one more representative of the cluster it joins."""


@dataclass(frozen=True, slots=True)
class Placements:
    """What ``look_up`` found, for ``settle``."""

    places: Mapping[str, _Place]
    newest: Mapping[str, int]
    """Site id -> the newest representative there was."""

    def cluster_of(self, comment_id: str) -> str | None:
        """The stored cluster that a comment will join; None where it is like nothing stored."""
        place = self.places.get(comment_id)
        return place.found.cluster_id if place and place.found else None

    def alike(self, comment_id: str) -> str:
        """What near copies share: the stored cluster, or a name that holds for this look-up."""
        place = self.places[comment_id]
        return place.found.cluster_id if place.found else f"new {id(place.group)}"


# --- Finding -----------------------------------------------------------------------------------


def look_up(session: Session, newcomers: Sequence[Newcomer]) -> Placements:
    """Find the cluster of each newcomer; nothing is written or locked."""
    newest = _newest(session, {newcomer.site_id for newcomer in newcomers})
    equal = index.find_equal(session, newcomers)
    places = {n.comment_id: _Place(n, equal.get(n.comment_id)) for n in newcomers}
    others = [place for place in places.values() if place.found is None]
    matches = index.find_similar(session, [place.newcomer for place in others])
    unlike: list[_Place] = []
    for place in others:
        match = matches[place.newcomer.comment_id]
        place.found, place.keys = match.found, match.keys
        if place.found is not None and match.similarity < UNLIKE:
            unlike.append(place)
    numbers = _representatives_of(session, {place.found.cluster_id for place in unlike})
    for place in unlike:
        if numbers[place.found.cluster_id] < MAX_REPRESENTATIVES:
            numbers[place.found.cluster_id] += 1
            place.stands_for_it = True
    _group(place for place in others if place.found is None)
    return Placements(places, newest)


def settle(
    session: Session, placements: Placements, comments: Mapping[str, Comment]
) -> dict[str, str]:
    """Write the clusters of those newcomers that are among ``comments``, all of them locked.

    Comment id -> cluster id. Another worker that settles comments of the same site waits, so that
    two copies that arrive at once found one cluster, not two.
    """
    live = [place for comment_id, place in placements.places.items() if comment_id in comments]
    site_ids = {place.newcomer.site_id for place in live}
    _lock_sites(session, site_ids)
    newer = _newer(session, placements, site_ids)
    still_there = index.representatives(session, (p.found.id for p in live if p.found))
    settled: dict[str, str] = {}
    new: list[_Place] = []
    for place in live:
        if place.found is not None and place.found.id in still_there:
            cluster_id, stands_for_it = place.found.cluster_id, place.stands_for_it
        else:
            cluster_id, stands_for_it = place.group.cluster_id, place.stands_for_it
            if cluster_id is None:
                found, _ = newer.best(place.newcomer)
                cluster_id, stands_for_it = (found.cluster_id, False) if found else (new_id(), True)
                place.group.cluster_id = cluster_id
        comments[place.newcomer.comment_id].cluster_id = cluster_id
        settled[place.newcomer.comment_id] = cluster_id
        if stands_for_it:
            new.append(place)
    index.store(
        session,
        [
            (p.newcomer, settled[p.newcomer.comment_id], p.keys or index.keys_unseen(p.newcomer))
            for p in new
        ],
    )
    return settled


def leave(session: Session, comment: Comment) -> None:
    """Take a comment, locked by this transaction, out of its cluster: its text is gone.

    A cluster without members leaves the index; what stands in it are then nobody's words.
    """
    cluster_id, comment.cluster_id = comment.cluster_id, None
    if cluster_id is None:
        return
    _lock_sites(session, {comment.site_id})
    session.flush()
    if session.scalar(select(Comment.id).where(Comment.cluster_id == cluster_id).limit(1)):
        return
    index.remove(session, cluster_id)


# --- What was judged before there was an index ---------------------------------------------------


def any_unclustered(session: Session) -> bool:
    """Whether there is a comment that was judged and has no cluster."""
    return session.execute(select(Comment.id).where(text(UNCLUSTERED)).limit(1)).first() is not None


def count_unclustered(session: Session) -> int:
    found = select(func.count()).select_from(Comment).where(text(UNCLUSTERED))
    return session.scalar(found) or 0


def cluster_some(session: Session, limit: int) -> int:
    """Give up to ``limit`` of them their clusters, the newest first; how many it were.

    All of it in the one transaction, about 1 ms a comment, so let ``limit`` be small.
    """
    found = select(Comment.id).where(text(UNCLUSTERED)).order_by(Comment.id.desc()).limit(limit)
    comments = lock_comments(session, session.scalars(found).all())
    waiting = {
        comment_id: comment
        for comment_id, comment in comments.items()
        if comment.cluster_id is None and comment.status in DECIDABLE
    }
    newcomers = [
        Newcomer(comment.id, comment.site_id, Sketch.of(comment.body))
        for comment in waiting.values()
    ]
    settle(session, look_up(session, newcomers), waiting)
    return len(waiting)


@dataclass(slots=True)
class Forgetting:
    """Forgets the clusters there are when it begins, while workers found and fill others.

    Each ``step`` is for a transaction of its own, and each of its parts only goes forward, so it
    ends however much comes in. Locks are taken in the order in which everybody takes them:
    comments, sites, then rows of the index.
    """

    until: int
    """The newest representative there was."""

    last_comment: str = ""
    last_key: tuple[int, int] = (0, 0)

    @classmethod
    def begin(cls, session: Session) -> Forgetting:
        return cls(until=session.scalar(select(func.max(Representative.id))) or 0)

    def step(self, session: Session, limit: int) -> bool:
        """Forget some more, about ``limit`` rows; False when nothing of it is left."""
        return (
            self._forget_representatives(session, limit)
            or self._empty_clusters(session, limit)
            or self._forget_keys(session, limit)
        )

    def _forget_representatives(self, session: Session, limit: int) -> bool:
        old = session.execute(
            select(Representative.site_id, Representative.cluster_id)
            .where(Representative.id <= self.until)
            .order_by(Representative.id)
            .limit(min(limit, MAX_IDS_A_QUERY))
        ).all()
        # Whoever settles comments at the same time has seen a cluster before it goes and is done,
        # or sees that it is gone. All of a cluster, or a worker could add to what is left of it.
        _lock_sites(session, {row.site_id for row in old})
        mine = Representative.cluster_id.in_({row.cluster_id for row in old})
        session.execute(delete(Representative).where(mine))
        return bool(old)

    def _empty_clusters(self, session: Session, limit: int) -> bool:
        """Take comments out of clusters that nothing stands for; nobody joins those any more."""
        stands = exists().where(Representative.cluster_id == Comment.cluster_id)
        left = dict(
            session.execute(
                select(Comment.id, Comment.cluster_id)
                .where(Comment.id > self.last_comment, Comment.cluster_id.is_not(None), ~stands)
                .order_by(Comment.id)
                .limit(limit)
            ).all()
        )
        for comment in lock_comments(session, list(left)).values():
            if comment.cluster_id == left[comment.id]:
                comment.cluster_id = None
        self.last_comment = max(left, default=self.last_comment)
        return bool(left)

    def _forget_keys(self, session: Session, limit: int) -> bool:
        found = index.forget_keys(session, self.last_key, limit)
        self.last_key = found or self.last_key
        return found is not None


# --- Parts ---------------------------------------------------------------------------------------


def _representatives_of(session: Session, cluster_ids: set[str]) -> Counter[str]:
    """Cluster id -> number of its representatives."""
    if not cluster_ids:
        return Counter()
    rows = session.execute(
        select(Representative.cluster_id, func.count())
        .where(Representative.cluster_id.in_(cluster_ids))
        .group_by(Representative.cluster_id)
    )
    return Counter(dict(rows.all()))


def _group(places: Iterable[_Place]) -> None:
    """Group newcomers among themselves: a flood's first comments often come in one batch."""
    pool: Pool[_Group] = Pool()
    for place in places:
        newcomer = place.newcomer
        group, alike = pool.best(newcomer)
        if group is None:
            pool.add(newcomer, place.group)
            continue
        place.group = group
        if alike < UNLIKE and group.representatives < MAX_REPRESENTATIVES:
            group.representatives += 1
            place.stands_for_it = True
            pool.add(newcomer, group)


def _lock_sites(session: Session, site_ids: set[str]) -> None:
    """On PostgreSQL FOR NO KEY UPDATE: who adds rows that refer to the site need not wait."""
    session.execute(
        select(Site.id)
        .where(Site.id.in_(sorted(site_ids)))
        .order_by(Site.id)
        .with_for_update(key_share=True)
    )


def _newest(session: Session, site_ids: set[str]) -> dict[str, int]:
    newest = (
        session.scalar(select(func.max(Representative.id)).where(Representative.site_id == site_id))
        for site_id in sorted(site_ids)
    )
    return {site_id: found or 0 for site_id, found in zip(sorted(site_ids), newest, strict=True)}


def _newer(session: Session, placements: Placements, site_ids: set[str]) -> Pool[Found]:
    """What has come in since the look-up; nothing comes any more while the sites are locked."""
    pool: Pool[Found] = Pool()
    if not site_ids:
        return pool
    rows = session.execute(
        select(Representative.__table__)
        .where(
            or_(
                *(
                    and_(
                        Representative.site_id == site_id,
                        Representative.id > placements.newest.get(site_id, 0),
                    )
                    for site_id in sorted(site_ids)
                )
            )
        )
        .order_by(Representative.id.desc())
        .limit(MAX_NEWER)
    ).all()
    for row in reversed(rows):
        found = Found(row.id, row.site_id, row.cluster_id, row.letters)
        pool.add(Newcomer("", row.site_id, Sketch("", row.letters)), found)
    return pool
