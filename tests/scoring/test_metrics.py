from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from moderation.scoring.metrics import (
    auc_difference,
    average_precision,
    calibration_bins,
    calibration_error,
    curves,
    rank_correlation,
    roc_auc,
)

LABELLED = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0])),
    min_size=2,
    max_size=60,
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


@given(LABELLED)
def test_they_agree_with_scikit_learn_ties_and_all(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = zip(*pairs, strict=True)
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(
        average_precision_score(labels, scores)
    )


@given(LABELLED)
def test_curves_pass_the_points_scikit_learn_gives(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = zip(*pairs, strict=True)
    found = curves(labels, scores)
    false_positives, recall, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    assert found.thresholds == pytest.approx(thresholds[1:])
    assert found.recall == pytest.approx(recall[1:])
    assert found.false_positive_rate == pytest.approx(false_positives[1:])
    for at, precision, share in zip(found.thresholds, found.precision, found.share, strict=True):
        above = [label for label, score in pairs if score >= at]
        assert precision == pytest.approx(sum(above) / len(above))
        assert share == pytest.approx(len(above) / len(pairs))


@given(LABELLED)
def test_calibration_bins_are_scikit_learns(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = zip(*pairs, strict=True)
    # A score on a bin's edge falls to the left there, to the right here: move it off the edge.
    moved = np.clip(np.array(scores) + 1e-6, 0, 1)
    found = calibration_bins(labels, moved)
    share, mean = calibration_curve(labels, moved, n_bins=10)
    assert found.counts.sum() == len(pairs)
    assert found.shares_of_positives[found.counts > 0] == pytest.approx(share)
    assert found.mean_scores[found.counts > 0] == pytest.approx(mean)


def test_the_difference_of_two_aucs_is_delongs() -> None:
    """Against the definition itself: kernels over all pairs, and their covariances."""
    rng = np.random.default_rng(3)
    labels = np.arange(60) < 20
    first = rng.normal(labels * 1.0, 1).round(1)  # with ties
    second = first + rng.normal(labels * 0.8, 0.7).round(1)
    found = auc_difference(labels, first, second)
    assert (found.first, found.second) == (
        pytest.approx(roc_auc_score(labels, first)),
        pytest.approx(roc_auc_score(labels, second)),
    )
    kernels = [
        (scores[labels][:, None] > scores[~labels])
        + 0.5 * (scores[labels][:, None] == scores[~labels])
        for scores in (first, second)
    ]
    of_positives = np.cov([kernel.mean(axis=1) for kernel in kernels]) / 20
    of_negatives = np.cov([kernel.mean(axis=0) for kernel in kernels]) / 40
    covariance = of_positives + of_negatives
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert found.high - found.low == pytest.approx(2 * 1.959964 * error)
    assert (found.low + found.high) / 2 == pytest.approx(found.difference)
    assert found.p_value == pytest.approx(2 * norm.sf(abs(found.difference) / error))


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) < 80
    inside = 0
    for _ in range(300):
        shared = rng.normal(labels * 1.0, 1)
        same = [shared + rng.normal(0, 0.7, 200) for _ in range(2)]
        found = auc_difference(labels, *same)
        inside += found.low <= 0 <= found.high
    assert 0.91 <= inside / 300 <= 0.985


def test_the_same_score_twice_differs_by_nothing() -> None:
    same = auc_difference([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.4, 0.5, 0.1])
    assert (same.difference, same.low, same.high, same.p_value) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="two of each"):
        auc_difference([1, 0, 0], [0.9, 0.4, 0.5], [0.9, 0.4, 0.5])


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=50))
def test_rank_correlation_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    one, other = zip(*pairs, strict=True)
    assume(len(set(one)) > 1 and len(set(other)) > 1)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)


def test_calibration_error_is_the_gap_between_scores_and_shares() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(20_000)
    labels = rng.random(20_000) < scores
    assert calibration_error(labels, scores) < 0.02
    assert calibration_error(labels, np.clip(scores * 0 + 0.9, 0, 1)) == pytest.approx(
        0.9 - labels.mean()
    )


@pytest.mark.parametrize("measure", [roc_auc, average_precision, calibration_error])
def test_one_kind_of_label_or_lists_that_do_not_match_are_refused(measure: object) -> None:
    with pytest.raises(ValueError, match="both kinds"):
        measure([1, 1], [0.2, 0.3])  # type: ignore[operator]
    with pytest.raises(ValueError, match="same length"):
        measure([1, 0], [0.2])  # type: ignore[operator]
