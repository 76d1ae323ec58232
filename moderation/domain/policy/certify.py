"""Thresholds that keep a stated tolerance, with a stated confidence, on people's own decisions.

One number moves all thresholds of a side together: a *path* of thresholds, from the strictest,
which decide nothing, to the most generous. It is laid before any decision is looked at: the
thresholds of a base policy, shifted on the logit scale in equal steps, so that the relation of
the labels to each other stays the base policy's (or one that was chosen on other comments, see
:func:`_choose_tilt`). Along it, how far may one go?

``Among.ALL``: of all good comments, the share that is rejected. It can only grow along the path,
so the furthest step where an exact binomial bound keeps the tolerance is good, with no price for
having looked at all of them: Bates, Angelopoulos, Lei, Malik and Jordan (2021), "Distribution-free,
risk-controlling prediction sets", theorem 1; for classifiers Tong, Feng and Li (2018),
"Neyman-Pearson classification algorithms and NP receiver operating characteristics".

``Among.DECIDED``: of the rejected comments, the share that is good. It need not grow along the
path, so each step is a hypothesis of its own, tested in the order of the path until one is not
rejected: fixed sequence testing as in Angelopoulos, Bates, Candes, Jordan and Lei (2021), "Learn
then test". Steps that decide too few comments to show anything are passed over, from several
starts that share the allowed risk. Passing over is fair where the share is not larger at stricter
steps, which is what a score means.

Both hold for comments like those looked at, drawn independently: floods of near copies must have
been thinned out before.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from moderation.domain.policy.bounds import least_tries, most_errors, upper_bound
from moderation.domain.policy.shape import Outcome, Policy, Preset, Thresholds
from moderation.labels import LABELS, SPAM

_DECIMALS = 4
_STEP_LOGITS = 0.02
_REACH_LOGITS = 14.0
_STARTS = (1, 2, 4, 8)
"""Sequences begin where this many times the least number of comments is decided."""
_TILTS_LOGITS = (0.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)
_ENOUGH_TO_TILT = 3
"""With this many times the least number of comments, one in so many goes into choosing a tilt."""


class Among(StrEnum):
    """What the tolerance is a share of."""

    ALL = "all"
    """Of all good comments those rejected; of all harmful ones those approved."""
    DECIDED = "decided"
    """Of the comments rejected those that are good; of those approved the harmful ones."""


class WhyNot(StrEnum):
    """Why no thresholds can be given."""

    NOT_ASKED = "not_asked"
    TOO_FEW = "too_few"
    """Not even thresholds without a single error could be told from bad ones."""
    NO_ROOM = "no_room"
    """There are enough comments, but errors stand among the clearest scores."""


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
class Aim:
    """At most this share of errors, with this confidence; both between 0 and 1."""

    tolerance: float
    confidence: float = 0.95
    among: Among = Among.ALL

    @property
    def risk(self) -> float:
        """The chance of missing the aim that is put up with."""
        return 1.0 - self.confidence


@dataclass(frozen=True, slots=True)
class Finding:
    """What can be decided by machine on one side, rejecting or approving.

    The counts are of the comments that the thresholds were tested on (``tested``); those that a
    tilt was chosen on (``chosen_on``) are not among them.
    """

    action: Outcome
    aim: Aim | None
    why_not: WhyNot | None
    thresholds: Mapping[str, float]
    """Label -> its ``reject_at`` or ``approve_below``; labels that never reject, and those that
    the comments say nothing about, are left out."""
    tested: int = 0
    chosen_on: int = 0
    decided: int = 0
    wrong: int = 0
    base: int = 0
    """What ``wrong`` is a share of: all comments of the kind, or those decided."""
    bound: float = 1.0
    """With the aim's confidence the share of errors is at most this."""
    needed: int = 0
    """How many comments of the kind that ``base`` counts it takes at the least."""
    share: float = 0.0
    """Of all comments looked at, how many are decided so."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Both findings, and the policy made of them."""

    policy: Policy
    reject: Finding
    approve: Finding

    @property
    def share_for_people(self) -> float:
        return max(0.0, 1.0 - self.reject.share - self.approve.share)


