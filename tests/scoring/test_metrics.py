from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from moderation.scoring.metrics import (
    average_precision,
    calibration_error,
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
