"""Near copies: which cluster a comment belongs to, found by an index in the database.

The index is an inverted one with prefix filtering: a representative is stored under the ten rarest
of its shingles, as the index itself counts them, and a text is looked up by all of its own
(Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and Srikant 2007). The best candidates are then
verified by ``similarity``. Clusters are grown around their first comment, as in Hartigan's leader
algorithm (1975), with a few more representatives where members are unlike the first. So a comment
costs the same however many are stored, and joining a cluster of twenty thousand what joining a
cluster of one costs.

Two steps, so that the work is done before a transaction writes: ``look_up`` reads; ``settle``,
inside the transaction that judges, compares only with what has come in between.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Generic, TypeVar

from sqlalchemy import and_, delete, func, insert, or_, select, text
from sqlalchemy.orm import Session

from moderation.domain.base import new_id
from moderation.domain.comment import DECIDABLE, UNCLUSTERED, Comment
from moderation.domain.likeness import LikenessKey, Representative
from moderation.domain.site import Site
from moderation.scoring.similarity import Sketch, similarity
from moderation.services.rows import MAX_IDS_A_QUERY, lock_comments

T = TypeVar("T")

KEYS = 10
"""Under how many of its shingles a representative is stored."""

MAX_HOLDERS = 16
"""A shingle that so many representatives are stored under takes no more: it tells too little."""

MAX_CANDIDATES = 16
"""How many representatives a text is compared with, those that share the most and rarest first."""

MAX_REPRESENTATIVES = 4
UNLIKE = 0.75
"""A member less similar than this to what it was found by stands for its cluster as well."""

MAX_NEWER = 1000
"""How many representatives that came in since the look-up are compared with; newest first."""

MAX_COPIES = 100
"""``recent_copies`` counts no further."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A comment that is to be given its cluster."""

    comment_id: str
    site_id: str
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class _Found:
    id: int
    cluster_id: str
    letters: str


@dataclass(slots=True)
class _Group:
    """Newcomers that are like one another and like nothing that is stored."""

    cluster_id: str | None = None
    representatives: int = 1


@dataclass(slots=True)
class _Place:
    newcomer: Newcomer
    found: _Found | None = None
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


@dataclass(frozen=True, slots=True)
class Copies:
    """Near copies of a comment within a period; each number is at most MAX_COPIES."""

    total: int
    by_other_authors: int
    on_other_articles: int


# --- Finding -----------------------------------------------------------------------------------


def look_up(session: Session, newcomers: Sequence[Newcomer]) -> Placements:
    """Find the cluster of each newcomer; nothing is written or locked."""
    newest = _newest(session, {newcomer.site_id for newcomer in newcomers})
    places = {newcomer.comment_id: _Place(newcomer) for newcomer in newcomers}
    _find_equal(session, list(places.values()))
    _find_similar(session, [place for place in places.values() if place.found is None])
    _group(place for place in places.values() if place.found is None)
    return Placements(places, newest)


def settle(
    session: Session, placements: Placements, comments: Mapping[str, Comment]
) -> dict[str, str]:
    """Write the clusters of those newcomers that are among ``comments``, all of them locked.

    Comment id -> cluster id. Another worker that settles comments of the same site waits, so that
    two copies that arrive at once found one cluster, not two.
    """
    live = [place for comment_id, place in placements.places.items() if comment_id in comments]
    _lock_sites(session, {place.newcomer.site_id for place in live})
    newer = _newer(session, placements, {place.newcomer.site_id for place in live})
    still_there = _still_there(session, [place.found.id for place in live if place.found])
    new: list[_Place] = []
    for place in live:
        newcomer = place.newcomer
        if place.found is not None and place.found.id in still_there:
            cluster_id = place.found.cluster_id
            if place.stands_for_it:
                new.append(place)
        else:
            group = place.group
            if group.cluster_id is None:
                best, _ = newer.best(newcomer)
                group.cluster_id = best.cluster_id if best else new_id()
                if best is None:
                    new.append(place)
            elif place.stands_for_it:
                new.append(place)
            cluster_id = group.cluster_id
        comments[newcomer.comment_id].cluster_id = cluster_id
    _store(session, new, comments)
    return {
        place.newcomer.comment_id: comments[place.newcomer.comment_id].cluster_id for place in live
    }


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
    mine = select(Representative).where(Representative.cluster_id == cluster_id)
    for representative in session.scalars(mine):
        sketch = Sketch("", representative.letters)
        keys = _keys(comment.site_id, (sketch.whole, *sketch.shingles))
        for some in _chunks(keys):
            session.execute(
                delete(LikenessKey).where(
                    LikenessKey.key.in_(some),
                    LikenessKey.representative_id == representative.id,
                )
            )
    session.execute(delete(Representative).where(Representative.cluster_id == cluster_id))