def suggest(
    sample: Sample, base: Policy, *, reject: Aim | None, approve: Aim | None, name: str
) -> Suggestion:
    """The widest thresholds along the paths of ``base`` that keep both aims, each by itself.

    A side without an aim, or for which nothing can be shown, decides nothing by these labels in
    the policy that comes out. All else is as in ``base``: labels that the comments say nothing
    about, and ``hold_at``: no comment is rejected below it, and none approved from there on.

    Raises:
        ValueError: ``base`` is not of the preset ``assisted``.
    """
    findings = {}
    for action, aim in ((Outcome.REJECT, reject), (Outcome.APPROVE, approve)):
        findings[action] = (
            find(sample, base, action, aim)
            if aim is not None
            else Finding(action, None, WhyNot.NOT_ASKED, {})
        )
    rejecting, approving = findings[Outcome.REJECT], findings[Outcome.APPROVE]
    thresholds = {
        label: Thresholds(
            hold_at=base.thresholds[label].hold_at,
            approve_below=approving.thresholds.get(label, 0.0),
            reject_at=rejecting.thresholds.get(label),
        )
        if label in sample.labels
        else base.thresholds[label]
        for label in LABELS
    }
    policy = dataclasses.replace(base, name=name, declared_version="1", thresholds=thresholds)
    return Suggestion(policy, rejecting, approving)


def find(sample: Sample, base: Policy, action: Outcome, aim: Aim) -> Finding:
    """The widest thresholds of one side that keep ``aim``.

    Raises:
        ValueError: ``base`` is not of the preset ``assisted``.
    """
    path, chosen_on = _choose_path(sample, base, action, aim)
    tested = sample.part(~chosen_on)
    walk = _Walk.along(path, tested)
    step = _furthest(walk, aim)
    needed = least_tries(aim.tolerance, _risk_of_one(aim))
    available = walk.kind if aim.among is Among.ALL else len(tested)
    if step is None:
        why_not = WhyNot.TOO_FEW if available < needed else WhyNot.NO_ROOM
        return Finding(
            action,
            aim,
            why_not,
            {},
            tested=len(tested),
            chosen_on=int(chosen_on.sum()),
            base=walk.kind if aim.among is Among.ALL else 0,
            needed=needed,
        )
    decided, wrong = int(walk.decided[step]), int(walk.wrong[step])
    of = walk.kind if aim.among is Among.ALL else decided
    return Finding(
        action,
        aim,
        None,
        path.at(step),
        tested=len(tested),
        chosen_on=int(chosen_on.sum()),
        decided=decided,
        wrong=wrong,
        base=of,
        bound=upper_bound(wrong, of, _risk_of_one(aim)),
        needed=needed,
        share=float((path.first_steps(sample) <= step).mean()),
    )


def trade(
    sample: Sample, base: Policy, action: Outcome, aim: Aim, tolerances: Sequence[float]
) -> list[float]:
    """The share that could be decided at each of ``tolerances``, all else as in ``aim``."""
    path, chosen_on = _choose_path(sample, base, action, aim)
    walk, of_all = _Walk.along(path, sample.part(~chosen_on)), _Walk.along(path, sample)
    shares = []
    for tolerance in tolerances:
        step = _furthest(walk, dataclasses.replace(aim, tolerance=tolerance))
        shares.append(0.0 if step is None else float(of_all.decided[step]) / max(1, of_all.total))
    return shares


