"""Paths of thresholds, and what each step of one does to comments that people have decided."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.domain.policy.shape import Outcome, Policy
from moderation.labels import LABELS, SPAM

_DECIMALS = 4
_STEP_LOGITS = 0.02
_REACH_LOGITS = 14.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Comments that people have decided, one row each.

    ``scores`` has the shape (comments, labels), columns in the order of ``LABELS``; ``harmful``
    says whether people rejected it. ``waits``: goes to a moderator whatever its scores.
    ``labels`` are those that people had in mind: where only spam was marked, nothing is learnt
    about toxicity.
    """

    scores: NDArray[np.float64]
    harmful: NDArray[np.bool_]
    waits: NDArray[np.bool_]
    labels: tuple[str, ...] = LABELS

    def __len__(self) -> int:
        return len(self.harmful)

    def part(self, rows: NDArray[np.bool_]) -> Sample:
        return dataclasses.replace(
            self, scores=self.scores[rows], harmful=self.harmful[rows], waits=self.waits[rows]
        )


@dataclass(frozen=True, slots=True)
class ThresholdPath:
    """Thresholds of one side, from those that decide nothing to the most generous ones."""

    action: Outcome
    steps: NDArray[np.float64]
    """Shape (steps, labels), as they would stand in the file; never rejecting is infinity."""

    @classmethod
    def of(
        cls, base: Policy, action: Outcome, labels: Sequence[str], tilt: float = 0.0
    ) -> ThresholdPath:
        """``tilt`` moves spam against the toxicity labels, in logits.

        With infinity spam never rejects, with minus infinity the toxicity labels never do.
        Labels other than ``labels`` do not move: they do not reject here, and approve below what
        ``base`` says.
        """
        reject = action is Outcome.REJECT
        shifts = np.arange(_REACH_LOGITS, -_REACH_LOGITS, -_STEP_LOGITS)
        scale = 10**_DECIMALS
        columns = []
        for label in LABELS:
            limits = base.thresholds[label]
            start = limits.reject_at if reject else limits.approve_below
            if label not in labels and not reject:
                columns.append(np.full(len(shifts), start))
                continue
            out = math.isinf(tilt) and (label == SPAM) == (tilt > 0)
            if start is None or label not in labels or out:
                columns.append(np.full(len(shifts), np.inf))
                continue
            start = min(1 - 1e-6, max(1e-6, start))
            logits = math.log(start / (1 - start))
            if label == SPAM and math.isfinite(tilt):
                logits += tilt
            # Rounded and bounded as they will be written, so that what is tested is what is used.
            if reject:
                values = np.ceil(scale / (1 + np.exp(-(logits + shifts)))) / scale
                columns.append(np.clip(values, limits.hold_at, 1.0))
            else:
                values = np.floor(scale / (1 + np.exp(-(logits - shifts)))) / scale
                columns.append(np.clip(values, 0.0, limits.hold_at))
        return cls(action, np.stack(columns, axis=1))

    def at(self, step: int) -> dict[str, float]:
        return {
            label: round(float(value), _DECIMALS)
            for label, value in zip(LABELS, self.steps[step], strict=True)
            if math.isfinite(value)
        }

    def first_steps(self, sample: Sample) -> NDArray[np.int64]:
        """For each comment the first step that decides it; the number of steps if none does."""
        never = len(self.steps)
        first = np.empty(sample.scores.shape, dtype=np.int64)
        for column, scores in enumerate(sample.scores.T):
            limits = self.steps[:, column]
            if self.action is Outcome.REJECT:  # the first limit that the score reaches
                first[:, column] = np.searchsorted(-limits, -scores, side="left")
            else:  # the first limit that the score is below
                first[:, column] = np.searchsorted(limits, scores, side="right")
        found = first.min(axis=1) if self.action is Outcome.REJECT else first.max(axis=1)
        return np.where(sample.waits, never, found)


@dataclass(frozen=True, slots=True)
class Walk:
    """What each step of a path does to some comments: how many it decides, how many wrongly."""

    decided: NDArray[np.int64]
    wrong: NDArray[np.int64]
    kind: int
    """How many comments there are of the kind that must not be decided so."""
    total: int

    @classmethod
    def along(cls, path: ThresholdPath, sample: Sample) -> Walk:
        first = path.first_steps(sample)
        spared = ~sample.harmful if path.action is Outcome.REJECT else sample.harmful
        steps = len(path.steps)
        return cls(
            decided=np.bincount(first, minlength=steps + 1)[:steps].cumsum(),
            wrong=np.bincount(first[spared], minlength=steps + 1)[:steps].cumsum(),
            kind=int(spared.sum()),
            total=len(sample),
        )
