"""What a policy would have made of comments that were decided, and how that differs from another.

Nothing is changed, and no comment is judged anew: the scores are those it was decided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from moderation.domain.comment import Status
from moderation.domain.decision import DecidedBy
from moderation.domain.policy import Outcome, Policy, Verdict, decide
from moderation.domain.policy.bounds import upper_bound
from moderation.domain.policy.compare import Replay, Shift
from moderation.domain.policy.words import word_list
from moderation.scoring.judge import Assessment
from moderation.scoring.normalise import normalised_text
from moderation.services import policy_studies
from moderation.services.policy_studies import Case, Wanted

LAST = 1000
"""So many of the comments decided last are looked at."""
RISK = 0.05
"""The chance of a bound being wrong: it is told with a confidence of 95 %."""
MANY = 0.01
"""An entry that is found in more than this share of approved comments deserves a warning."""

OPPOSITE = {Status.APPROVED: Outcome.REJECT, Status.REJECTED: Outcome.APPROVE}
"""What would contradict a comment's state."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A comment that two policies decide differently."""

    case: Case
    before: Verdict
    after: Verdict

    @property
    def contradicts(self) -> bool:
        """Whether the new policy would have done the opposite of what a moderator did."""
        return (
            self.case.decided_by is DecidedBy.MODERATOR
            and self.after.action is OPPOSITE[self.case.status]
        )


@dataclass(frozen=True, slots=True)
class Errors:
    """Of comments that moderators decided one way, those that a policy decides the other way."""

    wrong: int
    of: int

    @property
    def bound(self) -> float:
        """With 95 % confidence no more than this share of all such comments, see ``bounds.py``."""
        return upper_bound(self.wrong, self.of, RISK)


@dataclass(slots=True)
class Trial:
    """Two policies on the same comments."""

    before: Replay = field(default_factory=lambda: Replay(show=0))
    after: Replay = field(default_factory=lambda: Replay(show=0))
    shift: Shift = field(default_factory=Shift)
    changed: list[Changed] = field(default_factory=list)
    """Contradictions of moderators first, then what would be published or rejected by machine."""

    @property
    def total(self) -> int:
        return self.after.total

    @property
    def contradictions(self) -> int:
        return sum(changed.contradicts for changed in self.changed)


def compare(before: Policy, after: Policy, cases: Sequence[Case]) -> Trial:
    """Replay both policies on ``cases``."""
    trial = Trial()
    for case in cases:
        fold = before.has_words or after.has_words
        context = case.context(case.assessment, fold=fold)
        was, would = decide(before, context), decide(after, context)
        add(trial.before, case, was)
        add(trial.after, case, would)
        trial.shift.add(was, would)
        if was.action is not would.action:
            trial.changed.append(Changed(case, was, would))
    trial.changed.sort(key=lambda one: (not one.contradicts, one.after.action is Outcome.QUEUE))
    return trial


def errors(replay: Replay, outcome: Outcome) -> Errors:
    """How often a policy has ``outcome`` where moderators decided the opposite."""
    [status] = [status for status, opposite in OPPOSITE.items() if opposite is outcome]
    was = decided(status, DecidedBy.MODERATOR)
    of = sum(number for (state, _), number in replay.counts.items() if state == was)
    return Errors(replay.counts[was, outcome], of)


def add(replay: Replay, case: Case, verdict: Verdict) -> None:
    """Count what a policy says about a case beside what was decided."""
    replay.add(
        case.comment_id,
        case.body,
        decided(case.status, case.decided_by),
        verdict,
        opposite=OPPOSITE[case.status],
    )


def decide_again(policy: Policy, case: Case, assessment: Assessment | None) -> Verdict:
    """What a policy says about a case by what the models say of it."""
    return decide(policy, case.context(assessment, fold=policy.has_words))


def decided(status: Status, by: DecidedBy) -> str:
    """How a case's decision is called in counts."""
    return f"{status} by {by}"


def last_decided(
    session: Session, *, now: datetime, site_id: str | None = None, limit: int = LAST
) -> list[Case]:
    """The comments to try a policy on."""
    return policy_studies.last_cases(session, Wanted(now, site_id=site_id), limit=limit)


# --- Words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry of a word list in a text."""

    entry: str
    disguised: bool
    """Whether it shows only once disguises are undone."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """How many of the comments approved last have an entry."""

    entry: str
    found: int
    of: int

    @property
    def is_high(self) -> bool:
        return self.found > MANY * self.of


def hits(entries: Sequence[str], text: str) -> list[Hit]:
    """Every entry that is in ``text``, as it stands or in disguise."""
    words = word_list(tuple(entries))
    plain = words.all_in(text)
    folded = [entry for entry in words.all_in(normalised_text(text)) if entry not in plain]
    return [Hit(entry, False) for entry in plain] + [Hit(entry, True) for entry in folded]


def frequencies(
    session: Session, entries: Sequence[str], *, now: datetime, limit: int = LAST
) -> list[Frequency]:
    """The entries that are in comments approved last, the most frequent first."""
    if not entries:
        return []
    approved = policy_studies.last_cases(session, Wanted(now), limit=limit, status=Status.APPROVED)
    found = dict.fromkeys(entries, 0)
    for case in approved:
        for hit in hits(entries, case.body):
            found[hit.entry] += 1
    listed = [Frequency(entry, count, len(approved)) for entry, count in found.items() if count]
    return sorted(listed, key=lambda one: -one.found)
