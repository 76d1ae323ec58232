"""Thresholds that keep a stated tolerance, with a stated confidence, on people's own decisions.

One number moves all thresholds of a side together: a *path* of thresholds, from the strictest,
which decide nothing, to the most generous. It is laid before any decision is looked at: the
thresholds of a base policy, shifted on the logit scale in equal steps, so that the relation of
the labels to each other stays the base policy's (or one that was chosen on other comments, see
:func:`_plan`). Along it, how far may one go?

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
from moderation.domain.policy.paths import Sample, ThresholdPath, Walk
from moderation.domain.policy.shape import Outcome, Policy, Preset, Thresholds
from moderation.labels import LABELS

_STARTS = (1, 2, 4, 8)
"""Sequences begin where this many times the least number of comments is decided."""
_TILTS_LOGITS = (0.0, -4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)
_FEW_TILTS = {
    Outcome.REJECT: (0.0, math.inf, -math.inf),
    Outcome.APPROVE: (0.0, 3.0, -3.0),
}
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
    tried: int = 1
    """How many ways of weighing spam against toxicity shared the risk."""
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
    plan = _plan(sample, base, action, aim)
    tested = sample.part(~plan.chosen_on)
    walks = [Walk.along(path, tested) for path in plan.paths]
    risk = _risk_of_one(aim) / len(plan.paths)
    reached = [_furthest(walk, aim, risk) for walk in walks]
    best = max(
        range(len(walks)),
        key=lambda one: -1 if (step := reached[one]) is None else int(walks[one].decided[step]),
    )
    path, walk, step = plan.paths[best], walks[best], reached[best]
    finding = Finding(
        action,
        aim,
        None,
        {},
        tested=len(tested),
        chosen_on=int(plan.chosen_on.sum()),
        tried=len(plan.paths),
        base=walk.kind if aim.among is Among.ALL else 0,
        needed=least_tries(aim.tolerance, _risk_of_one(aim)),
    )
    if step is None:
        available = walk.kind if aim.among is Among.ALL else len(tested)
        too_few = available < finding.needed
        why_not = WhyNot.TOO_FEW if too_few else WhyNot.NO_ROOM
        return dataclasses.replace(finding, why_not=why_not)
    decided, wrong = int(walk.decided[step]), int(walk.wrong[step])
    of = walk.kind if aim.among is Among.ALL else decided
    return dataclasses.replace(
        finding,
        thresholds=path.at(step),
        decided=decided,
        wrong=wrong,
        base=of,
        bound=upper_bound(wrong, of, risk),
        share=float((path.first_steps(sample) <= step).mean()),
    )


def trade(
    sample: Sample, base: Policy, action: Outcome, aim: Aim, tolerances: Sequence[float]
) -> list[float]:
    """The share that could be decided at each of ``tolerances``, all else as in ``aim``."""
    plan = _plan(sample, base, action, aim)
    tested = sample.part(~plan.chosen_on)
    walks = [(Walk.along(path, tested), Walk.along(path, sample)) for path in plan.paths]
    risk = _risk_of_one(aim) / len(walks)
    shares = []
    for tolerance in tolerances:
        wanted = dataclasses.replace(aim, tolerance=tolerance)
        steps = [_furthest(walk, wanted, risk) for walk, _ in walks]
        decided = [
            int(of_all.decided[step])
            for step, (_, of_all) in zip(steps, walks, strict=True)
            if step is not None
        ]
        shares.append(max(decided, default=0) / max(1, len(sample)))
    return shares


# --- What is walked ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """The paths to walk, all fixed before the comments they are tested on are looked at.

    Of several the best may be taken: each is walked at its part of the risk (Bonferroni).
    ``chosen_on`` says which comments were used up in choosing: they cannot be tested on any more.
    """

    paths: tuple[ThresholdPath, ...]
    chosen_on: NDArray[np.bool_]


def _plan(sample: Sample, base: Policy, action: Outcome, aim: Aim) -> _Plan:
    """How spam stands against the toxicity labels: settled by as many comments as there are.

    With plenty, a part of them, drawn by lot, shows which tilt is best. With fewer, three tilts
    share the risk. With just enough for one, it is that of the base policy.
    """
    if base.preset is not Preset.ASSISTED:
        raise ValueError(f"policy {base.name!r} is {base.preset}: only assisted has thresholds")
    used = np.zeros(len(sample), dtype=bool)
    spared = ~sample.harmful if action is Outcome.REJECT else sample.harmful
    count = int(spared.sum()) if aim.among is Among.ALL else len(sample)
    risk, tilts = _risk_of_one(aim), (0.0,)
    few = _FEW_TILTS[action]
    if set(sample.labels) != set(LABELS):
        pass  # there is nothing to weigh against each other
    elif count >= _ENOUGH_TO_TILT * least_tries(aim.tolerance, risk):
        lot = np.random.default_rng(0).permutation(len(sample))
        used[lot[: len(sample) // _ENOUGH_TO_TILT]] = True
        tilts = (_choose_tilt(sample.part(used), base, action, aim),)
    elif count >= least_tries(aim.tolerance, risk / len(few)):
        tilts = few
    paths = tuple(ThresholdPath.of(base, action, sample.labels, tilt) for tilt in tilts)
    return _Plan(paths, used)


def _choose_tilt(sample: Sample, base: Policy, action: Outcome, aim: Aim) -> float:
    """The tilt that decides most of ``sample`` at the tolerance, taken at its face value."""
    tilts = list(_TILTS_LOGITS)
    if action is Outcome.REJECT:
        tilts += [math.inf, -math.inf]

    def decides(tilt: float) -> int:
        walk = Walk.along(ThresholdPath.of(base, action, sample.labels, tilt), sample)
        of = walk.kind if aim.among is Among.ALL else walk.decided
        keeps = np.flatnonzero(walk.wrong <= aim.tolerance * of)
        return int(walk.decided[keeps[-1]]) if keeps.size else 0

    return max(tilts, key=decides)


# --- Testing ----------------------------------------------------------------------------------


def _risk_of_one(aim: Aim) -> float:
    """The risk of one sequence of tests."""
    return aim.risk if aim.among is Among.ALL else aim.risk / len(_STARTS)


def _furthest(walk: Walk, aim: Aim, risk: float) -> int | None:
    """The last step that keeps the aim; in the middle of those that decide the same comments."""
    find_last = _last_of_all if aim.among is Among.ALL else _last_of_decided
    last = find_last(walk, aim.tolerance, risk)
    if last is None or not walk.decided[last]:
        return None
    first = int(np.searchsorted(walk.decided, walk.decided[last]))
    return (first + last) // 2


def _last_of_all(walk: Walk, tolerance: float, risk: float) -> int | None:
    allowed = most_errors(walk.kind, tolerance, risk)
    beyond = int(np.searchsorted(walk.wrong, allowed, side="right"))
    return beyond - 1 if beyond else None


def _last_of_decided(walk: Walk, tolerance: float, risk: float) -> int | None:
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
