"""Exact binomial bounds: how often something may happen, given how often it was seen.

Clopper and Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of
the binomial". They are sums of binomial probabilities, and numpy adds them up; a statistics
library (SciPy, MAPIE) would be the largest thing an installation carries, for this one sum. The
tests compare with SciPy.
"""

from __future__ import annotations

import math

import numpy as np

_BISECTIONS = 60


def least_tries(rate: float, risk: float) -> int:
    """How many tries without one error it takes to say: "the rate is at most ``rate``".

    Args:
        rate: the rate of errors to stay below, between 0 and 1.
        risk: the chance of saying so wrongly, between 0 and 1.
    """
    tries = math.ceil(math.log(risk) / math.log1p(-rate))
    # Rounding may be off by one where the quotient is a whole number.
    while (1 - rate) ** tries > risk:
        tries += 1
    return tries


def most_errors(tries: int, rate: float, risk: float) -> int:
    """The most errors in ``tries`` with which one can say: "the rate is at most ``rate``".

    The largest k with P(Binomial(tries, rate) <= k) <= risk; -1 if there is none, that is, with
    fewer than :func:`least_tries`.
    """
    if tries <= 0:
        return -1
    # The distribution's median is at most one above its mean, and risk is far below a half.
    top = tries if risk >= 0.5 else min(tries, math.ceil(tries * rate) + 1)
    allowed = np.flatnonzero(_cumulative(tries, rate, top) <= risk)
    return int(allowed[-1]) if allowed.size else -1


def upper_bound(errors: int, tries: int, risk: float) -> float:
    """The rate above which the true one lies with a chance of at most ``risk``.

    The one-sided Clopper-Pearson limit; 1.0 where nothing was tried.
    """
    if tries <= 0 or errors >= tries:
        return 1.0
    low, high = errors / tries, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if _cumulative(tries, middle, errors)[-1] > risk:
            low = middle
        else:
            high = middle
    return high


def _cumulative(tries: int, rate: float, top: int) -> np.ndarray:
    """P(Binomial(tries, rate) <= k) for k = 0 … top. Shape (top + 1,)."""
    k = np.arange(top, dtype=float)
    steps = np.log((tries - k) / (k + 1)) + (math.log(rate) - math.log1p(-rate))
    logs = np.concatenate(([tries * math.log1p(-rate)], steps)).cumsum()
    return np.exp(logs).cumsum()
