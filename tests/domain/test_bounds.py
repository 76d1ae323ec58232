"""Binomial bounds, against SciPy's and against their own definition."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from moderation.domain.policy.bounds import least_tries, most_errors, upper_bound

RATES = st.sampled_from([0.001, 0.005, 0.02, 0.1, 0.45])
RISKS = st.sampled_from([0.001, 0.0125, 0.05, 0.1, 0.3])
TRIES = st.one_of(st.integers(1, 80), st.integers(500, 5_000), st.just(200_000))


def test_the_rule_of_three_is_met() -> None:
    """About 3 / rate tries without an error, for 95 %: 598 for one in 200."""
    assert least_tries(1 / 200, 0.05) == 598
    assert most_errors(598, 1 / 200, 0.05) == 0
    assert most_errors(597, 1 / 200, 0.05) == -1
    assert most_errors(0, 1 / 200, 0.05) == -1
    assert upper_bound(0, 598, 0.05) == pytest.approx(0.005, abs=5e-6)


def test_without_tries_nothing_is_known() -> None:
    assert upper_bound(0, 0, 0.05) == 1.0
    assert upper_bound(7, 7, 0.05) == 1.0


@settings(deadline=None, max_examples=300)
@given(tries=TRIES, rate=RATES, risk=RISKS)
def test_the_most_errors_are_those_of_scipy(tries: int, rate: float, risk: float) -> None:
    most = most_errors(tries, rate, risk)
    assert most < 0 or binom.cdf(most, tries, rate) <= risk
    assert binom.cdf(most + 1, tries, rate) > risk


@settings(deadline=None, max_examples=300)
@given(data=st.data(), tries=TRIES, risk=RISKS)
def test_the_bound_is_that_of_clopper_and_pearson(
    data: st.DataObject, tries: int, risk: float
) -> None:
    errors = data.draw(st.integers(0, min(tries, 3_000)))
    expected = 1.0 if errors == tries else beta.ppf(1 - risk, errors + 1, tries - errors)
    assert upper_bound(errors, tries, risk) == pytest.approx(expected, abs=1e-9)
