"""Make scores mean what they say: Platt's scaling.

Platt, "Probabilistic Outputs for Support Vector Machines" (1999): one slope and one shift on the
logits, fitted by maximum likelihood with his smoothed targets. Being monotone, it changes no order.
"""

import numpy as np
from numpy.typing import NDArray

_ITERATIONS = 100


def fit_platt(
    logits: NDArray[np.floating], truth: NDArray[np.bool_], weights: NDArray[np.floating]
) -> tuple[float, float]:
    """The slope and shift with which ``sigmoid(slope * logit + shift)`` fits ``truth`` best.

    Args:
        logits: shape (texts,).
        truth: shape (texts,).
        weights: shape (texts,), how much each text counts; not negative.

    Returns:
        (1.0, 0.0), which changes nothing, where all of ``truth`` is alike or a higher logit
        would have to mean less.
    """
    z = np.asarray(logits, dtype=np.float64)
    weight = np.asarray(weights, dtype=np.float64) * len(z) / max(float(np.sum(weights)), 1e-12)
    counted = weight > 0
    positives, negatives = int((truth & counted).sum()), int((~truth & counted).sum())
    if not positives or not negatives:
        return 1.0, 0.0
    target = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([z, np.ones_like(z)])

    def loss(of: NDArray[np.float64]) -> float:
        return float(np.sum(weight * (np.logaddexp(0, of @ design) - target * (of @ design))))

    found = np.array([1.0, 0.0])
    for _ in range(_ITERATIONS):
        p = 1.0 / (1.0 + np.exp(-np.clip(found @ design, -60, 60)))
        gradient = design @ (weight * (p - target))
        hessian = (design * (weight * p * (1 - p))) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        while loss(found - step) > loss(found) and np.abs(step).max() > 1e-10:
            step = step / 2  # far from the optimum a full Newton step overshoots
        found = found - step
        if np.abs(step).max() <= 1e-10:
            break
    slope, shift = map(float, found)
    return (slope, shift) if slope > 0 else (1.0, 0.0)
