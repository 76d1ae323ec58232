"""Measures of a score against labels, in numpy alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _pair(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    truth, given = np.asarray(labels).astype(bool), np.asarray(scores, dtype=np.float64)
    if truth.shape != given.shape or truth.ndim != 1:
        raise ValueError("labels and scores must be two lists of the same length")
    if truth.all() or not truth.any():
        raise ValueError("labels must hold both kinds")
    return truth, given


def ranks(values: ArrayLike) -> NDArray[np.float64]:
    """The rank of each value from 1, equal values sharing their mean rank."""
    _, group, sizes = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    return ((last - sizes + 1 + last) / 2)[group]


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a positive scores above a negative, ties counting half (Mann-Whitney).

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    truth, given = _pair(labels, scores)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    rank_sum = ranks(given)[truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean of the precision at each positive, thresholds at distinct scores.

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    truth, given = _pair(labels, scores)
    order = np.argsort(-given, kind="stable")
    hits = np.cumsum(truth[order])
    ends = np.append(np.flatnonzero(np.diff(given[order])), len(order) - 1)
    recall = hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * hits[ends] / (ends + 1)))


def calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: |mean score - share of positives| over equal-width bins.

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    truth, given = _pair(labels, scores)
    bin_of = np.clip((given * bins).astype(int), 0, bins - 1)
    gaps = np.bincount(bin_of, weights=given - truth, minlength=bins)
    return float(np.abs(gaps).sum() / len(given))


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rank correlation; 1.0 where either list does not vary and both agree on it."""
    first, second = ranks(one), ranks(other)
    if first.std() == 0 or second.std() == 0:
        return 1.0 if first.std() == second.std() else 0.0
    return float(np.corrcoef(first, second)[0, 1])
