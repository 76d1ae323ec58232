"""The index of near copies: how representatives are stored, and how like ones are found.

It is an inverted index with prefix filtering: a representative is stored under the rarest of its
shingles, as the index itself counts them (Chaudhuri, Ganti and Kaushik 2006; Bayardo, Ma and
Srikant 2007). Looked at are only the shingles with the smallest hashes, which copies mostly share
(Broder 1997, the bottom sketch), so that a long text costs no more than a short one. What shares
the most and rarest keys is then verified by ``similarity``. Only ``services.likeness`` uses this.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from sqlalchemy import bindparam, delete, exists, insert, select, tuple_
from sqlalchemy.orm import Session

from moderation.domain.likeness import LikenessKey, Representative
from moderation.scoring.similarity import Sketch, similarity
from moderation.services.rows import MAX_IDS_A_QUERY

T = TypeVar("T")

KEYS = 20
"""Under how many of its shingles a representative is stored: the rarest of those it may be."""

STORABLE = 48
"""So many shingles, those with the smallest hashes, may a representative be stored under."""

LOOKED_UP = 60
"""By so many of its smallest a text is looked up: more, because what an edit or a greeting adds
pushes shingles of the original back."""

MAX_HOLDERS = 4
"""A shingle that so many representatives are stored under takes no more: it tells too little."""

MAX_CANDIDATES = 8
"""How many representatives a text is compared with, those that share the most and rarest first."""

MIN_SHARED_PADDED = 2
"""Of KEYS. Whoever shares fewer is not looked at as a padded copy, which takes ten times as long
as an edited one and is most of the work otherwise."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A comment that is to be given its cluster."""

    comment_id: str
    site_id: str
    sketch: Sketch


@dataclass(frozen=True, slots=True)
class Found:
    """A stored representative."""

    id: int
    site_id: str
    cluster_id: str
    letters: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a newcomer is most like, if anything, and the keys it would be stored under itself."""

    found: Found | None
    similarity: float
    keys: tuple[int, ...]


# --- Keys --------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def site_part(site_id: str) -> int:
    """The upper half of a site's keys: 31 bits. Sites that share them are told apart later."""
    digest = hashlib.blake2b(site_id.encode(), digest_size=4).digest()
    return (int.from_bytes(digest, "big") >> 1) << 32


def whole_key(newcomer: Newcomer) -> int:
    """The key that only texts with the same letters have, but for chance."""
    return site_part(newcomer.site_id) | newcomer.sketch.whole


def shingle_keys(newcomer: Newcomer) -> list[int]:
    """The keys a text is looked up by, ascending."""
    site = site_part(newcomer.site_id)
    return [site | shingle for shingle in newcomer.sketch.shingles[:LOOKED_UP]]


def keys_unseen(newcomer: Newcomer) -> tuple[int, ...]:
    """Keys to store a text under whose shingles were not looked up."""
    return whole_key(newcomer), *shingle_keys(newcomer)[:KEYS]


def _keys_to_store(
    newcomer: Newcomer, keys: Sequence[int], holders: Mapping[int, Sequence[int]]
) -> tuple[int, ...]:
    """The rarest keys. Among equally rare ones the smallest, which a copy would choose as well."""
    rarest = sorted((len(holders.get(key, ())), key) for key in keys[:STORABLE])[:KEYS]
    return whole_key(newcomer), *(key for number, key in rarest if number < MAX_HOLDERS)


# --- Finding -----------------------------------------------------------------------------------

# Made once: SQLAlchemy would look at each of five hundred values of an `in_` otherwise.
_HOLDERS = select(LikenessKey.__table__).where(
    LikenessKey.__table__.c.key.in_(bindparam("some", expanding=True))
)
_REPRESENTATIVES = select(Representative.__table__).where(
    Representative.__table__.c.id.in_(bindparam("some", expanding=True))
)


def find_equal(session: Session, newcomers: Sequence[Newcomer]) -> dict[str, Found]:
    """Comment id -> the first representative with the same letters: the way of most of a flood."""
    keys = {newcomer.comment_id: whole_key(newcomer) for newcomer in newcomers}
    holders = _holders(session, keys.values())
    known = representatives(session, (i for ids in holders.values() for i in ids))
    equal: dict[str, Found] = {}
    for newcomer in newcomers:
        for representative_id in sorted(holders.get(keys[newcomer.comment_id], ())):
            found = known.get(representative_id)
            if (
                found is not None
                and found.site_id == newcomer.site_id
                and found.letters == newcomer.sketch.letters
            ):
                equal[newcomer.comment_id] = found
                break
    return equal


