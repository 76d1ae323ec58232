"""What a moderator looks at: the views of the desk, and one filter that all of them take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from moderation.domain.comment import QueueSort


class View(StrEnum):
    """A list of comments at the desk, each with an order of its own.

    ``waiting``: waits for any moderator. ``escalated``: waits for an admin. ``not_scored``: waits,
    and no model could score it. ``reported``: is public, and readers have reported it often enough.
    ``approved``, ``rejected``: stands so now, newest first. ``mine``: what the person who looks has
    claimed, then what they have decided, newest decision first.
    """

    WAITING = "waiting"
    ESCALATED = "escalated"
    REPORTED = "reported"
    NOT_SCORED = "not_scored"
    APPROVED = "approved"
    REJECTED = "rejected"
    MINE = "mine"


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which comments of a view are meant (all that is set must apply), and in which order.

    It is what the desk's URLs and saved views say: see ``moderation.schemas.queue_filter``.
    """

    view: View = View.WAITING
    sort: QueueSort = QueueSort.PRIORITY
    """``approved``, ``rejected`` and ``mine`` know no priority and are newest first then;
    ``reported`` has what was reported most first. ``mine`` has one order only."""
    site_id: str | None = None
    article_id: str | None = None
    """The publisher's own id."""
    author_id: str | None = None
    min_scores: Mapping[str, float] = field(default_factory=dict)
    """Label -> least probability, 0..1."""
    max_scores: Mapping[str, float] = field(default_factory=dict)
    """Label -> greatest probability, 0..1. What was not scored has no score and is not meant."""
    not_scored: bool | None = None
    posted_after: datetime | None = None
    """Posted at this moment or later."""
    posted_before: datetime | None = None
    older_than_h: float | None = None
    """Posted at least so many hours ago. As in ``newer_than_h``, a saved view means the moment at
    which it is looked at."""
    newer_than_h: float | None = None
    text: str | None = None
    """Stands in the body as it is, but for the case of letters."""
    similar_to: str | None = None
    """A comment's id: only what is in its cluster of near copies, itself included."""
    safe_below: float | None = None
    """For a safe run: every score is below this, a model is made for the text, nobody has reported
    it, and no rule about words or links has found anything."""
    skipped: bool = False
    """What this person has skipped, which is left out otherwise."""
    comment_ids: Sequence[str] | None = None

    def at(self, now: datetime) -> QueueFilter:
        """The same filter with its relative ages turned into moments."""
        after, before = self.posted_after, self.posted_before
        if self.newer_than_h is not None:
            since = _ago(now, self.newer_than_h)
            after = since if after is None else max(after, since)
        if self.older_than_h is not None:
            until = _ago(now, self.older_than_h)
            before = until if before is None else min(before, until)
        return replace(
            self, posted_after=after, posted_before=before, older_than_h=None, newer_than_h=None
        )


def _ago(now: datetime, hours: float) -> datetime:
    return now - timedelta(hours=hours)