def recent_copies(
    session: Session,
    cluster_id: str | None,
    *,
    since: datetime,
    author_id: str,
    article_id: str,
    comment_id: str | None = None,
) -> Copies:
    """How many comments of a cluster were posted since ``since``, whatever became of them.

    By others than ``author_id``, on other articles than ``article_id``; ``comment_id`` itself is
    left out. The newest MAX_COPIES are counted, so that a flood costs no more than a handful.
    """
    if cluster_id is None:
        return Copies(0, 0, 0)
    rows = session.execute(
        select(Comment.author_id, Comment.article_id)
        .where(
            Comment.cluster_id == cluster_id,
            Comment.created_at >= since,
            Comment.id != (comment_id or ""),
        )
        .order_by(Comment.created_at.desc())
        .limit(MAX_COPIES)
    ).all()
    return Copies(
        total=len(rows),
        by_other_authors=sum(row.author_id != author_id for row in rows),
        on_other_articles=sum(row.article_id != article_id for row in rows),
    )


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


def forget(session: Session, limit: int) -> int:
    """Take some rows out of the index and their comments out of clusters; 0 when none is left."""
    some_keys = select(LikenessKey.key).order_by(LikenessKey.key).limit(limit)
    gone = session.execute(delete(LikenessKey).where(LikenessKey.key.in_(some_keys))).rowcount
    some = select(Representative.id).order_by(Representative.id).limit(limit)
    gone += session.execute(delete(Representative).where(Representative.id.in_(some))).rowcount
    clustered = select(Comment.id).where(Comment.cluster_id.is_not(None)).limit(limit)
    comments = lock_comments(session, session.scalars(clustered).all())
    for comment in comments.values():
        comment.cluster_id = None
    return gone + len(comments)


# --- Candidates ----------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def site_part(site_id: str) -> int:
    """The upper half of a site's keys: 31 bits. What two sites might share is told apart later."""
    digest = hashlib.blake2b(site_id.encode(), digest_size=4).digest()
    return (int.from_bytes(digest, "big") >> 1) << 32


def _keys(site_id: str, hashes: Iterable[int]) -> list[int]:
    site = site_part(site_id)
    return [site | one for one in dict.fromkeys(hashes)]


def _chunks(values: Iterable[int]) -> Iterable[list[int]]:
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), MAX_IDS_A_QUERY):
        yield unique[start : start + MAX_IDS_A_QUERY]


