"""One comment as the desk shows it: what a moderator needs to decide it, and nothing to work out.

Words come from the catalogue, in the templates; here it is settled which of them apply.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup
from sqlalchemy.orm import Session

from moderation.desk.marking import marked
from moderation.domain.comment import DECIDABLE, Comment, Status
from moderation.domain.reason import Reason
from moderation.domain.sanction import Standing
from moderation.domain.score import Judgement
from moderation.domain.site import Site
from moderation.domain.staff import Principal, Scope
from moderation.labels import LABELS
from moderation.services import sites, surroundings
from moderation.services.queue import QueueItem
from moderation.services.surroundings import Neighbour

MAYBE_FROM = 0.5
"""The share of its threshold from which on a score is worth the word "maybe"."""

TOP_BANDS = 2

SUGGESTED: tuple[tuple[str, str], ...] = (
    ("threat", "threat"),
    ("identity_attack", "hate"),
    ("insult", "insult"),
    ("obscene", "obscene"),
    ("spam", "spam"),
    ("severe_toxicity", "insult"),
    ("toxicity", "insult"),
)
"""Label -> code of the reason it speaks for, the most telling first."""

SEVERE_LABELS = ("severe_toxicity", "threat", "identity_attack")
"""Labels whose high score makes a text one that can be veiled until asked for."""


@dataclass(frozen=True, slots=True)
class Band:
    """One score beside its threshold. ``word``: likely, maybe or unlikely."""

    label: str
    score: float
    limit: float

    @property
    def word(self) -> str:
        if self.score >= self.limit:
            return "likely"
        return "maybe" if self.score >= self.limit * MAYBE_FROM else "unlikely"


@dataclass(frozen=True, slots=True)
class Card:
    """A comment, ready to be shown to one person."""

    item: QueueItem
    site: Site
    body: Markup
    bands: tuple[Band, ...]
    """All seven, the one that stands out most first; none where it was not scored."""
    signs: tuple[str, ...]
    """Codes of what was noticed besides high scores."""
    parent: Neighbour | None
    claimed_by: str | None
    """Name of a colleague who holds it now."""
    is_mine: bool
    """Whether the person who looks holds it."""
    may_decide: bool
    """Whether this person may decide it as it stands."""
    suggested: str | None
    """Code of the reason that the scores speak for."""
    is_severe: bool
    standing: Standing | None
    """The sanction that counts for its author now."""

    @property
    def id(self) -> str:
        return self.item.comment.id

    @property
    def comment(self) -> Comment:
        return self.item.comment

    @property
    def top(self) -> tuple[Band, ...]:
        return self.bands[:TOP_BANDS]

    @property
    def rest(self) -> tuple[Band, ...]:
        return self.bands[TOP_BANDS:]

    @property
    def is_waiting(self) -> bool:
        return self.item.comment.status == Status.QUEUED

    @property
    def is_escalated(self) -> bool:
        return self.item.comment.escalated_at is not None

    @property
    def copies(self) -> int:
        """How many near-copies can be decided along with it."""
        return self.item.similar_count if self.is_waiting and not self.is_escalated else 0


def cards(
    session: Session,
    principal: Principal,
    items: Sequence[QueueItem],
    *,
    now: datetime,
) -> list[Card]:
    """The cards of ``items``, in their order."""
    known = {site.id: site for site in sites.list_sites(session)}
    parents = surroundings.parents_of(session, [item.comment for item in items])
    return [
        _card(item, known[item.comment.site_id], parents.get(item.comment.id), principal, now)
        for item in items
    ]


def reasons_by_site(found: Sequence[Card]) -> Mapping[str, tuple[Reason, ...]]:
    """Site id -> its reasons, of the sites that these cards are of."""
    return {card.site.id: sites.reasons(card.site) for card in found}


def _card(
    item: QueueItem, site: Site, parent: Neighbour | None, principal: Principal, now: datetime
) -> Card:
    comment, judgement = item.comment, item.judgement
    is_held = comment.claim_expires_at is not None and comment.claim_expires_at > now
    is_mine = is_held and comment.claimed_by == principal.key
    bands = _bands(judgement)
    high = {band.label for band in bands if band.word == "likely"}
    codes = {reason.code for reason in sites.reasons(site)}
    wanted = [code for label, code in SUGGESTED if label in high and code in codes]
    return Card(
        item=item,
        site=site,
        body=marked(comment.body, judgement.spans if judgement else ()),
        bands=bands,
        signs=tuple(
            code for code in (judgement.reasons if judgement else ()) if not code.endswith("_high")
        ),
        parent=parent,
        claimed_by=comment.claimed_name if is_held and not is_mine else None,
        is_mine=is_mine,
        may_decide=comment.status in DECIDABLE
        and (comment.escalated_at is None or principal.may(Scope.ADMIN)),
        suggested=wanted[0] if wanted else None,
        is_severe=not high.isdisjoint(SEVERE_LABELS),
        standing=item.author.standing(now),
    )


def _bands(judgement: Judgement | None) -> tuple[Band, ...]:
    scores = judgement.scores if judgement else None
    if judgement is None or scores is None:
        return ()
    found = [
        Band(label, scores[label], judgement.thresholds.get(label, {}).get("hold_at", 1.0))
        for label in LABELS
    ]
    return tuple(sorted(found, key=lambda band: band.score / (band.limit or 1.0), reverse=True))
