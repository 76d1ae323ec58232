"""Measures of a score against labels, in numpy alone."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

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


@dataclass(frozen=True, slots=True)
class Curves:
    """What happens above each threshold that a score occurs at, from the highest down.

    All have the shape (distinct scores,): ``thresholds`` themselves, then for scores at or above
    them ``recall`` (the share of positives; the true-positive rate), ``false_positive_rate``,
    ``precision`` and ``share`` (of all texts).
    """

    thresholds: NDArray[np.float64]
    recall: NDArray[np.float64]
    false_positive_rate: NDArray[np.float64]
    precision: NDArray[np.float64]
    share: NDArray[np.float64]


def curves(labels: ArrayLike, scores: ArrayLike) -> Curves:
    """The points of the ROC and precision-recall curves, ties of scores counted as one point.

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    truth, given = _pair(labels, scores)
    order = np.argsort(-given, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(given[order])), len(order) - 1)
    hits, above = np.cumsum(truth[order])[ends], ends + 1
    positives = int(truth.sum())
    return Curves(
        given[order][ends],
        hits / positives,
        (above - hits) / (len(truth) - positives),
        hits / above,
        above / len(truth),
    )


@dataclass(frozen=True, slots=True)
class CalibrationBins:
    """Equal-width bins of the score, each array of shape (bins,); means of empty bins are NaN."""

    counts: NDArray[np.int64]
    mean_scores: NDArray[np.float64]
    shares_of_positives: NDArray[np.float64]

    @property
    def error(self) -> float:
        """The expected calibration error; see :func:`calibration_error`."""
        gaps = np.abs(self.mean_scores - self.shares_of_positives)
        return float(np.nansum(gaps * self.counts) / self.counts.sum())


def calibration_bins(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> CalibrationBins:
    """How often a score of about 0.7 is right seven times in ten, bin by bin.

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    truth, given = _pair(labels, scores)
    bin_of = np.clip((given * bins).astype(int), 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        return CalibrationBins(
            counts,
            np.bincount(bin_of, weights=given, minlength=bins) / counts,
            np.bincount(bin_of, weights=truth, minlength=bins) / counts,
        )


def calibration_error(labels: ArrayLike, scores: ArrayLike, bins: int = 10) -> float:
    """Expected calibration error: |mean score - share of positives| over equal-width bins.

    Each bin weighs as many texts as it holds (Naeini, Cooper & Hauskrecht, "Obtaining Well
    Calibrated Probabilities Using Bayesian Binning", 2015).

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    return calibration_bins(labels, scores, bins).error


def auc_interval(
    labels: ArrayLike, scores: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    """DeLong's interval for one ROC AUC, within 0..1; (NaN, NaN) with fewer than two of a kind.

    Source: see :func:`auc_difference`.

    Raises:
        ValueError: lengths differ, or only one kind of label occurs.
    """
    placements = _placements(labels, scores)
    if min(map(len, placements)) < 2:
        return float("nan"), float("nan")
    variance = sum(float(side.var(ddof=1)) / len(side) for side in placements)
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * sqrt(variance)
    middle = float(placements[0].mean())
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class AucDifference:
    """The ROC AUC of two scores on the same texts; ``low`` and ``high`` bound the difference.

    ``p_value`` is two-sided, for the hypothesis that both AUCs are the same.
    """

    first: float
    second: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        return self.second - self.first


def auc_difference(
    labels: ArrayLike, first: ArrayLike, second: ArrayLike, confidence: float = 0.95
) -> AucDifference:
    """DeLong's interval for the difference of two correlated ROC AUCs, normal approximation.

    E. R. DeLong, D. M. DeLong & D. L. Clarke-Pearson, "Comparing the Areas under Two or More
    Correlated Receiver Operating Characteristic Curves", Biometrics 44 (1988); placements are
    computed from mid-ranks as X. Sun & W. Xu do (IEEE Signal Processing Letters 21, 2014).

    Raises:
        ValueError: lengths differ, or there are fewer than two of either label.
    """
    placements = [_placements(labels, scores) for scores in (first, second)]
    if min(len(side) for side in placements[0]) < 2:
        raise ValueError("labels must hold two of each kind")
    aucs = [float(of_positives.mean()) for of_positives, _ in placements]
    variance = 0.0
    for one, other in zip(*placements, strict=True):
        gaps = other - one
        variance += float(gaps.var(ddof=1)) / len(gaps)
    difference, error = aucs[1] - aucs[0], sqrt(variance)
    normal = NormalDist()
    reach = normal.inv_cdf(0.5 + confidence / 2) * error
    if error == 0:
        p_value = 1.0 if difference == 0 else 0.0
    else:
        p_value = 2 * normal.cdf(-abs(difference) / error)
    low, high = max(-1.0, difference - reach), min(1.0, difference + reach)
    return AucDifference(*aucs, low, high, p_value)


def _placements(
    labels: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each positive the share of negatives below it, for each negative of positives above."""
    truth, given = _pair(labels, scores)
    overall, (high, low) = ranks(given), (given[truth], given[~truth])
    return (
        (overall[truth] - ranks(high)) / len(low),
        1 - (overall[~truth] - ranks(low)) / len(high),
    )


def rank_correlation(one: ArrayLike, other: ArrayLike) -> float:
    """Spearman's rank correlation; 1.0 where either list does not vary and both agree on it."""
    first, second = ranks(one), ranks(other)
    if first.std() == 0 or second.std() == 0:
        return 1.0 if first.std() == second.std() else 0.0
    return float(np.corrcoef(first, second)[0, 1])