def _holders(session: Session, keys: Iterable[int]) -> dict[int, list[int]]:
    """Key -> ids of the representatives stored under it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    table = LikenessKey.__table__.c
    for some in _chunks(keys):
        rows = session.execute(
            select(table.key, table.representative_id).where(table.key.in_(some))
        )
        for key, representative_id in rows:
            found[key].append(representative_id)
    return found


def _representatives(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, _Found]]:
    """Id -> (site id, representative)."""
    table = Representative.__table__.c
    found = {}
    for some in _chunks(ids):
        rows = session.execute(
            select(table.id, table.site_id, table.cluster_id, table.letters).where(
                table.id.in_(some)
            )
        )
        for row in rows:
            found[row.id] = (row.site_id, _Found(row.id, row.cluster_id, row.letters))
    return found


def _find_equal(session: Session, places: Sequence[_Place]) -> None:
    """The way of most of a flood: one key, one representative, the same letters."""
    whole = {
        place.newcomer.comment_id: site_part(place.newcomer.site_id) | place.newcomer.sketch.whole
        for place in places
    }
    holders = _holders(session, whole.values())
    known = _representatives(session, (i for ids in holders.values() for i in ids))
    for place in places:
        newcomer = place.newcomer
        for representative_id in sorted(holders.get(whole[newcomer.comment_id], ())):
            site_id, found = known.get(representative_id, (None, None))
            if site_id == newcomer.site_id and found.letters == newcomer.sketch.letters:
                place.found = found
                break


def _find_similar(session: Session, places: Sequence[_Place]) -> None:
    keys = {
        place.newcomer.comment_id: _keys(place.newcomer.site_id, place.newcomer.sketch.shingles)
        for place in places
    }
    holders = _holders(session, (key for some in keys.values() for key in some))
    candidates: dict[str, list[int]] = {}
    for place in places:
        comment_id = place.newcomer.comment_id
        place.keys = _keys_to_store(place.newcomer, keys[comment_id], holders)
        shared: Counter[int] = Counter()
        for key in keys[comment_id]:
            if ids := holders.get(key):
                for representative_id in ids:
                    shared[representative_id] += 1 / len(ids)
        best = sorted(shared, key=lambda i: (-shared[i], i))
        candidates[comment_id] = best[:MAX_CANDIDATES]
    known = _representatives(session, (i for ids in candidates.values() for i in ids))
    unlike: list[_Place] = []
    for place in places:
        newcomer = place.newcomer
        best_similarity = 0.0
        for representative_id in sorted(candidates[newcomer.comment_id]):
            site_id, found = known.get(representative_id, (None, None))
            if site_id != newcomer.site_id:
                continue
            alike = similarity(newcomer.sketch.letters, found.letters)
            if alike > best_similarity:
                place.found, best_similarity = found, alike
        if place.found is not None and best_similarity < UNLIKE:
            unlike.append(place)
    numbers = _representatives_of(session, {place.found.cluster_id for place in unlike})
    for place in unlike:
        if numbers[place.found.cluster_id] < MAX_REPRESENTATIVES:
            numbers[place.found.cluster_id] += 1
            place.stands_for_it = True


def _keys_to_store(
    newcomer: Newcomer, keys: Sequence[int], holders: Mapping[int, Sequence[int]]
) -> tuple[int, ...]:
    """The rarest keys. Among equally rare ones the smallest, which a copy would choose as well."""
    rarest = sorted((len(holders.get(key, ())), key) for key in keys)[:KEYS]
    kept = [key for number, key in rarest if number < MAX_HOLDERS]
    return tuple(dict.fromkeys([site_part(newcomer.site_id) | newcomer.sketch.whole, *kept]))


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


class _Pool(Generic[T]):
    """The same search among a few texts in memory."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, T]] = []
        self._holders: defaultdict[tuple[str, int], list[int]] = defaultdict(list)

    def add(self, site_id: str, sketch: Sketch, what: T) -> None:
        number = len(self._texts)
        self._texts.append((sketch.letters, what))
        for one in {sketch.whole, *sketch.shingles}:
            self._holders[site_id, one].append(number)

    def best(self, newcomer: Newcomer) -> tuple[T | None, float]:
        """The most similar text's companion and the similarity; the first of equals."""
        sketch = newcomer.sketch
        shared = Counter(
            number
            for one in {sketch.whole, *sketch.shingles}
            for number in self._holders.get((newcomer.site_id, one), ())
        )
        best, highest = None, 0.0
        first = sorted(shared, key=lambda number: (-shared[number], number))[:MAX_CANDIDATES]
        for number in sorted(first):
            letters, what = self._texts[number]
            alike = similarity(sketch.letters, letters)
            if alike > highest:
                best, highest = what, alike
        return best, highest


def _group(places: Iterable[_Place]) -> None:
    """Group newcomers among themselves: a flood's first comments often come in one batch."""
    pool: _Pool[_Group] = _Pool()
    for place in places:
        newcomer = place.newcomer
        group, alike = pool.best(newcomer)
        if group is None:
            pool.add(newcomer.site_id, newcomer.sketch, place.group)
            continue
        place.group = group
        if alike < UNLIKE and group.representatives < MAX_REPRESENTATIVES:
            group.representatives += 1
            place.stands_for_it = True
            pool.add(newcomer.site_id, newcomer.sketch, group)


# --- Writing -------------------------------------------------------------------------------------


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


def _newer(session: Session, placements: Placements, site_ids: set[str]) -> _Pool[_Found]:
    """What has come in since the look-up; nothing comes any more while the sites are locked."""
    pool: _Pool[_Found] = _Pool()
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
        found = _Found(row.id, row.cluster_id, row.letters)
        pool.add(row.site_id, Sketch("", row.letters), found)
    return pool


def _still_there(session: Session, ids: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for some in _chunks(ids):
        found.update(session.scalars(select(Representative.id).where(Representative.id.in_(some))))
    return found


def _store(session: Session, places: Sequence[_Place], comments: Mapping[str, Comment]) -> None:
    if not places:
        return
    ids = session.execute(
        insert(Representative.__table__).returning(
            Representative.__table__.c.id, sort_by_parameter_order=True
        ),
        [
            {
                "site_id": place.newcomer.site_id,
                "cluster_id": comments[place.newcomer.comment_id].cluster_id,
                "letters": place.newcomer.sketch.letters,
            }
            for place in places
        ],
    ).scalars()
    session.execute(
        insert(LikenessKey.__table__),
        [
            {"key": key, "representative_id": representative_id}
            for representative_id, place in zip(ids, places, strict=True)
            for key in place.keys or _keys_unseen(place.newcomer)
        ],
    )


def _keys_unseen(newcomer: Newcomer) -> list[int]:
    """Keys of a text whose shingles were not looked up, because its equal was there at the time."""
    sketch = newcomer.sketch
    return _keys(newcomer.site_id, (sketch.whole, *sorted(sketch.shingles)[:KEYS]))