# --- Paths ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Path:
    """Thresholds of one side, from those that decide nothing to the most generous ones."""

    action: Outcome
    steps: NDArray[np.float64]
    """Shape (steps, labels), as they would stand in the file; never rejecting is infinity."""

    @classmethod
    def of(cls, base: Policy, action: Outcome, labels: Sequence[str], tilt: float = 0.0) -> _Path:
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
class _Walk:
    """What each step of a path does to some comments: how many it decides, how many wrongly."""

    decided: NDArray[np.int64]
    wrong: NDArray[np.int64]
    kind: int
    """How many comments there are of the kind that must not be decided so."""
    total: int

    @classmethod
    def along(cls, path: _Path, sample: Sample) -> _Walk:
        first = path.first_steps(sample)
        spared = ~sample.harmful if path.action is Outcome.REJECT else sample.harmful
        steps = len(path.steps)
        return cls(
            decided=np.bincount(first, minlength=steps + 1)[:steps].cumsum(),
            wrong=np.bincount(first[spared], minlength=steps + 1)[:steps].cumsum(),
            kind=int(spared.sum()),
            total=len(sample),
        )


def _choose_path(
    sample: Sample, base: Policy, action: Outcome, aim: Aim
) -> tuple[_Path, NDArray[np.bool_]]:
    """The path to walk, and which comments were used up in choosing it.

    Only where there are plenty: a part of them, drawn by lot, shows how spam should stand
    against the toxicity labels. Those cannot be tested on any more.
    """
    if base.preset is not Preset.ASSISTED:
        raise ValueError(f"policy {base.name!r} is {base.preset}: only assisted has thresholds")
    used = np.zeros(len(sample), dtype=bool)
    spared = ~sample.harmful if action is Outcome.REJECT else sample.harmful
    count = int(spared.sum()) if aim.among is Among.ALL else len(sample)
    needed = _ENOUGH_TO_TILT * least_tries(aim.tolerance, _risk_of_one(aim))
    if count < needed or set(sample.labels) != set(LABELS):
        return _Path.of(base, action, sample.labels), used
    lot = np.random.default_rng(0).permutation(len(sample))
    used[lot[: len(sample) // _ENOUGH_TO_TILT]] = True
    tilt = _choose_tilt(sample.part(used), base, action, aim)
    return _Path.of(base, action, sample.labels, tilt), used


def _choose_tilt(sample: Sample, base: Policy, action: Outcome, aim: Aim) -> float:
    """The tilt that decides most of ``sample`` at the tolerance, taken at its face value."""
    tilts = list(_TILTS_LOGITS)
    if action is Outcome.REJECT:
        tilts += [math.inf, -math.inf]

    def decides(tilt: float) -> int:
        walk = _Walk.along(_Path.of(base, action, sample.labels, tilt), sample)
        of = walk.kind if aim.among is Among.ALL else walk.decided
        keeps = np.flatnonzero(walk.wrong <= aim.tolerance * of)
        return int(walk.decided[keeps[-1]]) if keeps.size else 0

    return max(tilts, key=decides)


# --- Testing ----------------------------------------------------------------------------------


def _risk_of_one(aim: Aim) -> float:
    """The risk of one sequence of tests."""
    return aim.risk if aim.among is Among.ALL else aim.risk / len(_STARTS)


def _furthest(walk: _Walk, aim: Aim) -> int | None:
    """The last step that keeps the aim; in the middle of those that decide the same comments."""
    find_last = _last_of_all if aim.among is Among.ALL else _last_of_decided
    last = find_last(walk, aim.tolerance, _risk_of_one(aim))
    if last is None or not walk.decided[last]:
        return None
    first = int(np.searchsorted(walk.decided, walk.decided[last]))
    return (first + last) // 2


def _last_of_all(walk: _Walk, tolerance: float, risk: float) -> int | None:
    allowed = most_errors(walk.kind, tolerance, risk)
    beyond = int(np.searchsorted(walk.wrong, allowed, side="right"))
    return beyond - 1 if beyond else None


def _last_of_decided(walk: _Walk, tolerance: float, risk: float) -> int | None:
    least = least_tries(tolerance, risk)
    furthest = None
    for start in _STARTS:
        step = int(np.searchsorted(walk.decided, start * least))
        while step < len(walk.decided):
            decided = int(walk.decided[step])
            if walk.wrong[step] > most_errors(decided, tolerance, risk):
                break
            # On to the last step that decides the same comments: the same test.
            step = int(np.searchsorted(walk.decided, decided, side="right"))
            furthest = max(furthest or 0, step - 1)
    return furthest
