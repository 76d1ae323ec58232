"""Platt's scaling, against scikit-learn's logistic regression and against what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from moderation.scoring.calibration import fit_platt
from moderation.scoring.metrics import calibration_error


def test_it_finds_what_an_unpenalised_logistic_regression_finds() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=4000) * 2
    truth = rng.random(4000) < 1 / (1 + np.exp(-(2.5 * logits - 1)))
    weights = rng.random(4000) + 0.1
    slope, shift = fit_platt(logits, truth, weights)
    other = LogisticRegression(C=np.inf).fit(logits[:, None], truth, sample_weight=weights)
    assert slope == pytest.approx(other.coef_[0, 0], rel=0.01)
    assert shift == pytest.approx(other.intercept_[0], rel=0.03)


def test_scores_mean_what_they_say_afterwards() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=5000) * 3
    truth = rng.random(5000) < 1 / (1 + np.exp(-(0.4 * logits + 1)))
    before = 1 / (1 + np.exp(-logits))
    slope, shift = fit_platt(logits, truth, np.ones(5000))
    after = 1 / (1 + np.exp(-(slope * logits + shift)))
    assert calibration_error(truth, before) > 0.1
    assert calibration_error(truth, after) < 0.03


@pytest.mark.parametrize("truth", [[True] * 4, [False] * 4, [True, True, False, False]])
def test_what_cannot_be_fitted_is_left_alone(truth: list[bool]) -> None:
    rising = np.array([-2.0, -1.0, 1.0, 2.0])
    assert fit_platt(rising, np.array(truth), np.ones(4)) == (1.0, 0.0)
