"""Why a comment is noteworthy, and how far ahead of its age that puts it in the queue."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from moderation.domain.policy.shape import REASONS, Policy
from moderation.labels import LABELS


def high_labels(policy: Policy, scores: Mapping[str, float]) -> list[str]:
    """Labels whose score is at or above ``hold_at``, in the order of ``LABELS``."""
    return [label for label in LABELS if scores[label] >= policy.thresholds[label].hold_at]


def is_likely_clean(policy: Policy, scores: Mapping[str, float]) -> bool:
    return all(scores[label] < policy.priority.likely_clean_below for label in LABELS)


def borderline_share(policy: Policy, scores: Mapping[str, float]) -> float:
    """1 for a score right on its ``hold_at``, falling to 0 at ``borderline_width`` from it.

    Of all labels the largest.
    """
    width = policy.priority.borderline_width
    if not width:
        return 0.0
    nearest = min(abs(scores[label] - policy.thresholds[label].hold_at) for label in LABELS)
    return max(0.0, 1.0 - nearest / width)


def head_start_min(
    policy: Policy, scores: Mapping[str, float] | None, reasons: Collection[str]
) -> int:
    """Minutes by which a comment goes ahead of its age in the queue, 0 to ``max_min``.

    The queue is sorted by the time of submission less this. Added up are: the minutes of each
    reason (those of ``borderline`` in proportion to how near the score is), and of the high
    scores the one that is worth most, in proportion to the score.

    Args:
        scores: the seven scores, or None when scoring failed.
        reasons: codes as in :attr:`Verdict.reasons`; ``reported`` may have come later.
    """
    weights = policy.priority
    minutes = 0.0
    for reason in REASONS:
        if reason in reasons:
            share = borderline_share(policy, scores) if reason == "borderline" and scores else 1.0
            minutes += share * weights.reason_min.get(reason, 0)
    if scores is not None:
        minutes += max(
            (scores[label] * weights.score_min[label] for label in high_labels(policy, scores)),
            default=0.0,
        )
    return min(round(minutes), weights.max_min)