def find_similar(session: Session, newcomers: Sequence[Newcomer]) -> dict[str, Match]:
    """Comment id -> the most similar representative; the oldest of equals."""
    keys = {newcomer.comment_id: shingle_keys(newcomer) for newcomer in newcomers}
    holders = _holders(session, (key for some in keys.values() for key in some))
    candidates: dict[str, dict[int, int]] = {}
    for newcomer in newcomers:
        weight: Counter[int] = Counter()
        shared: Counter[int] = Counter()
        for key in keys[newcomer.comment_id]:
            if ids := holders.get(key):
                for representative_id in ids:
                    weight[representative_id] += 1 / len(ids)
                    shared[representative_id] += 1
        best = sorted(weight, key=lambda i: (-weight[i], i))[:MAX_CANDIDATES]
        candidates[newcomer.comment_id] = {i: shared[i] for i in sorted(best)}
    known = representatives(session, (i for some in candidates.values() for i in some))
    matches: dict[str, Match] = {}
    for newcomer in newcomers:
        best, highest = None, 0.0
        for representative_id, shared_keys in candidates[newcomer.comment_id].items():
            found = known.get(representative_id)
            if found is None or found.site_id != newcomer.site_id:
                continue
            alike = similarity(
                newcomer.sketch.letters, found.letters, padded=shared_keys >= MIN_SHARED_PADDED
            )
            if alike > highest:
                best, highest = found, alike
        stored = _keys_to_store(newcomer, keys[newcomer.comment_id], holders)
        matches[newcomer.comment_id] = Match(best, highest, stored)
    return matches


def representatives(session: Session, ids: Iterable[int]) -> dict[int, Found]:
    """Representatives by id; those that are gone are left out."""
    found: dict[int, Found] = {}
    for some in _chunks(ids):
        for row in session.connection().execute(_REPRESENTATIVES, {"some": some}):
            found[row.id] = Found(row.id, row.site_id, row.cluster_id, row.letters)
    return found


def _holders(session: Session, keys: Iterable[int]) -> dict[int, list[int]]:
    """Key -> ids of the representatives stored under it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for some in _chunks(keys):
        for key, representative_id in session.connection().execute(_HOLDERS, {"some": some}):
            found[key].append(representative_id)
    return found


def _chunks(values: Iterable[int]) -> Iterable[list[int]]:
    unique = list(dict.fromkeys(values))
    for start in range(0, len(unique), MAX_IDS_A_QUERY):
        yield unique[start : start + MAX_IDS_A_QUERY]


class Pool(Generic[T]):
    """The same search among a few texts in memory, each with a companion."""

    def __init__(self) -> None:
        self._texts: list[tuple[str, T]] = []
        self._holders: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, newcomer: Newcomer, what: T) -> None:
        number = len(self._texts)
        self._texts.append((newcomer.sketch.letters, what))
        self._holders[whole_key(newcomer)].append(number)
        for key in shingle_keys(newcomer):
            self._holders[key].append(number)

    def best(self, newcomer: Newcomer) -> tuple[T | None, float]:
        """The most similar text's companion and the similarity; the first of equals."""
        shared: Counter[int] = Counter()
        for key in (whole_key(newcomer), *shingle_keys(newcomer)):
            if numbers := self._holders.get(key):
                shared.update(numbers)
        best, highest = None, 0.0
        first = sorted(shared, key=lambda number: (-shared[number], number))[:MAX_CANDIDATES]
        for number in sorted(first):
            letters, what = self._texts[number]
            alike = similarity(
                newcomer.sketch.letters, letters, padded=shared[number] >= MIN_SHARED_PADDED
            )
            if alike > highest:
                best, highest = what, alike
        return best, highest


# --- Writing -----------------------------------------------------------------------------------


def store(session: Session, new: Sequence[tuple[Newcomer, str, tuple[int, ...]]]) -> None:
    """Store representatives, each with its cluster's id and its keys."""
    if not new:
        return
    ids = session.execute(
        insert(Representative.__table__).returning(
            Representative.__table__.c.id, sort_by_parameter_order=True
        ),
        [
            {
                "site_id": newcomer.site_id,
                "cluster_id": cluster_id,
                "letters": newcomer.sketch.letters,
            }
            for newcomer, cluster_id, _ in new
        ],
    ).scalars()
    session.execute(
        insert(LikenessKey.__table__),
        [
            {"key": key, "representative_id": representative_id}
            for representative_id, (_, _, keys) in zip(ids, new, strict=True)
            for key in keys
        ],
    )


def remove(session: Session, cluster_id: str) -> None:
    """Take all representatives of a cluster out."""
    mine = select(Representative).where(Representative.cluster_id == cluster_id)
    for representative in session.scalars(mine):
        stored = Newcomer("", representative.site_id, Sketch("", representative.letters))
        for some in _chunks([whole_key(stored), *shingle_keys(stored)]):
            session.execute(
                delete(LikenessKey).where(
                    LikenessKey.key.in_(some),
                    LikenessKey.representative_id == representative.id,
                )
            )
    session.execute(delete(Representative).where(Representative.cluster_id == cluster_id))


def forget_keys(session: Session, after: tuple[int, int], limit: int) -> tuple[int, int] | None:
    """Of the next ``limit`` keys, take out those whose representatives are gone.

    Args:
        after: key and representative of the last row that was looked at.

    Returns:
        The same of the last row looked at now; None when there was none.
    """
    place = tuple_(LikenessKey.key, LikenessKey.representative_id)
    some = (
        select(LikenessKey.key, LikenessKey.representative_id)
        .where(place > after)
        .order_by(LikenessKey.key, LikenessKey.representative_id)
        .limit(limit)
    )
    rows = session.execute(some).all()
    if not rows:
        return None
    last = (rows[-1].key, rows[-1].representative_id)
    # Keys are committed together with what they lead to, so one statement sees both or neither.
    session.execute(
        delete(LikenessKey).where(
            place > after,
            place <= last,
            ~exists().where(Representative.id == LikenessKey.representative_id),
        )
    )
    return last
